"""Builder: collects rows in any order and makes a sound Trace of them. Knows no file format and judges no meaning.

Times given to it are absolute nanoseconds of any one clock; `build` makes them relative to the earliest one.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracekit.model.nesting import lying_in, nest, sort_order
from tracekit.model.select import window
from tracekit.model.trace import (
    Args,
    Category,
    Counters,
    FlowKind,
    Flows,
    Instants,
    Int64,
    Loop,
    Pool,
    Process,
    Slices,
    States,
    Task,
    Thread,
    Trace,
    Track,
    TrackKind,
    Undrawn,
)

Column = Sequence[int] | NDArray[Any]

# A slice is one row of eight numbers in a flat array: a tenth of the memory of a tuple, and numpy reads it as it is.
_TRACK, _START, _END, _NAME, _CATEGORY, _FLAGS, _TASK, _ARGS = range(8)
_WIDTH = 8
_AT_A_TIME = 1 << 16  # rows that are copied at a time


class Builder:
    """Collects the rows of a trace.

    The rows themselves stay reachable, for what is learnt later: `processes`, `threads`, `loops`, `tasks`, `states`,
    `pools`.

    Args:
        program: what was run, as the user would say it.
        wall_start: Unix time (ns) where the clock of the given times is 0; 0 where it is not known.
        since: what ended before is not in the trace, which begins there; 0: all is in it.
    """

    def __init__(self, program: str = "", wall_start: int = 0, since: int = 0) -> None:
        self.program = program
        self.wall_start = wall_start
        self.since = since
        self.processes: list[Process] = []
        self.threads: list[Thread] = []
        self.loops: list[Loop] = []
        self.tasks: list[Task] = []
        self.states: list[States] = []
        self.pools: list[Pool] = []
        self.cores = 0
        self.notes: list[str] = []
        self._tracks: dict[tuple[TrackKind, int, int], int] = {}
        self._strings: dict[str, int] = {}
        self._args: list[Args] = []
        self._shared: set[int] = set()  # numbers of arguments that several slices have
        self._slices = array("q")
        self._instants = array("q")
        self._counters = array("q")
        self._values = array("d")
        self._flows = array("q")
        self._undrawn = array("q")

    def process(self, pid: int, name: str, **fields: Any) -> int:
        """Adds a process and returns its index; `fields` are those of `Process`."""
        self.processes.append(Process(pid, name, **fields))
        return len(self.processes) - 1

    def thread(self, process: int, tid: int, name: str, **fields: Any) -> int:
        """Adds a thread and returns its index; `fields` are those of `Thread`."""
        self.threads.append(Thread(process, tid, name, **fields))
        return len(self.threads) - 1

    def loop(self, process: int, thread: int, name: str) -> int:
        """Adds an event loop and returns its index."""
        self.loops.append(Loop(process, thread, name))
        return len(self.loops) - 1

    def task(self, process: int, loop: int | None, name: str, **fields: Any) -> int:
        """Adds a task and returns its index; `fields` are those of `Task`."""
        self.tasks.append(Task(process, loop, name, **fields))
        return len(self.tasks) - 1

    def track(self, kind: TrackKind, owner: int, number: int = 0) -> int:
        """The track of a thread, task or process, or the lanes of a thread (given as one; `build` parts them).

        Args:
            number: of TASKS, of which a process has many.
        """
        return self._tracks.setdefault((kind, owner, number), len(self._tracks))

    def string(self, text: str) -> int:
        """The index of a string in the trace's table."""
        return self._strings.setdefault(text, len(self._strings))

    def keep(self, args: Args | None) -> int:
        """The number under which arguments are kept that many slices share; -1 for none."""
        number = self._own(args)
        self._shared.add(number)
        return number

    def slice(
        self,
        track: int,
        start: int,
        end: int,
        name: str,
        category: Category,
        flags: int = 0,
        task: int = -1,
        args: Args | int | None = None,
    ) -> int:
        """Adds a slice; returns a handle for `flow` and `end`. Of two that lie alike, the first one is the parent.

        Args:
            args: its arguments, or what `keep` returned.
        """
        number = args if isinstance(args, int) else self._own(args)
        self._slices.extend((track, start, max(start, end), self.string(name), category, flags, task, number))
        return len(self._slices) // _WIDTH - 1

    def end(self, handle: int, time: int, flags: int = 0) -> None:
        """Moves the end of a slice, and adds flags to it."""
        row = handle * _WIDTH
        self._slices[row + _END] = max(time, self._slices[row + _START])
        self._slices[row + _FLAGS] |= flags

    def annotate(self, handle: int, args: Args, flags: int = 0) -> None:
        """Adds arguments and flags to a slice."""
        row = handle * _WIDTH
        self._slices[row + _FLAGS] |= flags
        kept = self._slices[row + _ARGS]
        if kept >= 0 and kept not in self._shared:
            self._args[kept].update(args)
        else:
            self._slices[row + _ARGS] = self._own({**(self._args[kept] if kept >= 0 else {}), **args})

    def slices(
        self,
        track: Column | int,
        start: Column,
        end: Column,
        name: Column | int,
        category: Column | int,
        flags: Column | int = 0,
        task: Column | int = -1,
        args: Column | int = -1,
    ) -> int:
        """Adds many slices at once; returns the handle of the first, the others follow.

        Args:
            track, start, end, category, flags, task: as in `slice`, a column each, or one number for all.
            name: what `string` returned.
            args: what `keep` returned.
        """
        first = len(self._slices) // _WIDTH
        columns = (track, start, end, name, category, flags, task, args)
        for begin in range(0, len(start), _AT_A_TIME):
            own = slice(begin, begin + _AT_A_TIME)
            rows = np.empty((len(start[own]), _WIDTH), np.int64)
            for at, column in enumerate(columns):
                rows[:, at] = column if isinstance(column, int) else column[own]
            rows[:, _END] = np.maximum(rows[:, _START], rows[:, _END])
            self._slices.frombytes(rows.tobytes())
        return first

    def lying(self, *categories: Category) -> tuple[Int64, Int64, Int64, Int64]:
        """The slices of some categories so far, in the order of their adding: handle, track, start and end, a column each."""
        rows = _table(self._slices, _WIDTH)
        handles = np.flatnonzero(np.isin(rows[:, _CATEGORY], categories))
        return handles.astype(np.int64), rows[handles, _TRACK], rows[handles, _START], rows[handles, _END]

    def instant(self, track: int, time: int, name: str, args: Args | None = None) -> None:
        """Adds a point in time to a track."""
        self._instants.extend((track, time, self.string(name), self._own(args)))

    def counter(self, process: int, time: int, name: str, series: str, value: float) -> None:
        """Adds one value of one series of a process's counter."""
        self._counters.extend((process, time, self.string(name), self.string(series)))
        self._values.append(value)

    def counters(self, process: int, time: Column, name: str, series: str, value: Column) -> None:
        """Adds many values of one series of a process's counter."""
        rows = np.empty((len(time), 4), np.int64)
        for at, column in enumerate((process, time, self.string(name), self.string(series))):
            rows[:, at] = column
        self._counters.frombytes(rows.tobytes())
        self._values.frombytes(np.asarray(value, np.float64).tobytes())

    def flow(self, kind: FlowKind, track: int, time: int, target: int) -> None:
        """Adds an arrow from a point on a track to the start of a slice.

        One that would run backwards, or starts where its track has no slice, is not in the trace.

        Args:
            target: the handle of a slice.
        """
        self._flows.extend((kind, track, time, target))

    def flows(self, kind: Column | int, track: Column, time: Column, target: Column) -> None:
        """Adds many arrows at once: as in `flow`, a column each."""
        rows = np.empty((len(track), 4), np.int64)
        for at, column in enumerate((kind, track, time, target)):
            rows[:, at] = column
        self._flows.frombytes(rows.tobytes())

    def undrawn(self, task: Column, start: Column, end: Column) -> None:
        """Adds times in which tasks that are not drawn were ready, a column each."""
        self._undrawn.frombytes(np.stack((task, start, end), axis=1).astype(np.int64).tobytes())

    def inside(self, start: int, end: int) -> int:
        """What of a stretch of time the trace will have; the times of loops are counted by this."""
        return max(0, end - max(start, self.since))

    def note(self, sentence: str) -> None:
        """Adds what the user must know before believing the trace."""
        self.notes.append(sentence)

    def build(self, exit_status: int | None = None, final: bool = False) -> Trace:
        """Sorts and nests everything, and returns the trace. The builder itself stays as it was, unless this is `final`.

        Args:
            final: the builder is not used any more, and gives what it holds to the trace: of a million tasks two would not
                fit into memory.
        """
        instants, counters = _table(self._instants, 4), _table(self._counters, 4)
        rows = np.frombuffer(self._slices, np.int64).reshape(-1, _WIDTH)
        base, last = self._range(rows[:, _START], rows[:, _END], instants[:, 1], counters[:, 1])
        tracks, notes = self._track_rows(), list(self.notes)
        slices, position, cut = self._nested(rows, base, tracks)
        if cut:
            notes.append(f"slices that outlasted the one around them were cut to fit: {cut}")
        del rows
        if final:
            self._slices = array("q")
        trace = Trace(
            program=self.program,
            wall_start=self.wall_start + base if self.wall_start else 0,
            duration=last - base,
            processes=[_shifted(row, base, last, "started", "ended") for row in self.processes],
            threads=[_shifted(row, base, last, "started", "ended") for row in self.threads],
            loops=[replace(row) for row in self.loops],
            tasks=self._task_rows(base, last, final),
            tracks=tracks,
            strings=list(self._strings),
            args=[dict(args) for args in self._args],
            slices=slices,
            instants=_instants(instants, base),
            counters=_counters(counters, np.frombuffer(self._values, np.float64), base),
            flows=_flows(_table(self._flows, 4), base, position, slices),
            notes=notes,
            states=[replace(row) for row in self.states],
            pools=[replace(row) for row in self.pools],
            cores=self.cores,
            undrawn=_undrawn(_table(self._undrawn, 3), base),
            exit_status=exit_status,
        )
        return window(trace, self.since - base) if self.since and self.since > base else trace

    def _range(self, *columns: Int64) -> tuple[int, int]:
        """The earliest and the latest time of all; 0 and 0 where there is none."""
        times = [bound for column in columns if len(column) for bound in (int(column.min()), int(column.max()))]
        # A process may have been seen for longer than anything on its tracks; 0 stands for a start that nobody knows.
        times += [time for row in self.processes for time in (row.started, row.ended) if time]
        return (min(times), max(times)) if times else (0, 0)

    def _own(self, args: Args | None) -> int:
        if not args:
            return -1
        self._args.append(args)
        return len(self._args) - 1

    def _track_rows(self) -> list[Track]:
        return [self._track_row(*key) for key in self._tracks]

    def _track_row(self, kind: TrackKind, owner: int, number: int = 0) -> Track:
        if kind == TrackKind.TASKS:
            return Track(kind, owner, owner, f"tasks {number}")
        if kind == TrackKind.PROCESS:
            return Track(kind, owner, owner, self.processes[owner].name)
        if kind == TrackKind.TASK:
            return Track(kind, owner, self.tasks[owner].process, self.tasks[owner].name)
        name = self.threads[owner].name
        return Track(kind, owner, self.threads[owner].process, f"{name} states" if kind == TrackKind.STATES else name)

    def _task_rows(self, base: int, last: int, final: bool) -> list[Task]:
        if not final:
            return [_shifted(row, base, last, "created", "ended") for row in self.tasks]
        for row in self.tasks:
            row.created = min(max(row.created, base), last) - base
            if row.ended is not None:
                row.ended = min(max(row.ended, base), last) - base
        return self.tasks

    def _nested(self, rows: Int64, base: int, tracks: list[Track]) -> tuple[Slices, Int64, int]:
        """The slices, sorted and nested, the place of each row among them, and how many were cut; adds the lanes that takes."""

        def new_lane(thread: int) -> int:
            tracks.append(self._track_row(TrackKind.LANE, thread))
            return len(tracks) - 1

        all_tracks, starts, ends = rows[:, _TRACK].astype(np.int32), rows[:, _START] - base, rows[:, _END] - base
        categories = rows[:, _CATEGORY].astype(np.uint8)
        order = sort_order(all_tracks, starts, ends, categories)
        track, start, end, category = all_tracks[order], starts[order], ends[order], categories[order]
        lanes = {index: row.owner for index, row in enumerate(tracks) if row.kind == TrackKind.LANE}
        homes = [self._lane_thread(row) for row in tracks]
        nested = nest(track, start, end, category, lanes, homes, new_lane)
        if nested.changed:
            all_tracks[order], ends[order] = nested.track, nested.end
            order = sort_order(all_tracks, starts, ends, categories)
            track, start, end, category = all_tracks[order], starts[order], ends[order], categories[order]
        position = np.empty(len(order), np.int64)
        position[order] = np.arange(len(order))
        name, task, args = (rows[order, which].astype(np.int32) for which in (_NAME, _TASK, _ARGS))
        return (
            Slices(track, start, end, name, category, rows[order, _FLAGS].astype(np.uint8), task, args),
            position,
            nested.cut,
        )

    def _lane_thread(self, track: Track) -> int:
        """The thread whose lanes take what does not fit on a track; -1 where there is none."""
        if track.kind in (TrackKind.THREAD, TrackKind.LANE):
            return track.owner
        if track.kind == TrackKind.TASK:
            loop = self.tasks[track.owner].loop
            if loop is not None:
                return self.loops[loop].thread
        return next((index for index, thread in enumerate(self.threads) if thread.process == track.process), -1)


def _table(flat: array[int], width: int) -> Int64:
    # A copy, because an array whose memory numpy looks at can no longer grow.
    return np.array(flat, np.int64).reshape(-1, width)


def _shifted(row: Any, base: int, last: int, start: str, end: str) -> Any:
    def shift(time: int | None) -> int | None:
        return None if time is None else min(max(time, base), last) - base

    return replace(row, **{start: shift(getattr(row, start)), end: shift(getattr(row, end))})


def _instants(rows: Int64, base: int) -> Instants:
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    track, name, args = (rows[:, which].astype(np.int32) for which in (0, 2, 3))
    return Instants(track, rows[:, 1] - base, name, args)


def _counters(rows: Int64, values: np.ndarray[Any, np.dtype[np.float64]], base: int) -> Counters:
    order = np.argsort(rows[:, 1], kind="stable")
    rows = rows[order]
    process, name, series = (rows[:, which].astype(np.int32) for which in (0, 2, 3))
    return Counters(process, rows[:, 1] - base, name, series, values[order])


def _flows(rows: Int64, base: int, position: Int64, slices: Slices) -> Flows:
    kind, track, time = rows[:, 0], rows[:, 1], rows[:, 2] - base
    target = position[rows[:, 3]] if len(rows) else rows[:, 3]
    sound = time <= slices.start[target]
    sound &= lying_in(track, time, slices.track, slices.start, slices.end)
    return Flows(
        kind[sound].astype(np.uint8), track[sound].astype(np.int32), time[sound], target[sound].astype(np.int32)
    )


def _undrawn(rows: Int64, base: int) -> Undrawn:
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    return Undrawn(rows[:, 0].astype(np.int32), rows[:, 1] - base, rows[:, 2] - base)
