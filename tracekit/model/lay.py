"""Lay: the slices of several traces on the tracks that they share, so that they nest. Knows columns, and no rows but tracks.

Two recorders' clocks agree to some microseconds at best, so that a call may seem to end just after the span that it ran in. What
crosses a slice of the first trace by so little is cut there; what crosses it by more goes whole to a lane of its thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit.model.nesting import lying_in, nest, sort_order
from tracekit.model.trace import Category, Flows, Int64, Slices, Track, TrackKind

SLACK = 100_000  # ns, and never as much as half of the slice

# What may lie on a lane; all else is cut.
_MOVABLE = (Category.SPAN, Category.CALL, Category.SAMPLE, Category.OTHER)


class Laid(NamedTuple):
    """The slices as they lie now, where each of those given is among them, and the tracks, with the lanes that it took."""

    slices: Slices
    place: Int64
    tracks: list[Track]
    notes: list[str]

    def flows(self, flows: Flows) -> Flows:
        """Arrows that led to the slices as they were given; those that are no longer sound are gone."""
        target = self.place[flows.target] if len(flows) else flows.target
        sound = flows.time <= self.slices.start[target]
        sound &= lying_in(flows.track, flows.time, self.slices.track, self.slices.start, self.slices.end)
        return Flows(flows.kind[sound], flows.track[sound], flows.time[sound], target[sound].astype(np.int32))


def lay(slices: Slices, source: Int64, tracks: Sequence[Track], shared: set[int]) -> Laid:
    """Sorts and nests slices of several traces.

    Args:
        slices: one trace's after another's, each sorted and nested; changed.
        source: from which trace each one is.
        shared: the tracks that several of them have something on.
    """
    tracks = list(tracks)
    place = np.arange(len(slices), dtype=np.int64)
    if not shared:
        return Laid(slices, place, tracks, [])
    gone = _join_lives(slices, sorted(shared), place)
    lanes = _lanes(tracks, shared)
    own = np.flatnonzero(np.isin(slices.track, [*shared, *lanes]) & ~gone)
    notes = _nest(slices, own, source, tracks, lanes)
    kept = np.flatnonzero(~gone)
    columns = (column[kept] for column in (slices.track, slices.start, slices.end, slices.category))
    order = kept[sort_order(*columns)]
    now = np.zeros(len(slices), np.int64)
    now[order] = np.arange(len(order))
    sorted_slices = Slices(*(getattr(slices, name)[order] for name in Slices.__slots__))
    return Laid(sorted_slices, now[place], tracks, notes)


def _join_lives(slices: Slices, shared: list[int], place: Int64) -> NDArray[np.bool_]:
    """Makes one life of those that several traces know of a thread; which slices are gone for it, `place` says where to."""
    gone = np.zeros(len(slices), np.bool_)
    lives = np.flatnonzero((slices.category == Category.THREAD) & np.isin(slices.track, shared))
    for track in np.unique(slices.track[lives]).tolist():
        first, *others = lives[slices.track[lives] == track].tolist()
        for other in others:
            slices.start[first] = min(slices.start[first], slices.start[other])
            slices.end[first] = max(slices.end[first], slices.end[other])
            gone[other], place[other] = True, first
    return gone


def _lanes(tracks: Sequence[Track], shared: set[int]) -> dict[int, int]:
    """The thread of each lane beside a track that is shared."""
    threads = {tracks[at].owner for at in shared if tracks[at].kind == TrackKind.THREAD}
    return {at: row.owner for at, row in enumerate(tracks) if row.kind == TrackKind.LANE and row.owner in threads}


def _nest(slices: Slices, own: Int64, source: Int64, tracks: list[Track], lanes: dict[int, int]) -> list[str]:
    """Nests some of the slices; in a first try it is seen which ones cross others, and by how little."""
    # Those of the first trace on a track stay where they are, and those of the others give way.
    first = np.full(len(tracks), np.iinfo(np.int64).max)
    np.minimum.at(first, slices.track[own], source[own])
    gives_way = np.isin(slices.category[own], _MOVABLE) & (source[own] > first[slices.track[own]])
    category = np.where(gives_way, Category.SPAN, slices.category[own]).astype(np.uint8)
    category[~gives_way & (category == Category.SPAN)] = Category.OTHER
    tried = _nested(slices, own, category, list(tracks), lanes)
    crossing = gives_way & (tried.track != slices.track[own])
    snapped = _snap(slices, own[crossing], own[source[own] == first[slices.track[own]]])
    nested = _nested(slices, own, category, tracks, lanes)
    moved = int((gives_way & (nested.track != slices.track[own])).sum())
    cut = int((nested.end < slices.end[own]).sum())
    slices.track[own], slices.end[own] = nested.track, nested.end
    notes = []
    if snapped:
        notes.append(
            f"slices that crossed those of another trace by no more than {SLACK // 1000} µs were cut there: {snapped}"
        )
    if moved:
        notes.append(f"slices that crossed those of another trace on their thread lie on lanes beside it: {moved}")
    if cut:
        notes.append(f"slices that outlasted one of another trace around them were cut to fit: {cut}")
    return notes


class _Nested(NamedTuple):
    track: NDArray[np.int32]
    end: Int64


def _nested(slices: Slices, own: Int64, category: Any, tracks: list[Track], lanes: dict[int, int]) -> _Nested:
    """The tracks and ends of some slices so that they nest; adds the lanes that takes to `tracks`."""

    def new_lane(thread: int) -> int:
        like = next(row for row in tracks if row.kind == TrackKind.THREAD and row.owner == thread)
        tracks.append(Track(TrackKind.LANE, thread, like.process, like.name))
        return len(tracks) - 1

    homes = [row.owner if row.kind in (TrackKind.THREAD, TrackKind.LANE) else -1 for row in tracks]
    track, start, end = slices.track[own], slices.start[own], slices.end[own]
    # The true categories say who is the parent of two that lie alike, the others who gives way.
    order = sort_order(track, start, end, slices.category[own])
    nested = nest(track[order], start[order], end[order], category[order], lanes, homes, new_lane)
    track[order], end[order] = nested.track, nested.end
    return _Nested(track, end)


def _snap(slices: Slices, crossing: Int64, borders: Int64) -> int:
    """Moves the ends of slices that lie beyond a border by little to that border; returns how many slices that were."""
    changed = 0
    for track in np.unique(slices.track[crossing]).tolist():
        own = crossing[slices.track[crossing] == track]
        around = borders[slices.track[borders] == track]
        edges = np.unique(np.concatenate((slices.start[around], slices.end[around])))
        start, end = slices.start[own], slices.end[own]
        to_start, to_end = _nearest(edges, start), _nearest(edges, end)
        by_start, by_end = np.abs(to_start - start), np.abs(to_end - end)
        # Never both to one border: nothing would be left of it.
        both = to_start == to_end
        most = np.minimum(SLACK, (end - start - 1) // 2)
        at_start = (by_start <= most) & ~(both & (by_end <= by_start))
        at_end = (by_end <= most) & ~(both & (by_end > by_start))
        slices.start[own] = np.where(at_start, to_start, start)
        slices.end[own] = np.where(at_end, to_end, end)
        changed += int(((slices.start[own] != start) | (slices.end[own] != end)).sum())
    return changed


def _nearest(edges: Int64, times: Int64) -> Int64:
    after = np.clip(np.searchsorted(edges, times), 1, max(len(edges) - 1, 1))
    if len(edges) < 2:
        return np.full(len(times), edges[0])
    low, high = edges[after - 1], edges[after]
    return np.where(times - low <= high - times, low, high)
