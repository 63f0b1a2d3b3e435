"""Where each slice begins and ends in the order of what happens on its track, and how deep it lies. Knows columns, no format.

Slices are sorted so that what lies in one follows right behind it, so all of this is counting, without a stack. A point lies in
the points of its time before it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit.model.trace import Int64
from tracekit.spool.core import core


class Events(NamedTuple):
    """Begins and ends, track after track, each track's as they happen: whose, and which of the two."""

    slice: Int64
    is_end: NDArray[np.bool_]


def events_by_numpy(track: NDArray[Any], start: Int64, end: Int64) -> Events:
    """The events of nested slices, which are sorted as Slices are; of each one two.

    What ends does so before anything else begins at that time.
    """
    count = len(track)
    behind = _behind(track, start, end)
    depth = _depths(behind)
    index = np.arange(count)
    events = Events(np.empty(2 * count, np.int64), np.zeros(2 * count, np.bool_))
    # Before a begin stand those of all slices before, and the ends of all of these but its parents'; and so on.
    events.slice[2 * index - depth] = index
    ends = 2 * behind - 1 - depth
    events.slice[ends], events.is_end[ends] = index, True
    return events


def events_by_core(track: NDArray[Any], start: Int64, end: Int64) -> Events:
    """The same by the core in C."""
    columns = np.ascontiguousarray(track, np.int32), np.ascontiguousarray(start), np.ascontiguousarray(end)
    whose, is_end = core.fast.begins_and_ends(*columns)
    return Events(np.frombuffer(whose, np.int64), np.frombuffer(is_end, np.bool_))


begins_and_ends = events_by_numpy if core.fast is None else events_by_core


def depths(track: NDArray[Any], start: Int64, end: Int64) -> Int64:
    """How many slices each of these lies in; they are sorted as Slices are, and nested."""
    return _depths(_behind(track, start, end))


def _behind(track: NDArray[Any], start: Int64, end: Int64) -> Int64:
    """For each slice the first one behind it that does not lie in it."""
    borders = np.append(np.flatnonzero(np.diff(track, prepend=-1)), len(track))
    behind = np.empty(len(track), np.int64)
    for first, stop in zip(borders[:-1].tolist(), borders[1:].tolist()):
        own = slice(first, stop)
        behind[own] = first + np.searchsorted(start[own], end[own], side="left")
    points = np.flatnonzero(start == end)
    if len(points):
        # In a point lie the points of its time behind it: up to where the track or the time changes.
        new = np.ones(len(track) + 1, np.bool_)
        new[1:-1] = (track[1:] != track[:-1]) | (start[1:] != start[:-1])
        changes = np.flatnonzero(new)
        behind[points] = changes[np.searchsorted(changes, points, side="right")]
    return behind


def _depths(behind: Int64) -> Int64:
    over = np.cumsum(np.bincount(behind, minlength=len(behind) + 1))[: len(behind)]
    return np.arange(len(behind)) - over
