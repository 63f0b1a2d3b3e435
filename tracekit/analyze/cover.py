"""How much time slices cover together. Knows columns of starts and ends only."""

from __future__ import annotations

import numpy as np

from tracekit.model.trace import Int64


def covered(start: Int64, end: Int64) -> int:
    """The time (ns) inside any of some nested slices, given in the order of slices: parents before children."""
    if not len(start):
        return 0
    reached = np.concatenate((start[:1], np.maximum.accumulate(end)[:-1]))
    return int((end - start)[start >= reached].sum())
