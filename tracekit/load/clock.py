"""Clock: turns processor ticks into nanoseconds of CLOCK_MONOTONIC, for all spools of a session alike. Knows no trace.

Where a spool's times are ticks, anchors tell what both clocks showed at one moment: in headers, in CLOCK records, in the
session's description. All of them together make one conversion, so that no effect precedes its cause in another process.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tracekit import events
from tracekit.model.trace import Float64, Int64
from tracekit.spool import layout
from tracekit.spool.reader import Header, Spool
from tracekit.spool.records import ThreadRecords, Words

_LATEST = 1 << 62  # of ns and of ticks: what is later is damage
_RATE_ERROR = 1e-3  # how far a clock's rate strays at most: NTP slews by 500 ppm
_LONG = 1_000_000_000  # ns: a stretch that gives the rate beyond its end, however the two readings were apart
_MOST_BEFORE = 86_400_000_000_000  # ns before the first anchor; nothing can be as old
_USUAL_RATE = 0.4  # ns a tick, of a processor of 2.5 GHz
_LEAST_RATE, _MOST_RATE = 0.01, 100.0  # of any processor; what is beyond is damage


def convert(spools: list[Spool], more: Iterable[tuple[int, int]] = ()) -> list[str]:
    """Turns the times of all records, and `Header.let_go`, into ns of CLOCK_MONOTONIC, in place.

    Args:
        more: anchors from elsewhere, ticks and ns.

    Returns:
        What is to be known about it, a sentence each.
    """
    ticking = [spool for spool in spools if spool.header.clock == layout.CLOCK_TSC]
    if not ticking:
        return []
    clock = Clock([*more, *(anchor for spool in ticking for anchor in _anchors(spool))])
    for spool in ticking:
        for thread in spool.threads:
            _convert(thread, clock)
        let_go = spool.header.let_go
        if let_go:
            spool.header.let_go = max(1, int(clock.ns(np.array([let_go], np.uint64))[0]))
    if clock.measured:
        return []
    return ["how fast the processor's clock runs was not recorded: all times of this trace are estimates"]


class Clock:
    """One conversion of ticks: straight between anchors, and beyond the first and the last at the rate nearby.

    Args:
        anchors: ticks and ns at one moment, in any order; damaged ones are found by their disagreement and left out.
    """

    def __init__(self, anchors: Iterable[tuple[int, int]]) -> None:
        sound = {(ticks, ns) for ticks, ns in anchors if 0 < ticks < _LATEST and 0 < ns < _LATEST}
        ticks, ns = np.array(sorted(sound) or [(0, 0)], np.int64).T
        rate = _rate(ticks, ns)
        self.measured = rate > 0
        rate = rate or _USUAL_RATE
        kept = _longest_chain(ticks, ns, rate)
        self._origin, self._origin_ns = int(ticks[kept[0]]), int(ns[kept[0]])
        self._ticks, self._ns = _with_ends(
            (ticks[kept] - self._origin).astype(np.float64), (ns[kept] - self._origin_ns).astype(np.float64), rate
        )

    def ns(self, ticks: Words) -> Words:
        """What CLOCK_MONOTONIC showed at these times; never before 0, and never so late as to be damage."""
        since = np.minimum(ticks, np.uint64(_LATEST)).view(np.int64)
        since -= self._origin
        passed = np.interp(since.astype(np.float64), self._ticks, self._ns)
        # In place: of millions of times each copy takes as long as what is done with it.
        np.rint(passed, out=passed)
        np.clip(passed, -self._origin_ns, _LATEST - self._origin_ns, out=passed)
        whole = passed.astype(np.int64)
        whole += self._origin_ns
        np.clip(whole, 0, _LATEST - 1, out=whole)
        found: Words = whole.view(np.uint64)
        return found


def _convert(thread: ThreadRecords, clock: Clock) -> None:
    """Details have no time."""
    head = thread.kind < events.FIRST_DETAIL
    if head.all():
        thread.time = clock.ns(thread.time)
    else:
        thread.time[head] = clock.ns(thread.time[head])


def _anchors(spool: Spool) -> Iterable[tuple[int, int]]:
    header: Header = spool.header
    yield header.start_reading, header.start_monotonic
    yield header.end_reading, header.end_monotonic
    for thread in spool.threads:
        for at in np.flatnonzero(thread.kind[:-1] == events.CLOCK).tolist():
            if thread.kind[at + 1] == events.READING and thread.slot[at + 1] == thread.slot[at] + 1:
                yield int(thread.time[at]), int(thread.time[at + 1])


def _rate(ticks: Int64, ns: Int64) -> float:
    """Ns a tick, as the middle one of many pairs of anchors far apart has it; 0 where there is none."""
    half = (len(ticks) + 1) // 2
    passed, taken = ticks[half:] - ticks[:-half], ns[half:] - ns[:-half]
    rates = taken / np.maximum(passed, 1)
    rates = np.sort(rates[(passed > 0) & (rates > _LEAST_RATE) & (rates < _MOST_RATE)])
    # Not np.median, for which numpy imports half of itself.
    return float(rates[(len(rates) - 1) // 2] + rates[len(rates) // 2]) / 2 if len(rates) else 0.0


def _longest_chain(ticks: Int64, ns: Int64, rate: float) -> NDArray[np.intp]:
    """The most anchors that can be true together, given how little a clock's rate strays; in order.

    One anchor can follow another one where neither the slowest nor the fastest clock makes it impossible: both of two
    numbers must not fall. So it is a longest rising subsequence.
    """
    passed = (ticks - ticks[0]).astype(np.float64) * rate
    taken = (ns - ns[0]).astype(np.float64)
    slack, lead = taken - passed * (1 - _RATE_ERROR), passed * (1 + _RATE_ERROR) - taken
    order = np.lexsort((lead, slack))
    best: list[float] = []  # the lowest lead at the end of a chain of each length
    ends: list[int] = []  # and whose it is
    before: dict[int, int] = {}
    for at, height in zip(order.tolist(), lead[order].tolist()):
        length = bisect_right(best, height)
        before[at] = ends[length - 1] if length else -1
        best[length : length + 1] = [height]
        ends[length : length + 1] = [at]
    chain = [ends[-1]]
    while before[chain[-1]] >= 0:
        chain.append(before[chain[-1]])
    kept = np.array(sorted(chain), np.intp)
    return kept[np.concatenate(([True], np.diff(ticks[kept]) > 0))]


def _with_ends(ticks: Float64, ns: Float64, rate: float) -> tuple[Float64, Float64]:
    """The anchors with one more on either side, far away."""
    first, last = _end_rate(ticks, ns, rate), _end_rate(ticks[::-1], ns[::-1], rate)
    before, after = _MOST_BEFORE / first, float(_LATEST)
    return (
        np.concatenate(([ticks[0] - before], ticks, [ticks[-1] + after])),
        np.concatenate(([ns[0] - _MOST_BEFORE], ns, [ns[-1] + after * last])),
    )


def _end_rate(ticks: Float64, ns: Float64, rate: float) -> float:
    """The rate from the first anchor to the nearest one that is far enough."""
    if len(ticks) < 2:
        return rate
    far = np.flatnonzero(np.abs(ns - ns[0]) >= _LONG)
    at = int(far[0]) if len(far) else -1
    return float((ns[at] - ns[0]) / (ticks[at] - ticks[0]))
