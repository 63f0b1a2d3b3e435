"""Thread states: what each thread was seen to do, and how those of a process took turns, as rows. Knows no way to show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tracekit.model.trace import UNLOCKED, Category, Int64, States, Trace, TrackKind

RAN = ("running", UNLOCKED)  # what slices say of a thread that ran
# As the report names them, in its order.
FIELDS = ("running", "runnable", "gil", "lock", "poll", "io", "sleep", "other")


@dataclass(frozen=True, slots=True)
class StateRow:
    """A thread that was sampled; times in ns, `states` by the names of FIELDS.

    Attributes:
        thread: its index.
        sampled: how long it was looked at, which is what the states add up to.
        switches: how often it was given a core; `preempted`, how often one was taken from it.
        longest_ready: the longest time in a row that it could have run and did not.
        unlocked: how much of the time that it ran it did not have the GIL; None where that is not told.
    """

    thread: int
    name: str
    pid: int
    sampled: int
    states: dict[str, int]
    switches: int
    preempted: int
    longest_ready: int
    unlocked: int | None = None


@dataclass(frozen=True, slots=True)
class TurnsRow:
    """How the threads of a process took turns on the machine's cores.

    Attributes:
        threads: how many of them were sampled.
        span: ns from the first sample to the last.
        running: ns on a core, all threads together.
        switches: how often one of them was given a core; `per_second`, and `turn`, how long it kept it on average, or None.
    """

    pid: int
    name: str
    threads: int
    span: int
    running: int
    switches: int
    per_second: float
    turn: int | None


def sampled(row: States) -> int:
    """How long a thread was looked at, in ns."""
    return sum(getattr(row, field) for field in FIELDS)


def wanted(row: States) -> int:
    """How long it had something to run, whether it could or not, in ns."""
    return row.running + row.runnable + row.gil


def threads(trace: Trace) -> list[StateRow]:
    """The threads that were sampled, in the order in which they were seen."""
    return [
        StateRow(
            thread=row.thread,
            name=trace.threads[row.thread].name,
            pid=trace.processes[trace.threads[row.thread].process].pid,
            sampled=sampled(row),
            states={field: getattr(row, field) for field in FIELDS},
            switches=row.switches,
            preempted=row.preempted,
            longest_ready=row.longest_ready,
            unlocked=row.unlocked if row.unlocked >= 0 else None,
        )
        for row in trace.states
    ]


def by_process(trace: Trace) -> dict[int, list[States]]:
    """The rows of states of each process that has some."""
    rows: defaultdict[int, list[States]] = defaultdict(list)
    for row in trace.states:
        rows[trace.threads[row.thread].process].append(row)
    return dict(rows)


def turns(trace: Trace) -> list[TurnsRow]:
    """How the threads of each process took turns; of processes that were sampled."""
    found = []
    for process, rows in by_process(trace).items():
        span = extent(*stretches(trace, [row.thread for row in rows]))
        running, switches = sum(row.running for row in rows), sum(row.switches for row in rows)
        found.append(
            TurnsRow(
                pid=trace.processes[process].pid,
                name=trace.processes[process].name,
                threads=len(rows),
                span=span,
                running=running,
                switches=switches,
                per_second=switches * 1e9 / span if span else 0.0,
                turn=running // switches if switches else None,
            )
        )
    return found


def stretches(trace: Trace, wanted: Iterable[int], *names: str) -> tuple[Int64, Int64]:
    """Start and end of the stretches of time that some threads were in certain states, each thread's in order.

    Args:
        wanted: indexes of threads.
        names: of slices of states; none: all of them.
    """
    slices, owners = trace.slices, set(wanted)
    tracks = [at for at, row in enumerate(trace.tracks) if row.kind == TrackKind.STATES and row.owner in owners]
    own = (slices.category == Category.STATE) & np.isin(slices.track, tracks)
    if names:
        own &= np.isin(slices.name, [at for at, text in enumerate(trace.strings) if text in names])
    return slices.start[own], slices.end[own]


def extent(start: Int64, end: Int64) -> int:
    """How long it is from the first beginning of some stretches to the last end, in ns."""
    return int(end.max() - start.min()) if len(start) else 0


def union(start: Int64, end: Int64) -> int:
    """How long it was that any of some stretches lasted, in ns."""
    if not len(start):
        return 0
    order = np.argsort(start, kind="stable")
    start, end = start[order], end[order]
    reached = np.append(start[0], np.maximum.accumulate(end)[:-1])
    return int(np.maximum(end - np.maximum(start, reached), 0).sum())
