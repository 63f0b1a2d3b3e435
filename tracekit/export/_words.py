"""Words: what pictures of a trace say of its slices, tasks and arrows. Knows rows of a trace, and no format."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracekit.model.status import say_status
from tracekit.model.trace import Args, Category, Flag, FlowKind, Process, Task, Trace

CATEGORIES = {category.value: category.name.lower() for category in Category}
FLAGS = tuple((flag.value, (flag.name or "").lower().replace("_", " ")) for flag in Flag)
# For each category whether its slices say which task they are of.
OF_TASKS = np.isin(np.arange(256), (Category.STEP, Category.TASK))
RECEIVES = {
    FlowKind.CREATE: "created",
    FlowKind.WAKE: "woken",
    FlowKind.START: "started",
    FlowKind.SUBMIT: "submitted",
    FlowKind.RESULT: "result",
    FlowKind.SPAWN: "spawned",
    FlowKind.OTHER: "reached",
    FlowKind.RELEASE: "acquired",
}
_SENDS = {
    FlowKind.CREATE: "create %s",
    FlowKind.WAKE: "wake %s",
    FlowKind.START: "start %s",
    FlowKind.SUBMIT: "submit %s",
    FlowKind.RESULT: "result",
    FlowKind.SPAWN: "spawn %s",
    FlowKind.OTHER: "to %s",
    FlowKind.RELEASE: "release",
}


def sends(trace: Trace, kind: FlowKind, target: int) -> str:
    """What stands where an arrow leaves.

    Args:
        target: the slice that it leads to.
    """
    if kind == FlowKind.SPAWN:
        goal = trace.processes[trace.tracks[int(trace.slices.track[target])].process].name
    else:
        goal = trace.strings[int(trace.slices.name[target])]
    return _SENDS[kind].replace("%s", goal)


def about(task: Task, life: bool) -> dict[str, Any]:
    """What a click on a step, or on the life of a task, tells about the task."""
    told: dict[str, Any] = {"task": task.name, "coroutine": task.coroutine}
    if life:
        told["defined"] = f"{task.file}:{task.line}" if task.file else ""
        told.update(outcome=task.outcome, error=task.error, creator=task.creator, cancelled_by=task.cancelled_by)
    return {key: value for key, value in told.items() if value}


def details(trace: Trace, kind: int, flags: int, task: int, args: int) -> dict[str, Any]:
    """What a click on a slice tells, besides its name and category; the columns of its row, -1 for none."""
    shown: dict[str, Any] = {word: True for bit, word in FLAGS if flags & bit}
    if task >= 0 and OF_TASKS[kind]:
        shown.update(about(trace.tasks[task], life=kind == Category.TASK))
    if args >= 0:
        shown.update(arguments(trace, args))
    return shown


def arguments(trace: Trace, number: int) -> Args:
    """Arguments as Perfetto shows them all: it leaves out what is null."""
    return {key: "None" if value is None else value for key, value in trace.args[number].items()}


def name_of_process(process: Process) -> str:
    """How a process is called; of one that was not traced also why."""
    name = process.name or "process"
    return f"{name} (not traced: {process.untraced})" if process.untraced else name


def bare_processes(trace: Trace) -> list[int]:
    """The processes that were not traced, and those of which nothing at all was recorded."""
    traced = {thread.process for thread in trace.threads}
    known = {track.process for track in trace.tracks} | set(np.unique(trace.counters.process).tolist())
    return [
        index
        for index, process in enumerate(trace.processes)
        if index not in traced and (process.untraced or index not in known)
    ]


def stand_in(process: Process) -> tuple[int, int, str, dict[str, Any]]:
    """A slice for one of `bare_processes`, as Perfetto shows none that nothing lies on.

    Returns:
        Its start, its length, its name and what a click on it tells.
    """
    start = max(process.started, 0)
    known: dict[str, Any] = {"command": process.command} if process.command else {}
    if process.status is not None:
        known["ended"] = say_status(process.status)
    if process.started_at:
        known["started at"] = process.started_at
    name = "not traced" if process.untraced else "nothing recorded"
    return start, max((process.ended or 0) - start, 0), name, known
