"""Medians and how far they can be trusted. Runs nothing."""

from __future__ import annotations

import random
import statistics as reference

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tracekit.rounds.statistics import interval, median, percentile

values = some.lists(some.floats(-1e6, 1e6), min_size=1, max_size=40)


@given(values)
def test_median(numbers: list[float]) -> None:
    """It is the one that the standard library knows."""
    assert median(numbers) == pytest.approx(reference.median(numbers))


@given(values, some.floats(0, 1))
def test_percentile(numbers: list[float], share: float) -> None:
    """It lies among the values, and the ends are the least and the largest."""
    assert min(numbers) <= percentile(numbers, share) <= max(numbers)
    assert (percentile(numbers, 0), percentile(numbers, 1)) == (min(numbers), max(numbers))


def test_interval_of_few() -> None:
    """Of a single value there is none; fewer than six give all that there are."""
    assert interval([1.0]) is None
    assert interval([3.0, 1.0, 2.0, 5.0, 4.0]) == (1.0, 5.0)


def test_interval_narrows() -> None:
    """With nine values one at either end is cut off, with twenty, five."""
    assert interval([float(number) for number in range(9)]) == (1.0, 7.0)
    assert interval([float(number) for number in range(20)]) == (5.0, 14.0)


def test_interval_holds_the_median() -> None:
    """Of many samples, 95 of 100 intervals hold the true median, or more."""
    dice = random.Random(1)
    held = 0
    for _ in range(2000):
        low, high = interval([dice.expovariate(1) for _ in range(11)]) or (0.0, 0.0)
        held += low <= 0.6931 <= high
    assert held / 2000 >= 0.95
