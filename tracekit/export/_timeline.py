"""Timeline: the threads and tasks of a trace as strips of slices, as many as a page can hold. Knows no markup.

Of a trace with more threads or tasks than that, those are taken that ran longest, and of tasks also those that waited longest
for their turn; what was left out is counted. Slices that are too short to be seen are drawn together (thinned.py), so that
none is missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

import numpy as np

from tracekit.analyze import words
from tracekit.export._thinned import Thinned, thinned
from tracekit.export._words import name_of_process
from tracekit.model.trace import Category, Flag, Int64, Trace, TrackKind

MOST_THREADS, MOST_TASKS, MOST_OTHERS = 24, 40, 12
_MOST_PIECES = 9000  # on the whole page
_LEAST_PIECES = 40  # of a strip
_PIXELS = 4000  # more than any window has, for one may zoom in
_LEVELS = 3  # of slices that lie in one another

_SLICES: dict[Category, str] = {
    Category.STEP: "slice",
    Category.CALLBACK: "slice",
    Category.SPAN: "slice",
    Category.PART: "slice",
    Category.JOB: "slice",
    Category.CALL: "slice",
    Category.OTHER: "slice",
    Category.TASK: "slice",
    Category.WAIT: "lock",
    Category.GC: "gc",
    Category.PICKLE: "job",
}
# Beside these, calls of functions would only hide what they led to.
_TELLING = (Category.STEP, Category.CALLBACK, Category.SPAN, Category.PART, Category.JOB)
_PHASES: dict[Category, str] = {Category.READY: "loop", Category.RUNNING: "compute", Category.AWAITING: "sleep"}
_STATES = {
    "running": "compute",
    "running without the GIL": "native",
    "runnable": "core",
    "waiting for the GIL": "gil",
    "waiting for a lock": "lock",
    "polling": "polling",
    "reading or writing": "io",
    "sleeping": "sleep",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """What is drawn: from when to when (ns), its colour, its name, and what is told of it."""

    begin: int
    end: int
    colour: str
    name: str
    told: str


@dataclass(slots=True)
class Lane:
    """A thread, a task or a line of another kind: rows of pieces, and, of a thread, what it was seen to do below them."""

    name: str
    told: str = ""
    is_head: bool = False  # it only names what comes below
    life: tuple[int, int] | None = None
    rows: list[list[Piece]] = field(default_factory=list)
    states: list[Piece] = field(default_factory=list)


class Timeline:
    """All lanes of a trace, process by process.

    Attributes:
        lanes: from top to bottom.
        left_out: what there was no room for, as "1,300 threads".
        has_calls_left_out: whether calls of functions were recorded that are not drawn.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self.has_calls_left_out = False
        self._pixel = max(trace.duration / _PIXELS, 1.0)
        tracks = np.arange(len(trace.tracks))
        self._first = np.searchsorted(trace.slices.track, tracks, "left")
        self._last = np.searchsorted(trace.slices.track, tracks, "right")
        self._tracks: defaultdict[tuple[TrackKind, int], list[int]] = defaultdict(list)
        for index, track in enumerate(trace.tracks):
            self._tracks[track.kind, track.owner].append(index)
        self._life = self._lives()
        threads, tasks, others = self._threads(), self._tasks(), self._others()
        self.left_out = [
            f"{whole - len(shown):,} {noun}{'s' * (whole - len(shown) > 1)}"
            for whole, shown, noun in (
                (len(trace.threads), threads, "thread"),
                (len(trace.tasks), tasks, "task"),
            )
            if whole > len(shown)
        ]
        strips = 3 * len(threads) + len(tasks) + len(others)
        self._most = max(_LEAST_PIECES, _MOST_PIECES // max(strips, 1))
        self.lanes = list(self._lanes(threads, tasks, others))

    def _threads(self) -> list[int]:
        """Those that are drawn: of many, the loops' own and those that did most."""
        threads = self._trace.threads
        ran = {row.thread: row.running for row in self._trace.states}
        loops = {loop.thread for loop in self._trace.loops}
        busy = [
            (at in loops, thread.main, ran.get(at, 0), self._count(TrackKind.THREAD, at))
            for at, thread in enumerate(threads)
        ]
        return sorted(_best(len(threads), busy.__getitem__, MOST_THREADS))

    def _lives(self) -> Int64:
        """For each task the slice of its life on a track that it shares with others; -1 where it has one of its own."""
        life = np.full(len(self._trace.tasks), -1, np.int64)
        kinds = np.array([track.kind for track in self._trace.tracks], np.int64)
        slices = self._trace.slices
        rows = np.flatnonzero((slices.category == Category.TASK) & (slices.task >= 0))
        rows = rows[kinds[slices.track[rows]] == TrackKind.TASKS]
        life[slices.task[rows]] = rows
        return life

    def _tasks(self) -> list[int]:
        """One half by how long they ran, which are those to blame; the others by how long they waited for their turn as well."""
        tasks = self._trace.tasks
        drawn = [at for at in range(len(tasks)) if self._life[at] >= 0 or self._count(TrackKind.TASK, at)]
        if len(drawn) > MOST_TASKS:
            ran = nlargest(MOST_TASKS // 2, drawn, key=lambda at: tasks[at].running)
            held = nlargest(MOST_TASKS, drawn, key=lambda at: tasks[at].running + tasks[at].ready)
            drawn = list(dict.fromkeys([*ran, *held]))[:MOST_TASKS]
        return sorted(drawn, key=lambda at: (tasks[at].created, at))

    def _others(self) -> list[int]:
        """Tracks that are neither a thread's nor tasks': lanes of spans, other people's lines."""
        kinds = (TrackKind.LANE, TrackKind.NAMED, TrackKind.PROCESS)
        tracks = [
            at
            for at, track in enumerate(self._trace.tracks)
            if track.kind in kinds and self._last[at] > self._first[at]
        ]
        size = [int(self._last[at] - self._first[at]) for at in tracks]
        return sorted(tracks[at] for at in _best(len(tracks), size.__getitem__, MOST_OTHERS))

    def _count(self, kind: TrackKind, owner: int) -> int:
        return sum(int(self._last[at] - self._first[at]) for at in self._tracks[kind, owner])

    def _lanes(self, threads: Sequence[int], tasks: Sequence[int], others: Sequence[int]) -> Iterator[Lane]:
        trace = self._trace
        owners = {trace.threads[at].process for at in threads} | {trace.tasks[at].process for at in tasks}
        owners |= {trace.tracks[at].process for at in others}
        for process in sorted(owners):
            if len(trace.processes) > 1:
                row = trace.processes[process]
                yield Lane(f"{name_of_process(row)}  {row.pid}", row.command, is_head=True)
            yield from (self._thread(at) for at in threads if trace.threads[at].process == process)
            yield from (self._other(at) for at in others if trace.tracks[at].process == process)
            yield from (self._task(at) for at in tasks if trace.tasks[at].process == process)

    def _thread(self, index: int) -> Lane:
        thread = self._trace.threads[index]
        end = self._trace.duration if thread.ended is None else thread.ended
        lane = Lane(thread.name or "thread", f"thread {thread.tid}", life=(max(thread.started, 0), end))
        for track in self._tracks[TrackKind.THREAD, index]:
            lane.rows += self._nested(track, _SLICES)
        for track in self._tracks[TrackKind.STATES, index]:
            lane.states = self._pieces(self._rows(track, (Category.STATE,)), self._state)
        return lane

    def _task(self, index: int) -> Lane:
        task = self._trace.tasks[index]
        lane = Lane(words.task_label(task.name, task.coroutine) or "task", _about(task))
        spans: dict[Category, str] = {kind: colour for kind, colour in _SLICES.items() if kind != Category.TASK}
        for track, rows in self._of_task(index):
            phases = rows[np.isin(self._trace.slices.category[rows], tuple(_PHASES))]
            lane.rows.append(self._pieces(phases, lambda row: _PHASES[self._category(row)]))
            lane.rows += self._nested(track, spans, rows)
        return lane

    def _of_task(self, index: int) -> Iterator[tuple[int, Int64]]:
        """The tracks that a task lies on, each with what of it is the task's: of one that it shares, what lies in its life."""
        for track in self._tracks[TrackKind.TASK, index]:
            yield track, np.arange(self._first[track], self._last[track])
        first = int(self._life[index])
        if first >= 0:
            track = int(self._trace.slices.track[first])
            starts = self._trace.slices.start[first : self._last[track]]
            yield track, first + np.arange(np.searchsorted(starts, self._trace.slices.end[first], "right"))

    def _other(self, track: int) -> Lane:
        return Lane(self._trace.tracks[track].name or "spans", rows=self._nested(track, _SLICES))

    def _nested(self, track: int, colours: dict[Category, str], rows: Int64 | None = None) -> list[list[Piece]]:
        """A row for each level of slices that lie in one another; deeper ones than `_LEVELS` are not drawn.

        Calls are drawn only where nothing else tells what ran.

        Args:
            rows: those slices of the track that are meant; all by default.
        """
        rest = self._rows(track, tuple(colours)) if rows is None else rows
        rest = rest[np.isin(self._trace.slices.category[rest], tuple(colours))]
        categories = self._trace.slices.category[rest]
        calls = categories == Category.CALL
        if calls.any() and (self._on_task(track) or np.isin(categories, _TELLING).any()):
            rest, self.has_calls_left_out = rest[~calls], True
        levels: list[list[Piece]] = []
        ends = self._trace.slices.end
        while len(rest) and len(levels) < _LEVELS:
            reached = np.maximum.accumulate(ends[rest])
            outer = np.ones(len(rest), bool)
            outer[1:] = self._trace.slices.start[rest[1:]] >= reached[:-1]
            levels.append(self._pieces(rest[outer], lambda row: colours[self._category(row)]))
            rest = rest[~outer]
        return levels

    def _on_task(self, track: int) -> bool:
        return self._trace.tracks[track].kind in (TrackKind.TASK, TrackKind.TASKS)

    def _rows(self, track: int, categories: tuple[Category, ...]) -> Int64:
        rows = np.arange(self._first[track], self._last[track])
        return rows[np.isin(self._trace.slices.category[rows], categories)]

    def _category(self, row: int) -> Category:
        return Category(int(self._trace.slices.category[row]))

    def _state(self, row: int) -> str:
        return _STATES.get(self._trace.strings[int(self._trace.slices.name[row])], "other")

    def _pieces(self, rows: Int64, colour: Callable[[int], str]) -> list[Piece]:
        starts, ends = self._trace.slices.start[rows], self._trace.slices.end[rows]
        drawn = thinned(starts, ends, self._pixel, self._most)
        return [self._piece(drawn, at, int(rows[drawn.longest[at]]), colour) for at in range(len(drawn))]

    def _piece(self, drawn: Thinned, at: int, row: int, colour: Callable[[int], str]) -> Piece:
        begin, end, count = int(drawn.begin[at]), int(drawn.end[at]), int(drawn.count[at])
        name = self._trace.strings[int(self._trace.slices.name[row])]
        filled, when = words.duration(int(drawn.filled[at])), words.duration(begin)
        if count > 1:
            return Piece(
                begin, end, colour(row), "", f"{count} slices, {filled} in all, at {when}; the longest: {name}"
            )
        unfinished = ", its end was not seen" if int(self._trace.slices.flags[row]) & Flag.UNFINISHED else ""
        return Piece(begin, end, colour(row), name, f"{name}, {filled}, at {when}{unfinished}")


def _best(count: int, value: Callable[[int], Any], most: int) -> list[int]:
    if count <= most:
        return list(range(count))
    return sorted(range(count), key=lambda at: value(at), reverse=True)[:most]


def _about(task: Any) -> str:
    place = f", {task.file}:{task.line}" if task.file else ""
    return f"task {task.name}{place}: {task.outcome}"
