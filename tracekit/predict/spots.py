"""Spots: what blocks event loops, one culprit each, where its time went, who waited. Knows no model, and advises nothing."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from tracekit.analyze.blocks import turns
from tracekit.analyze.loop_blocked import Case, cases
from tracekit.analyze.place import Place, users
from tracekit.analyze.verdict import PREEMPTED
from tracekit.analyze.waiters import Waiters
from tracekit.analyze.where import UNSEEN, Where
from tracekit.model.trace import Int64, Trace

_CROWDED = 0.5  # of the time that a loop was open
_SHORT = 25  # of how many steps at most a crowd is made that is as long as a block
_TELLING = 0.1  # of the time of a crowd: stacks of less may be of what hardly takes any


class Spot(NamedTuple):
    """A culprit.

    Attributes:
        spent: ns of its blocks by where they went.
        late: the longest time (ns) that somebody waited for it at a time; `victims`: how many did.
        late_else: the longest time that somebody waited for the loop when nothing was in the way that blocks it for long.
        is_crowd: it blocks the loop only with many steps together.
    """

    worst: Case
    cases: list[Case]
    total: int
    spent: dict[str, int]
    late: int
    victims: int
    late_else: int
    is_crowd: bool = False

    @property
    def place(self) -> Place:
        return self.worst.blame.user

    @property
    def is_seen(self) -> bool:
        """Whether a stack shows where its time went."""
        return self.worst.blame.sampled is not None

    def share(self, *kinds: str) -> float:
        """Of what was seen of its time, but for what others had the cores."""
        seen = sum(self.spent.values()) - self.spent[UNSEEN] - self.spent["core"]
        return sum(self.spent[kind] for kind in kinds) / seen if seen else 0.0

    @property
    def seen(self) -> float:
        return 1 - self.spent[UNSEEN] / max(1, sum(self.spent.values()))


def spots(trace: Trace, threshold_ns: int) -> list[Spot]:
    """The culprits of all blocks longer than `threshold_ns`, but for those that the machine is to blame for."""
    own = ([case for case in alike if case.verdict != PREEMPTED] for alike in cases(trace, threshold_ns))
    groups = _joined(trace, [alike for alike in own if alike])
    if not groups:
        return []
    where, waiters = Where(trace), Waiters(trace)
    late_else = _late_else(trace, waiters, [case for alike in groups for case in alike])
    return [_spot(alike, where, waiters, late_else) for alike in groups]


def crowds(trace: Trace, threshold_ns: int) -> list[Spot]:
    """Culprits of which no step is longer than `threshold_ns`, but whose steps together hold up a task for longer than that.

    Only those that a loop spends a good part of its time with; where it has time, whoever waits waits for something else.
    """
    if not any(loop.running >= _CROWDED * loop.open > 0 for loop in trace.loops):
        return []
    return [
        _placed(trace, spot)
        for spot in spots(trace, threshold_ns // _SHORT)
        if spot.worst.block.duration <= threshold_ns < spot.late and spot.total >= _CROWDED * _open(trace, spot)
    ]


def _placed(trace: Trace, spot: Spot) -> Spot:
    """The same, in the place that stacks of its steps show, else in that of its coroutine.

    A short step is seldom seen, and where it stopped is where it awaits, which is not where its time goes.
    """
    block, blame = spot.worst.block, spot.worst.blame
    seen = [case for case in spot.cases if case.blame.sampled is not None]
    if sum(case.block.duration for case in seen) >= _TELLING * spot.total:
        blame = seen[0].blame
    elif block.task >= 0:
        row = trace.tasks[block.task]
        blame = blame._replace(user=users(Place(row.coroutine, row.file, row.line)), sampled=None)
    return spot._replace(worst=spot.worst._replace(blame=blame), is_crowd=True)


def _open(trace: Trace, spot: Spot) -> int:
    """How long the loops were open that it held, in all."""
    threads = {case.block.thread for case in spot.cases}
    return sum(loop.open for loop in trace.loops if loop.thread in threads)


def _joined(trace: Trace, groups: list[list[Case]]) -> list[list[Case]]:
    """The same, blocks of a coroutine in which no stack was seen with those in which it was, where that was one culprit's."""
    seen = [alike for alike in groups if alike[0].blame.sampled is not None]
    by_coroutine: dict[str, list[list[Case]]] = {}
    for alike in seen:
        for coroutine in {_coroutine(trace, case) for case in alike} - {""}:
            by_coroutine.setdefault(coroutine, []).append(alike)
    rest = []
    for alike in groups:
        known = by_coroutine.get(_coroutine(trace, alike[0]), []) if alike[0].blame.sampled is None else []
        if len(known) == 1:
            known[0].extend(alike)
        elif alike[0].blame.sampled is None:
            rest.append(alike)
    return [*seen, *rest]


def _coroutine(trace: Trace, case: Case) -> str:
    return trace.tasks[case.block.task].coroutine if case.block.task >= 0 else ""


def _spot(alike: list[Case], where: Where, waiters: Waiters, late_else: dict[int, int]) -> Spot:
    alike = sorted(alike, key=lambda case: -case.block.duration)
    spent: Counter[str] = Counter({UNSEEN: 0})
    for thread in {case.block.thread for case in alike}:
        own = [case.block for case in alike if case.block.thread == thread]
        start, end = (np.array([getattr(block, side) for block in own], np.int64) for side in ("start", "end"))
        spent.update({kind: int(column.sum()) for kind, column in where.many(thread, start, end).items()})
    waited = waiters.behind([case.block for case in alike])
    return Spot(
        worst=alike[0],
        cases=alike,
        total=sum(case.block.duration for case in alike),
        spent=spent,
        late=max((delay.by or 0 for delay in waited), default=0),
        victims=len(waited),
        late_else=max(late_else[case.block.thread] for case in alike),
    )


def _late_else(trace: Trace, waiters: Waiters, blocking: list[Case]) -> dict[int, int]:
    """By thread of a loop: the longest wait of a ready task (ns), without what all that blocks it took of that.

    What goes out of the loop goes with all its steps: also with those that were short enough not to block it.
    """
    threads = {case.block.thread for case in blocking}
    held = {
        thread: _held(trace, thread, [case for case in blocking if case.block.thread == thread]) for thread in threads
    }
    return {thread: waiters.longest_without(thread, *stretches) for thread, stretches in held.items()}


def _held(trace: Trace, thread: int, blocking: list[Case]) -> tuple[Int64, Int64]:
    """From when to when blocks held a loop's thread, and other steps of the same coroutines; in order."""
    coroutines = {_coroutine(trace, case) for case in blocking} - {""}
    alike = np.array([task.coroutine in coroutines for task in trace.tasks], bool)
    owners = np.array([track.owner for track in trace.tracks], np.int64)
    rows, slices = turns(trace), trace.slices
    steps = rows[(owners[slices.track[rows]] == thread) & (slices.task[rows] >= 0)]
    rows = np.union1d(steps[alike[slices.task[steps]]], [case.block.slice for case in blocking]).astype(np.int64)
    return slices.start[rows], slices.end[rows]
