"""Left: takes out of a Trace the rows that nothing is left of. Knows the model only, and no reason why nothing is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit.model.columns import distinct
from tracekit.model.trace import (
    STATE_FIELDS,
    Frames,
    Int64,
    Loop,
    Process,
    States,
    Task,
    Thread,
    Trace,
    Track,
    TrackKind,
    Undrawn,
)

Bools = NDArray[np.bool_]

_OF_PROCESSES = (TrackKind.PROCESS, TrackKind.TASKS, TrackKind.NAMED)


def drop(trace: Trace) -> None:
    """Leaves out all rows that are not in the trace's time, and what nothing refers to any more."""
    used = np.zeros(len(trace.tracks), np.bool_)
    for columns in (trace.slices, trace.instants, trace.flows):
        used[columns.track] = True
    tasks = _tasks_left(trace, used)
    loops, threads = _threads_left(trace, used, tasks)
    processes = _processes_left(trace, used, threads)
    _renumber(trace, _keep(used), _keep(processes), _keep(threads), _keep(loops), _keep(tasks))
    _renumber_texts(trace)


def sampled(row: States) -> int:
    """For how long the states of a thread are known, in ns."""
    return sum(getattr(row, field) for field in set(STATE_FIELDS.values()))


class _Kept(NamedTuple):
    """Which rows stay, and where each one is then; -1 where it does not."""

    rows: list[int]
    place: Int64


def _keep(which: Bools) -> _Kept:
    place = np.where(which, np.cumsum(which) - 1, -1).astype(np.int64)
    return _Kept([int(at) for at in np.flatnonzero(which)], place)


def _owners(trace: Trace, used: Bools, kinds: tuple[TrackKind, ...]) -> list[int]:
    return [track.owner for track, own in zip(trace.tracks, used.tolist()) if own and track.kind in kinds]


def _tasks_left(trace: Trace, used: Bools) -> Bools:
    left = np.zeros(len(trace.tasks), np.bool_)
    left[_owners(trace, used, (TrackKind.TASK,))] = True
    left[trace.slices.task[trace.slices.task >= 0]] = True
    return left


def _threads_left(trace: Trace, used: Bools, tasks: Bools) -> tuple[Bools, Bools]:
    """Which loops stay, and which threads; a loop stays with its tasks, a thread with its loops."""
    threads = np.zeros(len(trace.threads), np.bool_)
    threads[_owners(trace, used, (TrackKind.THREAD, TrackKind.LANE, TrackKind.STATES))] = True
    loops = np.array([bool(row.running or row.open) for row in trace.loops], np.bool_)
    loops &= np.array([threads[row.thread] for row in trace.loops], np.bool_)
    loops[[row.loop for row, left in zip(trace.tasks, tasks.tolist()) if left and row.loop is not None]] = True
    threads[[row.thread for row, left in zip(trace.loops, loops.tolist()) if left]] = True
    threads[trace.samples.thread] = True
    return loops, threads


def _processes_left(trace: Trace, used: Bools, threads: Bools) -> Bools:
    """Processes that were there in the window, and the ancestors of such.

    Of one that was started before and not traced nothing says that it still was.
    """
    had_threads = {row.process for row in trace.threads}
    left = {row.process for row, own in zip(trace.threads, threads.tolist()) if own}
    left |= set(trace.counters.process.tolist()) | set(_owners(trace, used, _OF_PROCESSES))
    left |= {
        at
        for at, row in enumerate(trace.processes)
        if (row.ended is not None and row.ended > 0)
        or (row.ended is None and at not in had_threads and _may_live(trace, row))
    }
    for at in list(left):
        parent = trace.processes[at].parent
        while parent is not None and parent not in left:
            left.add(parent)
            parent = trace.processes[parent].parent
    return np.isin(np.arange(len(trace.processes)), sorted(left))


def _may_live(trace: Trace, row: Process) -> bool:
    return row.started <= trace.duration and (row.started >= 0 or row.parent is None)


def _renumber(trace: Trace, tracks: _Kept, processes: _Kept, threads: _Kept, loops: _Kept, tasks: _Kept) -> None:
    """Puts the rows that stay together, and every index where they are now."""

    def place(kept: _Kept, index: int | None) -> int | None:
        return None if index is None or kept.place[index] < 0 else int(kept.place[index])

    trace.tracks = [trace.tracks[at] for at in tracks.rows]
    trace.processes = [trace.processes[at] for at in processes.rows]
    trace.threads = [trace.threads[at] for at in threads.rows]
    trace.loops = [trace.loops[at] for at in loops.rows]
    trace.tasks = [trace.tasks[at] for at in tasks.rows]
    trace.states = [row for row in trace.states if threads.place[row.thread] >= 0 and sampled(row)]
    for process in trace.processes:
        process.parent = place(processes, process.parent)
    rows: list[Thread | Loop | Task | Track] = [*trace.threads, *trace.loops, *trace.tasks, *trace.tracks]
    for row in rows:
        row.process = int(processes.place[row.process])
    for states in trace.states:
        states.thread = int(threads.place[states.thread])
    _renumber_pools(trace, processes)
    for thread in trace.threads:
        thread.starter = place(threads, thread.starter)
    for loop in trace.loops:
        loop.thread = int(threads.place[loop.thread])
    for task in trace.tasks:
        task.loop = place(loops, task.loop)
    owners = {TrackKind.TASK: tasks, **dict.fromkeys(_OF_PROCESSES, processes)}
    for track in trace.tracks:
        track.owner = int(owners.get(track.kind, threads).place[track.owner])
    for columns in (trace.slices, trace.instants, trace.flows):
        columns.track = tracks.place[columns.track].astype(np.int32)
    of_task = trace.slices.task
    trace.slices.task = np.where(of_task >= 0, tasks.place[of_task] if len(tasks.place) else -1, -1).astype(np.int32)
    undrawn = trace.undrawn
    own = tasks.place[undrawn.task] >= 0
    trace.undrawn = Undrawn(tasks.place[undrawn.task[own]].astype(np.int32), undrawn.start[own], undrawn.end[own])
    trace.counters.process = processes.place[trace.counters.process].astype(np.int32)
    trace.samples.thread = threads.place[trace.samples.thread].astype(np.int32)
    _renumber_frames(trace)


def _renumber_pools(trace: Trace, processes: _Kept) -> None:
    """Leaves out the pools of processes that are left out. Jobs keep the indexes of theirs."""
    kept = _keep(np.array([processes.place[row.process] >= 0 for row in trace.pools], np.bool_))
    trace.pools = [trace.pools[at] for at in kept.rows]
    for pool in trace.pools:
        pool.process = int(processes.place[pool.process])
    for at, args in enumerate(trace.args):
        if "pool" in args and isinstance(args["pool"], int) and args["pool"] < len(kept.place):
            trace.args[at] = {**args, "pool": int(kept.place[args["pool"]])}


def _renumber_frames(trace: Trace) -> None:
    """Leaves out the frames that no sample was taken in."""
    frames, samples = trace.frames, trace.samples
    used = np.zeros(len(frames), np.bool_)
    used[samples.frame[samples.frame >= 0]] = True
    parents = frames.parent.tolist()
    for at in reversed(np.flatnonzero(used).tolist()):  # callers come first
        parent = parents[at]
        while parent >= 0 and not used[parent]:
            used[parent] = True
            parent = parents[parent]
    # The last place is for -1.
    place = np.append(np.cumsum(used) - 1, -1).astype(np.int32)
    trace.frames = Frames(place[frames.parent[used]], frames.function[used], frames.file[used], frames.line[used])
    samples.frame = place[samples.frame]


def _renumber_texts(trace: Trace) -> None:
    """Leaves out the strings and arguments that nothing has any more."""
    slices, instants, counters, frames = trace.slices, trace.instants, trace.counters, trace.frames
    strings, names = _used(slices.name, instants.name, counters.name, counters.series, frames.function, frames.file)
    slices.name, instants.name, counters.name, counters.series, frames.function, frames.file = names
    trace.strings = [trace.strings[at] for at in strings]
    args, (slices.args, instants.args) = _used(slices.args, instants.args)
    trace.args = [trace.args[at] for at in args]


def _used(*columns: NDArray[np.int32]) -> tuple[list[int], list[NDArray[np.int32]]]:
    """The indexes that occur in any of the columns, and the columns by their places among those; -1 stays."""
    used = distinct(np.concatenate(columns))
    used = used[used >= 0]
    places = [np.where(column >= 0, np.searchsorted(used, column), -1).astype(np.int32) for column in columns]
    return used.tolist(), places
