"""Phases: asynchronous events -> slices on tracks of their own. Knows columns of begins and ends, and no JSON.

What belongs together by category and id lies on one track, each within the other; the track is called like the first of them, and
all that is called alike shares as few tracks as it can.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from heapq import heappop, heappush

import numpy as np

from tracekit.load.foreign.collect import END, INSTANT, PHASE
from tracekit.load.foreign.mended import Mended
from tracekit.load.foreign.pairs import pair
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Flag, Int64, TrackKind

MOST_NAMES = 1000  # of tracks of one process
MOST_TRACKS = 3000
_OTHERS = "others"


class Tracks:
    """Which tracks a process has, and where on them something fits."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._names: dict[int, dict[int, int]] = {}
        self._made: defaultdict[int, int] = defaultdict(int)
        self._busy: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        self._free: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        self._first: dict[tuple[int, int], int] = {}

    def take(self, process: int, name: int, text: str, start: int, end: int) -> int:
        """A track that is free then; -1 where the process has too many. To be asked in the order of starts."""
        group = self._group(process, name)
        busy, free = self._busy[group], self._free[group]
        while busy and busy[0][0] <= start:
            heappush(free, heappop(busy)[1])
        if free:
            track = heappop(free)
        elif self._made[process] >= MOST_TRACKS:
            return -1
        else:
            self._made[process] += 1
            label = text if group[1] >= 0 else _OTHERS
            track = self._builder.track(TrackKind.NAMED, process, self._made[process], name=label)
            self._first.setdefault(group, track)
        heappush(busy, (end, track))
        return track

    def _group(self, process: int, name: int) -> tuple[int, int]:
        names = self._names.setdefault(process, {})
        if name not in names:
            names[name] = name if len(names) < MOST_NAMES else -1
        return process, names[name]


def lay(
    phases: Int64, last: Int64, builder: Builder, texts: dict[int, str], mended: Mended
) -> dict[int, tuple[int, int]]:
    """Lays the asynchronous events on tracks.

    Args:
        phases: rows of PHASE columns.
        last: the latest time of each process, up to which reaches what has no end.
        texts: the strings that names are numbers of.

    Returns:
        handle and track of each slice, by the row of its begin, and by -1 minus that of its end.
    """
    key, process, time, which, name, args = phases.T if len(phases) else np.zeros((PHASE, 0), np.int64)
    begin, end, lost = _pairs(key, process, time, which, name)
    mended.count("ends of asynchronous slices without a begin were left out", lost)
    start = time[begin]
    stop = np.where(end >= 0, time[end], last[process[begin]]) if len(begin) else start
    stop = np.maximum(start, stop)
    open_ends = end < 0
    mended.count("asynchronous slices without an end are drawn as unfinished", int(open_ends.sum()))
    unit = _units(key[begin], start, stop)
    firsts = _first_names(key, time, name)
    places = _places(key[begin], process[begin], start, stop, unit, firsts, texts, builder)
    points = np.flatnonzero(which == INSTANT)
    spots = _spots(points, key, process, time, begin, start, unit, places, firsts, texts, builder)
    drawn = places[unit] >= 0 if len(unit) else np.zeros(0, np.bool_)
    lacking = int((~drawn).sum()) + int((spots < 0).sum())
    mended.count("asynchronous events were left out, because too many are open at once", lacking)
    rows = begin[drawn]
    first = builder.slices(
        places[unit[drawn]] if len(unit) else rows,
        start[drawn],
        stop[drawn],
        name[rows],
        int(Category.OTHER),
        np.where(open_ends[drawn], int(Flag.UNFINISHED), 0),
        -1,
        args[rows],
    )
    points, spots = points[spots >= 0], spots[spots >= 0]
    builder.instants(spots, time[points], name[points], args[points])
    tracks = places[unit[drawn]].tolist() if len(unit) else []
    handles = {row: (first + at, tracks[at]) for at, row in enumerate(rows.tolist())}
    of_ends = zip(begin.tolist(), end.tolist())
    handles.update({-1 - row: handles[of] for of, row in of_ends if row >= 0 and of in handles})
    return handles


def _pairs(key: Int64, process: Int64, time: Int64, which: Int64, name: Int64) -> tuple[Int64, Int64, int]:
    """Begin and end of each slice; ends of the same process count before those of others."""
    rows = np.flatnonzero(which != INSTANT)
    own = key[rows] * (int(process.max(initial=0)) + 1) + process[rows]
    first = pair(own, time[rows], which[rows] == END, name[rows])
    left = np.sort(np.concatenate((first.begin[first.end < 0], first.lost)))
    second = pair(key[rows][left], time[rows][left], which[rows][left] == END, name[rows][left])
    done = first.end >= 0
    begin = np.concatenate((rows[first.begin[done]], rows[left[second.begin]]))
    end = np.concatenate((rows[first.end[done]], np.where(second.end >= 0, rows[left[second.end]], -1)))
    return begin.astype(np.int64), end.astype(np.int64), len(second.lost)


def _units(key: Int64, start: Int64, stop: Int64) -> Int64:
    """A number for each slice; those that lie within one another have the same."""
    unit = np.zeros(len(key), np.int64)
    stack: list[int] = []
    current, count, base = -1, 0, 0
    for row in np.lexsort((-stop, start, key)).tolist():
        of, begin, end = int(key[row]), int(start[row]), int(stop[row])
        if of != current:
            current, stack = of, []
        while stack and stack[-1] <= begin:
            stack.pop()
        if stack and end <= stack[-1]:
            unit[row] = base
            stack.append(end)
            continue
        unit[row] = count
        if not stack:
            base = count
            stack.append(end)
        count += 1
    return unit


def _first_names(key: Int64, time: Int64, name: Int64) -> dict[int, int]:
    """What the first event of each key that has a name is called."""
    rows = np.flatnonzero(name >= 0)
    rows = rows[np.lexsort((time[rows], key[rows]))]
    keys, first = np.unique(key[rows], return_index=True)
    return dict(zip(keys.tolist(), name[rows[first]].tolist()))


def _places(
    key: Int64,
    process: Int64,
    start: Int64,
    stop: Int64,
    unit: Int64,
    firsts: dict[int, int],
    texts: dict[int, str],
    builder: Builder,
) -> Int64:
    """The track of each unit; -1 for none."""
    tracks = Tracks(builder)
    order = np.lexsort((-stop, start, unit))
    units, first = np.unique(unit[order], return_index=True)
    rows = order[first]  # the outermost slice of each unit
    places = np.full(len(units), -1, np.int64)
    for row in rows[np.lexsort((-stop[rows], start[rows]))].tolist():
        name = firsts[int(key[row])]
        places[unit[row]] = tracks.take(int(process[row]), name, texts[name], int(start[row]), int(stop[row]))
    return places


def _spots(
    points: Int64,
    key: Int64,
    process: Int64,
    time: Int64,
    begin: Int64,
    start: Int64,
    unit: Int64,
    places: Int64,
    firsts: dict[int, int],
    texts: dict[int, str],
    builder: Builder,
) -> Int64:
    """The track of each point: that of what is open of its key then or was before, else one for all of its name."""
    spots = np.full(len(points), -1, np.int64)
    of_key: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    wanted = set(key[points].tolist())
    for row, (of, when) in enumerate(zip(key[begin].tolist(), start.tolist())):
        if of in wanted:
            of_key[of].append((when, int(places[unit[row]])))
    for rows in of_key.values():
        rows.sort()
    shared: dict[tuple[int, int], int] = {}
    for at, row in enumerate(points.tolist()):
        of, when, name = int(key[row]), int(time[row]), firsts[int(key[row])]
        if of in of_key:
            begun = of_key[of]
            spots[at] = begun[max(0, bisect_right(begun, (when, 1 << 62)) - 1)][1]
            continue
        place = (int(process[row]), name)
        if place not in shared and len(shared) < MOST_TRACKS:
            shared[place] = builder.track(TrackKind.NAMED, place[0], -1 - len(shared), name=texts[name])
        spots[at] = shared.get(place, -1)
    return spots
