"""Nesting: makes the slices of each track lie within each other like parentheses. Knows numbers only, no rows.

What cannot nest: a whole span moves to a lane of its thread (as many lanes as overlap at once); anything else that
sticks out is cut where the slice ends that it lies in. A call never makes room for anything else: it is cut.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit.model.columns import distinct
from tracekit.model.trace import Category, Int32, Int64
from tracekit.spool.core import core

# Which of two slices that start and end alike is the parent: the lower rank.
_RANK = np.full(256, 3, np.int64)
for _rank, _categories in (
    (0, (Category.THREAD, Category.TASK)),
    (1, (Category.LOOP,)),
    (2, (Category.STEP, Category.CALLBACK)),
    (4, (Category.READY, Category.RUNNING, Category.AWAITING)),
    (5, (Category.GC,)),
    (6, (Category.CALL,)),
):
    for _category in _categories:
        _RANK[_category] = _rank

AnyInt = NDArray[Any]

_LARGEST = 1 << 62
_LEVELS = 16  # of more, it is found out one by one


class Nested(NamedTuple):
    """What `nest` made of the slices: their tracks and ends, how many were cut, and whether anything changed at all."""

    track: AnyInt
    end: Int64
    cut: int
    changed: bool


def sort_order(track: AnyInt, start: AnyInt, end: AnyInt, category: AnyInt) -> Int64:
    """The order of Slices: by track, start, longest first; of equals the outer category, then the one given first."""
    order = np.argsort(track, kind="stable")
    columns = track[order], start[order], end[order], category[order]
    if _is_sorted(*columns):  # as most recordings are, thread by thread
        return order.astype(np.int64, copy=False)
    return np.lexsort((_RANK[category], -end, start, track)).astype(np.int64, copy=False)


def _is_sorted(track: AnyInt, start: AnyInt, end: AnyInt, category: AnyInt) -> bool:
    """Whether slices are in order, which are by track already."""
    wrong = start[1:] < start[:-1]
    if (wrong & (track[1:] == track[:-1])).any():
        return False
    alike = np.flatnonzero((start[1:] == start[:-1]) & (track[1:] == track[:-1]))
    rank = _RANK[category[alike]], _RANK[category[alike + 1]]
    longer = end[alike + 1] - end[alike]
    return not ((longer > 0) | ((longer == 0) & (rank[1] < rank[0]))).any()


def nest(
    track: AnyInt,
    start: Int64,
    end: Int64,
    category: AnyInt,
    lanes: dict[int, int],
    homes: list[int],
    new_lane: Callable[[int], int],
) -> Nested:
    """Makes sorted slices nest.

    Args:
        track, start, end, category: the slices, in `sort_order`; `track` and `end` are changed in place.
        lanes: the thread of each track that is a lane.
        homes: for each track the thread whose lanes take its spans; -1 where there is none, they are cut then.
        new_lane: makes another lane of a thread, and returns its track.
    """
    moved: list[int] = []
    cut = 0
    for where in sorted(doubtful(np.ascontiguousarray(track, np.int32), start, end) | lanes.keys()):
        begin, stop = (int(at) for at in np.searchsorted(track, [where, where + 1]))
        own = slice(begin, stop)
        ends = end[own].tolist()
        cut_here = _nest(
            track[own].tolist(), start[own].tolist(), ends, category[own].tolist(), lanes, homes, moved, begin
        )
        if cut_here:
            end[own] = ends
        cut += cut_here
    changed = _place(moved, track, start, end, lanes, homes, new_lane) or cut > 0
    return Nested(track, end, cut, changed)


def doubtful_by_numpy(track: Int32, start: Int64, end: Int64) -> set[int]:
    """The tracks whose slices do not nest, or lie so deep that it takes too long to find out.

    Slices within which none begins are taken away, if they end within the one that they lie in; then those within which none
    begins any more, and so on.
    """
    strange: set[int] = set()
    for _ in range(_LEVELS):
        holds = np.zeros(len(track), np.bool_)  # another one begins in it
        holds[:-1] = (track[1:] == track[:-1]) & (start[1:] < end[:-1])
        around = np.maximum.accumulate(np.where(holds, np.arange(len(track)), -1))
        inner = np.flatnonzero(~holds & (around >= 0))
        around = around[inner]
        within = (track[around] == track[inner]) & (start[inner] < end[around])
        inner, around = inner[within], around[within]
        if not len(inner):
            return strange
        strange.update(track[inner[end[inner] > end[around]]].tolist())
        left = np.ones(len(track), np.bool_)
        left[inner] = False
        track, start, end = track[left], start[left], end[left]
    return strange | set(track.tolist())


doubtful: Callable[[Int32, Int64, Int64], set[int]] = doubtful_by_numpy if core.fast is None else core.fast.doubtful


def _nest(
    track: list[int],
    start: list[int],
    end: list[int],
    category: list[int],
    lanes: dict[int, int],
    homes: list[int],
    moved: list[int],
    offset: int,
) -> int:
    """Makes the slices of some tracks nest; returns how many were cut, and adds to `moved` what must go to lanes.

    Args:
        offset: the number of the first of these slices.
    """
    out: list[int] = []
    cut = 0
    current = -1
    stack: list[int] = []
    for i, where in enumerate(track):
        if where != current:
            current = where
            stack = []
        if where in lanes:
            out.append(i)
            continue
        begin = start[i]
        while stack and end[stack[-1]] <= begin:
            stack.pop()
        if category[i] != Category.CALL:
            cut += _make_room(i, begin, stack, end, category)
        if stack and end[i] > end[stack[-1]]:
            movable = homes[where] >= 0
            if movable and category[i] == Category.SPAN:
                out.append(i)
                continue
            cut += _fit(i, stack, end, category, out, movable)
        stack.append(i)
    moved.extend(offset + i for i in out)
    return cut


def _make_room(i: int, begin: int, stack: list[int], end: list[int], category: list[int]) -> int:
    """Ends the calls that slice `i` outlasts where it begins: they are another recorder's, and fit into ours. How many."""
    cut = 0
    while stack and category[stack[-1]] == Category.CALL and end[stack[-1]] < end[i]:
        end[stack.pop()] = begin
        cut += 1
    return cut


def _fit(i: int, stack: list[int], end: list[int], category: list[int], moved: list[int], movable: bool) -> bool:
    """Makes slice `i`, no movable span, fit into the stack: spans make room, all else cuts it. True if it was cut."""
    movable = movable and category[i] != Category.CALL
    position = len(stack) - 1
    while position >= 0 and end[stack[position]] < end[i]:
        parent = stack[position]
        if not (movable and category[parent] == Category.SPAN):
            end[i] = end[parent]
            return True
        moved.append(parent)
        del stack[position]
        position -= 1
    return False


def _place(
    moved: list[int],
    track: AnyInt,
    start: Int64,
    end: Int64,
    lanes: dict[int, int],
    homes: list[int],
    new_lane: Callable[[int], int],
) -> bool:
    """Gives each moved slice a lane of its thread in which it nests. True if any of them changed its track."""
    of_thread: dict[int, _Lanes] = {}
    for lane, thread in lanes.items():
        of_thread.setdefault(thread, _Lanes(thread, new_lane)).add(lane)
    changed = False
    which = np.array(moved, np.int64)
    which = which[np.lexsort((-end[which], start[which]))]
    columns = (which, track[which], start[which], end[which])
    for i, where, begin, stop in zip(*(column.tolist() for column in columns)):
        thread = homes[where]
        if thread not in of_thread:
            of_thread[thread] = _Lanes(thread, new_lane)
        lane = of_thread[thread].take(begin, stop)
        changed |= lane != where
        track[i] = lane
    return changed


class _Lanes:
    """The lanes of one thread while slices are laid on them by start: which are free, and the ends on the others."""

    def __init__(self, thread: int, new_lane: Callable[[int], int]) -> None:
        self._thread = thread
        self._new_lane = new_lane
        self._free: list[int] = []  # a heap
        self._taken: list[tuple[int, int]] = []  # end of the innermost slice, and the lane; sorted
        self._outer: dict[int, list[int]] = {}  # by lane, the ends of the slices around that

    def add(self, lane: int) -> None:
        heappush(self._free, lane)
        self._outer[lane] = []

    def take(self, start: int, end: int) -> int:
        """Lays a slice into the narrowest one that holds it, else on a free lane, else on a new one."""
        while self._taken and self._taken[0][0] <= start:
            _, lane = self._taken.pop(0)
            if self._outer[lane]:
                insort(self._taken, (self._outer[lane].pop(), lane))
            else:
                heappush(self._free, lane)
        at = bisect_left(self._taken, (end, -1))
        if at < len(self._taken):
            around, lane = self._taken.pop(at)
            self._outer[lane].append(around)
        elif self._free:
            lane = heappop(self._free)
        else:
            lane = self._new_lane(self._thread)
            self._outer[lane] = []
        insort(self._taken, (end, lane))
        return lane


def lying_in(
    track: AnyInt, time: AnyInt, slice_track: AnyInt, slice_start: AnyInt, slice_end: AnyInt
) -> NDArray[np.bool_]:
    """Which of the points (track, time) lie in a slice of their track, its ends included; the slices are sorted.

    A point lies in one exactly if, of the slices of its track that start no later, the latest end is not before it.
    """
    if not len(slice_track) or not len(track):
        return np.zeros(len(track), np.bool_)
    key = _key(slice_track, slice_start, slice_end, time)
    reach = np.maximum.accumulate(key(slice_track, slice_end))
    points = key(track, time)
    before = np.searchsorted(key(slice_track, slice_start), points, side="right") - 1
    return (before >= 0) & (reach[before] >= points)


def _key(slice_track: AnyInt, *times: AnyInt) -> Callable[[AnyInt, AnyInt], Int64]:
    """What makes one number of track and time, in their order; a point's track may be one that no slice has."""
    least, most = min(int(column.min()) for column in times), max(int(column.max()) for column in times)
    width = most - least + 1
    if (int(slice_track.max()) + 2) * width < _LARGEST:
        return lambda track, time: track.astype(np.int64) * width + (time - least)
    # Ranks in place of nanoseconds are smaller.
    ranks = distinct(np.concatenate(times))
    return lambda track, time: track.astype(np.int64) * len(ranks) + np.searchsorted(ranks, time)
