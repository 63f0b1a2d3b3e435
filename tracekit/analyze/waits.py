"""Waits: how long tasks that were ready waited for their loop, each wait for one step. Knows no sentence and no table.

Every wait counts once, however long it was: of a loop that ran a million steps the p99 is what one step in a hundred waited
at least. Percentiles are waits that were there (nearest rank), nothing in between.

Time in which the loop did not run is nobody's wait for it: a task that was made before `run_forever` waits from there on,
and one that was left ready when the loop stopped waited until then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracekit.analyze.phases import phases
from tracekit.analyze.runs import Runs
from tracekit.model.trace import Category, Int64, Trace


@dataclass(frozen=True, slots=True)
class Waits:
    """How long the tasks of a loop were ready before they ran; times in ns, None where nobody waited.

    Attributes:
        count: how many waits there were.
        total: their sum.
        p50, p99, longest: of them.
    """

    count: int
    total: int
    p50: int | None
    p99: int | None
    longest: int | None


def waits(trace: Trace) -> list[Waits]:
    """The waits for each loop, by the index of the loop."""
    loop_of = np.array([-1 if task.loop is None else task.loop for task in trace.tasks], np.int64)
    ready, undrawn = phases(trace), trace.undrawn
    ready = ready.where(ready.category == Category.READY)
    task, start, end = (
        np.concatenate(columns)
        for columns in ((ready.task, undrawn.task), (ready.start, undrawn.start), (ready.end, undrawn.end))
    )
    loop = loop_of[task] if len(task) else task
    runs = Runs(trace)
    return [
        _summed(_within(start[loop == index], end[loop == index], *runs.on(row.thread)))
        for index, row in enumerate(trace.loops)
    ]


def _within(start: Int64, end: Int64, begun: Int64, ended: Int64) -> Int64:
    """How long each wait was, of the run of the loop that it ended in, or that it began in where it outlasted that."""
    if not len(begun):
        return end - start
    last = np.maximum(np.searchsorted(begun, end, side="right") - 1, 0)
    first = np.maximum(np.searchsorted(begun, start, side="right") - 1, 0)
    # Never run: the recording goes on after the loop has stopped, and so does the wait.
    run = np.where(end <= ended[last], last, first)
    lengths: Int64 = np.minimum(end, ended[run]) - np.maximum(start, begun[run])
    return lengths[lengths >= 0]


def _summed(lengths: Int64) -> Waits:
    if not len(lengths):
        return Waits(0, 0, None, None, None)
    p50, p99 = np.percentile(lengths, (50, 99), method="inverted_cdf").tolist()
    return Waits(len(lengths), int(lengths.sum()), int(p50), int(p99), int(lengths.max()))
