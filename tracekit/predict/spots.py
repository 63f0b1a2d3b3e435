"""Spots: what blocks event loops, one culprit each, where its time went, who waited. Knows no model, and advises nothing."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from tracekit.analyze.blocks import turns
from tracekit.analyze.cover import covered_until
from tracekit.analyze.delays import Delays
from tracekit.analyze.loop_blocked import Case, cases
from tracekit.analyze.phases import phases
from tracekit.analyze.place import Place
from tracekit.analyze.verdict import PREEMPTED
from tracekit.analyze.where import UNSEEN, Where
from tracekit.model.trace import Category, Int64, Trace

_LISTED = 50  # blocks of a culprit whose victims are looked for


class Spot(NamedTuple):
    """A culprit.

    Attributes:
        spent: ns of its blocks by where they went.
        late: the longest time (ns) that somebody waited for it; `victims`: how many did, as far as that was looked at.
        late_else: the longest time that somebody waited for the loop when nothing was in the way that blocks it for long.
    """

    worst: Case
    cases: list[Case]
    total: int
    spent: dict[str, int]
    late: int
    victims: int
    late_else: int

    @property
    def place(self) -> Place:
        return self.worst.blame.user

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
    where, delays = Where(trace), Delays(trace)
    late_else = _late_else(trace, [case for alike in groups for case in alike])
    return [_spot(alike, where, delays, late_else) for alike in groups]


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


def _spot(alike: list[Case], where: Where, delays: Delays, late_else: dict[int, int]) -> Spot:
    alike = sorted(alike, key=lambda case: -case.block.duration)
    spent: Counter[str] = Counter({UNSEEN: 0})
    for thread in {case.block.thread for case in alike}:
        own = [case.block for case in alike if case.block.thread == thread]
        start, end = (np.array([getattr(block, side) for block in own], np.int64) for side in ("start", "end"))
        spent.update({kind: int(column.sum()) for kind, column in where.many(thread, start, end).items()})
    waited = [delay for case in alike[:_LISTED] for delay in delays.behind(case.block)]
    return Spot(
        worst=alike[0],
        cases=alike,
        total=sum(case.block.duration for case in alike),
        spent=spent,
        late=max((delay.by or 0 for delay in waited), default=0),
        victims=len({delay.task for delay in waited}),
        late_else=max(late_else[case.block.thread] for case in alike),
    )


def _late_else(trace: Trace, blocking: list[Case]) -> dict[int, int]:
    """By thread of a loop: the longest wait of a ready task (ns), without what all that blocks it took of that.

    What goes out of the loop goes with all its steps: also with those that were short enough not to block it.
    """
    loop_thread = np.array(
        [-1 if task.loop is None else trace.loops[task.loop].thread for task in trace.tasks], np.int64
    )
    ready, undrawn = phases(trace), trace.undrawn
    ready = ready.where(ready.category == Category.READY)
    columns = ((ready.task, undrawn.task), (ready.start, undrawn.start), (ready.end, undrawn.end))
    task, start, end = (np.concatenate(column) for column in columns)
    longest = {}
    for thread in {case.block.thread for case in blocking}:
        own = loop_thread[task] == thread
        held = covered_until(*_held(trace, thread, [case for case in blocking if case.block.thread == thread]))
        left: Int64 = end[own] - start[own] - (held(end[own]) - held(start[own]))
        longest[thread] = int(left.max(initial=0))
    return longest


def _held(trace: Trace, thread: int, blocking: list[Case]) -> tuple[Int64, Int64]:
    """From when to when blocks held a loop's thread, and other steps of the same coroutines; in order, none over another."""
    coroutines = {_coroutine(trace, case) for case in blocking} - {""}
    alike = np.array([task.coroutine in coroutines for task in trace.tasks], bool)
    owners = np.array([track.owner for track in trace.tracks], np.int64)
    rows, slices = turns(trace), trace.slices
    steps = rows[(owners[slices.track[rows]] == thread) & (slices.task[rows] >= 0)]
    rows = np.union1d(steps[alike[slices.task[steps]]], [case.block.slice for case in blocking]).astype(np.int64)
    start, end = slices.start[rows], slices.end[rows]
    # A step within a step, as an eager task's, is a part of that: parents come before children.
    outermost = start >= np.concatenate((start[:1], np.maximum.accumulate(end)[:-1]))
    return start[outermost], end[outermost]
