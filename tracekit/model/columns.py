"""Columns: what numpy does too slowly to columns of millions of numbers. Knows nothing of what they mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracekit.model.trace import Int64


def distinct(column: Int64) -> Int64:
    """The values of a column in order, each once.

    np.unique hashes integers from numpy 2.3 on, which takes fifty times as long as to sort a million of them.
    """
    values = np.sort(column)
    first = np.ones(len(values), np.bool_)
    first[1:] = values[1:] != values[:-1]
    return values[first]


def among(column: Int64, values: Int64) -> NDArray[np.bool_]:
    """For each number of a column whether it is one of `values`, which are in order; np.isin is slow likewise."""
    if not len(values):
        return np.zeros(len(column), np.bool_)
    found: NDArray[np.bool_] = values[np.minimum(np.searchsorted(values, column), len(values) - 1)] == column
    return found
