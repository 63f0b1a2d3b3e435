"""Waiters: which tasks waited for some blocks together, and how long at most at a time. Knows neither culprit nor sentence.

A task that is ready while one block comes after another waits once, through all of them: how long it waited for them is what
they took of that one wait, whatever else the loop did in between. A wait is counted with its longest, not with the sum of all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from tracekit.analyze.blocks import Block
from tracekit.analyze.cover import covered_until
from tracekit.analyze.delays import LEAST_NS, Delay, Delays
from tracekit.analyze.phases import phases
from tracekit.model.trace import Category, Int64, Trace

_LOOKED = 50  # of many blocks, the longest, after which who fell due at an unknown time is looked for


class Waiters:
    """Looks up who waited behind blocks; made once a trace, asked once a culprit."""

    def __init__(self, trace: Trace) -> None:
        self._delays = Delays(trace)
        ready, undrawn = phases(trace), trace.undrawn
        ready = ready.where(ready.category == Category.READY)
        self._task = np.concatenate((ready.task, undrawn.task)).astype(np.int64)
        self._start = np.concatenate((ready.start, undrawn.start))
        self._end = np.concatenate((ready.end, undrawn.end))
        threads = [-1 if task.loop is None else trace.loops[task.loop].thread for task in trace.tasks]
        self._thread = np.array(threads, np.int64)[self._task]

    def behind(self, blocks: Sequence[Block]) -> list[Delay]:
        """The tasks that any of the blocks held up, each by its longest wait: the longest first, those of unknown length last."""
        by = self._known(blocks)
        longest = sorted(blocks, key=lambda block: -block.duration)[:_LOOKED]
        due = {delay.task for block in longest for delay in self._delays.behind(block) if delay.by is None}
        known = [Delay(task, by[task]) for task in sorted(by, key=lambda task: (-by[task], task))]
        return known + [Delay(task, None) for task in sorted(due - by.keys())]

    def longest_without(self, thread: int, start: Int64, end: Int64) -> int:
        """The longest wait (ns) for a thread's loop, without what some stretches of time, in order, took of it."""
        rows, held = self._held(thread, start, end)
        return int((self._end[rows] - self._start[rows] - held).max(initial=0))

    def _known(self, blocks: Sequence[Block]) -> dict[int, int]:
        by_thread: defaultdict[int, list[Block]] = defaultdict(list)
        for block in blocks:
            by_thread[block.thread].append(block)
        by: defaultdict[int, int] = defaultdict(int)
        for thread, own in by_thread.items():
            rows, held = self._held(thread, *_columns(own))
            for task, ns in zip(self._task[rows].tolist(), self._apart(rows, held, own).tolist()):
                by[task] = max(by[task], ns)
        return {task: ns for task, ns in by.items() if ns >= LEAST_NS}

    def _held(self, thread: int, start: Int64, end: Int64) -> tuple[Int64, Int64]:
        """The waits for a thread's loop, and what some stretches of time, in order, took of each."""
        rows = np.flatnonzero(self._thread == thread).astype(np.int64)
        if not len(start):
            return rows, np.zeros(len(rows), np.int64)
        # A step within a step, as an eager task's, is a part of that: parents come before children.
        outermost = start >= np.concatenate((start[:1], np.maximum.accumulate(end)[:-1]))
        until = covered_until(start[outermost], end[outermost])
        held: Int64 = until(self._end[rows]) - until(self._start[rows])
        return rows, held

    def _apart(self, rows: Int64, held: Int64, blocks: list[Block]) -> Int64:
        """What was held of each wait, without what the waiting task's own blocks did: nobody is its own victim."""
        own: defaultdict[int, list[Block]] = defaultdict(list)
        for block in blocks:
            own[block.task].append(block)
        rest: Int64 = held.copy()
        some = np.flatnonzero(held >= LEAST_NS)
        for task in np.intersect1d(self._task[rows[some]], list(own)).tolist():
            at = some[self._task[rows[some]] == task]
            until = covered_until(*_columns(own[task]))
            rest[at] -= until(self._end[rows[at]]) - until(self._start[rows[at]])
        return rest


def _columns(blocks: list[Block]) -> tuple[Int64, Int64]:
    """From when to when they lasted, in the order of the slices."""
    ordered = sorted(blocks, key=lambda block: (block.start, -block.end))
    return np.array([block.start for block in ordered], np.int64), np.array([block.end for block in ordered], np.int64)
