"""Difference: what changed between two traces, of a program before and after a change. Knows no way to show it.

Two runs of the same program are never the same. A number has changed where it did so by more than its noise: a floor for its
unit, a share of it, and what chance may have done, as far as that shows within each trace.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

from tracekit.analyze.alike import MEANS, alike
from tracekit.analyze.place import Place
from tracekit.analyze.sides import Side, notes, side_of
from tracekit.analyze.subjects import (
    COUNT,
    KIND,
    MANY,
    NUMBERS,
    PROGRAM,
    SAMPLED,
    SIZE,
    THREADS,
    TIME,
    UNIT,
    WAIT,
    Number,
    Subject,
    crowded,
    subjects,
)
from tracekit.model.trace import Trace

# Below that nothing counts: what is sampled a hundred times a second is known to two looks or so, and a program's weight is
# looked at once a second, whenever that is.
SHARES = {TIME: 0.05, SAMPLED: 0.1, SIZE: 0.25, COUNT: 0.0}
FLOORS = {TIME: 5_000_000, SAMPLED: 20_000_000, SIZE: 8_000_000, COUNT: 0}
SHARES_OF_WALL = {TIME: 0.01, SAMPLED: 0.03}
# How long threads wait for a core is others' doing as well: as much more as there was, and a share of the whole time.
_OTHERS, _OTHERS_OF_WALL = 0.5, 0.2
_CLEARLY = 0.1  # more or less often; how often what waits for something comes is chance besides
_RELIEF = 0.5  # of what is new, or twice as much: so much less as somebody else did
_NS_A_BYTE = 10  # of 10 MB more one should hear as early as of 100 ms more
_DOES = ("running", "poll", "io", "sleep")  # what somebody else can do for a thread
_EVERYWHERE = ("times", "queued")  # say something only beside others

_SubjectPair = tuple[Subject | None, Subject | None]


@dataclass(frozen=True, slots=True)
class Pair:
    """A number in both traces; None where it was not there. `noise` is how far apart they may be and yet mean nothing."""

    before: int | None
    after: int | None
    noise: int

    @property
    def delta(self) -> int:
        """How much more it is now; what was not there counts as nothing."""
        return (self.after or 0) - (self.before or 0)

    @property
    def changed(self) -> bool:
        """Whether that is more than noise."""
        return abs(self.delta) > self.noise


@dataclass(frozen=True, slots=True)
class Change:
    """A subject of both traces, or of one of them.

    Attributes:
        topic: "program", "block", "unit", "wait", "kind" or "threads".
        name: of the subject; `what` is that as a person says it.
        before, after: what it was: of a unit "task", "thread", "process", "job" or "span", of a wait who waited, of a kind which
            kind; "" where it was not there.
        place: in the code, as it is now, else as it was.
        numbers: by their names (subjects.NUMBERS); of a unit those in alike.MEANS are of each time that it was there.
        spent: of a kind, the shares of its time (work_kinds.KindRow) before and after.
    """

    topic: str
    name: str
    what: str
    before: str
    after: str
    place: Place
    numbers: dict[str, Pair]
    spent: tuple[dict[str, float], dict[str, float]] = field(default_factory=lambda: ({}, {}))

    @property
    def is_recounted(self) -> bool:
        """Whether there were clearly more of a unit, or clearly less, than there were."""
        pair = self.numbers.get("times")
        if self.topic != UNIT or pair is None or not pair.before or not pair.after:
            return False
        most = max(pair.before, pair.after)
        chance = math.sqrt(pair.before + pair.after) if most > MANY else 0
        return abs(pair.delta) > max(_CLEARLY * most, chance)

    @property
    def changed(self) -> list[str]:
        """The names of the numbers that changed beyond noise, the largest change first."""
        names = [name for name, pair in self.numbers.items() if pair.changed]
        return sorted(names, key=lambda name: -self._weight(name))

    @property
    def is_beyond_noise(self) -> bool:
        """Whether anything about it changed that a person should hear of."""
        counts = any(name not in _EVERYWHERE for name in self.changed)
        is_other = self.before != self.after and bool(self.before) and bool(self.after)
        return (counts or is_other or self.is_recounted) if self.topic != KIND else (counts and is_other)

    @property
    def weight(self) -> float:
        """How much it matters: roughly the ns."""
        return max((self._weight(name) for name in self.changed), default=0.0)

    def _weight(self, name: str) -> float:
        pair, unit = self.numbers[name], NUMBERS[name]
        times = self.numbers.get("times") if name in MEANS else None
        count = max(1, times.before or 0, times.after or 0) if times is not None else 1
        return 0.0 if unit == COUNT else float(abs(pair.delta)) * count * (_NS_A_BYTE if unit == SIZE else 1)


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed from `before` to `after`.

    Attributes:
        changes: all subjects, also those that did not change; those that changed most first.
        notes: what must be known before it is believed; a sentence each.
    """

    before: Side
    after: Side
    changes: list[Change]
    notes: list[str]

    def of(self, topic: str, beyond_noise: bool = True) -> list[Change]:
        """The changes of one topic; those within noise as well, where they are asked for."""
        return [row for row in self.changes if row.topic == topic and (row.is_beyond_noise or not beyond_noise)]

    @property
    def program(self) -> Change:
        """What changed of the program as a whole."""
        return next(row for row in self.changes if row.topic == PROGRAM)

    def relief(self, new: Change) -> tuple[str, Pair] | None:
        """What the main thread was seen to do less, by about as much as a new unit took: a state, and its time."""
        took, times = new.numbers.get("took"), new.numbers.get("times")
        main = next((row for row in self.changes if (row.topic, row.name) == (THREADS, "MainThread")), None)
        if main is None or took is None or took.before is not None or times is None:
            return None
        whole = (took.after or 0) * (times.after or 0)
        return next(
            (
                (name, main.numbers[name])
                for name in main.changed
                if name in _DOES and whole * _RELIEF <= -main.numbers[name].delta <= whole / _RELIEF
            ),
            None,
        )


def difference(before: Trace, after: Trace, threshold_ns: int) -> Difference:
    """What changed between two traces.

    Args:
        threshold_ns: a longer step of a loop is a block.
    """
    together = crowded(before) | crowded(after)
    first, second = alike(*(subjects(trace, together, threshold_ns) for trace in (before, after)))
    old, new = {row.key: row for row in first}, {row.key: row for row in second}
    sides = side_of(before), side_of(after)
    if not all(side.is_sampled for side in sides):
        for row in (*old.values(), *new.values()):
            row.numbers.pop("cpu", None)
    pairs = _reunited([(old.get(key), new.get(key)) for key, row in {**old, **new}.items() if _is_told(row, *sides)])
    wall = max(before.duration, after.duration)
    changes = [_change(*pair, wall) for pair in pairs]
    changes.sort(key=lambda row: (row.topic != PROGRAM, -row.weight))
    return Difference(*sides, changes, notes(*sides))


def _is_told(row: Subject, before: Side, after: Side) -> bool:
    """Whether both traces could have it: what an observer sees is not gone because nobody looked, nor a wait for a lock.

    What others on the machine had is in the notes, and no change of the program's.
    """
    if "runnable" in row.numbers and row.topic == WAIT and (before.cores_left, after.cores_left) != (None, None):
        return False
    if (row.topic, row.form) == (WAIT, "thread") and "total" in row.numbers:
        return before.has_locks and after.has_locks
    is_seen = row.topic == THREADS or (row.topic, row.form) == (WAIT, "thread")
    return not is_seen or (before.is_sampled and after.is_sampled)


def _reunited(pairs: list[_SubjectPair]) -> list[_SubjectPair]:
    """Units that are in one trace only, and in the other as something else: a task before, a job of a process pool now."""
    lost: defaultdict[str, list[Subject]] = defaultdict(list)
    for old, new in pairs:
        if old is not None and new is None and old.topic == UNIT:
            lost[old.name].append(old)
    whole, taken = [], set()
    for old, new in pairs:
        if old is None and new is not None and new.topic == UNIT and lost[new.name]:
            old = lost[new.name].pop()
            taken.add(old.key)
        whole.append((old, new))
    return [(old, new) for old, new in whole if new is not None or old is None or old.key not in taken]


def _change(old: Subject | None, new: Subject | None, wall: int) -> Change:
    sides = [side for side in (old, new) if side is not None]
    one = sides[-1]
    names = [name for name in NUMBERS if any(name in side.numbers for side in sides)]
    if one.topic == PROGRAM or len({side.form for side in sides}) > 1:  # what only one can tell is no change
        names = [name for name in names if all(name in side.numbers for side in sides)]
    place = one.place if one.place.file else sides[0].place
    # A mean of many is as much of the whole as all of them.
    many = max([1, *(side.numbers["times"].value for side in sides if "times" in side.numbers)])
    numbers = {
        name: _pair(name, _number(old, name), _number(new, name), wall, many if name in MEANS else 1) for name in names
    }
    what = max((side.what or side.name for side in sides), key=len)
    spent = old.shares if old is not None else {}, new.shares if new is not None else {}
    return Change(one.topic, one.name, what, _form(old), _form(new), place, numbers, spent)


def _form(side: Subject | None) -> str:
    return side.kind or side.form or side.topic if side is not None else ""


def _number(side: Subject | None, name: str) -> Number | None:
    return side.numbers.get(name) if side is not None else None


def _pair(name: str, old: Number | None, new: Number | None, wall: int, many: int) -> Pair:
    unit = NUMBERS[name]
    values = [number.value for number in (old, new) if number is not None]
    chance = math.hypot(*(number.chance for number in (old, new) if number is not None))
    least = max(FLOORS[unit], SHARES_OF_WALL.get(unit, 0) * wall if name != "wall" else 0)
    noise = round(max(least / many, SHARES[unit] * max(values), chance)) if name != "wall" else _of_wall(values, chance)
    if name == "runnable":
        noise = round(max(noise, _OTHERS * max(values), _OTHERS_OF_WALL * wall))
    return Pair(old.value if old else None, new.value if new else None, noise)


def _of_wall(values: list[int], chance: float) -> int:
    """That of the whole program's time, which nobody samples."""
    return round(max(FLOORS[SAMPLED], SHARES[TIME] * max(values), chance))
