"""How much time slices cover together. Knows columns of starts and ends only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tracekit.model.trace import Int64


def covered(start: Int64, end: Int64) -> int:
    """The time (ns) inside any of some nested slices, given in the order of slices: parents before children."""
    if not len(start):
        return 0
    reached = np.concatenate((start[:1], np.maximum.accumulate(end)[:-1]))
    return int((end - start)[start >= reached].sum())


def covered_until(start: Int64, end: Int64) -> Callable[[Int64], Int64]:
    """How much time (ns) some slices, in order and none over another, cover up to a time: a function of times."""
    before = np.cumsum(end - start) - (end - start)

    def until(time: Int64) -> Int64:
        at = np.searchsorted(start, time, side="right") - 1
        found: Int64 = np.where(at < 0, 0, before[at] + np.minimum(time, end[at]) - start[at])
        return found

    return until
