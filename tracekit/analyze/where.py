"""Where the time of a thread went, in any stretch of it: computing, or waiting for what. Knows no span, no task, no sentence.

What a thread did is what an observer saw of it from outside (the slices of its track of states); whether it needed the GIL while
it computed is told by the observer, else by a sampling profiler that says so of its samples, else not at all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracekit.model.trace import STATE_FIELDS, UNLOCKED, Category, Int64, SampleState, Trace, TrackKind

COMPUTING = ("gil", "native", "cpu")  # with the GIL, without it, and not told which
KINDS = (*COMPUTING, "gil wait", "core", "io", "timer", "lock", "other")
UNSEEN = "unseen"
ALL = (*KINDS, UNSEEN)

_KIND_OF = {
    "running": "cpu",
    "runnable": "core",
    "gil": "gil wait",
    "lock": "lock",
    "poll": "io",
    "io": "io",
    "sleep": "timer",
    "other": "other",
}
_NEAR_NS = 20_000_000  # a sample tells nothing of what is further away than that
LOOK_NS = 10_000_000  # how often an observer looks, unless it is asked to look more often


class _Stretches(NamedTuple):
    """Stretches of time of one kind, in order, none over another; `before` is how long those before each one were."""

    start: Int64
    end: Int64
    before: Int64

    def until(self, time: Int64) -> Int64:
        """How long they lasted in all, up to some times."""
        at = np.searchsorted(self.start, time, side="right") - 1
        length = np.minimum(time, self.end[at]) - self.start[at]
        found: Int64 = np.where(at < 0, 0, self.before[at] + length)
        return found


class Where:
    """Looks up where the time of threads went; made once a trace, asked as often as one likes.

    What is asked of is divided into ALL kinds, in ns, which add up to its length: "gil" (computing with the GIL), "native"
    (computing without it), "cpu" (computing, not told which), "gil wait", "core" (ready, but no core was free), "io", "timer",
    "lock", "other", and "unseen".
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._tracks = {row.owner: at for at, row in enumerate(trace.tracks) if row.kind == TrackKind.STATES}
        self._told = {row.thread for row in trace.states if row.unlocked >= 0}
        kinds = {name: KINDS.index(_KIND_OF[field]) for name, field in STATE_FIELDS.items()}
        kinds[UNLOCKED] = KINDS.index("native")
        self._kind_of_name = np.array([kinds.get(text, KINDS.index("other")) for text in trace.strings], np.int64)
        self._telling = _telling(trace)
        self._rows = np.flatnonzero(trace.slices.category == Category.STATE)
        self._row_tracks = trace.slices.track[self._rows]
        self._found: dict[int, list[tuple[str, _Stretches]]] = {}

    def of(self, thread: int, start: int, end: int) -> dict[str, int]:
        """Where the time of a thread went between two times (ns since the trace's start): ns of each of ALL."""
        columns = self.many(thread, np.array([start], np.int64), np.array([end], np.int64))
        return {kind: int(column[0]) for kind, column in columns.items()}

    def many(self, thread: int, starts: Int64, ends: Int64) -> dict[str, Int64]:
        """Likewise of many stretches at once: a column of each of ALL."""
        columns = {kind: np.zeros(len(starts), np.int64) for kind in ALL}
        for kind, stretches in self._stretches(thread):
            columns[kind] = stretches.until(ends) - stretches.until(starts)
        columns[UNSEEN] = ends - starts - sum(columns[kind] for kind in KINDS)
        return columns

    def apart(self, thread: int) -> int:
        """How far apart the looks at a thread are, in ns: as usual, unless its states change more often than that would show.

        What lies between two looks is drawn as two to four stretches; where the state stays as it is, as less than one.
        """
        count = sum(len(stretches.start) for _, stretches in self._stretches(thread))
        seen = sum(int((stretches.end - stretches.start).sum()) for _, stretches in self._stretches(thread))
        return max(1, min(LOOK_NS, 2 * seen // count)) if count else LOOK_NS

    def _stretches(self, thread: int) -> list[tuple[str, _Stretches]]:
        if thread not in self._found:
            self._found[thread] = self._divided(thread)
        return self._found[thread]

    def _divided(self, thread: int) -> list[tuple[str, _Stretches]]:
        """What was seen of a thread, kind by kind."""
        if thread not in self._tracks:
            return []
        slices, track = self._trace.slices, self._tracks[thread]
        low, high = np.searchsorted(self._row_tracks, [track, track + 1])
        rows = self._rows[low:high]
        start, end, kind = slices.start[rows], slices.end[rows], self._kind_of_name[slices.name[rows]]
        if thread in self._told:
            kind = np.where(kind == KINDS.index("cpu"), KINDS.index("gil"), kind)
        else:
            start, end, kind = self._by_samples(thread, start, end, kind)
        parts = ((name, start[kind == at], end[kind == at]) for at, name in enumerate(KINDS))
        return [(name, _Stretches(begun, ended, _sums(ended - begun))) for name, begun, ended in parts if len(begun)]

    def _by_samples(self, thread: int, start: Int64, end: Int64, kind: Int64) -> tuple[Int64, Int64, Int64]:
        """The stretches, those that compute cut into what the samples near them say of the GIL."""
        cells = self._cells(thread)
        computes = kind == KINDS.index("cpu")
        if cells is None or not computes.any():
            return start, end, kind
        edges, said = cells
        first = np.searchsorted(edges, start, side="right")
        count = np.where(computes, np.searchsorted(edges, end, side="left") - first, 0) + 1
        of = np.repeat(np.arange(len(start)), count)
        nth = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
        cell = first[of] + nth
        begun = np.where(nth == 0, start[of], edges[np.minimum(cell, len(edges)) - 1])
        ended = np.where(nth == count[of] - 1, end[of], edges[np.minimum(cell, len(edges) - 1)])
        return begun, ended, np.where(computes[of], said[cell], kind[of])

    def _cells(self, thread: int) -> tuple[Int64, Int64] | None:
        """From when to when each sample of a thread tells of the GIL, and the kind before, between and behind these edges."""
        samples = self._trace.samples
        low, high = np.searchsorted(samples.thread, [thread, thread + 1])
        state, time = samples.state[low:high], samples.time[low:high]
        telling = [source for process, source in self._telling if process == self._trace.threads[thread].process]
        tells = np.isin(samples.source[low:high], telling) & np.isin(state, (SampleState.GIL, SampleState.ACTIVE))
        if not tells.any():
            return None
        time, state = time[tells], state[tells]
        said = np.where(state == SampleState.GIL, KINDS.index("gil"), KINDS.index("native"))
        half = np.diff(time) // 2
        edges = np.empty((len(time), 2), np.int64)
        edges[:, 0] = time - np.minimum(np.append(_NEAR_NS, half), _NEAR_NS)
        edges[:, 1] = time + np.minimum(np.append(np.diff(time) - half, _NEAR_NS), _NEAR_NS)
        between = np.full(2 * len(time) + 1, KINDS.index("cpu"))
        between[1::2] = said
        return edges.ravel(), between


def _sums(lengths: Int64) -> Int64:
    """The sum of what is before each one."""
    return np.cumsum(lengths) - lengths


def _telling(trace: Trace) -> set[tuple[int, int]]:
    """The processes, and who sampled them, of which some sample had the GIL: only there one without it says so."""
    samples = trace.samples
    held = np.flatnonzero(samples.state == SampleState.GIL)
    pairs = set(zip(samples.thread[held].tolist(), samples.source[held].tolist()))
    return {(trace.threads[thread].process, source) for thread, source in pairs}
