"""Marks of a time axis. Knows numbers only."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.export._axis import ticks


@given(st.floats(1e-8, 1e7), st.integers(2, 128))
def test_ticks(last: float, most: int) -> None:
    """Marks begin at 0, are as far apart as each other, not too many, and no two of them say the same."""
    marks = ticks(last, most)
    assert marks[0] == (0.0, "0")
    assert len(marks) <= most + 1
    assert marks[-1][0] <= last * (1 + 1e-6)
    gaps = [after - before for (before, _), (after, _) in pairwise(marks)]
    assert all(gap == pytest.approx(gaps[0]) for gap in gaps)
    assert len({word for _, word in marks}) == len(marks)


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (3.05, ["0", "0.5 s", "1.0 s", "1.5 s", "2.0 s", "2.5 s", "3.0 s"]),
        (0.0042, ["0", "1 ms", "2 ms", "3 ms", "4 ms"]),
        (40, ["0", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s", "35 s", "40 s"]),
        (0, ["0"]),
    ],
)
def test_words(last: float, words: list[str]) -> None:
    """Marks say round times, in the unit of the whole axis."""
    assert [word for _, word in ticks(last, 8)] == words
