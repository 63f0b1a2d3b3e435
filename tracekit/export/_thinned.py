"""Thinned: the slices of one lane, no more of them than can be told apart. Knows columns, and no picture.

What is shorter than a pixel is drawn together with its neighbours in that pixel, in the colour of the longest of them, and
says how many they are. Nothing is left out, so a lane never looks emptier than it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Thinned:
    """Columns of what is drawn, in order.

    Attributes:
        begin, end: where it lies, in the unit of what was given.
        longest: which of the given slices is the longest in it.
        count: how many of them it stands for.
        filled: how much of it they take.
    """

    begin: NDArray[Any]
    end: NDArray[Any]
    longest: NDArray[np.int64]
    count: NDArray[np.int64]
    filled: NDArray[Any]

    def __len__(self) -> int:
        return len(self.begin)


def thinned(begin: NDArray[Any], end: NDArray[Any], pixel: float, most: int) -> Thinned:
    """The slices of a lane as they are drawn.

    Args:
        begin, end: of the slices, sorted by begin.
        pixel: what a pixel is in their unit; more than 0.
        most: how many may be drawn; where it would be more, pixels are taken for larger ones.
    """
    length = end - begin
    while True:
        heads = np.flatnonzero(_parted(begin, length, pixel))
        if len(heads) <= most:
            break
        pixel *= 2
    if not len(heads):
        none = np.zeros(0, np.int64)
        return Thinned(begin[:0], end[:0], none, none, length[:0])
    count = np.diff(np.append(heads, len(begin)))
    group = np.repeat(np.arange(len(heads)), count)
    by_length = np.lexsort((length, group))  # the longest of a group comes last
    longest = by_length[np.cumsum(count) - 1]
    return Thinned(begin[heads], np.maximum.reduceat(end, heads), longest, count, np.add.reduceat(length, heads))


def _parted(begin: NDArray[Any], length: NDArray[Any], pixel: float) -> NDArray[np.bool_]:
    """For each slice whether it is drawn apart from the one before: either is long, or they lie in different pixels."""
    short = length < pixel
    cell = np.floor(begin / pixel)
    parted = np.ones(len(begin), bool)
    parted[1:] = ~(short[1:] & short[:-1] & (cell[1:] == cell[:-1]))
    return parted
