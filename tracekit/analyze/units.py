"""Units: the spans, tasks, jobs and threads of a trace in groups of one name, and where the time of each group went.

Knows where each kind of them lies in a trace, and how to add up; names no kind of work.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit.analyze.awaiting_kinds import awaiting_kinds
from tracekit.analyze.phases import Phases, phases
from tracekit.analyze.place import Place
from tracekit.analyze.spent import LOOP, SHARES, Spent
from tracekit.analyze.where import UNSEEN, Where
from tracekit.model.columns import numbered
from tracekit.model.trace import Category, Float64, Int64, Trace, TrackKind

_NUMBERED = re.compile(r"Thread-\d+ \((?P<target>.+)\)")
_ELSEWHERE = (Category.THREAD, Category.STATE, Category.WAIT, Category.GC, Category.ACQUIRED, Category.RESULT)


class Units(NamedTuple):
    """Groups of what is alike: where in the code it is, how many there were, and where their time went."""

    what: str
    places: list[Place]
    number: Float64
    spent: Spent


def spans(trace: Trace, where: Where) -> Units:
    """The spans by name."""
    slices = trace.slices
    kind, owner = _tracks(trace)
    rows = np.flatnonzero(slices.category == Category.SPAN)
    names, group = numbered(slices.name[rows])
    number = np.full(len(trace.strings) + 1, -1, np.int64)
    number[names] = np.arange(len(names))
    outer = _outermost(group, slices.track[rows], slices.start[rows], slices.end[rows])
    rows, group = rows[outer], group[outer].astype(np.int64)
    on_thread = kind[slices.track[rows]] == TrackKind.THREAD
    parts = np.flatnonzero(slices.category == Category.PART)
    parts = parts[number[slices.name[parts]] >= 0]
    of_part = number[slices.name[parts]]
    outer = _outermost(of_part, slices.track[parts], slices.start[parts], slices.end[parts])
    spent = Spent(where, len(names))
    seen = np.concatenate((rows[on_thread], parts[outer]))
    groups = np.concatenate((group[on_thread], of_part[outer]))
    spent.seen(owner[slices.track[seen]], slices.start[seen], slices.end[seen], groups)
    in_task = slices.task[rows] >= 0
    _add_awaited(trace, rows[in_task], group[in_task], spent)
    places = [Place(trace.strings[name]) for name in names.tolist()]
    return Units("span", places, np.bincount(group, minlength=len(names)).astype(np.float64), spent)


def tasks(trace: Trace, where: Where) -> Units:
    """The tasks by coroutine."""
    slices = trace.slices
    _, owner = _tracks(trace)
    numbers: dict[Place, int] = {}
    of_task = [
        numbers.setdefault(Place(task.coroutine or task.name, task.file, task.line), len(numbers))
        for task in trace.tasks
    ]
    group, spent = np.array(of_task, np.int64), Spent(where, len(numbers))
    steps = np.flatnonzero((slices.category == Category.STEP) & (slices.task >= 0))
    steps = steps[owner[slices.track[steps]] >= 0]
    spent.seen(owner[slices.track[steps]], slices.start[steps], slices.end[steps], group[slices.task[steps]])
    spent.known(LOOP, group, np.array([task.ready for task in trace.tasks], np.int64))
    found = phases(trace)
    kind, length = awaiting_kinds(trace, found), found.end - found.start
    awaits = found.category == Category.AWAITING
    for at, name in enumerate(SHARES):
        own = awaits & (kind == at)
        spent.known(name, group[found.task[own]], length[own])
    rest = np.array([task.awaiting for task in trace.tasks], np.int64)
    rest = rest - np.bincount(found.task[awaits], length[awaits], len(rest)).astype(np.int64)
    spent.known(UNSEEN, group, np.maximum(rest, 0))  # of tasks that are not drawn
    return Units("task", list(numbers), np.bincount(group, minlength=len(numbers)).astype(np.float64), spent)


def jobs(trace: Trace, where: Where) -> Units:
    """The jobs of executors by function."""
    slices = trace.slices
    _, owner = _tracks(trace)
    rows = np.flatnonzero(slices.category == Category.JOB)
    rows = rows[owner[slices.track[rows]] >= 0]
    numbers: dict[Place, int] = {}
    keys = [_job_place(trace, name, args) for name, args in zip(slices.name[rows].tolist(), slices.args[rows].tolist())]
    group, spent = (
        np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64),
        Spent(where, len(numbers)),
    )
    outer = _outermost(group, slices.track[rows], slices.start[rows], slices.end[rows])
    rows, group = rows[outer], group[outer]
    spent.seen(owner[slices.track[rows]], slices.start[rows], slices.end[rows], group)
    return Units("job", list(numbers), spent.count, spent)


def threads(trace: Trace, where: Where) -> Units:
    """The threads of one name on which nothing else was recorded."""
    slices = trace.slices
    kind, owner = _tracks(trace)
    is_thread = kind[slices.track] == TrackKind.THREAD
    busy = set(owner[slices.track[is_thread & ~np.isin(slices.category, _ELSEWHERE)]].tolist())
    lives = np.flatnonzero(is_thread & (slices.category == Category.THREAD))
    lives = lives[~np.isin(owner[slices.track[lives]], list(busy))]
    untraced = [at for at, row in enumerate(trace.threads) if trace.processes[row.process].untraced]
    lives = lives[~np.isin(owner[slices.track[lives]], untraced)]
    of_thread = owner[slices.track[lives]]
    numbers: dict[Place, int] = {}
    keys = [Place(_thread_name(trace, thread)) for thread in of_thread.tolist()]
    group, spent = (
        np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64),
        Spent(where, len(numbers)),
    )
    spent.seen(of_thread, slices.start[lives], slices.end[lives], group)
    return Units("thread", list(numbers), spent.count, spent)


def _thread_name(trace: Trace, thread: int) -> str:
    """What threads that do the same are called; of processes each by its own name."""
    row = trace.threads[thread]
    match = _NUMBERED.fullmatch(row.name)
    name = match["target"] if match else row.name
    return f"{name} of {trace.processes[row.process].name}" if len(trace.processes) > 1 else name


def _job_place(trace: Trace, name: int, args: int) -> Place:
    place = Place.of(trace.args[args]) if args >= 0 else Place()
    return place if place.function else Place(trace.strings[name])


def _tracks(trace: Trace) -> tuple[Int64, Int64]:
    """Of each track what kind it is, and the thread that it is of, or -1."""
    kind = np.array([row.kind for row in trace.tracks], np.int64)
    owner = np.array([row.owner if row.kind == TrackKind.THREAD else -1 for row in trace.tracks], np.int64)
    return kind, owner


def _add_awaited(trace: Trace, spans: Int64, group: Int64, spent: Spent) -> None:
    """Adds what tasks waited for during spans of theirs; each wait lies in a span or outside of it."""
    found = phases(trace)
    slices, kind = trace.slices, awaiting_kinds(trace, found)
    kind[found.category == Category.READY] = SHARES.index(LOOP)
    for at, name in enumerate(SHARES):
        own = (found.category != Category.RUNNING) & (kind == at)
        if own.any():
            of_kind = found.where(own)
            sums = np.append(0, np.cumsum(of_kind.end - of_kind.start))
            first, last = (
                _count_before(of_kind, slices.task[spans], time[spans]) for time in (slices.start, slices.end)
            )
            spent.known(name, group, sums[last] - sums[first])


def _count_before(found: Phases, task: NDArray[np.int32], time: Int64) -> Int64:
    """How many phases, which are in order of their tasks and then of time, come before some times of some tasks."""
    owners, times = np.concatenate((found.task, task)), np.concatenate((found.start, time))
    is_phase = np.arange(len(owners)) < len(found)
    order = np.lexsort((is_phase, times, owners))
    before = np.cumsum(is_phase[order])
    counts = np.empty(len(owners), np.int64)
    counts[order] = before
    return counts[len(found) :]


def _outermost(group: Int64, track: NDArray[np.int32], start: Int64, end: Int64) -> NDArray[np.bool_]:
    """Which slices lie in none of their own group and track."""
    order = np.lexsort((-end, start, track, group))
    first = np.ones(len(order), np.bool_)
    first[1:] = (np.diff(group[order]) != 0) | (np.diff(track[order]) != 0)
    # By their ranks, so that times of one group can be lifted above those of all groups before it.
    ranks = np.unique(np.concatenate((start, end)), return_inverse=True)[1].reshape(-1)
    lifted = np.cumsum(first) * (len(ranks) + 1)
    begins, ends = ranks[: len(order)][order] + lifted, ranks[len(order) :][order] + lifted
    reached = np.append(-1, np.maximum.accumulate(ends)[:-1])[: len(order)]
    outer = np.empty(len(order), np.bool_)
    outer[order] = begins >= reached
    return outer
