"""Live: the processes of a session that record at this moment, and what their loops run. Knows spools, and no trace."""

from __future__ import annotations

import os
from typing import NamedTuple

from tracekit.errors import TracekitError
from tracekit.observe.tails import Tails, Turn
from tracekit.spool import directory as session_directory
from tracekit.spool import layout
from tracekit.spool.headers import is_alive, is_programs, read_header

_LIST_NS = 1_000_000_000  # between two looks into the directory where nothing seems to have changed
_SOON_NS = 50_000_000


class Running(NamedTuple):
    """What a loop runs now, and in which process."""

    pid: int
    path: str
    turn: Turn


class Live:
    """The spools of a session whose processes record now.

    Args:
        directory: of the session.

    Attributes:
        tails: by the path of the spool.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._changed = 0
        self._next_stat = 0
        self._next_list = 0
        self.tails: dict[str, Tails] = {}

    def look(self, now: int) -> list[Running]:
        """What the loops of all processes run at this moment.

        Args:
            now: CLOCK_MONOTONIC, ns.
        """
        self._list(now)
        found = []
        for path, tails in self.tails.items():
            try:
                turns = tails.look(now)
            except OSError:  # what there was is there; it will be dropped when the directory is looked into
                continue
            found += [Running(tails.header[layout.H_PID], path, turn) for turn in turns]
        return found

    def is_recording(self, path: str) -> bool:
        """Whether the process of a spool still writes it: it is neither gone, nor has it stopped, nor begun another one."""
        tails = self.tails.get(path)
        if tails is None:
            return False
        header = tails.read_header()
        return is_programs(header) and header[layout.H_ENDED] == layout.ENDED_NOT and is_alive(header)

    def close(self) -> None:
        """Let go of all files."""
        while self.tails:
            self.tails.popitem()[1].close()

    def _list(self, now: int) -> None:
        if now < self._next_stat:
            return
        self._next_stat = now + _SOON_NS
        try:
            changed = os.stat(self._directory).st_mtime_ns
        except OSError:
            changed = -1
        if changed == self._changed and now < self._next_list:
            return
        # The file system's clock is coarse: more may have changed at the same time.
        self._next_list = now + (_LIST_NS if changed == self._changed else _SOON_NS)
        self._changed = changed
        try:
            paths = session_directory.spools(self._directory)
        except TracekitError:  # it is gone
            paths = []
        for path in set(self.tails).difference(path for path in paths if self.is_recording(path)):
            self.tails.pop(path).close()
        for path in set(paths).difference(self.tails):
            self._open(path, now)
        self._drop_replaced()

    def _open(self, path: str, now: int) -> None:
        header = read_header(path)
        if not header or not header[layout.H_MAGIC]:  # it is being made
            self._next_list = now + _SOON_NS
        elif is_programs(header) and header[layout.H_ENDED] == layout.ENDED_NOT and is_alive(header):
            try:
                self.tails[path] = Tails(path)
            except OSError:  # it is gone; or there are too many open files, and it is seen when others have ended
                pass

    def _drop_replaced(self) -> None:
        """What an exec has put an end to never says so; the spool that its process has begun since does."""
        latest: dict[int, tuple[int, str]] = {}
        for path, tails in self.tails.items():
            begun = tails.header[layout.H_START_MONOTONIC], path
            pid = tails.header[layout.H_PID]
            latest[pid] = max(begun, latest.get(pid, begun))
        kept = {path for _, path in latest.values()}
        for path in set(self.tails) - kept:
            self.tails.pop(path).close()
