"""Exits: how processes ended, as those tell that waited for them. Knows no recording's inside; what nobody saw stays unknown."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.load.image import Image
from tracekit.model.builder import Builder
from tracekit.spool.reader import Spool

SEEN_AT_ITS_END = "only its end was seen: it was started past Python, and recorded nothing"
FORKED = "it recorded nothing: it was ended right after its fork, or there was no room"


class _Exit(NamedTuple):
    """The end of a child, when its parent was told of it."""

    time: int
    pid: int
    status: int
    image: Image


def settle(images: list[Image], builder: Builder) -> None:
    """Says of each process how it ended, and adds those of which no more than that is known.

    Args:
        images: all of a session; every process that recorded or was seen to be started has its row.
    """
    of_pid: dict[int, list[int]] = {}
    for row, process in enumerate(builder.processes):
        of_pid.setdefault(process.pid, []).append(row)
    forks = {image.process: sorted(_unfound(image, images), reverse=True) for image in images}
    workers = {id(image): _Workers(image) for image in images}
    for end in sorted((end for image in images for end in _exits(image)), key=lambda end: end.time):
        rows = [row for row in of_pid.get(end.pid, ()) if builder.processes[row].started <= end.time]
        if not rows:
            rows = [_add(end, forks[end.image.process], builder)]
            of_pid.setdefault(end.pid, []).extend(rows)
        process = builder.processes[max(rows, key=lambda row: builder.processes[row].started)]
        if process.status is None:
            process.status = end.status
        process.dismissed = process.dismissed or workers[id(end.image)].dismissed(end)
        if process.untraced and process.ended is None:
            process.ended = end.time


def times(spools: Iterable[Spool]) -> dict[int, list[int]]:
    """When those that waited for processes were told of their ends, by pid."""
    found: dict[int, list[int]] = {}
    for spool in spools:
        for records in spool.threads:
            for at in np.flatnonzero(records.kind == events.PROCESS_EXIT).tolist():
                found.setdefault(int(records.b[at]), []).append(int(records.time[at]))
    return found


class _Workers:
    """The workers of those pools in an image's process that end theirs with SIGTERM."""

    def __init__(self, image: Image) -> None:
        self._pools: dict[int, int] = {}  # by pid
        self._latest: dict[int, int] = {}  # when each pool started its last one
        for log in image.logs:
            for at in np.flatnonzero((log.kind == events.POOL_WORKER) & (log.a == events.WORKER_TERMINATED)).tolist():
                pool = image.detail(int(log.slot[at]), events.EXECUTOR)
                if pool is not None:
                    self._pools[int(log.b[at])] = pool.payload
                    self._latest[pool.payload] = max(self._latest.get(pool.payload, 0), int(log.time[at]))

    def dismissed(self, end: _Exit) -> bool:
        """Whether it was its pool that ended a process: one whom somebody else ends is replaced by another one."""
        pool = self._pools.get(end.pid)
        return pool is not None and end.status == -signal.SIGTERM and end.time > self._latest[pool]


def exit_code(status: int) -> int:
    """An exit code, or minus a signal's number, of what wait(2) tells."""
    return -(status & 0x7F) if status & 0x7F else status >> 8 & 0xFF


def _exits(image: Image) -> Iterator[_Exit]:
    for log in image.logs:
        for at in np.flatnonzero(log.kind == events.PROCESS_EXIT).tolist():
            status = image.detail(int(log.slot[at]), events.STATUS)
            if status is not None:
                yield _Exit(int(log.time[at]), int(log.b[at]), exit_code(status.payload), image)


def _unfound(image: Image, images: list[Image]) -> list[int]:
    """When the forks of a process were whose children recorded nothing."""
    found = {(one.header.ppid, one.header.fork) for one in images}
    pid = image.header.pid
    return [
        int(log.time[at])
        for log in image.logs
        for at in np.flatnonzero(log.kind == events.PROCESS_FORK).tolist()
        if (pid, int(log.b[at])) not in found
    ]


def _add(end: _Exit, forks: list[int], builder: Builder) -> int:
    """Adds a process of which only the end was seen, and perhaps the fork."""
    forked = forks.pop() if forks and forks[-1] <= end.time else None
    parent = end.image.process
    return builder.process(
        end.pid,
        f"process {end.pid}" if forked is None else f"fork of {builder.processes[parent].name}",
        parent=parent,
        ppid=builder.processes[parent].pid,
        started=end.time if forked is None else forked,
        ended=end.time,
        status=end.status,
        untraced=SEEN_AT_ITS_END if forked is None else FORKED,
    )
