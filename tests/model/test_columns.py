"""Columns: the same as numpy's own, only faster. Knows nothing of what they mean."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tracekit.model.columns import among, distinct, groups, numbered, numbers, of_kinds, sorted_places

columns = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 5))


@settings(deadline=None)
@given(column=columns)
def test_distinct(column: list[int]) -> None:
    """The values come in order, each once."""
    assert distinct(np.array(column, np.int64)).tolist() == sorted(set(column))


@settings(deadline=None)
@given(column=columns, values=columns)
def test_among(column: list[int], values: list[int]) -> None:
    """A number is among the values exactly if it is one of them."""
    found = among(np.array(column, np.int64), np.array(sorted(values), np.int64))
    assert found.tolist() == [number in values for number in column]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(-2, 2)), max_size=40))
def test_groups(rows: list[tuple[int, bool, int]]) -> None:
    """Rows that are alike have one number; numbers are given in the order in which such rows come first."""
    parts = [np.array([row[at] for row in rows], dtype) for at, dtype in enumerate((np.int64, np.bool_, np.int32))]
    first, number = groups(*parts)
    known: dict[tuple[int, bool, int], int] = {}
    assert number.tolist() == [known.setdefault(row, len(known)) for row in rows]
    assert [rows[at] for at in first.tolist()] == list(known)


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), max_size=30), st.lists(st.integers(-1, 10), max_size=30))
def test_sorted_places(values: list[int], wanted: list[int]) -> None:
    """Of a number that stands several times the last place is found, and of one that does not stand there none."""
    values.sort()
    at, found = sorted_places(np.array(values, np.int64), np.array(wanted, np.int64))
    assert found.tolist() == [number in values for number in wanted]
    for number, place in zip(np.array(wanted)[found].tolist(), at[found].tolist()):
        assert place == len(values) - 1 - values[::-1].index(number)


def test_numbers_are_few_at_a_time() -> None:
    """The rows of long columns come in their order, as Python's own numbers."""
    count = 40_000
    rows = list(numbers(np.arange(count), np.arange(count) % 2 == 0))
    assert rows == [(at, at % 2 == 0) for at in range(count)]
    assert type(rows[-1][0]) is int


@settings(deadline=None)
@given(st.lists(st.integers(0, 255)), st.lists(st.integers(0, 255)))
def test_of_kinds(column: list[int], kinds: list[int]) -> None:
    """A byte is of the kinds exactly if it is one of them."""
    assert of_kinds(np.array(column, np.uint8), kinds).tolist() == [kind in kinds for kind in column]


@settings(deadline=None)
@given(columns)
def test_numbered(column: list[int]) -> None:
    """The values come in order, each once, and each row leads to its own."""
    values, place = numbered(np.array(column, np.int64))
    assert values.tolist() == sorted(set(column))
    assert values[place].tolist() == column
