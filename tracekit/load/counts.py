"""Counts: counters that the loader makes of what it read, no longer than can be looked at. Knows columns only."""

from __future__ import annotations

import numpy as np

from tracekit.model.builder import Builder
from tracekit.model.trace import Int64

MOST_ROWS = 100_000  # of one series: as many as make no picture larger than its slices do


def thin(time: Int64, value: Int64, most: int = MOST_ROWS) -> tuple[Int64, Int64]:
    """At most so many rows of a counter: of each run of rows that is left out, the highest and the last one stay.

    Args:
        time, value: columns in the order of time.
    """
    if len(time) <= most:
        return time, value
    edges = np.linspace(0, len(time), most // 2 + 1).astype(np.int64)
    of_run = np.repeat(np.arange(most // 2), np.diff(edges))
    order = np.lexsort((np.arange(len(time)), value, of_run))
    kept = np.union1d(order[edges[1:] - 1], edges[1:] - 1)
    return time[kept], value[kept]


def draw_live_tasks(builder: Builder, process: int, begin: Int64, end: Int64) -> None:
    """Adds the counter of the tasks of a process that are alive.

    Args:
        begin: when each one began.
        end: when those ended that did, in any order.
    """
    if not len(begin):
        return
    times = np.concatenate((begin, end))
    changes = np.repeat((1, -1), (len(begin), len(end)))
    order = np.argsort(times, kind="stable")
    times, alive = times[order], np.cumsum(changes[order])
    last = np.ones(len(times), np.bool_)
    last[:-1] = times[1:] != times[:-1]
    time, value = thin(times[last], alive[last])
    builder.counters(process, time, "live tasks", "tasks", value)
