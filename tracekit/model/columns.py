"""Columns: what numpy does too slowly to columns of millions of numbers. Knows nothing of what they mean."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracekit.model.trace import Int8, Int64

_AT_A_TIME = 1 << 14


def distinct(column: NDArray[Any]) -> Int64:
    """The values of a column in order, each once.

    np.unique hashes integers from numpy 2.3 on, which takes fifty times as long as to sort a million of them.
    """
    values = np.sort(column)
    first = np.ones(len(values), np.bool_)
    first[1:] = values[1:] != values[:-1]
    return values[first].astype(np.int64, copy=False)


def among(column: Int64, values: Int64) -> NDArray[np.bool_]:
    """For each number of a column whether it is one of `values`, which are in order; np.isin is slow likewise."""
    if not len(values):
        return np.zeros(len(column), np.bool_)
    found: NDArray[np.bool_] = values[np.minimum(np.searchsorted(values, column), len(values) - 1)] == column
    return found


def of_kinds(kind: Int8, kinds: Collection[int]) -> NDArray[np.bool_]:
    """For each byte of a column whether it is one of a few."""
    table = np.zeros(256, np.bool_)
    table[list(kinds)] = True
    return table[kind]


def numbered(column: NDArray[Any]) -> tuple[Int64, NDArray[np.intp]]:
    """The values of a column of small numbers, each once, in order, and for each row the place of its value among them."""
    if not len(column) or int(column.min()) < 0 or int(column.max()) > 4 * len(column):
        values, place = np.unique(column, return_inverse=True)
        return values.astype(np.int64), place.reshape(-1)
    there = np.zeros(int(column.max()) + 1, np.bool_)
    there[column] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[column]


def sorted_places(values: Int64, wanted: Int64) -> tuple[Int64, NDArray[np.bool_]]:
    """For each number that is wanted the last place at which it stands in `values`, which are in order, and whether it does."""
    at = (np.searchsorted(values, wanted, side="right") - 1).astype(np.int64)
    found = at >= 0
    if len(values):
        found &= values[np.maximum(at, 0)] == wanted
    return at, found


def groups(*columns: NDArray[Any]) -> tuple[Int64, Int64]:
    """Rows that are alike in all of the columns: the first row of each group, in their order, and the group of each row."""
    count = len(columns[0])
    which = [column for column in columns if count and (column != column[0]).any()]
    if not which:
        return np.arange(min(count, 1)), np.zeros(count, np.int64)
    order = np.lexsort(which[::-1]) if len(which) > 1 else np.argsort(which[0], kind="stable")
    new = np.ones(count, np.bool_)
    new[1:] = False
    for column in which:
        ordered = column[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    first, number = order[new], np.empty(count, np.int64)
    # Groups are numbered by their first rows, so that nothing depends on what the numbers in the columns are.
    by_row = np.argsort(first, kind="stable")
    rank = np.empty(len(first), np.int64)
    rank[by_row] = np.arange(len(first))
    number[order] = rank[np.cumsum(new) - 1]
    return first[by_row].astype(np.int64), number


def extend(*columns: tuple[array[int], NDArray[Any]]) -> None:
    """Adds a column of numbers to the end of each array."""
    for flat, column in columns:
        flat.frombytes(column.astype(flat.typecode, copy=False).tobytes())


def numbers(*columns: NDArray[Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of columns as Python's own numbers, of which there are few at a time: each takes the memory of four."""
    for begin in range(0, len(columns[0]), _AT_A_TIME):
        yield from zip(*(column[begin : begin + _AT_A_TIME].tolist() for column in columns))
