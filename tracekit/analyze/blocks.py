"""Blocks: steps and callbacks that held their loop longer than a threshold. Knows neither culprit nor victims."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracekit.analyze.cover import covered
from tracekit.model.trace import Category, Flag, Int32, Int64, Trace, TrackKind


@dataclass(frozen=True, slots=True)
class Block:
    """A step or callback during which its loop could do nothing else.

    Attributes:
        slice: its index in the trace's slices.
        thread: the index of the thread that it lies on.
        duration: in ns, without other steps inside it (a nested loop's, an eager task's), which answer for themselves.
        task: the index of its task, or -1 for a callback.
        unfinished: its end was not seen.
    """

    slice: int
    track: int
    thread: int
    start: int
    end: int
    duration: int
    task: int
    unfinished: bool


def turns(trace: Trace) -> Int64:
    """The indexes of all slices that are one turn of a loop: steps and callbacks on threads, in order."""
    slices = trace.slices
    on_thread = np.array([track.kind == TrackKind.THREAD for track in trace.tracks], dtype=bool)
    is_turn = (slices.category == Category.STEP) | (slices.category == Category.CALLBACK)
    if len(slices):
        is_turn &= on_thread[slices.track]
    return np.flatnonzero(is_turn).astype(np.int64)


def blocks(trace: Trace, threshold_ns: int) -> list[Block]:
    """Every step and callback longer than `threshold_ns`, in the order of the slices."""
    slices = trace.slices
    rows = turns(trace)
    track, start, end = slices.track[rows], slices.start[rows], slices.end[rows]
    found = []
    for at in np.flatnonzero(end - start > threshold_ns).tolist():
        inside = _inside(at, track, start, end)
        duration = int(end[at] - start[at]) - covered(start[inside], end[inside])
        if duration > threshold_ns:
            found.append(_block(trace, int(rows[at]), duration))
    return found


def _inside(at: int, track: Int32, start: Int64, end: Int64) -> slice:
    """The rows that lie in row `at`: those right after it, since parents come before children."""
    last = int(np.searchsorted(track, track[at], side="right"))
    return slice(at + 1, at + 1 + int(np.searchsorted(start[at + 1 : last], end[at], side="left")))


def _block(trace: Trace, row: int, duration: int) -> Block:
    slices = trace.slices
    track = int(slices.track[row])
    return Block(
        slice=row,
        track=track,
        thread=trace.tracks[track].owner,
        start=int(slices.start[row]),
        end=int(slices.end[row]),
        duration=duration,
        task=int(slices.task[row]) if slices.category[row] == Category.STEP else -1,
        unfinished=bool(slices.flags[row] & Flag.UNFINISHED),
    )
