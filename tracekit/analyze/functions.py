"""Functions: when the program's own functions ran on threads, by stack samples or by recorded calls. Knows no state and no kind.

A function's time is its own and that of what it called of libraries; what the program's own functions took that it called is
theirs, so the times of all functions add up and nothing counts twice.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tracekit.analyze import code
from tracekit.analyze.place import Place
from tracekit.analyze.stacks import OURS, PARTS
from tracekit.analyze.watched import sampled_throughout
from tracekit.model.stacks import frames_of
from tracekit.model.trace import Category, Float64, Int64, Trace, TrackKind

_CALL = re.compile(r"(?P<function>.+) \((?P<file>.+):(?P<line>\d+)\)")  # as viztracer names it
_NEAR = 3  # times as far as samples usually lie apart: so long one stands for at most


class Stretches(NamedTuple):
    """When functions ran.

    Attributes:
        places: of the functions; of samples the line that was seen most often.
        thread, start, end, function: columns; `function` is an index into `places`.
        around: the function that a stretch lies in and that does not get it, or -1.
        times: of each function how often it was called, or sampled.
        are_calls: whether it is known by calls, else by samples.
    """

    places: list[Place]
    thread: Int64
    start: Int64
    end: Int64
    function: Int64
    around: Int64
    times: Float64
    are_calls: bool


def functions(trace: Trace) -> Stretches:
    """When the functions ran: by recorded calls where there are any, else by samples."""
    found = called(trace)
    return found if found.places else sampled(trace)


def sampled(trace: Trace) -> Stretches:
    """By the samples of threads whose stacks were read all the time; each stands for the time up to the middle between two."""
    samples, own = trace.samples, _own_frames(trace)
    which = np.flatnonzero(sampled_throughout(trace) & (samples.frame >= 0))
    thread, time = samples.thread[which].astype(np.int64), samples.time[which]
    frame = own[samples.frame[which]] if len(which) else which
    start, end = _cells(thread, time)
    users = frame >= 0
    return _by_function(trace, thread[users], start[users], end[users], frame[users])


def called(trace: Trace) -> Stretches:
    """By the calls that were recorded on threads."""
    slices = trace.slices
    owner = np.array([row.owner if row.kind == TrackKind.THREAD else -1 for row in trace.tracks], np.int64)
    rows = np.flatnonzero(slices.category == Category.CALL)
    rows = rows[owner[slices.track[rows]] >= 0] if len(rows) else rows
    places: dict[Place, int] = {}
    of_name = {name: place for name in set(slices.name[rows].tolist()) if (place := _called(trace.strings[name]))}
    number = np.full(len(trace.strings) + 1, -1, np.int64)
    for name, place in of_name.items():
        number[name] = places.setdefault(place, len(places))
    rows = rows[number[slices.name[rows]] >= 0]
    function = number[slices.name[rows]]
    start, end = slices.start[rows], slices.end[rows]
    around = _around(slices.track[rows].tolist(), start.tolist(), end.tolist(), function.tolist())
    times = np.bincount(function, minlength=len(places)).astype(np.float64)
    return Stretches(list(places), owner[slices.track[rows]], start, end, function, around, times, True)


def _called(name: str) -> Place | None:
    match = _CALL.fullmatch(name)
    place = Place(match["function"], match["file"], int(match["line"])) if match else Place()
    return place if _is_users(place.file) else None


def _around(track: list[int], start: list[int], end: list[int], function: list[int]) -> Int64:
    """For each call the function of the one that it lies in; they are sorted as slices are."""
    around = np.full(len(track), -1, np.int64)
    stack: list[int] = []
    for at, begin in enumerate(start):
        while stack and (end[stack[-1]] <= begin or track[stack[-1]] != track[at]):
            stack.pop()
        if stack:
            around[at] = function[stack[-1]]
        if end[at] > begin:
            stack.append(at)
    return around


def _own_frames(trace: Trace) -> Int64:
    """For each frame the innermost one of the program's own that it is or lies in, or -1; a lambda goes by what is around it."""
    frames, parents = frames_of(trace), trace.frames.parent.tolist()
    own: list[int] = []
    for row, (frame, parent) in enumerate(zip(frames, parents)):
        around = own[parent] if parent >= 0 else -1
        is_inside = around >= 0 and _is_users(frames[parent].file) and frames[around].file == frame.file
        is_own = _is_users(frame.file) and not (is_inside and frame.function.endswith(PARTS))
        own.append(row if is_own else around)
    return np.array(own, np.int64)


@lru_cache(maxsize=1 << 12)
def _is_users(file: str) -> bool:
    return bool(file) and code.owner(file) is code.Owner.USER and not OURS.match(file)


def _cells(thread: Int64, time: Int64) -> tuple[Int64, Int64]:
    """From when to when each sample of a thread stands."""
    gaps, same = np.diff(time), thread[1:] == thread[:-1]
    usual = int(np.median(gaps[same])) if same.any() else 0
    half = np.minimum(gaps, _NEAR * usual) // 2
    before = np.append(usual // 2, np.where(same, half, usual // 2))[: len(time)]
    after = np.append(np.where(same, half, usual // 2), usual // 2)[: len(time)]
    return np.maximum(time - before, 0), time + after


def _by_function(trace: Trace, thread: Int64, start: Int64, end: Int64, frame: Int64) -> Stretches:
    """Stretches of frames as stretches of functions, each of which goes by the line that was seen most often."""
    frames = frames_of(trace)
    seen = np.bincount(frame, minlength=len(frames))
    numbers: dict[tuple[str, str], int] = {}
    of_frame, most, places = np.full(len(frames), -1, np.int64), list[int](), list[Place]()
    for row in np.flatnonzero(seen).tolist():
        place = Place(*frames[row])
        number = of_frame[row] = numbers.setdefault(place[:2], len(numbers))
        if number == len(places):
            places.append(place)
            most.append(0)
        if seen[row] > most[number]:
            places[number], most[number] = place, int(seen[row])
    function = of_frame[frame]
    times = np.bincount(function, minlength=len(places)).astype(np.float64)
    # One after another in one function is one stretch.
    first = np.ones(len(function), np.bool_)
    first[1:] = (np.diff(function) != 0) | (np.diff(thread) != 0) | (start[1:] > end[:-1] + 1)
    last = np.append(first[1:], True)[: len(first)]
    thread, function = thread[first], function[first]
    return Stretches(places, thread, start[first], end[last], function, np.full_like(function, -1), times, False)
