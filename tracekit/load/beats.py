"""Beats: when looks were taken that saw a beacon, whatever clock they are stamped with. Knows no file.

The beacon does something else each millisecond, and writes down when (observe/beacon.py). A look that saw beat number n was taken
while that lasted. So it also says of the zero of its own clock that it lies between two times a millisecond apart; what most
looks agree on is far less than that, and tells when a look was taken inside of its beat, or between two.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracekit.model.trace import Int64


class Zero(NamedTuple):
    """The zero of a clock.

    Attributes:
        time: ns; what a look is stamped with is counted from there.
        error: ns; it may be so much earlier or later.
        looks: that agree on it.
    """

    time: int
    error: int
    looks: int


def find_zero(beats: Int64, stamps: Int64, numbers: Int64) -> Zero | None:
    """The zero that most looks agree on; None where no look saw a beat.

    Args:
        beats: when each one began, and when the last one had ended: ns, by the clock that counts.
        stamps: of looks: ns by the other clock.
        numbers: of the beat that each look saw, from 0; others: none.
    """
    known = (numbers >= 0) & (numbers < len(beats) - 1)
    stamp, number = stamps[known], numbers[known]
    if not len(stamp):
        return None
    edges = np.concatenate((beats[number] - stamp, beats[number + 1] - stamp))
    steps = np.repeat((1, -1), len(stamp))
    order = np.lexsort((steps, edges))  # where one ends and another begins, they do not overlap
    edges, agreeing = edges[order], np.cumsum(steps[order])
    best = int(np.argmax(agreeing))
    low, high = int(edges[best]), int(edges[best + 1])
    return Zero((low + high) // 2, (high - low + 1) // 2, int(agreeing[best]))


def times_of(beats: Int64, stamps: Int64, numbers: Int64, zero: Zero) -> Int64:
    """When each look was taken: not after the end of the beat that it saw, however late it was stamped; in order.

    Args:
        beats, stamps, numbers: as for `find_zero`; a number out of range is that of no beat.
    """
    times = stamps + zero.time
    known = np.flatnonzero((numbers >= 0) & (numbers < len(beats) - 1))
    times[known] = np.minimum(times[known], beats[numbers[known] + 1])
    ordered: Int64 = np.maximum.accumulate(times)
    return ordered
