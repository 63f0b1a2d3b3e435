"""Division: what stretches of a thread's time needed, with nobody in the way: computing, waiting. Knows no strand.

A thread is looked at a thousand times a second at best, which tells nothing of a single short stretch: so short ones are divided
as all of their kind are together. Time in which a thread could have gone on, but had no core or no GIL, is not in it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from tracekit.analyze.where import Where
from tracekit.model.trace import Trace
from tracekit.predict.parts import Kind, Piece

_LONG_NS = 30_000_000  # a stretch as long as that is divided by what was seen of itself
_ENOUGH = 0.5  # of the time must have been seen
_ALTERNATE_NS = 5_000_000  # computing that is partly without the GIL takes and leaves it about so often
_MOST_PARTS = 16
_UNSEEN_SPREAD = 0.2
_NAMED = 3
_LITTLE = 0.02  # of the time: less is what looks at the wrong moment say


@dataclass(frozen=True, slots=True)
class Stint:
    """A stretch of a thread's time; `kind` says which ones are alike, `computes` what it did where nobody looked."""

    thread: int
    start: int
    end: int
    kind: str
    computes: bool


@dataclass(frozen=True, slots=True)
class Needs:
    """What a stint needed, ns: the GIL, a core without the GIL, the outside, a timer; `seen`: the share that was looked at."""

    gil: int
    free: int
    outside: int
    timer: int
    seen: float


class Divider:
    """Divides stints, all of which must be known before the first is divided.

    Attributes:
        untold: the kinds of stints of which too little was seen to divide them, and their time.
        ungilled: whether nobody said of the computing whether it needed the GIL.
    """

    def __init__(self, trace: Trace, stints: list[Stint]) -> None:
        self._where = Where(trace)
        self.untold: dict[str, int] = {}
        self.ungilled = False
        self._needs: dict[Stint, Needs] = {}
        by_kind: defaultdict[str, list[Stint]] = defaultdict(list)
        for stint in dict.fromkeys(stints):
            by_kind[stint.kind].append(stint)
        for kind, alike in by_kind.items():
            self._divide(kind, alike)

    def needs(self, stint: Stint) -> Needs:
        """What one of them needed."""
        return self._needs[stint]

    def spread(self) -> float:
        """How uncertain the divided times are, as a share of them, for what was not seen."""
        length = sum(stint.end - stint.start for stint in self._needs)
        seen = sum((stint.end - stint.start) * needs.seen for stint, needs in self._needs.items())
        return _UNSEEN_SPREAD * (1 - seen / length) if length else 0.0

    def notes(self) -> list[str]:
        """What could not be told; a sentence each."""
        notes = []
        if self.untold:
            named = ", ".join(sorted(self.untold)[:_NAMED])
            notes.append(
                f"too little was seen of {named} to tell computing from waiting: it takes a longer run, or more looks a second"
            )
        if self.ungilled:
            notes.append("nobody said whether the computing needed the GIL; it is taken to")
        return notes

    def _divide(self, kind: str, alike: list[Stint]) -> None:
        rows = self._rows(alike)
        whole = _sum(rows)
        length, seen = sum(whole.values()), sum(whole.values()) - whole["unseen"]
        if length and seen < _ENOUGH * length:
            self.untold[kind] = length
        computed = whole["gil"] + whole["native"] + whole["cpu"]
        self.ungilled |= whole["cpu"] > computed / 2 and computed > length / 10
        for stint, row in zip(alike, rows):
            own = sum(row.values())
            told = own >= _LONG_NS and row["unseen"] < (1 - _ENOUGH) * own
            self._needs[stint] = _needs(own, row if told else whole, stint.computes)

    def _rows(self, stints: list[Stint]) -> list[dict[str, int]]:
        """Where the time of each went; those of one thread are looked up at once, as there may be very many."""
        by_thread: defaultdict[int, list[int]] = defaultdict(list)
        for at, stint in enumerate(stints):
            by_thread[stint.thread].append(at)
        rows: list[dict[str, int]] = [{}] * len(stints)
        for thread, places in by_thread.items():
            start = np.array([stints[at].start for at in places], np.int64)
            end = np.maximum(start, np.array([stints[at].end for at in places], np.int64))
            columns = {kind: column.tolist() for kind, column in self._where.many(thread, start, end).items()}
            for place, at in enumerate(places):
                rows[at] = {kind: max(0, column[place]) for kind, column in columns.items()}
        return rows


def _sum(rows: list[dict[str, int]]) -> dict[str, int]:
    return {kind: sum(row[kind] for row in rows) for kind in rows[0]}


def _needs(length: int, seen: dict[str, int], computes: bool) -> Needs:
    """A stretch of some length, divided as what was seen."""
    told = sum(seen.values()) - seen["unseen"]
    if told < _ENOUGH * (told + seen["unseen"]) or not told:
        return Needs(length, 0, 0, 0, 0.0) if computes else Needs(0, 0, length, 0, 0.0)

    def part(*kinds: str) -> int:
        share = sum(seen[kind] for kind in kinds) / told
        return round(length * share) if share >= _LITTLE else 0

    return Needs(
        gil=part("gil", "cpu"),
        free=part("native"),
        outside=part("io", "lock", "other"),
        timer=part("timer"),
        seen=told / (told + seen["unseen"]),
    )


def summed(parts: list[Needs]) -> Needs:
    """What several stints needed together."""
    seen = sum(part.seen for part in parts) / len(parts) if parts else 1.0
    columns = zip(*((part.gil, part.free, part.outside, part.timer) for part in parts))
    gil, free, outside, timer = (sum(column) for column in columns) if parts else (0, 0, 0, 0)
    return Needs(gil, free, outside, timer, seen)


def _computing(at: int, gil: int, free: int) -> list[Piece]:
    if not free or not gil:
        return [Piece(kind, ns, at) for kind, ns in ((Kind.GIL, gil), (Kind.FREE, free)) if ns]
    parts = max(1, min(_MOST_PARTS, (gil + free) // _ALTERNATE_NS))
    return [Piece(Kind.GIL, gil // parts, at), Piece(Kind.FREE, free // parts, at)] * parts


def pieces_of(needs: Needs, step: int) -> list[Piece]:
    """What is needed, in an order that is likely: computing comes before the waiting, and after it."""
    waits = needs.outside + needs.timer
    if not waits:
        return _computing(step, needs.gil, needs.free)
    before = _computing(step, needs.gil // 2, needs.free // 2)
    after = _computing(step, needs.gil - needs.gil // 2, needs.free - needs.free // 2)
    return [*before, Piece(Kind.IO, waits, step), *after]
