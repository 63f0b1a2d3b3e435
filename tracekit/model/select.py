"""Select: a part of a Trace as a Trace of its own. Knows the model only, and nothing of how a trace came to be.

Slices begin with the window; what they belong to keeps its true beginning, which then is a time before 0. What goes on
after the window has no end in it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tracekit.model.left import drop, sampled
from tracekit.model.nesting import lying_in
from tracekit.model.trace import (
    STATE_FIELDS,
    UNLOCKED,
    Args,
    Category,
    Counters,
    Flag,
    Flows,
    Instants,
    Int64,
    Process,
    Samples,
    Slices,
    States,
    Task,
    Trace,
    TrackKind,
    Undrawn,
)
from tracekit.units import say_duration

BEGUN = "begun before"  # the argument of a cut slice that says how long before the window it began
GOES_ON = "goes on"  # and how long after the window it goes on

# What is said of one that is over, as long as it goes on.
_UNDONE: dict[type, dict[str, Any]] = {
    Process: {"status": None, "dismissed": False},
    Task: {"outcome": "pending", "error": "", "cancelled_by": "", "awaits": ""},
}

Bools = NDArray[np.bool_]
Columns = TypeVar("Columns", Slices, Instants, Counters, Flows, Samples)


def window(trace: Trace, start_ns: int, end_ns: int | None = None) -> Trace:
    """The trace from a time on, up to another one. What lies outside is left out, what crosses its ends is cut and says so.

    Args:
        start_ns: ns since the start of the trace; there the new trace has its 0.
        end_ns: likewise; None: the end of the trace. What begins just there is outside.

    The times of tasks are those inside the window, and so are the states of threads; of a thread's switches, which no slice
    tells, the part that its time in the window is of its time. The times of loops stay as they are: only who read the recording
    can tell which turn was whose.
    """
    start_ns = min(max(start_ns, 0), trace.duration)
    end_ns = trace.duration if end_ns is None else min(max(end_ns, start_ns), trace.duration)
    is_cut = end_ns < trace.duration
    latest = end_ns - 1 if is_cut else end_ns  # at which something that is inside may begin
    slices, args, new_place = _slices(trace, start_ns, end_ns, latest)
    instants = _picked(trace.instants, (trace.instants.time >= start_ns) & (trace.instants.time <= latest))
    instants.time -= start_ns
    counters = _counters(_picked(trace.counters, trace.counters.time <= latest), start_ns)
    flows = _flows(trace.flows, slices, new_place, start_ns)
    undrawn = _undrawn(trace.undrawn, start_ns, end_ns)
    samples = _picked(trace.samples, (trace.samples.time >= start_ns) & (trace.samples.time <= latest))
    samples.time -= start_ns
    tables: dict[str, Any] = {
        "slices": slices,
        "instants": instants,
        "counters": counters,
        "flows": flows,
        "undrawn": undrawn,
        "samples": samples,
    }
    whole = replace(
        trace,
        wall_start=trace.wall_start + start_ns if trace.wall_start else 0,
        duration=end_ns - start_ns,
        exit_status=None if is_cut else trace.exit_status,
        processes=[_moved(row, start_ns, end_ns, is_cut, "started") for row in trace.processes],
        threads=[_moved(row, start_ns, end_ns, is_cut, "started") for row in trace.threads],
        loops=[replace(row) for row in trace.loops],
        tasks=[_moved(row, start_ns, end_ns, is_cut, "created") for row in trace.tasks],
        tracks=[replace(row) for row in trace.tracks],
        states=[replace(row) for row in trace.states],
        pools=[replace(row) for row in trace.pools],
        args=args,
        notes=list(trace.notes),
        **tables,
    )
    _recount(whole)
    _recount_states(whole)
    drop(whole)
    return whole


def _picked(columns: Columns, which: Bools | Int64) -> Columns:
    return type(columns)(*(getattr(columns, name)[which] for name in columns.__slots__))


def _slices(trace: Trace, start_ns: int, end_ns: int, latest: int) -> tuple[Slices, list[Args], Int64]:
    """The slices that reach into the window, all arguments, and the new index of each slice; -1 where its start is gone."""
    kept = np.flatnonzero((trace.slices.end > start_ns) & (trace.slices.start <= latest))
    slices = _picked(trace.slices, kept)
    args = list(trace.args)
    crossing, leaving = slices.start < start_ns, slices.end > end_ns
    for word, side, which, ns, unsure in (
        (GOES_ON, "after", leaving, slices.end - end_ns, Flag.UNFINISHED),
        (BEGUN, "before", crossing, start_ns - slices.start, Flag.BEGUN_BEFORE),
    ):
        for at in np.flatnonzero(which).tolist():
            known = args[slices.args[at]] if slices.args[at] >= 0 else {}
            least = "at least " if slices.flags[at] & unsure else ""
            args.append({word: f"{least}{say_duration(int(ns[at]))} {side} the window", **known})
            slices.args[at] = len(args) - 1
    slices.flags[crossing] |= np.uint8(Flag.BEGUN_BEFORE)
    slices.flags[leaving] |= np.uint8(Flag.GOES_ON)
    slices.start = np.maximum(slices.start - start_ns, 0)
    slices.end = np.minimum(slices.end, end_ns) - start_ns
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


def _undrawn(undrawn: Undrawn, start_ns: int, end_ns: int) -> Undrawn:
    kept = (undrawn.end > start_ns) & (undrawn.start < end_ns)
    start, end = (np.clip(column[kept], start_ns, end_ns) - start_ns for column in (undrawn.start, undrawn.end))
    return Undrawn(undrawn.task[kept], start, end)


def _moved(row: Any, start_ns: int, end_ns: int, is_cut: bool, start: str) -> Any:
    """A row with its times in the window. One that ends after it is, as far as the window goes, still there."""
    began = getattr(row, start) - start_ns
    goes_on = row.ended is None or row.ended > end_ns
    moved: dict[str, Any] = {start: began, "ended": None if goes_on else row.ended - start_ns}
    if not isinstance(row, Process):
        moved["begun_before"] = row.begun_before or began < 0
    if goes_on and is_cut:
        moved.update(_UNDONE.get(type(row), {}))
    return replace(row, **moved)


def _recount(trace: Trace) -> None:
    """Counts the times of tasks anew, out of what is left of their slices; of one that is not drawn, out of what else is."""
    slices, count, undrawn = trace.slices, len(trace.tasks), trace.undrawn

    def summed(category: Category) -> list[int]:
        own = (slices.category == category) & (slices.task >= 0)
        sums = np.zeros(count, np.int64)
        np.add.at(sums, slices.task[own], slices.end[own] - slices.start[own])
        return [int(value) for value in sums]

    steps = np.bincount(slices.task[(slices.category == Category.STEP) & (slices.task >= 0)], minlength=count).tolist()
    times = zip(steps, summed(Category.RUNNING), summed(Category.READY), summed(Category.AWAITING))
    for task, (own, running, ready, awaiting) in zip(trace.tasks, times):
        task.steps, task.running, task.ready, task.awaiting = own, running, ready, awaiting
    if len(undrawn):
        waited = np.zeros(count, np.int64)
        np.add.at(waited, undrawn.task, undrawn.end - undrawn.start)
        in_steps = summed(Category.STEP)
        for at in np.flatnonzero(waited).tolist():
            _recount_undrawn(trace, trace.tasks[at], in_steps[at], int(waited[at]))


def _recount_undrawn(trace: Trace, task: Task, running: int, ready: int) -> None:
    life = (trace.duration if task.ended is None else task.ended) - max(task.created, 0)
    task.running, task.ready, task.awaiting = running, ready, max(0, life - running - ready)


def _recount_states(trace: Trace) -> None:
    """Sums the states of threads up anew, out of what is left of their slices."""
    slices = trace.slices
    fields = [STATE_FIELDS.get(name, "") for name in trace.strings]
    for row in trace.states:
        before = sampled(row)
        sums = dict.fromkeys(STATE_FIELDS.values(), 0)
        unlocked, reached, ready = 0, -1, 0
        row.longest_ready = 0
        for at in np.flatnonzero(slices.track == _track_of_states(trace, row)).tolist():
            start, end, field = int(slices.start[at]), int(slices.end[at]), fields[slices.name[at]]
            if field:
                sums[field] += end - start
                unlocked += (end - start) * (trace.strings[slices.name[at]] == UNLOCKED)
            is_ready = field in ("runnable", "gil")
            ready = (ready if start == reached else 0) + end - start if is_ready else 0
            row.longest_ready, reached = max(row.longest_ready, ready), end
        for field, ns in sums.items():
            setattr(row, field, ns)
        row.unlocked = unlocked if row.unlocked >= 0 else -1
        left = sampled(row) / before if before else 0
        row.switches, row.preempted = round(row.switches * left), round(row.preempted * left)


def _track_of_states(trace: Trace, row: States) -> int:
    return next(
        (at for at, track in enumerate(trace.tracks) if track.kind == TrackKind.STATES and track.owner == row.thread),
        -1,
    )
