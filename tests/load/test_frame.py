"""Calls fitted into the slices of a recording: moved by a little, parted where they cross. Knows times only."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracekit.load.frame import Frame
from tracekit.model.trace import Int64

Pair = tuple[int, int]


def columns(pairs: list[Pair]) -> tuple[Int64, Int64]:
    start, end = np.array(pairs, np.int64).reshape(-1, 2).T
    return start, end


def parted(frame: list[Pair], calls: list[Pair]) -> list[tuple[int, int, int]]:
    found = Frame(*columns(frame)).parted(*columns(calls))
    return list(zip(*(column.tolist() for column in found)))


def settled(frame: list[Pair], calls: list[Pair], error: int) -> list[Pair]:
    start, end = Frame(*columns(frame)).settled(*columns(calls), error)
    return list(zip(start.tolist(), end.tolist()))


def test_what_nests_stays_whole() -> None:
    """A call around slices, within one, or beside all of them is one piece."""
    frame = [(10, 50), (20, 30), (60, 70)]
    calls = [(0, 100), (5, 55), (12, 48), (15, 35), (21, 29), (52, 58), (10, 50), (25, 25)]

    assert parted(frame, calls) == [(at, *call) for at, call in enumerate(calls)]


def test_what_crosses_is_parted_at_the_borders_that_it_crosses() -> None:
    """Not at those of slices that lie within it as a whole."""
    frame = [(10, 50), (20, 30), (40, 60)]  # the last one does not nest, and does not count

    assert parted(frame, [(5, 15), (15, 55), (25, 45), (5, 25)]) == [
        (0, 5, 10),
        (0, 10, 15),
        (1, 15, 50),
        (1, 50, 55),
        (2, 25, 30),
        (2, 30, 45),
        (3, 5, 10),
        (3, 10, 20),
        (3, 20, 25),
    ]


def test_the_error_of_clocks_moves_borders() -> None:
    """A call that begins a little too early or ends a little too late is in its slice, and in the one within that."""
    frame = [(100, 200), (103, 190)]

    assert settled(frame, [(95, 150)], 10) == [(103, 150)]
    assert settled(frame, [(150, 195)], 10) == [(150, 190)]
    assert settled(frame, [(102, 205), (80, 150), (95, 205), (150, 150)], 10) == [
        (102, 200),
        (80, 150),
        (95, 205),
        (150, 150),
    ]


pairs = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 30)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=12
)


@given(frame=pairs, calls=pairs, error=st.integers(0, 3))
def test_pieces_are_the_whole_and_cross_nothing(frame: list[Pair], calls: list[Pair], error: int) -> None:
    """The pieces of a call follow each other without a gap, and none of them crosses a slice that nests."""
    calls = settled(frame, calls, error) if calls else calls
    pieces = parted(frame, calls)
    nesting: list[Pair] = []
    for start, end in sorted(frame, key=lambda pair: (pair[0], -pair[1])):
        if all(end <= stop or start >= stop for _, stop in nesting):
            nesting.append((start, end))

    for at, call in enumerate(calls):
        own = [(start, end) for which, start, end in pieces if which == at]
        assert [own[0][0], own[-1][1]] == list(call)
        assert all(one[1] == other[0] for one, other in pairwise(own))
    for _, start, end in pieces:
        for begin, stop in nesting:
            assert not begin < start < stop < end
            assert not start < begin < end < stop
