"""Turns: what a loop does between the steps and callbacks that it runs: how long it waits, and how many are ready then. Knows
times, no task and no record.
"""

from __future__ import annotations

from array import array

import numpy as np

from tracekit.load.counts import thin
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Flag

SELECT = "select"
LEAST_NS = 10_000  # a loop that does not wait at all takes less from one turn to the next


class Waiting:
    """One run of a loop, between its turns.

    Args:
        track: of its thread.
        start: when it began.
    """

    def __init__(self, builder: Builder, track: int, start: int) -> None:
        self._builder = builder
        self._track = track
        self._since = start
        self._looked = -1

    def look(self, time: int) -> None:
        """The loop has looked what is ready, and goes on to run it."""
        if self._looked < self._since:
            self._looked = time

    def turn_begins(self, time: int) -> None:
        """A step or callback begins."""
        until = self._looked if self._looked > self._since else time
        self._draw(until)

    def turn_ends(self, time: int) -> None:
        """It has ended."""
        self._since, self._looked = time, -1

    def cut_off(self, time: int) -> None:
        """The recording ended while the loop ran."""
        self._draw(time, Flag.UNFINISHED)

    def _draw(self, until: int, flags: int = 0) -> None:
        if until - self._since >= LEAST_NS:
            self._builder.slice(self._track, self._since, until, SELECT, Category.SELECT, flags)


class ReadyQueues:
    """How many callbacks were ready, of each loop of a process, whenever that changed."""

    def __init__(self, builder: Builder, process: int) -> None:
        self._builder = builder
        self._process = process
        self._values: dict[int, tuple[array[int], array[int]]] = {}

    def add(self, loop: int, time: int, length: int) -> None:
        """So many were ready at that time; `loop` is the row of the loop."""
        times, lengths = self._values.setdefault(loop, (array("q"), array("q")))
        times.append(time)
        lengths.append(length)

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
