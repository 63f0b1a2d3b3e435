"""Outsiders: processes that recorded nothing, as an observer saw them: a row each, and their threads. Knows its journals only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.load.processes import NOT_FOUND
from tracekit.load.samples import details
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Flag, TrackKind
from tracekit.spool.reader import Spool
from tracekit.spool.records import ThreadRecords

_LATEST = 1 << 62  # later times are damage
_KINDS = (events.SEEN_PROCESS, events.SEEN_THREAD, events.GONE)


class _Seen(NamedTuple):
    """One record: of what kind, when, of which pid or tid, and the rest of it."""

    kind: int
    time: int
    number: int
    name: str
    details: dict[int, int]


def add(spools: list[Spool], builder: Builder) -> None:
    """Adds the processes that observers saw, and their threads.

    Args:
        spools: of observers.
        builder: has those that recorded already; they are left alone.
    """
    for spool in spools:
        for records in spool.threads:
            last = min(int(records.time.max(initial=0)), _LATEST)
            _add(spool, _seen(spool, records), last, builder)


def _seen(spool: Spool, records: ThreadRecords) -> list[_Seen]:
    return [
        _Seen(
            int(records.kind[at]),
            min(int(records.time[at]), _LATEST),
            int(records.b[at]),
            spool.names.get(int(records.a[at]), ""),
            dict(details(records, at)),
        )
        for at in np.flatnonzero(np.isin(records.kind, _KINDS)).tolist()
    ]


def _add(spool: Spool, seen: list[_Seen], last: int, builder: Builder) -> None:
    recorded = {process.pid: row for row, process in enumerate(builder.processes) if not process.untraced}
    told = {process.pid: row for row, process in enumerate(builder.processes) if process.untraced and process.pid}
    names = _names(seen)
    processes: dict[int, int] = {}
    threads: dict[tuple[int, int], tuple[int, int]] = {}  # its row and its life, as long as it is there
    for at, one in enumerate(seen):
        pid = one.details.get(events.PID, 0)
        key = pid, one.number
        if not (pid or (one.kind == events.SEEN_PROCESS and one.number)):  # damage
            continue
        if one.kind == events.SEEN_PROCESS:
            if one.number in told:  # by who started it
                processes[one.number] = told.pop(one.number)
            elif one.number not in recorded:
                parents = {**recorded, **processes}
                processes[one.number] = _add_process(spool, one, parents, NOT_FOUND if recorded else "", builder)
        elif one.kind == events.GONE:
            row, life = threads.pop(key, (-1, -1))
            if row >= 0:
                builder.end(life, one.time)
                builder.threads[row].ended = one.time
                if one.number == pid and builder.processes[processes[pid]].ended is None:
                    builder.processes[processes[pid]].ended = one.time
        elif pid in processes and key not in threads:
            threads[key] = _add_thread(one, names[at], processes[pid], last, builder)
    for _, life in threads.values():
        builder.end(life, last, Flag.UNFINISHED)
    _adopt(recorded, processes, builder)


def _adopt(recorded: dict[int, int], processes: dict[int, int], builder: Builder) -> None:
    """Gives those that recorded and whose parent nobody knew to who was seen: it was there before what it has started."""
    for row in recorded.values():
        child = builder.processes[row]
        if child.parent is None and child.ppid in processes:
            child.parent = processes[child.ppid]
            parent = builder.processes[child.parent]
            parent.started = min(parent.started, child.started)


def _names(seen: list[_Seen]) -> dict[int, str]:
    """What each thread was called in the end, by the place of the record that saw it first."""
    first: dict[tuple[int, int], int] = {}
    names = {}
    for at, one in enumerate(seen):
        key = one.details.get(events.PID, 0), one.number
        if one.kind == events.SEEN_THREAD:
            names[first.setdefault(key, at)] = one.name or f"thread {one.number}"
            names.setdefault(at, one.name)  # its row begins here where the process was not known yet at the first
        elif one.kind == events.GONE:
            first.pop(key, None)
    return names


def _add_process(spool: Spool, one: _Seen, parents: dict[int, int], untraced: str, builder: Builder) -> int:
    parent = one.details.get(events.PARENT, 0)
    return builder.process(
        one.number,
        one.name or f"process {one.number}",
        command=spool.names.get(one.details.get(events.COMMAND, -1), ""),
        parent=parents.get(parent),
        ppid=parent,
        started=one.time,
        untraced=untraced,
    )


def _add_thread(one: _Seen, name: str, process: int, last: int, builder: Builder) -> tuple[int, int]:
    """A thread whose end is found later: its row and its life."""
    late = events.LATE in one.details
    main = one.number == one.details[events.PID]
    row = builder.thread(process, one.number, name, started=one.time, begun_before=late, main=main)
    track = builder.track(TrackKind.THREAD, row)
    return row, builder.slice(track, one.time, last, name, Category.THREAD, Flag.BEGUN_BEFORE if late else 0)
