"""Frame: the slices of a recording on one track, as a tree into which another recorder's calls are fitted. Knows times only.

A call belongs into the innermost slice around its beginning and around its end; where those are two, it crosses borders, and is
parted there.
"""

from __future__ import annotations

import numpy as np

from tracekit.load.phases import split
from tracekit.model.trace import Int64


class Frame:
    """The slices of one track.

    Args:
        start, end: theirs; what does not nest is left out.
    """

    def __init__(self, start: Int64, end: Int64) -> None:
        order = np.lexsort((-end, start))
        parents, nested = _nested(start[order].tolist(), end[order].tolist())
        kept = order[nested]
        # Number 0 is around all of them.
        self._start = np.concatenate(([np.iinfo(np.int64).min], start[kept]))
        self._end = np.concatenate(([np.iinfo(np.int64).max], end[kept]))
        self._parent = np.array([0, *parents], np.int64)

    def settled(self, start: Int64, end: Int64, error: int) -> tuple[Int64, Int64]:
        """Where calls begin and end, once those lie in a slice that stick out of it by no more than the clocks may be wrong.

        Args:
            start, end: of the calls.
            error: ns.
        """
        start, end = start.copy(), end.copy()
        # Of slices that begin one in another, each one takes its turn; so with those that end.
        while True:
            at = np.minimum(np.searchsorted(self._start, start, side="right"), len(self._start) - 1)
            begin = self._start[at]
            early = (begin > start) & (begin - start <= error) & (end > begin) & (end < self._end[at])
            if not early.any():
                break
            start[early] = begin[early]
        by_end = np.argsort(self._end, kind="stable")
        while True:
            at = by_end[np.maximum(np.searchsorted(self._end[by_end], end) - 1, 0)]
            stop = self._end[at]
            late = (stop < end) & (end - stop <= error) & (start < stop) & (start > self._start[at])
            if not late.any():
                return start, end
            end[late] = stop[late]

    def parted(self, start: Int64, end: Int64) -> tuple[Int64, Int64, Int64]:
        """The pieces of calls between the borders that they cross: the number of the call, start and end of each piece."""
        inside = self._around(start, np.searchsorted(self._start, start, side="right") - 1)
        outside = self._around(end - 1, np.searchsorted(self._start, end, side="left") - 1)
        call = np.flatnonzero((inside != outside) & (end > start))
        cuts: list[tuple[Int64, Int64]] = []
        one, other = inside[call], outside[call]
        while len(call):
            out = one > other  # the later one of two is never around the other
            cuts.append((call, np.where(out, self._end[one], self._start[other])))
            one, other = np.where(out, self._parent[one], one), np.where(out, other, self._parent[other])
            left = one != other
            call, one, other = call[left], one[left], other[left]
        pieces = split(np.stack((np.arange(len(start)), start, end), axis=1), cuts)
        return pieces[:, 0], pieces[:, 1], pieces[:, 2]

    def _around(self, time: Int64, at: Int64) -> Int64:
        """The innermost slice around each time, looked for from the last one that begins before it outwards."""
        while (out := self._end[at] <= time).any():
            at[out] = self._parent[at[out]]
        return at


def _nested(start: list[int], end: list[int]) -> tuple[list[int], list[int]]:
    """The number of the slice around each one that lies within all it begins in, counted from 1, and which ones those are."""
    parents: list[int] = []
    kept: list[int] = []
    stack: list[tuple[int, int]] = []  # end and number
    for at, (begin, stop) in enumerate(zip(start, end)):
        while stack and stack[-1][0] <= begin:
            stack.pop()
        if stack and stop > stack[-1][0]:
            continue
        parents.append(stack[-1][1] if stack else 0)
        kept.append(at)
        stack.append((stop, len(kept)))
    return parents, kept
