"""Slices of a lane drawn together. Knows columns, and no picture."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracekit.export._thinned import thinned


@st.composite
def slices(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Some that follow each other, with or without gaps, of very different lengths."""
    steps = draw(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 200)), max_size=40))
    begin, end, at = [], [], 0
    for gap, length in steps:
        begin.append(at + gap)
        at += gap + length
        end.append(at)
    return np.array(begin, np.int64), np.array(end, np.int64)


@given(slices(), st.floats(1, 100), st.integers(2, 50))
def test_nothing_is_left_out(columns: tuple[np.ndarray, np.ndarray], pixel: float, most: int) -> None:
    """Every slice is in exactly one that is drawn, which tells how many they are and how long; there are never too many."""
    begin, end = columns
    drawn = thinned(begin, end, pixel, most)
    assert len(drawn) <= most
    assert drawn.count.sum() == len(begin)
    assert drawn.filled.sum() == (end - begin).sum()
    firsts = np.cumsum(drawn.count) - drawn.count
    for first, count, start, stop, longest in zip(firsts, drawn.count, drawn.begin, drawn.end, drawn.longest):
        assert start == begin[first]
        assert stop == end[first : first + count].max()
        assert first <= longest < first + count
        assert (end - begin)[longest] == (end - begin)[first : first + count].max()


def test_long_ones_stay_alone() -> None:
    """What is longer than a pixel is drawn as it is."""
    drawn = thinned(np.array([0, 10, 20]), np.array([10, 20, 30]), 5, 10)
    assert drawn.count.tolist() == [1, 1, 1]
    assert drawn.begin.tolist() == [0, 10, 20]


def test_short_ones_of_a_pixel_lie_together() -> None:
    """Short slices of one pixel are one; those of the next pixel are another."""
    drawn = thinned(np.array([0, 2, 4, 11]), np.array([1, 4, 5, 12]), 10, 10)
    assert drawn.count.tolist() == [3, 1]
    assert drawn.longest.tolist() == [1, 3]
    assert drawn.filled.tolist() == [4, 1]


def test_none() -> None:
    """No slices are none that are drawn."""
    assert len(thinned(np.zeros(0), np.zeros(0), 1.0, 5)) == 0
