"""Rounds: times cases against each other, each once a round in an order that is shuffled anew. Knows no case.

Machines drift from minute to minute; what two cases cost in the same round drifts together. So a ratio is taken in each
round, and the median of the ratios counts, not the ratio of the medians.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

Figures = dict[str, list[float]]  # key of a case -> ns for one turn, a number a round

_MOST_TURNS = 200_000
_FEWEST_TURNS = 50
_STRETCH = 32  # turns; a page has room for the records of 128 spans


@dataclass
class Case:
    """One thing to time.

    Args:
        key: what to call it.
        cost: what one turn takes in ns, measured over so many turns; see `loop`.
        around: entered before, left after; not timed.
        turns: how many; 0: as many as fit into the time for one case.
    """

    key: str
    cost: Callable[[int], float]
    around: Callable[[], AbstractContextManager[Any]] = field(default=nullcontext)
    turns: int = 0

    def time(self, turns: int) -> float:
        """ns for one turn."""
        with self.around():
            self.cost(_FEWEST_TURNS)
            gc.collect()
            return self.cost(turns)


def loop(statement: str, names: dict[str, Any]) -> Callable[[int], float]:
    """What a statement costs in a loop that does nothing else, the loop taken off.

    Args:
        statement: one line; it may await, if what it awaits never waits.
        names: what the statement's names mean.
    """
    drive, run = _compiled(statement, names)

    def cost(turns: int) -> float:
        empty = min(_clocked(_call, _nothing, turns) for _ in range(3))
        return (_clocked(drive, run, turns) - empty) / turns

    return cost


def stretches(statement: str, names: dict[str, Any]) -> Callable[[int], float]:
    """As `loop`, but what it costs most of the time: without what happens in fewer than half of many short stretches."""
    drive, run = _compiled(statement, names)

    def cost(turns: int) -> float:
        many = range(max(turns // _STRETCH, 9))
        empty = statistics.median(_clocked(_call, _nothing, _STRETCH) for _ in many)
        return (statistics.median(_clocked(drive, run, _STRETCH) for _ in many) - empty) / _STRETCH

    return cost


def _compiled(statement: str, names: dict[str, Any]) -> tuple[Callable[[Any, int], None], Any]:
    used = [name for name in names if name in statement]
    kind = "async def" if "await " in statement else "def"
    source = (
        f"def make(repeat, {', '.join(used)}):\n"
        f"    {kind} run(turns):\n        for _ in repeat(None, turns):\n            {statement}\n"
        "    return run\n"
    )
    scope: dict[str, Any] = {}
    exec(source, scope)
    run = scope["make"](repeat, *(names[name] for name in used))
    return (_drive if kind == "async def" else _call), run


def _nothing(turns: int) -> None:
    for _ in repeat(None, turns):
        pass


def _call(run: Any, turns: int) -> None:
    run(turns)


def _drive(run: Any, turns: int) -> None:
    try:
        run(turns).send(None)
    except StopIteration:
        return
    raise RuntimeError("the statement waited")


def _clocked(drive: Callable[[Any, int], None], run: Any, turns: int) -> int:
    start = time.perf_counter_ns()
    drive(run, turns)
    return time.perf_counter_ns() - start


def measure(cases: Iterable[Case], rounds: int, length_ns: int) -> Figures:
    """Times every case in every round, after a round to warm up.

    Args:
        cases: their keys differ.
        rounds: how many count.
        length_ns: about how long a case runs at a stretch.
    """
    order = list(cases)
    turns = {case.key: case.turns or _turns(case, length_ns) for case in order}
    figures: Figures = {case.key: [] for case in order}
    for number in range(rounds + 1):
        random.Random(number).shuffle(order)
        for case in order:
            cost = case.time(turns[case.key])
            if number:
                figures[case.key].append(cost)
    return figures


def _turns(case: Case, length_ns: int) -> int:
    turns = _FEWEST_TURNS
    while True:
        spent = max(case.time(turns) * turns, 1.0)
        if spent > length_ns / 10 or turns >= _MOST_TURNS:
            return int(min(max(turns * length_ns / spent, _FEWEST_TURNS), _MOST_TURNS))
        turns *= 8


def less(figures: Figures, key: str, plain: str) -> list[float]:
    """What a case costs more than another, round by round."""
    return [cost - bare for cost, bare in zip(figures[key], figures[plain])]


def ratio(costs: list[float], floor: list[float]) -> float:
    """The median of the rounds' own ratios."""
    return statistics.median(cost / max(bare, 0.1) for cost, bare in zip(costs, floor))


@dataclass(frozen=True)
class Spread:
    """The middle of some numbers, and where the middle half of them lies."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, numbers: Iterable[float]) -> Spread:
        """The median and the quartiles of at least one number."""
        found = sorted(numbers)
        low, median, high = statistics.quantiles(found, n=4, method="inclusive") if len(found) > 1 else found * 3
        return cls(median, low, high)
