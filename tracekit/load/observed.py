"""Observed: what an observer saw from outside goes to the threads that it saw. Knows the observer's records, and no verdict.

Two samples of a thread tell how long it was on a processor between them, how long it waited for one, and so how long it
waited for something else; what for, the samples themselves say. Only what lies between samples inside a step or callback is
said of it, with `sampled_ns`, how long that was.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.model.builder import Builder
from tracekit.model.trace import Args, Category, Int64, TrackKind
from tracekit.spool.layout import parse_code
from tracekit.spool.reader import Spool
from tracekit.spool.records import ThreadRecords, Words

NAME = "stack sample"

_LATEST = np.uint64(1 << 62)  # later times are damage
_DETAILS = (events.PID, events.ON_CPU, events.RUN_QUEUE)


class _Life(NamedTuple):
    """A thread's track, and from when to when the thread was there."""

    track: int
    start: int
    end: int


class _Samples(NamedTuple):
    """What was seen of one thread, in the order of time: a column each, all in ns but `state`."""

    time: Int64
    on_cpu: Int64
    run_queue: Int64
    state: Int64


def lay(spools: list[Spool], builder: Builder) -> None:
    """Lays stacks on their threads' tracks, and says of steps and callbacks where their time went.

    Args:
        spools: of observers.
        builder: has everything else of the trace already.
    """
    if not spools:
        return
    lives = _lives(builder)
    turns = builder.lying(Category.STEP, Category.CALLBACK)
    for spool in spools:
        builder.notes.extend(spool.notes)
        for records in spool.threads:
            _lay_stacks(spool, records, lives, builder)
            for thread, samples in _samples(records).items():
                for life in lives.get(thread, ()):
                    _describe(samples, life, turns, builder)
            for at in np.flatnonzero(records.kind == events.NOTE).tolist():
                builder.note(spool.names.get(int(records.a[at]), "the observer left a word that is missing"))


def _lives(builder: Builder) -> dict[tuple[int, int], list[_Life]]:
    """The threads by pid and tid, which the kernel uses again."""
    _, tracks, starts, ends = builder.lying(Category.THREAD)
    of_track = dict(zip(tracks.tolist(), zip(starts.tolist(), ends.tolist())))
    lives: dict[tuple[int, int], list[_Life]] = {}
    for row, thread in enumerate(builder.threads):
        track = builder.track(TrackKind.THREAD, row)
        if track in of_track:
            pid = builder.processes[thread.process].pid
            lives.setdefault((pid, thread.tid), []).append(_Life(track, *of_track[track]))
    return lives


def _samples(records: ThreadRecords) -> dict[tuple[int, int], _Samples]:
    """By pid and tid."""
    at = np.flatnonzero(records.kind == events.SAMPLE)
    at = at[at + len(_DETAILS) < len(records)]
    for place, kind in enumerate(_DETAILS, 1):
        at = at[(records.kind[at + place] == kind) & (records.slot[at + place] == records.slot[at] + place)]
    pid, on_cpu, run_queue = (_ns(records.time[at + place]) for place in (1, 2, 3))
    time, tid, state = _ns(records.time[at]), records.b[at].astype(np.int64), records.a[at].astype(np.int64)
    order = np.lexsort((time, tid, pid))
    edges = np.flatnonzero((np.diff(pid[order]) != 0) | (np.diff(tid[order]) != 0)) + 1
    found = {}
    for own in np.split(order, edges):
        if len(own):
            found[int(pid[own[0]]), int(tid[own[0]])] = _Samples(time[own], on_cpu[own], run_queue[own], state[own])
    return found


def _ns(column: Words) -> Int64:
    ns: Int64 = np.minimum(column, _LATEST).astype(np.int64)
    return ns


def _describe(samples: _Samples, life: _Life, turns: tuple[Int64, Int64, Int64, Int64], builder: Builder) -> None:
    """Says of each step and callback of a thread where the time between its first and its last sample went."""
    own = turns[1] == life.track
    handles, starts, ends = turns[0][own], turns[2][own], turns[3][own]
    first = np.searchsorted(samples.time, starts)
    last = np.searchsorted(samples.time, ends, side="right") - 1
    waits = _waits(samples)
    for at in np.flatnonzero(last > first).tolist():
        builder.annotate(int(handles[at]), _split(samples, waits, int(first[at]), int(last[at])))


def _waits(samples: _Samples) -> tuple[Int64, Int64, Int64]:
    """What the thread waited for before each sample in all: the GIL, a system call, nobody knows."""
    waited = np.diff(samples.time) - np.diff(samples.on_cpu) - np.diff(samples.run_queue)
    waited = np.maximum(waited, 0)
    is_gil, is_call = samples.state == events.STATE_GIL, samples.state == events.STATE_SYSCALL
    gil, call = (column[1:].astype(np.int64) + column[:-1] for column in (is_gil, is_call))
    shares = np.maximum(gil + call, 1)
    columns = waited * gil // shares, waited * call // shares, np.where(gil + call, 0, waited)
    sums = [np.concatenate(([0], np.cumsum(column))) for column in columns]
    return sums[0], sums[1], sums[2]


def _split(samples: _Samples, waits: tuple[Int64, Int64, Int64], first: int, last: int) -> Args:
    on_cpu, run_queue, gil, call, unknown = (
        max(0, int(column[last] - column[first])) for column in (samples.on_cpu, samples.run_queue, *waits)
    )
    args = {
        "cpu_ns": on_cpu,
        "run_queue_ns": run_queue,
        "sampled_ns": int(samples.time[last] - samples.time[first]),
    }
    if not samples.state[first : last + 1].any():  # what it waited for was not told
        return args
    if gil + call:  # a wait between two samples was not like another one, for all that is known
        gil, call = (part + unknown * part // (gil + call) for part in (gil, call))
    return {**args, "gil_ns": gil, "syscall_ns": call}


def _lay_stacks(
    spool: Spool, records: ThreadRecords, lives: dict[tuple[int, int], list[_Life]], builder: Builder
) -> None:
    for at in np.flatnonzero(records.kind == events.STACK).tolist():
        details = _details(records, at)
        pid = next((payload for kind, payload in details if kind == events.PID), 0)
        frames = [parse_code(spool.names.get(payload, "")) for kind, payload in details if kind == events.FRAME]
        time, tid = min(int(records.time[at]), int(_LATEST)), int(records.b[at])
        for life in lives.get((pid, tid), ()):
            if frames and life.start <= time <= life.end:
                builder.instant(life.track, time, NAME, _stack(frames, bool(records.a[at])))


def _details(records: ThreadRecords, at: int) -> list[tuple[int, int]]:
    found = []
    slot, place = int(records.slot[at]), at + 1
    while (
        place < len(records)
        and records.kind[place] >= events.FIRST_DETAIL
        and int(records.slot[place]) == slot + place - at
    ):
        found.append((int(records.kind[place]), int(records.time[place])))
        place += 1
    return found


def _stack(frames: list[tuple[str, str, int]], gil: bool) -> Args:
    return {
        "stack": [f"{function} ({file}:{line})" for function, file, line in frames],
        "frames": [list(frame) for frame in frames],
        "gil": gil,
    }
