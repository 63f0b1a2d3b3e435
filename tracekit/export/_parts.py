"""Parts: the slices of a trace so many at a time, each part with those that are still open. Knows columns, and no format.

So whoever goes through ten million slices needs memory for one part only, and still sees what each slice lies in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit.model.trace import Int64, Slices

_ROWS = 1 << 15


class Part(NamedTuple):
    """Some slices, in their order.

    Attributes:
        rows: those that began in a part before and go on, then those that begin in this one; in the last part none begins.
        opened: how many of them began before.
        goes_on: for each whether it goes on behind this part.
    """

    rows: Int64
    opened: int
    goes_on: NDArray[np.bool_]


def parts(slices: Slices, hidden: NDArray[np.bool_] | None = None) -> Iterator[Part]:
    """Goes through all slices.

    Args:
        hidden: for each slice whether it is left out.
    """
    opened = np.zeros(0, np.int64)
    for begin in range(0, len(slices), _ROWS):
        end = min(begin + _ROWS, len(slices))
        new = np.arange(begin, end) if hidden is None else begin + np.flatnonzero(~hidden[begin:end])
        if not len(new):
            continue
        rows = np.concatenate((opened, new))
        goes_on = _goes_on(slices, rows)
        yield Part(rows, len(opened), goes_on)
        opened = rows[goes_on]
    yield Part(opened, len(opened), np.zeros(len(opened), np.bool_))


def _goes_on(slices: Slices, rows: Int64) -> NDArray[np.bool_]:
    """Which of these slices one that comes behind them may lie in."""
    track, start, end = slices.track[rows], slices.start[rows], slices.end[rows]
    # In a point lie the points of its time.
    around = (end > start[-1]) | ((start == end) & (start == start[-1]))
    going: NDArray[np.bool_] = around & (track == track[-1])
    return going
