"""Slices as they are added: one by one and many at once come to the same. Knows columns, and no trace."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracekit.model import gathered
from tracekit.model.gathered import Gathered

NAMES = ("track", "start", "end", "name", "category", "flags", "task", "args")
ROW = st.tuples(
    *(
        st.integers(low, high)
        for low, high in ((0, 9), (0, 2**62), (0, 2**62), (0, 9), (1, 20), (0, 255), (-1, 9), (-1, 9))
    )
)


def rows_of(slices: Gathered) -> list[tuple[int, ...]]:
    """The rows of all columns."""
    return list(zip(*(slices.column(name).tolist() for name in NAMES)))


@settings(deadline=None)
@given(st.lists(ROW, max_size=9), st.integers(0, 9))
def test_one_by_one_and_many(rows: list[tuple[int, ...]], alone: int) -> None:
    """Handles count on, nothing ends before it starts, and it is all the same how slices were added."""
    slices = Gathered()
    assert [slices.add(*row) for row in rows[:alone]] == list(range(len(rows[:alone])))
    columns = np.array(rows[alone:], np.int64).reshape(-1, len(NAMES)).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gathered, "_AT_A_TIME", 2)
        assert slices.extend(columns.shape[1], *columns) == len(rows[:alone])
    expected = [(track, start, max(start, end), *rest) for track, start, end, *rest in rows]
    assert rows_of(slices) == expected
    assert len(slices) == len(rows)


def test_one_number_for_all() -> None:
    """What all slices have in common is given once, and a list is as good as an array."""
    slices = Gathered()
    slices.extend(2, 3, [10, 20], [15, 25], 1, 5, 0, -1, [-1, 7])
    assert rows_of(slices) == [(3, 10, 15, 1, 5, 0, -1, -1), (3, 20, 25, 1, 5, 0, -1, 7)]


def test_an_end_moves() -> None:
    """The end of a slice moves, but never before its start, and flags add up."""
    slices = Gathered()
    handle = slices.add(0, 10, 10, 0, 5, 1, -1, -1)
    slices.move_end(handle, 30, 2)
    assert rows_of(slices)[handle][2:6] == (30, 0, 5, 3)
    slices.move_end(handle, 5, 0)
    assert rows_of(slices)[handle][2] == 10
