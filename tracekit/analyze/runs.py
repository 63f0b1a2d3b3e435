"""Runs: when event loops ran on which threads. Knows no task and no question."""

from __future__ import annotations

import numpy as np

from tracekit.model.trace import Category, Flag, Int64, Trace, TrackKind


class Runs:
    """The runs of the loops of a trace; one within another is part of it."""

    def __init__(self, trace: Trace) -> None:
        slices = trace.slices
        rows = np.flatnonzero(slices.category == Category.LOOP)
        owner = np.array([row.owner if row.kind == TrackKind.THREAD else -1 for row in trace.tracks], np.int64)
        self._threads = trace.threads
        self._thread = owner[slices.track[rows]] if len(rows) else rows
        self._start, self._end = slices.start[rows], slices.end[rows]
        self._open = (slices.flags[rows] & int(Flag.UNFINISHED)) != 0

    def on(self, thread: int) -> tuple[Int64, Int64]:
        """When loops ran on a thread: the begins and the ends of their runs, in order."""
        mine = self._thread == thread
        start, end = self._start[mine], self._end[mine]
        if not len(start):
            return start, end
        outer = start >= np.concatenate((start[:1], np.maximum.accumulate(end)[:-1]))
        return start[outer], end[outer]

    def is_over(self, thread: int) -> bool:
        """Whether loops ran on a thread and every run of theirs was seen to end."""
        mine = self._thread == thread
        return bool(mine.any()) and not bool(self._open[mine].any())

    def is_running(self, process: int, time: int) -> bool:
        """Whether a loop of a process ran at that time."""
        hits = self._thread[(self._start <= time) & (time <= self._end) & (self._thread >= 0)]
        return any(self._threads[thread].process == process for thread in hits.tolist())
