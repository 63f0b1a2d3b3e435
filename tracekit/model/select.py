"""Select: a part of a Trace as a Trace of its own. Knows the model only, and nothing of how a trace came to be.

Slices begin with the window; what they belong to keeps its true beginning, which then is a time before 0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from tracekit.model.columns import distinct
from tracekit.model.nesting import lying_in
from tracekit.model.trace import (
    STATE_FIELDS,
    Args,
    Category,
    Counters,
    Flag,
    Flows,
    Instants,
    Int64,
    Loop,
    Process,
    Slices,
    States,
    Task,
    Thread,
    Trace,
    Track,
    TrackKind,
)
from tracekit.units import say_duration

BEGUN = "begun before"  # the argument of a cut slice that says how long before the window it began

Bools = NDArray[np.bool_]
Columns = TypeVar("Columns", Slices, Instants, Counters, Flows)


def window(trace: Trace, start_ns: int) -> Trace:
    """The trace from a time on. What ends before is left out, what crosses it is cut and says so.

    Args:
        start_ns: ns since the start of the trace; there the new trace has its 0.

    The times of tasks are those inside the window, and so are the states of threads; of a thread's switches, which no slice
    tells, the part that its time in the window is of its time. The times of loops stay as they are: only who read the recording
    can tell which turn was whose.
    """
    start_ns = min(max(start_ns, 0), trace.duration)
    slices, args, new_place = _slices(trace, start_ns)
    instants = _picked(trace.instants, trace.instants.time >= start_ns)
    instants.time -= start_ns
    counters, flows = _counters(trace.counters, start_ns), _flows(trace.flows, slices, new_place, start_ns)
    tables: dict[str, Any] = {"slices": slices, "instants": instants, "counters": counters, "flows": flows}
    whole = replace(
        trace,
        wall_start=trace.wall_start + start_ns if trace.wall_start else 0,
        duration=trace.duration - start_ns,
        processes=[_moved(row, start_ns, "started", "ended") for row in trace.processes],
        threads=[_moved(row, start_ns, "started", "ended") for row in trace.threads],
        loops=[replace(row) for row in trace.loops],
        tasks=[_moved(row, start_ns, "created", "ended") for row in trace.tasks],
        tracks=[replace(row) for row in trace.tracks],
        states=[replace(row) for row in trace.states],
        pools=[replace(row) for row in trace.pools],
        args=args,
        notes=list(trace.notes),
        **tables,
    )
    _recount(whole)
    _recount_states(whole)
    _drop(whole)
    return whole


def _picked(columns: Columns, which: Bools | Int64) -> Columns:
    return type(columns)(*(getattr(columns, name)[which] for name in columns.__slots__))


def _slices(trace: Trace, start_ns: int) -> tuple[Slices, list[Args], Int64]:
    """The slices that reach into the window, all arguments, and the new index of each slice; -1 where its start is gone."""
    kept = np.flatnonzero(trace.slices.end > start_ns)
    slices = _picked(trace.slices, kept)
    crossing = slices.start < start_ns
    args = list(trace.args)
    for at in np.flatnonzero(crossing).tolist():
        known = args[slices.args[at]] if slices.args[at] >= 0 else {}
        least = "at least " if slices.flags[at] & Flag.BEGUN_BEFORE else ""
        args.append({BEGUN: f"{least}{say_duration(start_ns - int(slices.start[at]))} before the window", **known})
        slices.args[at] = len(args) - 1
    slices.flags[crossing] |= np.uint8(Flag.BEGUN_BEFORE)
    slices.start, slices.end = np.maximum(slices.start - start_ns, 0), slices.end - start_ns
    # Stable: of those that are alike now, the one that began earlier is the parent.
    order = np.lexsort((-slices.end, slices.start, slices.track))
    new_place = np.full(len(trace.slices), -1, np.int64)
    new_place[kept[order]] = np.where(crossing[order], -1, np.arange(len(order)))
    return _picked(slices, order), args, new_place


def _counters(counters: Counters, start_ns: int) -> Counters:
    """The values inside, and at the start of the window those that held there."""
    first = int(np.searchsorted(counters.time, start_ns, side="right"))
    keys = np.stack((counters.process[:first], counters.name[:first], counters.series[:first]))[:, ::-1]
    _, last = np.unique(keys, axis=1, return_index=True)
    which = np.concatenate((np.sort(first - 1 - last), np.arange(first, len(counters))))
    picked = _picked(counters, which.astype(np.int64))
    picked.time = np.maximum(picked.time - start_ns, 0)
    return picked


def _flows(flows: Flows, slices: Slices, new_place: Int64, start_ns: int) -> Flows:
    target = new_place[flows.target]
    picked = _picked(flows, (flows.time >= start_ns) & (target >= 0))
    picked.target = new_place[picked.target].astype(np.int32)
    picked.time = picked.time - start_ns
    return _picked(picked, lying_in(picked.track, picked.time, slices.track, slices.start, slices.end))


def _moved(row: Any, start_ns: int, start: str, end: str) -> Any:
    began, ended = getattr(row, start) - start_ns, getattr(row, end)
    moved = {start: began, end: None if ended is None else ended - start_ns}
    if not isinstance(row, Process):
        moved["begun_before"] = row.begun_before or began < 0
    return replace(row, **moved)


def _recount(trace: Trace) -> None:
    """Counts the times of tasks anew, out of what is left of their slices."""
    slices, count = trace.slices, len(trace.tasks)

    def summed(category: Category) -> list[int]:
        own = (slices.category == category) & (slices.task >= 0)
        sums = np.zeros(count, np.int64)
        np.add.at(sums, slices.task[own], slices.end[own] - slices.start[own])
        return [int(value) for value in sums]

    steps = np.bincount(slices.task[(slices.category == Category.STEP) & (slices.task >= 0)], minlength=count).tolist()
    times = zip(steps, summed(Category.RUNNING), summed(Category.READY), summed(Category.AWAITING))
    for task, (own, running, ready, awaiting) in zip(trace.tasks, times):
        task.steps, task.running, task.ready, task.awaiting = own, running, ready, awaiting


def _recount_states(trace: Trace) -> None:
    """Sums the states of threads up anew, out of what is left of their slices."""
    slices = trace.slices
    fields = [STATE_FIELDS.get(name, "") for name in trace.strings]
    for row in trace.states:
        before = _sampled(row)
        sums = dict.fromkeys(STATE_FIELDS.values(), 0)
        reached, ready = -1, 0
        row.longest_ready = 0
        for at in np.flatnonzero(slices.track == _track_of_states(trace, row)).tolist():
            start, end, field = int(slices.start[at]), int(slices.end[at]), fields[slices.name[at]]
            if field:
                sums[field] += end - start
            is_ready = field in ("runnable", "gil")
            ready = (ready if start == reached else 0) + end - start if is_ready else 0
            row.longest_ready, reached = max(row.longest_ready, ready), end
        for field, ns in sums.items():
            setattr(row, field, ns)
        left = _sampled(row) / before if before else 0
        row.switches, row.preempted = round(row.switches * left), round(row.preempted * left)


def _sampled(row: States) -> int:
    return sum(getattr(row, field) for field in set(STATE_FIELDS.values()))


def _track_of_states(trace: Trace, row: States) -> int:
    return next(
        (at for at, track in enumerate(trace.tracks) if track.kind == TrackKind.STATES and track.owner == row.thread),
        -1,
    )


# Rows that nothing is left of.


class _Kept(NamedTuple):
    """Which rows stay, and where each one is then; -1 where it does not."""

    rows: list[int]
    place: Int64


def _keep(which: Bools) -> _Kept:
    place = np.where(which, np.cumsum(which) - 1, -1).astype(np.int64)
    return _Kept([int(at) for at in np.flatnonzero(which)], place)


def _drop(trace: Trace) -> None:
    """Leaves out all rows that ended before the window, and what nothing refers to any more."""
    used = np.zeros(len(trace.tracks), np.bool_)
    for columns in (trace.slices, trace.instants, trace.flows):
        used[columns.track] = True
    tasks = _tasks_left(trace, used)
    loops, threads = _threads_left(trace, used, tasks)
    processes = _processes_left(trace, threads)
    _renumber(trace, _keep(used), _keep(processes), _keep(threads), _keep(loops), _keep(tasks))
    _renumber_texts(trace)


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
    return loops, threads


def _processes_left(trace: Trace, threads: Bools) -> Bools:
    """Processes that were there in the window, and the ancestors of such.

    Of one that was started before and not traced nothing says that it still was.
    """
    had_threads = {row.process for row in trace.threads}
    left = {row.process for row, own in zip(trace.threads, threads.tolist()) if own}
    left |= set(trace.counters.process.tolist())
    left |= {
        at
        for at, row in enumerate(trace.processes)
        if (row.ended is not None and row.ended > 0)
        or (row.ended is None and at not in had_threads and (row.started >= 0 or row.parent is None))
    }
    for at in list(left):
        parent = trace.processes[at].parent
        while parent is not None and parent not in left:
            left.add(parent)
            parent = trace.processes[parent].parent
    return np.isin(np.arange(len(trace.processes)), sorted(left))


def _renumber(trace: Trace, tracks: _Kept, processes: _Kept, threads: _Kept, loops: _Kept, tasks: _Kept) -> None:
    """Puts the rows that stay together, and every index where they are now."""

    def place(kept: _Kept, index: int | None) -> int | None:
        return None if index is None or kept.place[index] < 0 else int(kept.place[index])

    trace.tracks = [trace.tracks[at] for at in tracks.rows]
    trace.processes = [trace.processes[at] for at in processes.rows]
    trace.threads = [trace.threads[at] for at in threads.rows]
    trace.loops = [trace.loops[at] for at in loops.rows]
    trace.tasks = [trace.tasks[at] for at in tasks.rows]
    trace.states = [row for row in trace.states if threads.place[row.thread] >= 0 and _sampled(row)]
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
    owners = {TrackKind.TASK: tasks, TrackKind.PROCESS: processes, TrackKind.TASKS: processes}
    for track in trace.tracks:
        track.owner = int(owners.get(track.kind, threads).place[track.owner])
    for columns in (trace.slices, trace.instants, trace.flows):
        columns.track = tracks.place[columns.track].astype(np.int32)
    of_task = trace.slices.task
    trace.slices.task = np.where(of_task >= 0, tasks.place[of_task] if len(tasks.place) else -1, -1).astype(np.int32)
    trace.counters.process = processes.place[trace.counters.process].astype(np.int32)


def _renumber_pools(trace: Trace, processes: _Kept) -> None:
    """Leaves out the pools of processes that are left out. Jobs keep the indexes of theirs."""
    kept = _keep(np.array([processes.place[row.process] >= 0 for row in trace.pools], np.bool_))
    trace.pools = [trace.pools[at] for at in kept.rows]
    for pool in trace.pools:
        pool.process = int(processes.place[pool.process])
    for at, args in enumerate(trace.args):
        if "pool" in args and isinstance(args["pool"], int) and args["pool"] < len(kept.place):
            trace.args[at] = {**args, "pool": int(kept.place[args["pool"]])}


def _renumber_texts(trace: Trace) -> None:
    """Leaves out the strings and arguments that nothing has any more."""
    slices, instants, counters = trace.slices, trace.instants, trace.counters
    strings, names = _used(slices.name, instants.name, counters.name, counters.series)
    slices.name, instants.name, counters.name, counters.series = names
    trace.strings = [trace.strings[at] for at in strings]
    args, (slices.args, instants.args) = _used(slices.args, instants.args)
    trace.args = [trace.args[at] for at in args]


def _used(*columns: NDArray[np.int32]) -> tuple[list[int], list[NDArray[np.int32]]]:
    """The indexes that occur in any of the columns, and the columns by their places among those; -1 stays."""
    used = distinct(np.concatenate(columns))
    used = used[used >= 0]
    places = [np.where(column >= 0, np.searchsorted(used, column), -1).astype(np.int32) for column in columns]
    return used.tolist(), places
