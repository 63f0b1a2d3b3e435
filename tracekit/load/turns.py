"""Turns: what a loop does between the steps and callbacks that it runs: how long it waits, and how many are ready then. Knows
times, no task and no record.
"""

from __future__ import annotations

from array import array

import numpy as np

from tracekit.load.counts import thin
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Flag, Int64

SELECT = "select"
_AT_A_TIME = 1 << 16
LEAST_NS = 10_000  # a loop that does not wait at all takes less from one turn to the next


class Waiting:
    """What the loops of a thread do between their turns; a run is one from a loop's begin to its end.

    Args:
        track: of the thread.
    """

    def __init__(self, builder: Builder, track: int) -> None:
        self._builder = builder
        self._track = track
        self._starts = array("q")  # of runs
        self._turns = array("q")  # run, position, start, end
        self._looks = array("q")  # run, position, time
        self._cut_off: list[tuple[int, int]] = []  # run, time

    def begin(self, start: int) -> int:
        """A loop begins to run; returns the number of the run."""
        self._starts.append(start)
        return len(self._starts) - 1

    def turn(self, run: int, position: int, start: int, end: int) -> None:
        """A step or callback; `position` is that of the record that began it."""
        self._turns.extend((run, position, start, end))

    def turns(self, run: Int64, position: Int64, start: Int64, end: Int64) -> None:
        """Many of them, a column each."""
        _extend(self._turns, run, position, start, end)

    def looks(self, run: Int64, position: Int64, time: Int64) -> None:
        """The loop looks what is ready, and goes on to run it: a column each."""
        _extend(self._looks, run, position, time)

    def cut_off(self, run: int, time: int) -> None:
        """The recording ended while the loop ran."""
        self._cut_off.append((run, time))

    def draw(self) -> None:
        """Adds the slices, once everything else has been said."""
        run, position, start, end = _sorted(self._turns, 4)
        starts = np.array(self._starts, np.int64)
        first = np.ones(len(run), np.bool_)
        first[1:] = run[1:] != run[:-1]
        since = np.where(first, starts[run], np.roll(end, 1))
        looked = self._looked(run, np.where(first, -1, np.roll(position, 1)), position)
        until = np.where(looked > since, looked, start)
        self._draw(since, until)
        if self._cut_off:
            runs, times = np.array(self._cut_off, np.int64).T
            ends = starts.copy()
            ends[run] = end
            self._draw(ends[runs], times, Flag.UNFINISHED)

    def _looked(self, run: Int64, after: Int64, before: Int64) -> Int64:
        """When the loop first looked between two positions in a run; -1 where it did not."""
        of_run, position, time = _sorted(self._looks, 3)
        width = max(int(column.max(initial=0)) for column in (position, before)) + 2
        keys = of_run * width + position
        at = np.searchsorted(keys, run * width + after, side="right")
        looked = np.full(len(run), -1, np.int64)
        found = np.flatnonzero(at < len(keys))
        found = found[keys[at[found]] < run[found] * width + before[found]]
        looked[found] = time[at[found]]
        return looked

    def _draw(self, since: Int64, until: Int64, flags: int = 0) -> None:
        long = np.flatnonzero(until - since >= LEAST_NS)
        if len(long):
            name = self._builder.string(SELECT)
            self._builder.slices(self._track, since[long], until[long], name, Category.SELECT, int(flags))


def _extend(rows: array[int], *columns: Int64) -> None:
    """Adds columns as rows, few at a time, because there may be millions."""
    for begin in range(0, len(columns[0]), _AT_A_TIME):
        part = np.stack([column[begin : begin + _AT_A_TIME] for column in columns], axis=1)
        rows.frombytes(part.astype(np.int64).tobytes())


def _sorted(rows: array[int], width: int) -> Int64:
    """Columns, in the order of their runs and positions."""
    table = np.array(rows, np.int64).reshape(-1, width)
    columns: Int64 = table[np.lexsort((table[:, 1], table[:, 0]))].T
    return columns


class ReadyQueues:
    """How many callbacks were ready, of each loop of a process, whenever that changed."""

    def __init__(self, builder: Builder, process: int) -> None:
        self._builder = builder
        self._process = process
        self._values: dict[int, tuple[array[int], array[int]]] = {}

    def add(self, loop: int, time: Int64, length: Int64) -> None:
        """So many were ready at these times; `loop` is the row of the loop."""
        times, lengths = self._values.setdefault(loop, (array("q"), array("q")))
        times.frombytes(time.astype(np.int64).tobytes())
        lengths.frombytes(length.astype(np.int64).tobytes())

    def draw(self) -> None:
        """Adds the counters, one series a loop."""
        used: set[str] = set()
        for loop, (times, lengths) in self._values.items():
            series = name = self._builder.loops[loop].name
            number = 1
            while series in used:
                number += 1
                series = f"{name} {number}"
            used.add(series)
            time, value = thin(np.array(times, np.int64), np.array(lengths, np.int64))
            self._builder.counters(self._process, time, "ready queue", series, value)
