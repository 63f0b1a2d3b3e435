"""Gauges: the counters that an observer's samples make. Knows what was seen of threads and processes, and no slice.

Per thread: the share of a core that it uses, and how often a second it is given one, both as the scheduler counted them between
two points of a grid. Per process: how many of its threads wait for the GIL, and what it weighs.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from tracekit import events
from tracekit.load.counts import thin
from tracekit.load.samples import Samples, Weights
from tracekit.load.states import Seen
from tracekit.model.builder import Builder
from tracekit.model.trace import Float64, Int64

CPU, SWITCHES, WAITERS = "CPU", "context switches", "threads waiting for the GIL"

_GRID_NS = 100_000_000  # finer, a scheduler's figures are noise
_MOST_POINTS = 2000  # of one thread
_MOST_THREADS = 64  # of one process have counters: the busiest


def draw(threads: list[Seen], weights: dict[int, Weights], builder: Builder) -> None:
    """Adds the counters, and to the processes what they weigh."""
    of_process: defaultdict[int, list[Seen]] = defaultdict(list)
    for one in threads:
        of_process[builder.threads[one.life.thread].process].append(one)
    for process, own in of_process.items():
        _draw_waiters(process, [one.samples for one in own], builder)
        own.sort(key=lambda one: -int(one.intervals.running.sum()))
        names = Counter(builder.threads[one.life.thread].name for one in own)
        for one in own[:_MOST_THREADS]:
            thread = builder.threads[one.life.thread]
            name = thread.name if names[thread.name] == 1 else f"{thread.name} {thread.tid}"
            _draw_thread(process, name, one, builder)
    for process, row in enumerate(builder.processes):
        seen = weights.get(row.pid)
        if seen is not None:
            _draw_weights(process, seen, builder)


def _draw_waiters(process: int, threads: list[Samples], builder: Builder) -> None:
    times, changes = [], []
    for samples in threads:
        waits = (samples.state == events.STATE_GIL).astype(np.int64)
        waits[-1] = 0  # nothing more is known of it
        change = np.diff(waits, prepend=0)
        times.append(samples.time[change != 0])
        changes.append(change[change != 0])
    time, change = np.concatenate(times), np.concatenate(changes)
    if len(time):
        order = np.argsort(time, kind="stable")
        _draw(process, WAITERS, "threads", time[order], np.cumsum(change[order]), builder)


def _draw_thread(process: int, name: str, one: Seen, builder: Builder) -> None:
    between = one.intervals
    start, end = int(between.start[0]), int(between.end[-1])
    count = int(min(_MOST_POINTS, max(1, (end - start) // _GRID_NS)))
    grid = np.linspace(start, end, count + 1)
    borders = np.stack((between.start, between.end), axis=1).ravel()
    gauges = [(CPU, between.running, 1.0)]
    if one.samples.switches[0] >= 0:
        gauges.append((SWITCHES, between.switches, 1e9))
    for title, column, unit in gauges:
        sums = np.cumsum(column)
        total = np.interp(grid, borders, np.stack((sums - column, sums), axis=1).ravel())
        # After the last sample nothing is known of it.
        values = np.append(np.diff(total) / np.diff(grid) * unit, 0).round(3)
        _draw(process, title, name, grid.astype(np.int64), values, builder)


def _draw_weights(process: int, seen: Weights, builder: Builder) -> None:
    row = builder.processes[process]
    life = (seen.time >= max(row.started, builder.since)) & (seen.time <= (row.ended or int(seen.time[-1])))
    for name, column in (("RSS", seen.rss), ("PSS", seen.pss)):
        told = life & (column >= 0)
        _draw(process, name, "bytes", seen.time[told], column[told], builder)
    if life.any():
        row.peak_rss = max(row.peak_rss, int(seen.rss[life].max()), int(seen.peak[life].max()))
        heaviest = int(np.argmax(np.where(life, seen.pss, -1)))
        if seen.pss[heaviest] > row.pss:
            row.pss, row.shared = int(seen.pss[heaviest]), max(0, int(seen.shared[heaviest]))


def _draw(
    process: int,
    name: str,
    series: str,
    time: Int64,
    value: Float64 | Int64,
    builder: Builder,
) -> None:
    """Adds the values of a counter that differ from the one before."""
    if not len(time):
        return
    # Of several at one time the last one holds.
    last = np.append(time[1:] != time[:-1], True)
    time, value = time[last], value[last]
    changed = np.append(True, value[1:] != value[:-1])
    time, value = thin(time[changed], value[changed])
    builder.counters(process, time, name, series, value)
