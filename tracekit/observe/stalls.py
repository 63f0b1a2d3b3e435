"""Stalls: sees in the spools of a running session that an event loop hangs, and that a process asks for a dump.

Knows spools and the table of events. It only reads, so that the traced processes don't notice.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from tracekit import clock, events
from tracekit.errors import TracekitError
from tracekit.spool import directory as session_directory
from tracekit.spool import layout
from tracekit.spool.headers import is_alive, is_ours, read_header
from tracekit.spool.reader import read_spool

Words = NDArray[np.uint64]

BLOCKED = "an event loop was blocked"
_WORDS = layout.BLOCK_BYTES // 8
_HEAD_WORDS = layout.HEADER_BYTES // 8
_BEGINS = (events.STEP_BEGIN, events.CALLBACK_BEGIN)
_TURNS = (*_BEGINS, events.STEP_END, events.CALLBACK_END)


class Stalls:
    """What is wrong in a session right now.

    Args:
        directory: of the session.
        threshold: ns; a step of an event loop longer than this is a block.
    """

    def __init__(self, directory: str, threshold: int) -> None:
        self._directory = directory
        self._threshold = threshold
        self._spools: dict[str, _Watched] = {}

    def look(self) -> list[str]:
        """What has come up since the last look, each a reason for a dump, in a few words."""
        try:
            paths = session_directory.spools(self._directory)
        except TracekitError:  # it is gone
            return []
        for path in set(self._spools) - set(paths):
            del self._spools[path]
        reasons = []
        for path in paths:
            spool = self._spools.get(path)
            if spool is None:
                header = read_header(path)
                if not is_ours(header) or not is_alive(header):
                    continue
                spool = self._spools[path] = _Watched(path)
            came_up = spool.look(self._threshold)
            if came_up and is_alive(read_header(path)):  # what ran when a process was killed hangs for ever
                reasons += came_up
        return reasons


class _Watched:
    """One spool: how often its process has asked, and what its loops run."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._words: Words = np.empty(0, np.uint64)
        self._asked = 0
        self._hanging: dict[int, tuple[int, int]] = {}  # owner -> slot of what runs there, since when that is known
        self._told: dict[int, int] = {}  # owner -> slot of what was told

    def look(self, threshold: int) -> list[str]:
        try:
            size = os.path.getsize(self._path) // 8
            if size != len(self._words):
                self._words = np.memmap(self._path, "<u8", "r", shape=(size,)).view(np.ndarray)
        except (OSError, ValueError):
            return []
        if size < _HEAD_WORDS:
            return []
        pid = int(self._words[layout.H_PID])
        hung = bool(self._told)
        reasons = [f"an event loop is blocked (process {pid})"] * len(self._find_stalls(threshold))
        asked = int(self._words[layout.H_DUMPS])
        if asked != self._asked:
            self._asked = asked
            reason = self._name(int(self._words[layout.H_DUMP_REASON]))
            # What hung and was told of has ended now, and its process says so.
            if not (reason == BLOCKED and hung):
                reasons.append(f"{reason} (process {pid})")
            else:
                self._told.clear()
        return reasons

    def _find_stalls(self, threshold: int) -> list[int]:
        """The threads whose loop has run the same thing for so long, and that were not told of yet."""
        now = clock.monotonic_ns()
        found = []
        hanging = {}
        for owner, slot in self._running():
            known = self._hanging.get(owner)
            since = known[1] if known is not None and known[0] == slot else now
            hanging[owner] = slot, since
            if now - since > threshold and self._told.get(owner) != slot:
                self._told[owner] = slot
                found.append(owner)
        self._hanging = hanging
        return found

    def _running(self) -> list[tuple[int, int]]:
        """Threads on which a loop runs something: owner, and the slot of its begin."""
        blocks = self._words[_HEAD_WORDS:]
        blocks = blocks[: len(blocks) // _WORDS * _WORDS].reshape(-1, _WORDS)
        heads = blocks[:, :2].copy()
        there = np.flatnonzero(heads[:, 0] & np.uint64(0xFFFFFFFF) == layout.BLOCK_RECORDS)
        latest_first = there[np.argsort(heads[there, 0])[::-1]]
        running: dict[int, int] = {}
        for owner, head, at in zip(*(column.tolist() for column in (*heads[latest_first, ::-1].T, latest_first))):
            if owner not in running:
                place = _innermost(blocks[at, layout.BLOCK_HEAD_WORDS + 1 :: 2])
                if place is not None and blocks[at, 0] == head:
                    running[owner] = (
                        (head >> 32) * layout.BLOCK_SLOTS + layout.BLOCK_HEAD_SLOTS + place if place >= 0 else -1
                    )
        return [(owner, slot) for owner, slot in running.items() if slot >= 0]

    def _name(self, number: int) -> str:
        try:
            return read_spool(self._path).names[number]
        except (TracekitError, KeyError):
            return "the program asked for it"


def _innermost(marks: Words) -> int | None:
    """Where in a block a step or callback begins that has not ended there; -1: nowhere; None: an earlier block tells."""
    kinds = (marks & np.uint64(0xFF)).astype(np.uint8)
    turns = np.flatnonzero(np.isin(kinds, _TURNS))
    if not len(turns):
        return None
    last = int(turns[-1])
    return last if kinds[last] in _BEGINS else -1
