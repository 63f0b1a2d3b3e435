"""States: what an observer saw threads do becomes tracks of their own, sums, and words on slices. Knows intervals, no records.

Each thread that was sampled gets a track of states beside its own (intervals.py says how it is drawn), a row of sums that are
exactly those of the track, and on its own track every slice that is long enough to hold samples says where its time went:
`cpu_ns`, of that `cpu_free_ns` (without the GIL, where that is told), `run_queue_ns` (waiting for a processor), `gil_ns`,
`syscall_ns`, and `lock_ns`, `poll_ns`, `io_ns`, `sleep_ns`, `child_ns` where there were such waits; `sampled_ns`, how long what
lies between samples was; `core_switches`, how often the thread was given a processor meanwhile, and `core_preemptions`, how
often one was taken from it, as far as that was asked. A program's own arguments may lie there as well, so no name here is one
that a program would choose.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracekit.load.intervals import (
    FREE,
    GIL,
    NAMES,
    NOT_TOLD,
    RUNNABLE,
    RUNNING,
    Intervals,
    coarser,
    intervals,
    longest,
    pieces,
)
from tracekit.load.samples import Samples
from tracekit.model.builder import Builder
from tracekit.model.trace import STATE_FIELDS, Args, Category, Int64, States, TrackKind

MOST_INTERVALS = 200_000  # drawn of all threads together, a few slices each: as much as Perfetto takes in easily
_FEWEST = 500  # of each thread, however many there are

# What says where its time went; a loop's wait says it by itself.
DESCRIBED = (
    Category.STEP,
    Category.CALLBACK,
    Category.SPAN,
    Category.PART,
    Category.JOB,
    Category.GC,
    Category.WAIT,
    Category.PICKLE,
)
_WAITS = ("gil_ns", "lock_ns", "poll_ns", "io_ns", "sleep_ns", "child_ns", "syscall_ns")
_ALWAYS = ("gil_ns", "syscall_ns")


class Life(NamedTuple):
    """A thread's row and track, and from when to when the thread was there."""

    thread: int
    track: int
    start: int
    end: int


class Seen(NamedTuple):
    """A thread, and all that was seen of it."""

    life: Life
    samples: Samples
    intervals: Intervals


def seen(
    samples: dict[tuple[int, int], Samples], lives: dict[tuple[int, int], list[Life]], builder: Builder
) -> list[Seen]:
    """What was seen of each thread of the trace while it was there; of one that was looked at only once, nothing."""
    found = []
    for key, of_one in samples.items():
        for life in lives.get(key, ()):
            own = of_one.between(max(life.start, builder.since), life.end)
            between = intervals(own)
            if len(between):
                found.append(Seen(life, own, between))
    return sorted(found, key=lambda one: one.life.thread)


def lay(threads: list[Seen], builder: Builder) -> None:
    """Lays the states of threads on tracks, sums them up, and says of slices where their time went."""
    columns = builder.lying(*DESCRIBED)
    most = max(_FEWEST, MOST_INTERVALS // max(1, len(threads)))
    names = np.array([builder.string(name) for name in NAMES], np.int64) if threads else np.zeros(0, np.int64)
    for life, samples, between in threads:
        start, end, state = pieces(between)
        ready = longest(start, end, (state == RUNNABLE) | (state == GIL))
        asked = np.flatnonzero(samples.preempted >= 0)
        preempted = samples.time[asked], np.maximum.accumulate(samples.preempted[asked])
        told = bool(between.told.all())
        builder.states.append(_row(life.thread, between, ready, preempted[1], told))
        if len(between) > most:
            start, end, state = pieces(coarser(between, most))
        track = np.full(len(start), builder.track(TrackKind.STATES, life.thread))
        builder.slices(track, start, end, names[state], Category.STATE)
        _describe(between, preempted, told, life.track, columns, builder)


def _row(thread: int, between: Intervals, longest_ready: int, preempted: Int64, is_told: bool) -> States:
    row = States(thread, switches=int(between.switches.sum()), longest_ready=longest_ready)
    row.preempted = int(preempted[-1] - preempted[0]) if len(preempted) else 0
    for field, ns in zip(STATE_FIELDS.values(), between.parts.sum(axis=0).tolist()):
        setattr(row, field, getattr(row, field) + ns)
    row.unlocked = int(between.parts[:, FREE].sum()) if is_told else -1
    return row


def _describe(
    between: Intervals,
    preempted: tuple[Int64, Int64],
    is_told: bool,
    track: int,
    slices: tuple[Int64, Int64, Int64, Int64],
    builder: Builder,
) -> None:
    """Says of each slice of a thread where the time between its first and its last sample went."""
    own = slices[1] == track
    handles, starts, ends = slices[0][own], slices[2][own], slices[3][own]
    first = np.searchsorted(between.start, starts)
    last = np.searchsorted(between.end, ends, side="right")
    holds = np.flatnonzero(last > first)
    sums = np.vstack((np.zeros((1, len(NAMES)), np.int64), np.cumsum(between.parts, axis=0)))
    switches = np.append(0, np.cumsum(between.switches))
    for at in holds.tolist():
        low, high = int(first[at]), int(last[at])
        args = _split((sums[high] - sums[low]).tolist(), is_told)
        if between.switches[low:high].any():
            args["core_switches"] = int(switches[high] - switches[low])
        first_asked, last_asked = (
            np.searchsorted(preempted[0], starts[at]),
            np.searchsorted(preempted[0], ends[at], side="right") - 1,
        )
        if last_asked > first_asked:
            args["core_preemptions"] = int(preempted[1][last_asked] - preempted[1][first_asked])
        builder.annotate(int(handles[at]), args)


def _split(parts: list[int], is_told: bool) -> Args:
    args: Args = {"cpu_ns": parts[RUNNING] + parts[FREE]}
    if is_told:
        args["cpu_free_ns"] = parts[FREE]
    args["run_queue_ns"] = parts[RUNNABLE]
    args["sampled_ns"] = sum(parts)
    waits = dict(zip(_WAITS, parts[GIL:NOT_TOLD]))
    if not parts[NOT_TOLD] or any(waits.values()):  # else nobody knows what it waited for
        args.update((key, ns) for key, ns in waits.items() if ns or key in _ALWAYS)
    return args
