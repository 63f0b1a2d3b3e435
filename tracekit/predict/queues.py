"""Queues: threads that stand in a queue's `put` or `get` for most of their time, and who keeps them waiting. Knows no model.

Who stands in `put` waits for those that take, who in `get` for those that put: how many there are of these is what counts.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from tracekit.analyze import deadlock
from tracekit.analyze.lock_waits import lock_waits
from tracekit.analyze.place import Place
from tracekit.model.trace import Trace
from tracekit.predict import prices
from tracekit.predict.counsel import Advice
from tracekit.predict.found import Found
from tracekit.predict.model_advice import Group, does, groups_of, hot
from tracekit.predict.parts import Kind, Work

_MUCH = 0.5  # of a thread's life
_WORTH = 0.2  # of the program's time
_PUT, _GET = "put", "get"


class Standing(NamedTuple):
    """Threads that stood in calls of one name at one place."""

    call: str
    place: Place
    names: tuple[str, ...]
    waited: int
    share: float

    @property
    def said(self) -> str:
        """As the begin of a sentence."""
        who = f"{len(self.names)} threads" if len(self.names) > 1 else self.names[0]
        where = f" ({self.place})" if self.place.file else ""
        whose = "their" if len(self.names) > 1 else "its"
        return f"{who} stood in {self.call}{where} for {self.share:.0%} of {whose} time"


def find(trace: Trace, work: Work, threshold_ns: int) -> Found:
    """More of those that take from a queue that is full, where they mostly wait; else what full and empty queues tell."""
    found = Found([], [], [])
    for standing in _standing(trace, threshold_ns):
        if standing.call.endswith(_GET):
            found.fine.append(
                f"{standing.said}: the queue was empty. More of those that take would not help, they wait for whoever puts into "
                "it."
            )
            continue
        taker = _taker(work, standing)
        if taker is None:
            found.unknown.append(
                f"{standing.said}: the queue was full, so that whoever takes from it sets the pace. More of those would help as "
                "far as they wait; where they compute under the GIL they would have to be processes."
            )
        else:
            found.advice.append(_advice(work, standing, taker))
    return found


def _standing(trace: Trace, threshold_ns: int) -> list[Standing]:
    """By call; at the place where they stood longest."""
    without = deadlock.told(trace, threshold_ns)
    waited: Counter[tuple[str, int]] = Counter()
    places: Counter[tuple[str, Place]] = Counter()
    for wait in lock_waits(trace):
        is_of_queue = "Queue" in wait.name and wait.name.rpartition(".")[2] in (_PUT, _GET)
        if is_of_queue and wait.where.is_users and not wait.is_contended and wait.slice not in without:
            waited[wait.name, wait.thread] += wait.length
            places[wait.name, wait.where] += wait.length
    found = []
    for call in sorted({call for call, _ in waited}):
        lives = {thread: _life(trace, thread) for name, thread in waited if name == call}
        own = [thread for thread, life in lives.items() if waited[call, thread] >= max(threshold_ns, _MUCH * life)]
        total, lived = (sum(ns) for ns in ([waited[call, at] for at in own], [lives[at] for at in own]))
        if own and max(waited[call, thread] for thread in own) >= _WORTH * trace.duration:
            place = max((place for name, place in places if name == call), key=lambda place: places[call, place])
            names = tuple(trace.threads[thread].name for thread in own)
            found.append(Standing(call, place, names, total, total / max(1, lived)))
    return found


def _life(trace: Trace, thread: int) -> int:
    row = trace.threads[thread]
    return max(1, (trace.duration if row.ended is None else row.ended) - row.started)


def _taker(work: Work, standing: Standing) -> Group | None:
    """Those that take, where there is but one kind of threads left that may be them, and they mostly wait."""
    others = [
        group
        for group in groups_of(work, Counter())
        if group.total >= _WORTH * work.wall_ns and not any(strand.name in standing.names for strand in group.strands)
    ]
    is_clear = len(others) == 1 and others[0].kind in (Kind.IO, Kind.TIMER)
    return others[0] if is_clear else None


def _advice(work: Work, standing: Standing, taker: Group) -> Advice:
    many = len(taker.strands)
    return Advice(
        hot=hot(work, taker),
        now=work.traced_model or "threads",
        model="",
        change=f"Let more than {many if many > 1 else 'one'} of them take from the queue, which is full: more threads that run "
        f"{taker.what}.",
        why=f"{standing.said}: the queue was full, so that those who take from it set the pace. {does(taker)}, and more of them "
        "wait side by side; under another model as many would take as long.",
        confidence="medium",
        wall_before_s=work.wall_ns / 1e9,
        costs=prices.of_threads(False),
        to_be_sure="Whether they may take things side by side, in another order, the trace does not say.",
    )
