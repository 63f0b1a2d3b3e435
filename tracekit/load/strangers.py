"""Strangers: threads that an observer saw in a process and that recorded nothing there. Knows samples, and no states.

A library's threads in C (BLAS, gRPC), or ones that Python's `threading` does not know. Those that have run become threads of the
trace, because what they use of the machine nobody else has.
"""

from __future__ import annotations

from tracekit.load.samples import Samples
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Flag, TrackKind

NAME = "unknown thread"
ABOUT = {"seen": "only from outside: no thread of Python, or one that its threading does not know"}

_RAN_NS = 10_000_000  # who ran for less has no part in anything that a trace can show
_MOST = 200  # of one process


def add(samples: dict[tuple[int, int], Samples], builder: Builder) -> None:
    """Adds the threads that no row of the builder is; they lived as long as they were seen."""
    known = {(builder.processes[row.process].pid, row.tid) for row in builder.threads}
    entered = {row.process for row in builder.threads}
    added = dict.fromkeys(entered, 0)
    for (pid, tid), seen in samples.items():
        if (pid, tid) in known or int(seen.on_cpu[-1] - seen.on_cpu[0]) < _RAN_NS:
            continue
        start, end = max(int(seen.time[0]), builder.since), int(seen.time[-1])
        process = _process(pid, start, entered, builder)
        if process is None or end <= start or added[process] >= _MOST:
            continue
        added[process] += 1
        row = builder.thread(process, tid, NAME, started=start, begun_before=True)
        track = builder.track(TrackKind.THREAD, row)
        builder.slice(track, start, end, NAME, Category.THREAD, Flag.UNFINISHED | Flag.BEGUN_BEFORE, args=dict(ABOUT))


def _process(pid: int, time: int, entered: set[int], builder: Builder) -> int | None:
    """The process that had this pid then, if it recorded anything."""
    rows = builder.processes
    return next(
        (at for at in sorted(entered) if rows[at].pid == pid and rows[at].started <= time <= (rows[at].ended or time)),
        None,
    )
