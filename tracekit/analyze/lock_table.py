"""Lock table: what threads waited for, added up: each lock that somebody held, and each place that waits for something else.

Knows no sentence, and no way to show it. Times are ns.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from tracekit.analyze.lock_waits import LockWait, lock_waits, who
from tracekit.analyze.place import Place
from tracekit.model.lock_words import IDLE, TAKEN
from tracekit.model.trace import Category, Trace, TrackKind


class Waiter(NamedTuple):
    """A thread, how long it waited, and the part of its life that was."""

    thread: int
    waited: int
    share: float


class LockRow(NamedTuple):
    """The waits for one lock; or those at one place for what nobody holds (a lock's name is "" then).

    Attributes:
        pid: of the process; of several that share it the first that waited.
        name: what the program called, as "Lock.acquire".
        most_waiting: how many stood in line at the same time.
        handed_on: how often who got it left others waiting.
        waiters: the one that waited longest first; `share` is that of the lives of all of them together.
        holders: the names of the threads that held it when somebody began to wait, with the time waited for each, as `held_at`.
    """

    pid: int
    name: str
    lock: str
    is_contended: bool
    is_shared: bool
    times: int
    waited: int
    longest: int
    first: int
    taken: int
    most_waiting: int
    handed_on: int
    waiters: tuple[Waiter, ...]
    share: float
    holders: tuple[tuple[str, int], ...]
    held_at: tuple[tuple[Place, int], ...]
    where: tuple[tuple[Place, int], ...]


def locks(trace: Trace, without: Iterable[int] = ()) -> list[LockRow]:
    """The rows; of the locks that were waited for longest first, then of all other waits.

    Args:
        without: slices that are not to be counted.
    """
    left_out = set(without)
    lives = _lives(trace)
    waits = [
        (wait, -1 if wait.shared else trace.threads[wait.thread].process)
        for wait in lock_waits(trace)
        if wait.slice not in left_out
    ]
    contended = {(process, wait.lock) for wait, process in waits if wait.is_contended}
    groups: defaultdict[tuple[int, bool, object], list[LockWait]] = defaultdict(list)
    for wait, process in waits:
        # One that knows no holder belongs to the lock's others all the same.
        is_like_them = not wait.is_held and wait.name != IDLE and (process, wait.lock) in contended
        for_lock = wait.is_contended or is_like_them
        groups[process, for_lock, wait.lock if for_lock else (wait.name, wait.where)].append(wait)
    rows = [_row(trace, alike, for_lock, lives) for (_, for_lock, _), alike in groups.items()]
    return sorted(rows, key=lambda row: (not row.is_contended, -row.waited))


def _row(trace: Trace, alike: list[LockWait], is_contended: bool, lives: dict[int, int]) -> LockRow:
    first = alike[0]
    waited: Counter[int] = Counter()
    names: Counter[str] = Counter()
    holders: Counter[str] = Counter()
    held_at: Counter[Place] = Counter()
    where: Counter[Place] = Counter()
    for wait in alike:
        waited[wait.thread] += wait.length
        names[wait.name] += wait.length
        where[wait.where] += wait.length
        if is_contended and wait.holder is not None:
            holders[who(trace, wait.holder, first.shared)] += wait.length
        if wait.held_at.function:
            held_at[wait.held_at] += wait.length
    total = sum(waited.values())
    most_waiting, handed_on = _line(alike)
    return LockRow(
        pid=trace.processes[trace.threads[first.thread].process].pid,
        name=names.most_common(1)[0][0],
        lock=first.lock if is_contended else "",
        is_contended=is_contended,
        is_shared=is_contended and first.shared,
        times=len(alike),
        waited=total,
        longest=max(wait.length for wait in alike),
        first=min(wait.start for wait in alike),
        taken=sum(wait.outcome == TAKEN for wait in alike),
        most_waiting=most_waiting,
        handed_on=handed_on,
        waiters=tuple(
            Waiter(thread, length, length / lives[thread] if lives.get(thread) else 0.0)
            for thread, length in waited.most_common()
        ),
        share=total / max(1, sum(lives.get(thread, 0) for thread in waited)),
        holders=tuple(holders.most_common()),
        held_at=tuple(held_at.most_common()),
        where=tuple(where.most_common()),
    )


def _line(alike: list[LockWait]) -> tuple[int, int]:
    """How many waited at the same time at most, and how often one of several got it."""
    changes = sorted(
        [(wait.end, 0, wait.outcome == TAKEN) for wait in alike] + [(wait.start, 1, False) for wait in alike]
    )
    waiting = most = handed_on = 0
    for _, begins, taken in changes:
        waiting += 1 if begins else -1
        most = max(most, waiting)
        handed_on += taken and waiting > 0
    return most, handed_on


def _lives(trace: Trace) -> dict[int, int]:
    """How long each thread lived, as far as the trace goes."""
    slices = trace.slices
    rows = np.flatnonzero(slices.category == Category.THREAD)
    columns = (slices.track[rows].tolist(), (slices.end[rows] - slices.start[rows]).tolist())
    return {
        trace.tracks[track].owner: length
        for track, length in zip(*columns)
        if trace.tracks[track].kind == TrackKind.THREAD
    }
