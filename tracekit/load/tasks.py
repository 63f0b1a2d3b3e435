"""Tasks: from steps and wake-ups to the life of each task, its phases and its arrows. Knows no bytes.

Between two steps a task first awaits something and then is ready, from the first wake-up after the step's begin on.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.load.image import Image, Log
from tracekit.model.columns import distinct
from tracekit.model.trace import Args, Category, Flag, FlowKind, Int64, TrackKind

_PHASE_WIDTH = 5  # task, start, end, category, flags


class Wake(NamedTuple):
    """A TASK_READY: when, where in which log, and why the arrow from it is drawn."""

    time: int
    log: int
    position: int
    track: int
    kind: FlowKind


class Step(NamedTuple):
    """A step, as far as it is known where it begins."""

    task: int
    start: int
    log: int
    position: int
    handle: int


class Task:
    """What is known of one task while the records are read; times are absolute."""

    __slots__ = ("born", "carried", "done", "error", "index", "late", "outcome", "seen_at", "source", "steps", "wakes")

    def __init__(self, index: int, born: int, late: bool, source: int) -> None:
        self.index = index
        self.born = born
        self.late = late
        self.source = source  # track of its creator, or -1
        self.seen_at = (-1, -1)  # log and position of its TASK_CREATED
        self.carried = False  # a flight recorder has let go of its first time: what came before a step is not known
        self.done: int | None = None
        self.outcome = 0
        self.error = ""
        self.steps: list[int] = []
        self.wakes: list[Wake] = []


class Tasks:
    """The tasks and event loops of one image."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.builder = image.builder
        self.steps: list[Step] = []
        self.step_ends = array("q")
        self.step_flags = array("q")
        self._tasks: dict[int, Task] = {}
        self._loops: dict[int, int] = {}
        self._phases = array("q")

    def enroll(self, log: Log) -> None:
        """Adds the tasks that this thread created, and the names it gave them. All threads come before any step."""
        which = np.flatnonzero(np.isin(log.kind, (events.TASK_CREATED, events.TASK_NAME)))
        columns = (which, log.time[which], log.kind[which], log.a[which], log.b[which], log.slot[which])
        for position, time, kind, a, b, slot in zip(*(column.tolist() for column in columns)):
            task = self._tasks.get(b)
            if kind == events.TASK_NAME:
                self.builder.tasks[self.task(b, time).index].name = self.image.name(a)
            elif task is None:
                self._create(log, time, a, b, slot)
                self._tasks[b].seen_at = (log.index, position)
                self._tasks[b].carried = position < log.carried

    def loop(self, serial: int, log: Log, name: str = "") -> int:
        """The row of a loop."""
        row = self._loops.get(serial)
        if row is None:
            row = self._loops[serial] = self.builder.loop(self.image.process, log.thread, name or "event loop")
        elif name:
            self.builder.loops[row].thread = log.thread
            self.builder.loops[row].name = name
        return row

    def task(self, serial: int, time: int) -> Task:
        """What is known of a task; one whose creation was not recorded is taken for older than the recording."""
        task = self._tasks.get(serial)
        if task is None:
            time = min(time, self.image.header.let_go or time)
            row = self.builder.task(self.image.process, None, f"task {serial}", created=time, begun_before=True)
            task = self._tasks[serial] = Task(row, time, late=True, source=-1)
        return task

    def created_by(self, serial: int, creator: str) -> None:
        """Says in whose step, or on which thread, a task was created."""
        task = self._tasks[serial]
        if not task.late:
            self.builder.tasks[task.index].creator = creator

    def wake(self, serial: int, wake: Wake) -> None:
        """A task was made ready."""
        task = self.task(serial, wake.time)
        if task.late and task.seen_at == (wake.log, wake.position - 1):
            # Found ready when the recording began: who had made it ready was not seen.
            wake = wake._replace(track=-1)
        task.wakes.append(wake)

    def mark_result(self, serial: int) -> None:
        """The last wake-up of a task was the work of a job that ended right after it."""
        wakes = self._tasks[serial].wakes
        wakes[-1] = wakes[-1]._replace(kind=FlowKind.RESULT)

    def begin_step(
        self, serial: int, log: Log, time: int, position: int, loop: int | None, flags: int = 0
    ) -> tuple[int, int]:
        """Returns the number of the step and the handle of its slice."""
        task = self.task(serial, time)
        row = self.builder.tasks[task.index]
        if row.loop is None:
            row.loop = loop
        handle = self.builder.slice(log.track, time, time, row.name, Category.STEP, flags, task.index)
        number = len(self.steps)
        self.steps.append(Step(task.index, time, log.index, position, handle))
        self.step_ends.append(time)
        self.step_flags.append(flags)
        task.steps.append(number)
        return number, handle

    def end_step(self, number: int, time: int, flags: int = 0) -> None:
        """The step with that number ended, or is not known to have (UNFINISHED)."""
        self.step_ends[number] = time
        self.step_flags[number] |= flags
        self.builder.end(self.steps[number].handle, time, flags)

    def done(self, serial: int, time: int, outcome: int, error: str) -> None:
        """The task is done."""
        task = self.task(serial, time)
        task.done, task.outcome, task.error = time, outcome, error

    def conclude(self) -> None:
        """Ends the tasks of which a flight recorder carried on a step alone; known once all threads have been walked.

        Of a task that is not done it carries the creation: this one was done in that step, which goes on for a moment.
        """
        if not self.image.header.let_go or self.image.header.carry_lost:
            return
        for task in self._tasks.values():
            steps = [self.steps[number] for number in task.steps]
            alone = task.seen_at[0] < 0 and task.done is None and not task.wakes
            if alone and steps and all(step.position < self.image.logs[step.log].carried for step in steps):
                task.done = max(self.step_ends[number] for number in task.steps)

    def ends(self) -> dict[int, int]:
        """Where the life of each task ends, by its row; known once all threads have been walked."""
        return {task.index: self._end_of(task) for task in self._tasks.values()}

    def finish(self, cuts: list[tuple[Int64, Int64]]) -> None:
        """Draws the life and the phases of all tasks.

        Args:
            cuts: pairs of columns, tasks and times: where spans begin and end, which no phase may cross.
        """
        for task in self._tasks.values():
            self._draw(task)
        phases = _split(np.array(self._phases, np.int64).reshape(-1, _PHASE_WIDTH), cuts)
        if len(phases):
            tracks = np.zeros(len(self.builder.tasks), np.int64)
            for task in self._tasks.values():
                tracks[task.index] = self._track(task)
            names = np.zeros(256, np.int64)
            for category in (Category.READY, Category.RUNNING, Category.AWAITING):
                names[category] = self.builder.string(category.name.lower())
            row, start, end, category_, flags = phases.T
            self.builder.slices(tracks[row], start, end, names[category_], category_, flags, row)

    def _create(self, log: Log, time: int, name: int, serial: int, slot: int) -> None:
        image = self.image
        late = image.detail(slot, events.LATE) is not None
        loop = image.detail(slot, events.LOOP)
        function, file, line = image.code(slot)
        row = self.builder.task(
            image.process,
            None if loop is None else self.loop(loop.payload, log),
            image.name(name),
            coroutine=function,
            file=file,
            line=line,
            created=time,
            begun_before=late,
        )
        self._tasks[serial] = Task(row, time, late, -1 if late else log.track)

    def _track(self, task: Task) -> int:
        return self.builder.track(TrackKind.TASK, task.index)

    def _draw(self, task: Task) -> None:
        row = self.builder.tasks[task.index]
        row.created = min([task.born, *(self.steps[number].start for number in task.steps)])
        end = self._end_of(task)
        finished = task.done is not None
        row.ended = end if finished else None
        row.outcome = events.OUTCOMES.get(task.outcome, "done") if finished else "pending"
        row.error = task.error
        row.steps = len(task.steps)
        args: Args = {"outcome": row.outcome}
        if row.creator:
            args["creator"] = row.creator
        if row.file:
            args["file"], args["line"] = row.file, row.line
        if task.error:
            args["error"] = task.error
        flags = (0 if finished else Flag.UNFINISHED) | (Flag.BEGUN_BEFORE if task.late else 0)
        flags |= Flag.ERROR if task.error else 0
        title = f"{row.name} ({row.coroutine})" if row.coroutine else row.name
        self.builder.slice(self._track(task), row.created, end, title, Category.TASK, flags, task.index, args)
        self._draw_phases(task, row.created, end)

    def _end_of(self, task: Task) -> int:
        """Where its life ends: with its last step, though it is done a moment before; else where it was last seen."""
        latest = max((self.step_ends[number] for number in task.steps), default=task.born)
        if task.done is None:
            return max(self.image.last, latest)
        return max(task.done, latest)

    def _draw_phases(self, task: Task, at: int, end: int) -> None:
        wakes = sorted(task.wakes, key=lambda wake: (wake.time, wake.position))
        following = iter(wakes)
        wake = next(following, None)
        first = not (task.late or task.carried)
        for number in sorted(task.steps, key=lambda number: self.steps[number].start):
            step = self.steps[number]
            stop = self.step_ends[number]
            cause = Wake(task.born, -1, -1, task.source, FlowKind.CREATE) if first else None
            # Wake-ups up to the step's begin: the first one counts. Of equal times, the order on the thread tells.
            while wake is not None and (
                wake.time < step.start
                or (wake.time == step.start and (wake.log != step.log or wake.position < step.position))
            ):
                cause = cause or wake
                wake = next(following, None)
            begin = max(step.start, at)
            self._wait(task, at, begin, cause)
            self._phase(task, begin, max(stop, begin), Category.RUNNING, self.step_flags[number])
            if cause is not None and cause.track >= 0:
                self.builder.flow(cause.kind, cause.track, cause.time, step.handle)
            at = max(stop, begin)
            first = False
        cause = Wake(task.born, -1, -1, -1, FlowKind.CREATE) if first else wake
        self._wait(task, at, end, cause, 0 if task.done is not None else Flag.UNFINISHED)

    def _wait(self, task: Task, start: int, end: int, cause: Wake | None, flags: int = 0) -> None:
        """The time between two steps: awaiting until the wake-up, ready from then on."""
        ready = end if cause is None else min(max(cause.time, start), end)
        if ready > start:
            self._phase(task, start, ready, Category.AWAITING, flags if ready == end else 0)
        if end > ready:
            self._phase(task, ready, end, Category.READY, flags)

    def _phase(self, task: Task, start: int, end: int, category: Category, flags: int) -> None:
        row = self.builder.tasks[task.index]
        if category == Category.RUNNING:
            row.running += end - start
        elif category == Category.READY:
            row.ready += end - start
        else:
            row.awaiting += end - start
        self._phases.extend((task.index, start, end, category, flags))


def _split(phases: Int64, cuts: list[tuple[Int64, Int64]]) -> Int64:
    """The phases, split at every cut of their task that lies inside of them."""
    cut_task = np.concatenate([task for task, _ in cuts]) if cuts else np.empty(0, np.int64)
    cut_time = np.concatenate([time for _, time in cuts]) if cuts else np.empty(0, np.int64)
    if not len(cut_task) or not len(phases):
        return phases
    times = distinct(np.concatenate((cut_time, phases[:, 1], phases[:, 2])))

    def key(task: Int64, time: Int64) -> Int64:
        return task * len(times) + np.searchsorted(times, time)

    keys = distinct(key(cut_task, cut_time))
    first = np.searchsorted(keys, key(phases[:, 0], phases[:, 1]), side="right")
    last = np.searchsorted(keys, key(phases[:, 0], phases[:, 2]), side="left")
    pieces = np.maximum(last - first, 0) + 1
    split = np.repeat(phases, pieces, axis=0)
    # The inner boundaries: piece k of a phase ends, and piece k + 1 begins, at its k-th cut.
    ends = np.cumsum(pieces)
    inner = np.ones(len(split), np.bool_)
    inner[ends - 1] = False
    at = np.flatnonzero(inner)
    within = at - np.repeat(ends - pieces, pieces)[at]
    boundary = times[keys[np.repeat(first, pieces)[at] + within] % len(times)]
    split[at, 2] = boundary
    split[at + 1, 1] = boundary
    return split
