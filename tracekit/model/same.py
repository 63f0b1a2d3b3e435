"""Same: which processes and threads of several Traces are one and the same. Knows rows and times, and merges nothing.

Two processes are one where they have one pid, both with a main thread of that number, and nothing speaks against it: both
were recorded by tracekit, which records a process once at a time, but differ in their command or were recorded at one time
(two containers, each with a process 1). Their threads are one where they have one tid and lived at one time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracekit.model.trace import Process, Thread, Trace

Place = tuple[int, int]  # an input, and the index of a row in it


def same_processes(traces: Sequence[Trace], offsets: Sequence[int]) -> dict[Place, Place]:
    """For each process that is one of an input before, which one; of several inputs the first that has it.

    Args:
        offsets: ns on the common clock at which each trace begins.
    """
    found: dict[Place, Place] = {}
    known: dict[int, list[list[Place]]] = {}  # by pid: the processes there are, each in its inputs
    for number, trace in enumerate(traces):
        before = {pid: list(group) for pid, group in known.items()}
        for at, row in enumerate(trace.processes):
            own = (number, at)
            others = before.get(row.pid, [])
            one = next((group for group in others if all(_one(traces, offsets, place, own) for place in group)), None)
            if one is None:
                known.setdefault(row.pid, []).append([own])
            else:
                others.remove(one)  # no two processes of one input are one
                found[own] = one[0]
                one.append(own)
    return found


def same_threads(traces: Sequence[Trace], offsets: Sequence[int], processes: dict[Place, Place]) -> dict[Place, Place]:
    """For each thread that is one of an input before, which one.

    Args:
        processes: what `same_processes` found.
    """
    found: dict[Place, Place] = {}
    known: dict[tuple[Place, int], list[list[Place]]] = {}
    shared = {*processes, *processes.values()}
    for number, trace in enumerate(traces):
        before = {key: list(group) for key, group in known.items()}
        for at, row in enumerate(trace.threads):
            process = (number, row.process)
            if process not in shared:
                continue
            own, key = (number, at), (processes.get(process, process), row.tid)
            others = before.get(key, [])
            one = next((group for group in others if _at_one_time(traces, offsets, group[-1], own)), None)
            if one is None:
                known.setdefault(key, []).append([own])
            else:
                others.remove(one)
                found[own] = one[0]
                one.append(own)
    return found


def _is_main(row: Thread, process: Process) -> bool:
    """Whether a thread is its process's first one."""
    return row.main or row.tid == process.pid


def _one(traces: Sequence[Trace], offsets: Sequence[int], one: Place, other: Place) -> bool:
    first, second = (traces[number].processes[at] for number, at in (one, other))
    if not all(_has_main(traces[number], at) for number, at in (one, other)):
        return False
    if not (first.python and second.python):
        return True
    if (first.command, first.python) != (second.command, second.python):
        return False
    seen, also = (_seen(traces[number], at, offsets[number]) for number, at in (one, other))
    return seen[1] <= also[0] or also[1] <= seen[0]


def _has_main(trace: Trace, process: int) -> bool:
    pid = trace.processes[process].pid
    return pid > 0 and any(row.process == process and row.tid == pid for row in trace.threads)


def _seen(trace: Trace, process: int, offset: int) -> tuple[int, int]:
    """The first and the last time of anything on a process's tracks, on the common clock."""
    tracks = np.array([row.process == process for row in trace.tracks], np.bool_)
    own = tracks[trace.slices.track] if len(tracks) else np.zeros(0, np.bool_)
    if not own.any():
        return offset, offset
    return offset + int(trace.slices.start[own].min()), offset + int(trace.slices.end[own].max())


def _at_one_time(traces: Sequence[Trace], offsets: Sequence[int], one: Place, other: Place) -> bool:
    if all(_is_main(*_with_process(traces[number], at)) for number, at in (one, other)):
        return True
    lives = []
    for number, at in (one, other):
        row, offset = traces[number].threads[at], offsets[number]
        ended = traces[number].duration if row.ended is None else row.ended
        lives.append((row.started + offset, ended + offset))
    return lives[0][0] < lives[1][1] and lives[1][0] < lives[0][1]


def _with_process(trace: Trace, thread: int) -> tuple[Thread, Process]:
    row = trace.threads[thread]
    return row, trace.processes[row.process]
