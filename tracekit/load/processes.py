"""Processes: who they are, who started whom, and which of them nobody could look into. Knows no thread's inner life."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.load.image import Image
from tracekit.load.threads import Main
from tracekit.model.builder import Builder
from tracekit.model.trace import FlowKind
from tracekit.spool import layout

NOT_FOUND = "no recording was found: no Python, or one whose environment was cleaned"


class _Spawn(NamedTuple):
    """A program that was started, as its parent saw it."""

    parent: int
    track: int
    time: int
    pid: int
    name: str
    command: str
    reason: str


def describe(image: Image) -> None:
    """Fills in the row of an image's process; after an exec the later image speaks for it."""
    row = image.builder.processes[image.process]
    row.started = min(row.started, image.first)
    row.ended = max(image.header.end_monotonic, row.started) if image.header.ended == layout.ENDED_NORMALLY else None
    row.python = _version(image.header.python)
    for log in image.logs:
        for at in np.flatnonzero(log.kind == events.PROCESS_BEGIN).tolist():
            args = image.args(int(log.slot[at]))
            row.name = image.name(int(log.a[at])) or row.name
            row.command = str(args.get("command") or args.get("argv") or row.command)
            row.python = str(args.get("python") or row.python)
        for at in np.flatnonzero(log.kind == events.PROCESS_END).tolist():
            row.ended = max(row.ended or 0, int(log.time[at]))
    # The name that a process was given says more than the program that it runs.
    for log in image.logs:
        for at in np.flatnonzero(log.kind == events.PROCESS_NAME).tolist():
            row.name = image.name(int(log.a[at])) or row.name


def link(images: list[Image], mains: dict[int, Main], builder: Builder) -> None:
    """Finds the parent of each process, draws the arrows to it, and adds the processes that were not traced."""
    spawned = _link_forks(images, mains, builder)
    spawns = [spawn for image in images for spawn in _spawns(image)]
    traced = range(len(builder.processes))
    spawns_of: dict[int, list[int]] = {}
    for at, spawn in enumerate(spawns):
        spawns_of.setdefault(spawn.pid, []).append(at)
    taken: dict[int, int] = {}  # the spawn that each process came from; a pid may be used again, the nearest one counts
    for row in traced:
        process = builder.processes[row]
        own = [at for at in spawns_of.get(process.pid, ()) if spawns[at].parent != row]
        if own:
            taken[row] = min(own, key=lambda at: abs(spawns[at].time - process.started))
    for row, at in taken.items():
        _adopt(builder, row, spawns[at].parent)
        if row not in spawned and row in mains:
            builder.flow(FlowKind.SPAWN, spawns[at].track, spawns[at].time, mains[row].life)
    for at in sorted(set(range(len(spawns))) - set(taken.values())):
        spawn = spawns[at]
        builder.process(
            spawn.pid,
            spawn.name,
            command=spawn.command,
            parent=spawn.parent,
            ppid=builder.processes[spawn.parent].pid,
            started=spawn.time,
            untraced=spawn.reason or NOT_FOUND,
        )
    # Also those that were not traced: a Python below a shell has the shell for its parent.
    of_pid: dict[int, list[int]] = {}
    for row, process in enumerate(builder.processes):
        of_pid.setdefault(process.pid, []).append(row)
    _link_asked(images, of_pid, builder)
    for row in traced:
        if builder.processes[row].parent is None:
            _adopt_by_pid(builder, row, builder.processes[row].ppid, of_pid)


def _link_forks(images: list[Image], mains: dict[int, Main], builder: Builder) -> set[int]:
    """Draws the arrows from forks; returns the processes that have one."""
    forks = {
        (image.header.pid, int(log.b[at])): (image, log.track, int(log.time[at]))
        for image in images
        for log in image.logs
        for at in np.flatnonzero(log.kind == events.PROCESS_FORK).tolist()
    }
    found: set[int] = set()
    for image in images:
        fork = forks.get((image.header.ppid, image.header.fork)) if image.header.fork else None
        if fork is not None and image.process in mains and _adopt(builder, image.process, fork[0].process):
            found.add(image.process)
            builder.flow(FlowKind.SPAWN, fork[1], fork[2], mains[image.process].life)
    return found


def _link_asked(images: list[Image], of_pid: dict[int, list[int]], builder: Builder) -> None:
    """Gives processes that a fork server made to whom they were made for."""
    for image in images:
        for log in image.logs:
            for at in np.flatnonzero(log.kind == events.PROCESS_NAME).tolist():
                asked = image.detail(int(log.slot[at]), events.PARENT)
                if asked is not None:
                    _adopt_by_pid(builder, image.process, asked.payload, of_pid)


def _adopt_by_pid(builder: Builder, child: int, pid: int, of_pid: dict[int, list[int]]) -> None:
    started = builder.processes[child].started
    rows = [row for row in of_pid.get(pid, ()) if builder.processes[row].started <= started and row != child]
    if rows:
        _adopt(builder, child, max(rows, key=lambda row: builder.processes[row].started))


def _adopt(builder: Builder, child: int, parent: int) -> bool:
    """Makes a process the parent of another one, unless it is the younger one: families have no circles."""

    def age(row: int) -> tuple[int, int]:
        return builder.processes[row].started, row

    if age(parent) < age(child):
        builder.processes[child].parent = parent
        return True
    return False


def _spawns(image: Image) -> list[_Spawn]:
    spawns = []
    for log in image.logs:
        for at in np.flatnonzero(log.kind == events.PROCESS_SPAWN).tolist():
            slot = int(log.slot[at])
            reason = image.detail(slot, events.REASON)
            spawns.append(
                _Spawn(
                    parent=image.process,
                    track=log.track,
                    time=int(log.time[at]),
                    pid=int(log.b[at]),
                    name=image.name(int(log.a[at])),
                    command=str(image.args(slot).get("command", "")),
                    reason="" if reason is None else image.name(reason.payload),
                )
            )
    return spawns


def _version(number: int) -> str:
    """The version that a sys.hexversion stands for; "" for none."""
    return f"{number >> 24 & 0xFF}.{number >> 16 & 0xFF}.{number >> 8 & 0xFF}" if number else ""
