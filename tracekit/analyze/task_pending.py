"""task-pending: a loop stopped for good, and left tasks behind that were not done. Knows no other question.

Only where every run of a loop on that thread was seen to end: what was pending when the recording ended, the process was
killed, or a flight recorder was asked, may well have gone on. Tasks that the program's end cancelled are done. Its own keys:

    tasks           their names, at most LISTED of them
    coroutine       what they ran
    count           how many
    awaits          what they awaited, null where that is not known or differs
    where           the place in the program where the first of them waits: function, file, line; null where it is not known
    started         whether (the first of) them had begun to run

`duration_s` is how long the first of them had been waiting when its loop stopped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

import numpy as np

from tracekit.analyze import task_lost, words
from tracekit.analyze.awaited import said
from tracekit.analyze.finding import Finding
from tracekit.analyze.phases import phases
from tracekit.analyze.place import Place, library_of, users
from tracekit.analyze.runs import Runs
from tracekit.model.trace import Category, Trace

SLUG = "task-pending"

LISTED = 100
_CURE = "Await them, or cancel them and await that, before the loop ends; `asyncio.run` does it for all that is left."


class _Left(NamedTuple):
    """A task that was left behind: since when it had waited (ns), for what and where."""

    task: int
    since: int
    until: int
    awaits: str
    where: Place
    waiting: bool


def find(trace: Trace, _threshold_ns: int) -> list[Finding]:
    """One finding for each coroutine whose tasks were left behind."""
    runs = Runs(trace)
    groups: defaultdict[object, list[_Left]] = defaultdict(list)
    for left in _left_behind(trace, runs):
        task = trace.tasks[left.task]
        groups[task.process, task.coroutine or task.name, task.file].append(left)
    lost = Counter(one.coroutine for one in task_lost.lost(trace, runs))
    found = []
    for alike in groups.values():
        task = trace.tasks[alike[0].task]
        alike = alike[lost[Place(task.coroutine, task.file, task.line)] :]  # what task-lost tells is told
        found += [_finding(trace, alike)] if alike else []
    return found


def _left_behind(trace: Trace, runs: Runs) -> list[_Left]:
    over = {index: runs.on(loop.thread)[1] for index, loop in enumerate(trace.loops) if runs.is_over(loop.thread)}
    pending = [
        index
        for index, task in enumerate(trace.tasks)
        if task.outcome == "pending" and task.ended is None and task.loop in over
    ]
    if not pending:
        return []
    found, undrawn = phases(trace), _Undrawn(trace)
    last = np.searchsorted(found.task, pending, side="right") - 1
    left = []
    for index, at in zip(pending, last.tolist()):
        until = int(over[trace.tasks[index].loop or 0].max())
        if at >= 0 and found.task[at] == index:
            left.append(_left(trace, index, int(found.row[at]), until))
        elif index in undrawn:
            left.append(undrawn.left(index, until))
    return left


def _left(trace: Trace, task: int, row: int, until: int) -> _Left:
    slices = trace.slices
    args = trace.args[int(slices.args[row])] if slices.args[row] >= 0 else {}
    waiting = int(slices.category[row]) == Category.AWAITING
    awaits = said(trace.strings[int(slices.name[row])]) if waiting else ""
    return _Left(task, int(slices.start[row]), until, awaits, Place.of(args) if waiting else Place(), waiting)


class _Undrawn:
    """The tasks of which there are no phases: what their steps, their rows and the times in which they were ready tell."""

    def __init__(self, trace: Trace) -> None:
        self._tasks = trace.tasks
        slices, undrawn = trace.slices, trace.undrawn
        steps = np.flatnonzero((slices.category == Category.STEP) & (slices.task >= 0))
        self._drawn = np.zeros(len(trace.tasks) + 1, np.bool_)  # one more, for slices of no task
        self._drawn[slices.task[slices.category == Category.TASK]] = True
        self._stepped, self._ready = (np.full(len(trace.tasks), -1, np.int64) for _ in range(2))
        np.maximum.at(self._stepped, slices.task[steps], slices.end[steps])
        np.maximum.at(self._ready, undrawn.task, undrawn.start)

    def __contains__(self, task: int) -> bool:
        return not self._drawn[task] and bool(max(self._ready[task], self._stepped[task]) >= 0)

    def left(self, task: int, until: int) -> _Left:
        stepped, ready = int(self._stepped[task]), int(self._ready[task])
        if ready >= stepped:
            return _Left(task, ready, until, "", Place(), False)
        return _Left(task, stepped, until, self._tasks[task].awaits, Place(), True)


def _finding(trace: Trace, alike: list[_Left]) -> Finding:
    first = min(alike, key=lambda left: left.since)
    task = trace.tasks[first.task]
    begun = Place(task.coroutine, task.file, task.line)
    blamed = users(first.where, begun)
    kinds = {left.awaits for left in alike}
    awaits = kinds.pop() if len(kinds) == 1 else ""
    return Finding(
        slug=SLUG,
        severity="warning",
        start_s=first.since / 1e9,
        duration_s=max(0, first.until - first.since) / 1e9,
        track=task.name,
        sentence=_sentence(trace, alike, first, awaits),
        advice=_CURE,
        **blamed._asdict(),
        library=library_of(first.where, begun),
        details={
            "tasks": [trace.tasks[left.task].name for left in alike[:LISTED]],
            "coroutine": task.coroutine or None,
            "count": len(alike),
            "awaits": awaits or None,
            "where": first.where._asdict() if first.where.file else None,
            "started": task.steps > 0,
        },
    )


def _sentence(trace: Trace, alike: list[_Left], first: _Left, awaits: str) -> str:
    task = trace.tasks[first.task]
    one = len(alike) == 1
    name = words.short_function(task.coroutine) or task.name
    who = words.task_label(task.name, task.coroutine) if one else f"{len(alike)} tasks of {name}"
    was = "was" if one else "were"
    if not any(trace.tasks[left.task].steps for left in alike):
        return f"{who} {was} created, and the event loop stopped for good before {'it' if one else 'they'} ever ran."
    what = f", awaiting {awaits}" if awaits else ""
    place = f", in {first.where}" if first.where.file else ""
    return f"{who} {was} still pending when the event loop stopped for good{what}{place}."
