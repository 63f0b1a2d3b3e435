"""Calls: lays what viztracer recorded of a process on its threads, and what ran in steps on their tasks' tracks as well.

The recording is the frame, and calls lie in it: where one begins before a span that it lies in, by no more than the clocks
are uncertain, it begins with it; where it really crosses one (a generator's, or what a step is left by), it is drawn in pieces.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracekit.load.call_files import CallFile, read_calls
from tracekit.load.call_notes import IN_PACKAGE, about
from tracekit.load.calls_clock import CallsClock
from tracekit.load.frame import Frame
from tracekit.load.image import Image, Log
from tracekit.load.phases import Steps, split
from tracekit.load.tasks import Tasks
from tracekit.model.columns import distinct
from tracekit.model.trace import Category, Flag, Int64, TrackKind
from tracekit.spool.directory import calls_files

_OURS = (IN_PACKAGE, "tracekit._fast.")  # in the name of a function of tracekit's own
_OUR_CLASSES = (
    "LoopQueue.",
    "ReadyQueue.",
)  # at the beginning of one in C, of which viztracer does not tell the module
_FRAME = (
    Category.LOOP,
    Category.STEP,
    Category.CALLBACK,
    Category.SPAN,
    Category.PART,
    Category.JOB,
    Category.GC,
    Category.SELECT,
    Category.WAIT,
    Category.PICKLE,
)
_ROUNDING = 2  # ns

Cuts = list[tuple[Int64, Int64]]


class _Rows(NamedTuple):
    """Calls, in columns: number in their file, the row of `image.logs`, start, end, name and flags."""

    number: Int64
    log: Int64
    start: Int64
    end: Int64
    name: Int64
    flags: Int64


def lay(image: Image, tasks: Tasks, cuts: Cuts) -> None:
    """Adds the calls of an image to its builder, and says which are missing.

    Args:
        image: everything else of it has been laid.
        tasks: of the image.
        cuts: tasks and times at which their phases are parted.
    """
    clock = CallsClock(image)
    if not clock.was_read:
        return
    files = []
    row = image.builder.processes[image.process]
    who = f"process {row.pid} ({row.name})"
    for path in calls_files(image.path):
        try:
            files.append(read_calls(path))
        except OSError as error:
            image.builder.note(f"{who}: viztracer's calls cannot be read: {error.strerror}")
    count, seen = 0, set[int]()
    for file in files:
        rows = _rows(image, file, clock)
        count += len(distinct(rows.number))
        seen.update(distinct(rows.log).tolist())
        _lay(image, tasks, cuts, file, rows, clock)
    image.builder.notes.extend(f"{who}: {sentence}" for sentence in about(image, files, clock, seen))
    for log in image.logs:
        if log.tid == image.header.pid and files:
            said = f"{count} by viztracer, in time to {max(clock.error, 1) / 1000:.1f} µs"
            image.builder.annotate(log.life, {"calls": said})


def _rows(image: Image, file: CallFile, clock: CallsClock) -> _Rows:
    """The calls of a file that are the program's own, on their threads, within their lives, outer ones first."""
    ours = np.array([_is_ours(name) for name in file.names], np.bool_)
    number = np.flatnonzero(~ours[file.name]) if len(file.names) else np.empty(0, np.int64)
    start = clock.ns(file.start[number])
    unfinished = file.end[number] < 0
    end = np.where(unfinished, clock.last, clock.ns(file.end[number]))
    log = _logs(image, file.tid[number], start, end, clock)
    lives = np.array([(image.builder.threads[each.thread].started, each.end) for each in image.logs], np.int64)
    start, end = np.maximum(start, lives[log, 0]), np.minimum(end, lives[log, 1])
    flags = unfinished * int(Flag.UNFINISHED)
    kept = np.flatnonzero(end >= start)
    # viztracer writes a call when it returns, so of two alike the later one is around the other.
    order = kept[np.lexsort((-number[kept], -end[kept], start[kept]))]
    rows = _Rows(*(column[order] for column in (number, log, start, end, file.name[number], flags)))
    return _fitted(image, rows, clock.error + _ROUNDING)


def _is_ours(name: str) -> bool:
    return any(word in name for word in _OURS) or (name.startswith(_OUR_CLASSES) and not name.endswith(")"))


def _logs(image: Image, tids: Int64, start: Int64, end: Int64, clock: CallsClock) -> Int64:
    """The index of the thread that each call ran on; the kernel uses a tid again once its thread is gone."""
    found = np.empty(len(tids), np.int64)
    for tid in distinct(tids).tolist():
        which = np.flatnonzero(tids == tid)
        logs = [image.logs[clock.threads[tid]]] if tid in clock.threads else []
        logs = logs or [log for log in image.logs if log.tid == tid and log.life >= 0]
        if not logs:
            logs = [_add_thread(image, tid, int(start[which].min()), int(end[which].max()))]
        logs.sort(key=lambda log: log.end)
        ends = np.array([log.end for log in logs[:-1]], np.int64)
        found[which] = np.array([log.index for log in logs])[np.searchsorted(ends, start[which], side="right")]
    return found


def _add_thread(image: Image, tid: int, start: int, end: int) -> Log:
    """A thread that recorded nothing itself."""
    builder, none = image.builder, np.empty(0, np.int64)
    log = Log(0, tid, none, none.astype(np.uint8), none.astype(np.int32), none.astype(np.uint32), none)
    log.index, log.end = len(image.logs), end
    log.thread = builder.thread(image.process, tid, f"thread {tid}", started=start, begun_before=True)
    log.track = builder.track(TrackKind.THREAD, log.thread)
    log.life = builder.slice(log.track, start, end, f"thread {tid}", Category.THREAD, Flag.BEGUN_BEFORE)
    image.logs.append(log)
    return log


def _fitted(image: Image, rows: _Rows, error: int) -> _Rows:
    """The calls, each in the spans, steps and jobs that it lies in, and parted where it crosses their borders."""
    _, tracks, begins, ends = image.builder.lying(*_FRAME)
    fitted = []
    for each in image.logs:
        which, own = np.flatnonzero(rows.log == each.index), np.flatnonzero(tracks == each.track)
        if len(which):
            frame = Frame(begins[own], ends[own])
            call, start, end = frame.parted(*frame.settled(rows.start[which], rows.end[which], error))
            of = _Rows(*(column[which[call]] for column in rows))
            fitted.append(of._replace(start=start, end=end))
    return _Rows(*map(np.concatenate, zip(*fitted))) if fitted else rows


def _lay(image: Image, tasks: Tasks, cuts: Cuts, file: CallFile, rows: _Rows, clock: CallsClock) -> None:
    builder = image.builder
    track = np.array([log.track for log in image.logs], np.int64)
    strings = np.array([builder.string(name) for name in file.names], np.int64)
    args = np.full(len(file.name), -1, np.int64)
    for number, found in file.args.items():
        args[number] = builder.keep(found)
    steps = tasks.steps()
    step = _steps(image, steps, rows, clock.error)
    task = np.where(step >= 0, steps.task[step], -1) if len(steps.task) else step
    name, args = strings[rows.name] if len(rows.name) else rows.name, args[rows.number]
    builder.slices(track[rows.log], rows.start, rows.end, name, Category.CALL, rows.flags, task, args)
    inside = np.flatnonzero(task >= 0)
    inside = inside[tasks.tracks[task[inside] - tasks.first] >= 0]
    # By as little as the clocks may be wrong they stick out.
    first, last = steps.start[step[inside]], steps.end[step[inside]]
    start, end = (np.clip(column[inside], first, last) for column in (rows.start, rows.end))
    columns = (task[inside], start, end, name[inside], rows.flags[inside], args[inside])
    parts = split(np.stack(columns, axis=1).astype(np.int64), cuts)
    of_task, start, end, name, flags, args = parts.T
    builder.slices(tasks.tracks[of_task - tasks.first], start, end, name, Category.CALL, flags, of_task, args)
    for tid, time, title, told in file.instants:
        at = clock.ns(np.array([time], np.int64))
        (log,) = _logs(image, np.array([tid]), at, at, clock).tolist()
        builder.instant(int(image.logs[log].track), int(at[0]), title, told)


def _steps(image: Image, steps: Steps, rows: _Rows, error: int) -> Int64:
    """The number of the step in which each call lies, or -1."""
    found = np.full(len(rows.start), -1, np.int64)
    for each in image.logs:
        own, which = np.flatnonzero(steps.log == each.index), np.flatnonzero(rows.log == each.index)
        if not len(own) or not len(which):
            continue
        own = own[np.lexsort((-steps.end[own], steps.start[own]))]
        start, end = steps.start[own], steps.end[own] + error
        around = _around(start, end)
        at = np.searchsorted(start, rows.start[which], side="right") - 1
        while (out := (at >= 0) & (end[at] < rows.end[which])).any():  # it is over; the one around it may not be
            at[out] = around[at[out]]
        found[which[at >= 0]] = own[at[at >= 0]]
    return found


def _around(start: Int64, end: Int64) -> Int64:
    """The step that each one lies in, or -1; they are sorted by start. Only eager tasks and nested loops have any."""
    around = np.full(len(start), -1, np.int64)
    if len(start) and bool((start[1:] < end[:-1]).any()):
        stack: list[int] = []
        for at, (begin, stop) in enumerate(zip(start.tolist(), end.tolist())):
            while stack and end[stack[-1]] < stop:
                stack.pop()
            while stack and end[stack[-1]] <= begin:
                stack.pop()
            around[at] = stack[-1] if stack else -1
            stack.append(at)
    return around
