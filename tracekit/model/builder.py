"""Builder: collects rows in any order and makes a sound Trace of them. Knows no file format and judges no meaning.

Times given to it are absolute nanoseconds of any one clock; `build` makes them relative to the earliest one.
"""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

import numpy as np

from tracekit.model.gathered import Column, Gathered
from tracekit.model.nesting import lying_in, nest, sort_order
from tracekit.model.select import window
from tracekit.model.trace import (
    Args,
    Category,
    Counters,
    FlowKind,
    Flows,
    Frames,
    Instants,
    Int64,
    Loop,
    Pool,
    Process,
    Samples,
    SampleSource,
    SampleState,
    Slices,
    States,
    Task,
    Thread,
    Trace,
    Track,
    TrackKind,
    Undrawn,
)


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
        self._track_names: dict[int, str] = {}
        self._strings: dict[str, int] = {}
        self._args: list[Args] = []
        self._shared: set[int] = set()  # numbers of arguments that several slices have
        self._slices = Gathered()
        self._instants = array("q")
        self._counters = array("q")
        self._values = array("d")
        self._flows = array("q")
        self._undrawn = array("q")
        self._frames: dict[tuple[int, int, int, int], int] = {}
        self._samples = array("q")

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

    def track(self, kind: TrackKind, owner: int, number: int = 0, name: str = "") -> int:
        """The track of a thread, task or process, or the lanes of a thread (given as one; `build` parts them).

        Args:
            number: of TASKS and NAMED, of which a process has many.
            name: of NAMED; the first one counts.
        """
        index = self._tracks.setdefault((kind, owner, number), len(self._tracks))
        if name:
            self._track_names.setdefault(index, name)
        return index

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
        return self._slices.add(track, start, end, self.string(name), category, flags, task, number)

    def end(self, handle: int, time: int, flags: int = 0) -> None:
        """Moves the end of a slice, and adds flags to it."""
        self._slices.move_end(handle, time, flags)

    def annotate(self, handle: int, args: Args, flags: int = 0) -> None:
        """Adds arguments and flags to a slice."""
        self._slices.flags[handle] |= flags
        kept = self._slices.args[handle]
        if kept >= 0 and kept not in self._shared:
            self._args[kept].update(args)
        else:
            self._slices.args[handle] = self._own({**(self._args[kept] if kept >= 0 else {}), **args})

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
        return self._slices.extend(len(start), track, start, end, name, category, flags, task, args)

    def lying(self, *categories: Category) -> tuple[Int64, Int64, Int64, Int64]:
        """The slices of some categories so far, in the order of their adding: handle, track, start and end, a column each."""
        handles = np.flatnonzero(np.isin(self._slices.column("category"), categories))
        track, start, end = (self._slices.column(name)[handles] for name in ("track", "start", "end"))
        return handles, track.astype(np.int64), start, end

    def instant(self, track: int, time: int, name: str, args: Args | None = None) -> None:
        """Adds a point in time to a track."""
        self._instants.extend((track, time, self.string(name), self._own(args)))

    def instants(self, track: Column | int, time: Column, name: Column | int, args: Column | int = -1) -> None:
        """Adds many points in time at once.

        Args:
            name, args: what `string` and `keep` returned.
        """
        rows = np.empty((len(time), 4), np.int64)
        for at, column in enumerate((track, time, name, args)):
            rows[:, at] = column
        self._instants.frombytes(rows.tobytes())

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

    def frame(self, parent: int, function: str, file: str, line: int = 0) -> int:
        """The row of a frame; what is alike is one row.

        Args:
            parent: the row of the frame that called it, or -1.
            line: 0 where it is not known.
        """
        key = (parent, self.string(function), self.string(file), line)
        return self._frames.setdefault(key, len(self._frames))

    def sample(self, thread: int, time: int, frame: int, state: SampleState, source: SampleSource) -> None:
        """Adds a call stack that was sampled.

        Args:
            frame: the innermost one, as `frame` returned it; -1: the thread was seen, but not its stack.
        """
        self._samples.extend((thread, time, frame, state, source))

    def samples(
        self, thread: Column | int, time: Column, frame: Column, state: Column | int, source: Column | int
    ) -> None:
        """Adds many samples at once: as in `sample`, a column each, or one number for all."""
        rows = np.empty((len(time), len(Samples.__slots__)), np.int64)
        for at, column in enumerate((thread, time, frame, state, source)):
            rows[:, at] = column
        self._samples.frombytes(rows.tobytes())

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
        samples = _table(self._samples, len(Samples.__slots__))
        times = self._slices.column("start"), self._slices.column("end")
        base, last = self._range(*times, instants[:, 1], counters[:, 1], samples[:, 1])
        tracks, notes = self._track_rows(), list(self.notes)
        del times
        slices, position, cut = self._nested(base, tracks, final)
        if cut:
            notes.append(f"slices that outlasted the one around them were cut to fit: {cut}")
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
            frames=_frames(self._frames),
            samples=_samples(samples, base),
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
        rows = [self._track_row(*key) for key in self._tracks]
        for index, name in self._track_names.items():
            rows[index].name = name
        return rows

    def _track_row(self, kind: TrackKind, owner: int, number: int = 0) -> Track:
        if kind == TrackKind.TASKS:
            return Track(kind, owner, owner, f"tasks {number}")
        if kind in (TrackKind.PROCESS, TrackKind.NAMED):
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

    def _nested(self, base: int, tracks: list[Track], final: bool) -> tuple[Slices, Int64, int]:
        """The slices, sorted and nested, the place of each row among them, and how many were cut; adds the lanes that takes."""

        def new_lane(thread: int) -> int:
            tracks.append(self._track_row(TrackKind.LANE, thread))
            return len(tracks) - 1

        rows = self._slices
        if final:
            self._slices = Gathered()
        keys = {name: rows.column(name) for name in ("track", "start", "end", "category")}
        order = sort_order(*keys.values())
        found = {name: column[order] for name, column in keys.items()}
        lanes = {index: row.owner for index, row in enumerate(tracks) if row.kind == TrackKind.LANE}
        homes = [self._lane_thread(row) for row in tracks]
        track, start, end, category = found.values()
        nested = nest(track, start, end, category, lanes, homes, new_lane)
        if nested.changed:
            for name in ("track", "end"):
                keys[name] = np.empty_like(found[name])
                keys[name][order] = found[name]
            order = sort_order(*keys.values())
            found = {name: column[order] for name, column in keys.items()}
        for name in ("start", "end"):
            found[name] -= base
        position = np.empty(len(order), np.int64)
        position[order] = np.arange(len(order))
        for name in ("name", "flags", "task", "args"):
            found[name] = rows.column(name)[order]
        return Slices(**found), position, nested.cut

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


def _frames(rows: dict[tuple[int, int, int, int], int]) -> Frames:
    columns = np.array(list(rows), np.int64).reshape(-1, len(Frames.__slots__)).astype(np.int32)
    return Frames(*(np.ascontiguousarray(column) for column in columns.T))


def _samples(rows: Int64, base: int) -> Samples:
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    thread, frame = rows[:, 0].astype(np.int32), rows[:, 2].astype(np.int32)
    return Samples(thread, rows[:, 1] - base, frame, rows[:, 3].astype(np.uint8), rows[:, 4].astype(np.uint8))
