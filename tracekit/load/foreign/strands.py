"""Strands: which lines of viztracer's file are no threads but tasks, and on whose thread they ran. Knows its calls, and no JSON.

With --log_async viztracer shows each task as a thread, whose tid is made of an address. Nothing in the file says so; but what
runs on such a line lies within the calls by which a loop runs what is ready, on another line of the same process.
"""

from __future__ import annotations

import re

import numpy as np

from tracekit.load.foreign.owners import Line
from tracekit.load.foreign.titles import Titles
from tracekit.model.trace import Int64

_HIGHEST = 0xFFFFFF
_ALIGNED = 16  # addresses of objects are
_THREADS = re.compile(
    r"Thread-\d|ThreadPoolExecutor-|asyncio_\d|MainThread|Dummy-|QueueFeederThread|QueueManagerThread"
)
# Innermost first: where none of the first kind is in the file (a loop in C), the calls around it. Python 3.10 tells no classes.
_RUNNERS = (("_run",), ("run_forever", "run_until_complete", "run"))
_HOME = "/asyncio/"


def suspects(lines: list[Line]) -> list[int]:
    """The lines that might be tasks, by name and number."""
    return [at for at, line in enumerate(lines) if _might_be(line)]


class Strands:
    """Finds the lines that are tasks.

    Args:
        titles: of all calls.
        calls: line, start, end and name of each call.
    """

    def __init__(self, titles: Titles, calls: tuple[Int64, Int64, Int64, Int64]) -> None:
        self._runners = [titles.numbers(names, _HOME) for names in _RUNNERS]
        self._line, self._start, self._end, self._name = calls

    def find(self, lines: list[Line]) -> dict[int, int]:
        """The lines that are tasks, and the line of the thread that each one ran on."""
        found: dict[int, int] = {}
        for suspect in suspects(lines):
            rows = self._line == suspect
            if not rows.any():
                continue
            start, end = self._start[rows], self._end[rows]
            for names in self._runners:
                runner = self._runner(names, suspect, lines, start, end)
                if runner is not None:
                    found[suspect] = runner
                    break
        return {task: thread for task, thread in found.items() if thread not in found}

    def _runner(self, names: list[int], suspect: int, lines: list[Line], start: Int64, end: Int64) -> int | None:
        """The line of the same process on which calls of these names lie around all that runs on a line."""
        rows = np.flatnonzero(np.isin(self._name, names))
        for line in np.unique(self._line[rows]).tolist():
            if line == suspect or lines[line].process != lines[suspect].process:
                continue
            own = rows[self._line[rows] == line]
            own = own[np.argsort(self._start[own], kind="stable")]
            reach = np.maximum.accumulate(self._end[own])
            before = np.searchsorted(self._start[own], start, side="right") - 1
            if (before >= 0).all() and (reach[before] >= end).all():
                return int(line)
        return None


def _might_be(line: Line) -> bool:
    """Whether it has a name that somebody gave it, and a number that an address gives."""
    if not isinstance(line.key, int) or not line.name:
        return False
    return 0 < line.key <= _HIGHEST and line.key % _ALIGNED == 0 and _THREADS.match(line.name) is None
