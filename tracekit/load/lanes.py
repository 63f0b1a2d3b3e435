"""Lanes: which track each task lies on, if any. Knows lives, in numbers, and nothing of what happened in them.

A track a task is what people want to look at, up to some thousands: of more, neither they nor Perfetto can. So the
later tasks of a process share lanes, where one task follows another. Of hundreds of thousands nobody looks at most, and no
file of them would open: then those are drawn that came first, and those that are out of the ordinary.
"""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np

from tracekit.load.phases import Bools
from tracekit.model.builder import Builder
from tracekit.model.trace import Int64, TrackKind

# As many rows as a screen shows when it is scrolled through forty times, and as many as Perfetto still scrolls smoothly.
MOST_OWN_TRACKS = 2000
MOST_DRAWN = 100_000


def choose(begin: Int64, rank: Int64) -> Bools:
    """Which tasks of a process are drawn, of which it may have too many: one half by when they began, the others by rank.

    Args:
        begin: of their lives.
        rank: how much out of the ordinary each one is.
    """
    drawn = np.ones(len(begin), np.bool_)
    if len(begin) > MOST_DRAWN:
        others = np.argsort(begin, kind="stable")[MOST_DRAWN // 2 :]
        drawn[others[np.argsort(-rank[others], kind="stable")[MOST_DRAWN - MOST_DRAWN // 2 :]]] = False
    return drawn


def tracks_of(builder: Builder, process: int, first: int, begin: Int64, end: Int64, drawn: Bools) -> Int64:
    """The tracks of the tasks of a process: the first MOST_OWN_TRACKS have one each, the others share lanes.

    Args:
        first: the row of the first of these tasks; the others follow.
        begin, end: of their lives.
        drawn: which of them have one; -1 for the others.
    """
    order = np.argsort(begin, kind="stable")
    order = order[drawn[order]]
    tracks = np.full(len(begin), -1, np.int64)
    own, rest = np.sort(order[:MOST_OWN_TRACKS]), order[MOST_OWN_TRACKS:]
    tracks[own] = [builder.track(TrackKind.TASK, first + at) for at in own.tolist()]
    tracks[rest] = _lanes(builder, process, begin[rest].tolist(), end[rest].tolist())
    return tracks


def _lanes(builder: Builder, process: int, begin: list[int], end: list[int]) -> list[int]:
    """A lane for each life, in the order of their beginning; always the first one that is free."""
    tracks: list[int] = []
    free: list[int] = []
    taken: list[tuple[int, int]] = []  # when it is free again, and which
    found: list[int] = []
    for start, stop in zip(begin, end):
        # Of two that touch, the later one might be taken for a part of the other.
        while taken and taken[0][0] < start:
            heappush(free, heappop(taken)[1])
        if free:
            lane = heappop(free)
        else:
            lane = len(tracks)
            tracks.append(builder.track(TrackKind.TASKS, process, lane + 1))
        heappush(taken, (stop, lane))
        found.append(tracks[lane])
    return found
