"""Nesting as numbers: which slice stays, moves or is cut. Knows no builder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracekit.model.nesting import _RANK, doubtful_by_numpy, lying_in, nest, sort_order
from tracekit.model.trace import Category
from tracekit.spool.core import core


def columns(*lists: list[int]) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], ...]:
    """Lists as columns."""
    return tuple(np.array(numbers, np.int64) for numbers in lists)


def test_many_overlaps_take_one_lane_each() -> None:
    """As many lanes are made as slices overlap at once, and a lane that is free again is used again."""
    made: list[int] = []

    def new_lane(_thread: int) -> int:
        made.append(len(made) + 1)
        return made[-1]

    start = list(range(0, 1000, 10))
    end = [time + 35 for time in start]
    nested = nest(*columns([0] * 100, start, end, [Category.SPAN] * 100), {}, [0], new_lane)
    assert len(made) == 3
    assert nested.end.tolist() == [time + 35 for time in start]
    assert nested.cut == 0


def test_without_a_home_spans_are_cut() -> None:
    """Where a track has no thread whose lanes could take a span, the span is cut like everything else."""
    nested = nest(*columns([0, 0], [0, 5], [10, 15], [Category.SPAN] * 2), {}, [-1], lambda _thread: 1)
    assert (nested.track.tolist(), nested.end.tolist(), nested.cut) == ([0, 0], [10, 10], 1)


def test_points_in_slices() -> None:
    """A point lies in a slice from its start to its end, both included, on that slice's track only."""
    slices = (np.array([0, 0, 2]), np.array([10, 12, 0]), np.array([30, 14, 5]))
    track = np.array([0, 0, 0, 0, 0, 1, 2, 2, 2])
    time = np.array([9, 10, 20, 30, 31, 20, 0, 5, 6])
    assert lying_in(track, time, *slices).tolist() == [False, True, True, True, False, False, True, True, False]


def test_points_far_away() -> None:
    """Points and slices are told apart also where tracks and times are so many that no number holds both."""
    track, time = np.array([0, 2**31 - 1, 2**31 - 1]), np.array([5, 2**60, 2**60 + 1])
    slices = (np.array([0, 2**31 - 1]), np.array([0, 2**59]), np.array([4, 2**60]))
    assert lying_in(track, time, *slices).tolist() == [False, True, False]


ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(0, 6), st.sampled_from(list(Category))), max_size=25
)


@settings(deadline=None)
@given(ROWS, st.booleans())
def test_the_order(rows: list[tuple[int, int, int, Category]], in_order: bool) -> None:
    """Slices are ordered by track, start, longest first, outer category, and then as they were given."""
    if in_order:
        rows.sort()
    track, start, length, category = columns(*([row[at] for row in rows] for at in range(4)))
    expected = np.lexsort((_RANK[category], -length, start, track))
    assert sort_order(track, start, start + length, category).tolist() == expected.tolist()


@pytest.mark.skipif(core.fast is None, reason="there is no core in C")
@settings(deadline=None)
@given(ROWS)
def test_both_cores_doubt(rows: list[tuple[int, int, int, Category]]) -> None:
    """The core in C finds the tracks on which a slice sticks out, as numpy does."""
    rows = sorted((track, start, -(start + length), category) for track, start, length, category in rows)
    track, start, end, _ = columns(*([row[at] for row in rows] for at in range(4)))
    assert core.fast.doubtful(track.astype(np.int32), start, -end) == doubtful_by_numpy(track, start, -end)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(0, 6)), max_size=25))
def test_only_what_does_not_nest_is_changed(rows: list[tuple[int, int, int]]) -> None:
    """On each track every slice keeps its end exactly if all of the track nested before; afterwards all do."""
    rows = sorted((track, start, -(start + length)) for track, start, length in rows)
    track, start, end = columns(*([row[at] for row in rows] for at in range(3)))
    before = -end
    nested = nest(track.copy(), start, before.copy(), np.full(len(rows), int(Category.GC)), {}, [-1] * 3, lambda _: 3)
    for own in range(3):
        mine = track == own
        pairs = list(zip(start[mine].tolist(), before[mine].tolist()))
        assert (nested.end[mine].tolist() == before[mine].tolist()) == nests(pairs)
        assert nests(list(zip(start[mine].tolist(), nested.end[mine].tolist())))


def nests(slices: list[tuple[int, int]]) -> bool:
    """Whether of any two slices the later one begins after the end of the other or ends within it."""
    return all(later[0] >= one[1] or later[1] <= one[1] for at, one in enumerate(slices) for later in slices[at + 1 :])
