"""Alike: the subjects of two traces made comparable, names that differ by a number as one and sums as means. Compares none.

A program that has four consumers in place of one, or 500 tasks in place of 300, did not change what one of them does.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from tracekit.analyze import words
from tracekit.analyze.subjects import MANY, THREADS, UNIT, Number, Subject

MEANS = ("took", "ran", "ready", "awaited", "queued")  # of a unit, of each time that it was there

_NUMBERED = re.compile(r"(?P<stem>.*[^-_ #:\d])[-_ #:]*(\d+|\*)")
# A span's name, and a job's, is that of one thing to do.
_OF_MANY = ((UNIT, "task"), (UNIT, "thread"), (UNIT, "process"), (THREADS, ""))

_Crowd = tuple[str, str, str, str]  # topic, form, name without the number, coroutine


def alike(before: Iterable[Subject], after: Iterable[Subject]) -> tuple[list[Subject], list[Subject]]:
    """The subjects of both: those whose names differ by a number only together, and of units means in place of sums."""
    both = list(before), list(after)
    names: defaultdict[_Crowd, set[str]] = defaultdict(set)
    for row in (*both[0], *both[1]):
        names[_crowd(row)].add(row.name)
    crowds = {crowd for crowd, own in names.items() if len(own) > 1 and crowd[:2] in _OF_MANY}
    old, new = ([_of_each(row) for row in _folded(rows, crowds)] for rows in both)
    return old, new


def _crowd(row: Subject) -> _Crowd:
    numbered = _NUMBERED.fullmatch(row.name)
    return row.topic, row.form, numbered["stem"] if numbered else row.name, row.place.function


def _folded(rows: list[Subject], crowds: set[_Crowd]) -> list[Subject]:
    groups: defaultdict[_Crowd, list[Subject]] = defaultdict(list)
    whole = []
    for row in rows:
        crowd = _crowd(row)
        if crowd in crowds:
            groups[crowd].append(row)
        else:
            whole.append(row)
    return [*whole, *(_together(crowd, group) for crowd, group in groups.items())]


def _together(crowd: _Crowd, rows: list[Subject]) -> Subject:
    *_, stem, coroutine = crowd
    names = {name for row in rows for name in row.numbers}
    numbers = {name: _added(name, [row for row in rows if name in row.numbers]) for name in names}
    return replace(rows[0], name=stem, what=words.task_label(stem, coroutine), numbers=numbers)


def _added(name: str, rows: list[Subject]) -> Number:
    own = [row.numbers[name] for row in rows]
    values = [number.value for number in own]
    if name == "longest":
        return max(own)
    if name != "took":
        return Number(sum(values), round(math.hypot(*(number.chance for number in own))))
    times = [_times(row) for row in rows]
    mean = sum(value * count for value, count in zip(values, times)) / sum(times)
    apart = 2 * statistics.pstdev(values) / len(values) ** 0.5 if len(values) > MANY else 0.0
    chance = math.hypot(*(number.chance * count for number, count in zip(own, times))) / sum(times)
    return Number(round(mean), round(max(chance, apart)))


def _of_each(row: Subject) -> Subject:
    if row.topic != UNIT:
        return row
    times = _times(row)
    numbers = {
        name: Number(round(number.value / times), round(number.chance / times))
        if name in MEANS and name != "took"
        else number
        for name, number in row.numbers.items()
        if (row.form, name) != ("job", "ran")  # which is how long it took
    }
    return replace(row, numbers=numbers)


def _times(row: Subject) -> int:
    return max(1, row.numbers["times"].value) if "times" in row.numbers else 1
