"""Processes: who they are, who started whom, and which of them nobody could look into. Knows no thread's inner life."""

from __future__ import annotations

import numpy as np

from tracekit import events
from tracekit.load import exits
from tracekit.load.image import Image
from tracekit.load.spawns import Spawn, asked_of_servers, say_place, spawns
from tracekit.load.threads import Main
from tracekit.model.builder import Builder
from tracekit.model.columns import of_kinds
from tracekit.model.status import say_status
from tracekit.model.trace import FlowKind, Process
from tracekit.spool import layout
from tracekit.units import say_duration

NOT_FOUND = "no Python, or one whose environment was cleaned"

_BY_THE_WAY = (events.GC_BEGIN, events.GC_END, events.CLOCK)  # a thread writes them at any moment


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
    _become(image, row)


def _become(image: Image, row: Process) -> None:
    """Fills in what a process became that nobody could look into; an exec that failed is not the last of its thread."""
    if image.header.ended != layout.ENDED_NOT:
        return
    for log in image.logs:
        own = np.flatnonzero(~of_kinds(log.kind, _BY_THE_WAY))
        if len(own) and log.kind[own[-1]] == events.PROCESS_EXEC and not log.b[own[-1]]:
            image.became = not image.goes_on
            row.name = image.name(int(log.a[own[-1]])) or row.name
            row.command = str(image.args(int(log.slot[own[-1]])).get("command", row.command))


def link(images: list[Image], mains: dict[int, Main], builder: Builder) -> None:
    """Finds the parent of each process, draws the arrows to it, and adds the processes that were not traced.

    Of each it says how long it took to start, and how it ended, as far as somebody saw that.
    """
    forked = _link_forks(images, mains, builder)
    found = spawns(images)
    traced = sorted({image.process for image in images})
    taken = _take(found, traced, forked, builder)
    asked = dict(forked)
    for row, spawn in taken.items():
        _adopt(builder, row, spawn.parent)
        builder.processes[row].status = spawn.status
        builder.processes[row].started_at = spawn.started_at
        asked[row] = spawn.asked
        if row not in forked and row in mains:
            builder.flow(FlowKind.SPAWN, spawn.track, spawn.time if spawn.pid else spawn.asked, mains[row].life)
    own = set(map(id, taken.values()))
    shells = {_add(builder, spawn): spawn for spawn in found if id(spawn) not in own}
    # Also those that were not traced: a Python below a shell has the shell for its parent.
    of_pid: dict[int, list[int]] = {}
    for row, process in enumerate(builder.processes):
        of_pid.setdefault(process.pid, []).append(row)
    _link_asked(images, of_pid, builder)
    for row in traced:
        if builder.processes[row].parent is None:
            _adopt_by_pid(builder, row, builder.processes[row].ppid, of_pid)
            if builder.processes[row].ppid not in of_pid:
                _adopt_by_shell(builder, row, shells)
    _time_starts(images, asked, builder)
    exits.settle(images, builder)


def tell(mains: dict[int, Main], builder: Builder) -> None:
    """Puts what is known of each process onto the life of its main thread, where whoever looks at it finds it."""
    for row, main in mains.items():
        process = builder.processes[row]
        args = {"command": process.command} if process.command else {}
        if process.status is not None:
            args["ended"] = say_status(process.status)
        if process.starting is not None:
            args["start-up"] = say_duration(process.starting)
        if process.started_at:
            args["started at"] = process.started_at
        builder.annotate(main.life, args)


def _take(found: list[Spawn], traced: list[int], forked: dict[int, int], builder: Builder) -> dict[int, Spawn]:
    """The spawn that each process came from; a pid may be used again, the nearest one counts."""
    taken: dict[int, Spawn] = {}
    of_pid: dict[int, list[Spawn]] = {}
    for spawn in found:
        of_pid.setdefault(spawn.pid, []).append(spawn)
    shells = of_pid.pop(0, [])
    for row in traced:
        process = builder.processes[row]
        own = [spawn for spawn in of_pid.get(process.pid, ()) if spawn.parent != row]
        if own:
            taken[row] = min(own, key=lambda spawn: abs(spawn.time - process.started))
    # A shell that had no more to do than to start one program has become it.
    others = [row for row in traced if row not in taken and row not in forked]
    for spawn in shells:
        pid = builder.processes[spawn.parent].pid
        became = [
            row
            for row in others
            if builder.processes[row].ppid == pid and spawn.asked <= builder.processes[row].started <= spawn.time
        ]
        if len(became) == 1:
            taken[became[0]] = spawn
    return taken


def _add(builder: Builder, spawn: Spawn) -> int:
    """Adds a program that recorded nothing."""
    return builder.process(
        spawn.pid,
        spawn.name,
        command=spawn.command,
        parent=spawn.parent,
        ppid=builder.processes[spawn.parent].pid,
        started=spawn.asked,
        ended=None if spawn.pid else spawn.time,
        status=spawn.status,
        untraced=spawn.reason or NOT_FOUND,
        started_at=spawn.started_at,
    )


def _adopt_by_shell(builder: Builder, row: int, spawned: dict[int, Spawn]) -> None:
    """Gives a process whose parent nobody knows to the shell of os.system that ran when it began, if only one did."""
    process = builder.processes[row]
    shells = [
        shell
        for shell, spawn in spawned.items()
        if not spawn.pid and spawn.asked <= process.started <= spawn.time and process.ppid > 1
    ]
    if len(shells) == 1 and builder.processes[shells[0]].pid in (0, process.ppid):
        builder.processes[shells[0]].pid = process.ppid
        _adopt(builder, row, shells[0])


def _time_starts(images: list[Image], asked: dict[int, int], builder: Builder) -> None:
    """Says how long processes took to start: from when they were asked for, until multiprocessing's run what they were made
    for, and others record for the first time, right before the first line of their program.
    """
    servers = asked_of_servers(images)
    begun: dict[int, int] = {}
    for image in images:
        if image.process in begun:  # after an exec
            continue
        begun[image.process] = image.header.start_monotonic
        late = False
        for log in image.logs:
            for at in np.flatnonzero((log.kind == events.PROCESS_BEGIN) | (log.kind == events.PROCESS_NAME)).tolist():
                late = late or image.is_late(int(log.slot[at]))
                if log.kind[at] == events.PROCESS_NAME:
                    begun[image.process] = max(begun[image.process], int(log.time[at]))
        process = builder.processes[image.process]
        times = [time for time in servers.get(process.pid, ()) if time <= begun[image.process]]
        since = max(times, default=asked.get(image.process))
        if since is not None and not late and since <= begun[image.process]:
            process.starting = begun[image.process] - since


def _link_forks(images: list[Image], mains: dict[int, Main], builder: Builder) -> dict[int, int]:
    """Draws the arrows from forks; returns when each process was forked that has one."""
    forks = {
        (image.header.pid, int(log.b[at])): (image, log.track, int(log.time[at]), say_place(image, int(log.slot[at])))
        for image in images
        for log in image.logs
        for at in np.flatnonzero(log.kind == events.PROCESS_FORK).tolist()
    }
    found: dict[int, int] = {}
    for image in images:
        fork = forks.get((image.header.ppid, image.header.fork)) if image.header.fork else None
        if fork is not None and image.process in mains and _adopt(builder, image.process, fork[0].process):
            found[image.process] = fork[2]
            builder.processes[image.process].started_at = fork[3]
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


def _version(number: int) -> str:
    """The version that a sys.hexversion stands for; "" for none."""
    return f"{number >> 24 & 0xFF}.{number >> 16 & 0xFF}.{number >> 8 & 0xFF}" if number else ""
