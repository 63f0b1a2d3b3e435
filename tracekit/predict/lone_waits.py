"""Lone waits: what tasks awaited while nothing else went on, and which of that they await by design. Knows no model.

Who waits for another task, for a lock or for a queue waits for what goes on elsewhere: that is none. By design a task awaits what
sets its pace (it sleeps itself, again and again), what it listens to (a socket, a stream), and whatever else it does if it never
ends by itself or works off a queue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tracekit.analyze.awaited import said
from tracekit.analyze.cover import covered_until
from tracekit.analyze.phases import Phases, phases
from tracekit.analyze.place import Place
from tracekit.model.trace import Args, Category, Int64, Trace

_ELSEWHERE = frozenset(
    {
        *("gather", "wait", "wait_for", "as_completed", "shield", "task group", "timeout"),
        *("lock", "semaphore", "barrier", "condition", "queue.get", "queue.put", "queue.join"),
        *("Runner.init", "EntryQueue.task"),  # trio's own, for as long as it runs
    }
)
_SLEEP = "sleep"
_LISTENS = (_SLEEP, "sleep_forever", "socket", "server", "stream read")
_READS = ("stream read", "StreamReader._wait", "StreamReader.read", "event")
_AGAIN = 3
_ENDS_ITSELF = ("done", "failed")


class Wait(NamedTuple):
    """One wait of a task, for the outside or for a timer.

    Attributes:
        place: the program's line that awaits; where its coroutine is defined if that line is not known.
        reads_on: whether it may be one call with the wait before it, of which it reads more.
    """

    task: int
    start: int
    end: int
    what: str
    place: Place
    is_timer: bool
    reads_on: bool
    is_by_design: bool = False

    @property
    def is_pace(self) -> bool:
        """Whether it only keeps time, so that others are alone beside it."""
        return self.is_by_design and self.what == _SLEEP


def lone_waits(trace: Trace) -> list[tuple[Wait, int]]:
    """Waits with the time (ns) in them when no other task did anything or waited, in the order of tasks, then of time."""
    rows = phases(trace)
    waits = _judged(trace, rows, _waits(trace, rows))
    beside_all, beside_others = _alone(rows, waits), _alone(rows, [wait for wait in waits if not wait.is_pace])
    found = []
    for is_pace, alone in ((True, beside_all), (False, beside_others)):
        own = [wait for wait in waits if wait.is_pace == is_pace]
        start, end = _edges(own)
        found += [(wait, ns) for wait, ns in zip(own, (alone(end) - alone(start)).tolist()) if ns]
    return sorted(found)


def _waits(trace: Trace, rows: Phases) -> list[Wait]:
    slices, found = trace.slices, []
    columns = (rows.task, rows.category, rows.start, rows.end, rows.row)
    every = list(zip(*(column.tolist() for column in columns)))
    before: tuple[int, str, Place] | None = None
    for at, (task, category, start, end, row) in enumerate(every):
        if category != Category.AWAITING:
            before = None if category == Category.READY and _args(trace, row).get("kind") == "yield" else before
            continue
        what = said(trace.strings[slices.name[row]])
        goes_on = at + 1 < len(every) and every[at + 1][:2] == (task, Category.READY)
        woken = _args(trace, every[at + 1][4]) if goes_on else {}
        is_elsewhere = what in _ELSEWHERE or what.startswith("task ") or str(woken.get("cause")).startswith("task ")
        if not is_elsewhere:
            is_timer = woken.get("kind") == "timer" or what == _SLEEP
            alike = task, what, _place(trace, task, row)
            found.append(Wait(task, start, end, what, alike[2], is_timer, what in _READS and alike == before))
            before = alike
    return found


def _args(trace: Trace, row: int) -> Args:
    number = int(trace.slices.args[row])
    return trace.args[number] if number >= 0 else {}


def _place(trace: Trace, task: int, row: int) -> Place:
    own = trace.tasks[task]
    said = Place.of(_args(trace, row))
    return said if said.function else Place(own.coroutine, own.file, own.line)


def _judged(trace: Trace, rows: Phases, waits: list[Wait]) -> list[Wait]:
    """The same, with which of them are by design."""
    again = Counter((wait.task, wait.what, wait.place) for wait in waits)
    workers = _workers(trace, rows)
    found = []
    for wait in waits:
        own = trace.tasks[wait.task]
        times = again[wait.task, wait.what, wait.place]
        listens = wait.what in _LISTENS and wait.place.function == own.coroutine and times >= _AGAIN
        never_ends = own.outcome not in _ENDS_ITSELF or wait.task in workers
        found.append(wait._replace(is_by_design=listens or never_ends or not wait.place.is_users))
    return found


def _workers(trace: Trace, rows: Phases) -> set[int]:
    """Tasks that took from a queue again and again."""
    awaits = rows.where(rows.category == Category.AWAITING)
    names = [said(text) for text in trace.strings]
    takes = [
        task
        for task, row in zip(awaits.task.tolist(), awaits.row.tolist())
        if names[trace.slices.name[row]] == "queue.get"
    ]
    return {task for task, times in Counter(takes).items() if times >= _AGAIN}


def _edges(waits: list[Wait]) -> tuple[Int64, Int64]:
    return np.array([wait.start for wait in waits], np.int64), np.array([wait.end for wait in waits], np.int64)


def _alone(rows: Phases, waits: list[Wait]) -> Callable[[Int64], Int64]:
    """How much time there was until some time in which one task alone did something or waited: a function of times."""
    does = rows.where((rows.category == Category.RUNNING) | (rows.category == Category.READY))
    start, end = _edges(waits)
    start, end = np.concatenate((does.start, start)), np.concatenate((does.end, end))
    times, steps = np.concatenate((start, end)), np.repeat(np.array([1, -1], np.int64), len(start))
    order = np.lexsort((steps, times))
    times, level = times[order], np.cumsum(steps[order])
    one = np.flatnonzero(level[:-1] == 1)
    return covered_until(times[one], times[one + 1])
