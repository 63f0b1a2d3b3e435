"""Begins and ends, and slices that overlap. Knows columns of numbers only."""

from __future__ import annotations

import numpy as np
from foreign_events import unhurried
from hypothesis import given
from hypothesis import strategies as st

from tracekit.load.foreign.pairs import NAMELESS, crowded, fit, pair


def paired(*rows: tuple[int, int, int, int]) -> tuple[list[tuple[int, int]], list[int]]:
    """Pairs and lost ends of rows of line, time, whether it is an end, and name."""
    found = pair(*np.array(rows, np.int64).reshape(-1, 4).T)
    return list(zip(found.begin.tolist(), found.end.tolist())), found.lost.tolist()


def test_the_innermost_of_its_name() -> None:
    """An end closes the innermost begin of its name that is open on its line, one without a name the innermost of all."""
    assert paired((0, 0, 0, 5), (0, 1, 0, 6), (0, 2, 1, 5), (0, 3, 1, NAMELESS)) == ([(0, 2), (1, 3)], [])
    assert paired((0, 0, 0, 5), (0, 1, 0, 5), (0, 2, 1, 5), (0, 3, 1, 5)) == ([(0, 3), (1, 2)], [])
    assert paired((0, 0, 0, 5), (1, 1, 1, 5)) == ([(0, -1)], [1])
    assert paired((0, 0, 0, 5), (0, 1, 1, 6), (0, 2, 1, NAMELESS), (0, 3, 1, NAMELESS)) == ([(0, 2)], [1, 3])


def test_time_goes_before_the_order_of_rows() -> None:
    """Rows are taken by time, and by their order only where that is the same."""
    assert paired((0, 5, 1, 1), (0, 2, 0, 1)) == ([(1, 0)], [])
    assert paired((0, 2, 0, 1), (0, 2, 1, 1), (0, 2, 0, 1), (0, 2, 1, 1)) == ([(0, 1), (2, 3)], [])


ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 1), st.integers(0, 2)).map(
        lambda row: (*row[:3], NAMELESS if row[2] and row[3] == 2 else row[3])
    ),
    max_size=30,
)


@unhurried
@given(rows=ROWS)
def test_every_row_is_used_once(rows: list[tuple[int, int, int, int]]) -> None:
    """Each begin is in one pair, each end in one pair or lost; pairs agree in line and name, and run forwards."""
    pairs, lost = paired(*rows)
    ends = [end for _, end in pairs if end >= 0]
    assert sorted(begin for begin, _ in pairs) == [at for at, row in enumerate(rows) if not row[2]]
    assert sorted(ends + lost) == [at for at, row in enumerate(rows) if row[2]]
    for begin, end in pairs:
        if end >= 0:
            assert rows[begin][0] == rows[end][0]
            assert rows[end][3] in (NAMELESS, rows[begin][3])
            assert rows[begin][1] <= rows[end][1]


SLICES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), max_size=25)


@unhurried
@given(slices=SLICES, tolerance=st.integers(0, 3))
def test_what_is_left_nests(slices: list[tuple[int, int]], tolerance: int) -> None:
    """What does not go aside nests, and no end moves by more than the tolerance."""
    rows = sorted((start, -(start + length)) for start, length in slices)
    start, end = (np.array([sign * row[at] for row in rows], np.int64) for at, sign in ((0, 1), (1, -1)))
    fitted = fit(start, end, tolerance)
    moved = end - fitted.end
    assert int((moved > 0).sum()) == fitted.cut
    assert ((moved >= 0) & (moved <= tolerance * len(rows))).all()
    left = [(int(one), int(other)) for one, other in zip(start[~fitted.aside], fitted.end[~fitted.aside])]
    for at, (begin, stop) in enumerate(left):
        assert all(later >= stop or other <= stop for later, other in left[at + 1 :] if later > begin or other > begin)


def test_overlaps() -> None:
    """A slice that outlasts the one around it by rounding is cut, one that does so by more goes aside."""
    start, end = np.array([0, 5, 50]), np.array([100, 101, 200])
    fitted = fit(start, end, 1)
    assert (fitted.aside.tolist(), fitted.end.tolist(), fitted.cut) == ([False, False, True], [100, 100, 200], 1)


def test_crowds() -> None:
    """Only what begins while too many others are open is crowded out."""
    start, end = np.array([0, 1, 2, 3, 20]), np.array([10, 10, 10, 10, 30])
    assert crowded(start, end, 3).tolist() == [False, False, False, True, False]
