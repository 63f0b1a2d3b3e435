"""Unlocked: how much of what a thread ran between two samples it ran without the GIL. Knows figures, and no state or track.

A look at a thread that runs says whether it had the GIL just then. What ran between two samples is divided as the looks at both
ends say; where it was not seen to run at either end, as those nearest to it, and far from any as all of them together.

Whoever waits for a processor looks as if it ran. Where one was taken from it, that says nothing of the GIL; but who was woken to
go on with Python has none yet. So where a thread waited for processors and for other things, looks without the GIL may be such
waits: all of them that can be, or no larger a part of them than of the others. What is told then lies in the middle, and
nothing is told where these are too far apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracekit.load.samples import Samples
from tracekit.model.trace import Float64, Int64

_NEAR_NS = 200_000_000  # so far away a look tells of what ran
_WINDOW_NS = 1_000_000_000  # so much is looked at together to tell how many looks were waits
_MOST_DOUBT = 0.5  # of what ran
_WAITED = 50  # a thread that waited for less than one part of so many was not woken


def at_looks(samples: Samples) -> Float64:
    """The share of the looks at each sample at which it ran without the GIL; 0 where there were none."""
    share: Float64 = samples.free / np.maximum(samples.held + samples.free, 1)
    return share


def unlocked(samples: Samples, running: Int64, runnable: Int64) -> Int64 | None:
    """For how long a thread ran without the GIL between each two samples, in ns; None where that is not told.

    Args:
        running, runnable: for how long it ran between them, and waited for a processor, in ns.
    """
    if not len(running) or not (samples.held.any() or samples.free.any()):
        return None
    share = _shares(samples)
    length = np.diff(samples.time)
    queued = np.where(length - running - runnable > length // _WAITED, runnable, 0)
    low, high = _bounds(samples.time[:-1], share, running, queued)
    if ((high - low) * running).sum() > _MOST_DOUBT * running.sum():
        return None
    true = (low + high) / 2
    found: Int64 = np.rint(running * share * np.divide(true, high, out=np.ones_like(true), where=high > 0)).astype(
        np.int64
    )
    return found


def _bounds(time: Int64, share: Float64, running: Int64, queued: Int64) -> tuple[Float64, Float64]:
    """How much ran without the GIL at least and at most in the window in which each interval lies, as a share of what ran.

    Args:
        queued: for how long it may have waited for a processor to go on with Python.
    """
    window = (time - time[0]) // _WINDOW_NS
    ran, waited, free = (np.bincount(window, column) for column in (running, queued, running * share))
    high = free / np.maximum(ran, 1)
    waits = waited / np.maximum(ran + waited, 1)
    low = np.clip((high - waits) / np.maximum(1 - waits, 1e-9), 0, high)
    return low[window], high[window]


def _shares(samples: Samples) -> Float64:
    """The share of the looks at which it had no GIL, between each two samples."""
    looks, at_look = samples.held + samples.free, at_looks(samples)
    told = looks > 0
    ends = told[:-1].astype(np.int64) + told[1:]
    between = (at_look[:-1] + at_look[1:]) / np.maximum(ends, 1)
    between = np.where(looks[1:] > 1, at_look[1:], between)  # some of these lie inside
    overall = float(samples.free.sum()) / float(looks.sum())
    shares: Float64 = np.where(ends > 0, between, _around(samples.time, at_look, told, overall))
    return shares


def _around(time: Int64, share: Float64, told: NDArray[np.bool_], overall: float) -> Float64:
    """For each interval what the looks nearest to it say, before and after it."""
    at, last = np.arange(len(time)), len(time) - 1
    before = np.maximum.accumulate(np.where(told, at, -1))[:-1]
    after = np.minimum.accumulate(np.where(told, at, len(time))[::-1])[::-1][1:]
    has_before = (before >= 0) & (time[1:] - time[np.maximum(before, 0)] <= _NEAR_NS)
    has_after = (after <= last) & (time[np.minimum(after, last)] - time[:-1] <= _NEAR_NS)
    count = has_before.astype(np.int64) + has_after
    total = share[np.maximum(before, 0)] * has_before + share[np.minimum(after, last)] * has_after
    found: Float64 = np.where(count > 0, total / np.maximum(count, 1), overall)
    return found
