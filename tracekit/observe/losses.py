"""Losses: sees in the headers of a running session's spools what will be missing in its trace. Knows no record."""

from __future__ import annotations

from typing import NamedTuple

from tracekit.errors import TracekitError
from tracekit.spool import directory as session_directory
from tracekit.spool import layout
from tracekit.spool.headers import is_alive, is_programs, read_header

DROPPED = "records-dropped"
STOPPED = "recording-stopped"
GONE = "process-gone"

_WHY = {
    layout.ENDED_NO_SPACE: "the disk is full, or a quota or limit on the size of files is reached",
    layout.ENDED_MAX_SIZE: "its recording has reached the session's largest size",
    layout.ENDED_ERROR: "tracekit failed in it",
}


class Loss(NamedTuple):
    """One of them: one of the above, a sentence, the pid of the process, and how many records are missing so far, at most."""

    event: str
    sentence: str
    pid: int
    records: int


class Losses:
    """What goes missing in a session, each told once.

    Args:
        directory: of the session.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._told: set[tuple[str, str]] = set()
        self._over: set[str] = set()  # spools of which there is nothing more to be said

    def look(self) -> list[Loss]:
        """What nobody has been told of yet."""
        try:
            paths = session_directory.spools(self._directory)
        except TracekitError:  # it is gone
            return []
        headers = {path: read_header(path) for path in paths if path not in self._over}
        headers = {path: header for path, header in headers.items() if is_programs(header)}
        latest: dict[tuple[int, int], int] = {}
        for header in headers.values():
            identity = header[layout.H_PID], header[layout.H_START_TICKS]
            latest[identity] = max(latest.get(identity, 0), header[layout.H_START_MONOTONIC])
        found = []
        for path, header in headers.items():
            found += self._losses(path, header)
            identity = header[layout.H_PID], header[layout.H_START_TICKS]
            if header[layout.H_ENDED] == layout.ENDED_NOT and not is_alive(header):
                self._over.add(path)
                if latest[identity] == header[layout.H_START_MONOTONIC]:  # else it has become another program
                    sentence = (
                        f"process {header[layout.H_PID]} ended without a last word: it was killed, or by os._exit"
                    )
                    found.append(Loss(GONE, sentence, header[layout.H_PID], 0))
            elif header[layout.H_ENDED] == layout.ENDED_NORMALLY:
                self._over.add(path)
        return found

    def _losses(self, path: str, header: list[int]) -> list[Loss]:
        pid, dropped, why = header[layout.H_PID], header[layout.H_DROPPED], _WHY.get(header[layout.H_ENDED])
        found = []
        if why is not None:
            found.append(Loss(STOPPED, f"process {pid} stops recording: {why}", pid, dropped))
        elif dropped:
            found.append(
                Loss(DROPPED, f"process {pid} has no room for all of its records: some are missing", pid, dropped)
            )
        new = [loss for loss in found if (path, loss.event) not in self._told]
        self._told.update((path, loss.event) for loss in new)
        return new
