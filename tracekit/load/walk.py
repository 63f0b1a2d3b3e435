"""Walk: goes through one thread's records in order and lays what ran there on its track. Knows no spans and no bytes.

What is open on a thread is a stack. An end closes its own beginning; what still lies on top of that was cut off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.load.image import Image, Log
from tracekit.load.jobs import Jobs, Ready
from tracekit.load.tasks import Tasks
from tracekit.load.turns import ReadyQueues, Waiting
from tracekit.load.wakes import CALLBACK, LOOP, STEP, THREAD, is_cancelled
from tracekit.model.columns import among
from tracekit.model.trace import Category, Flag, Int64

_AT_A_TIME = 1 << 16  # records that are Python's numbers at a time
_TURNS = (events.STEP_BEGIN, events.CALLBACK_BEGIN)


class _Open(NamedTuple):
    """Something that has begun on the thread: what began it, its serial, its slice; a step's number, a loop's row.

    Of a callback `number` is that of all callbacks like it, and `due` when its timer was; of a job `name` is its name.
    """

    kind: int
    serial: int
    handle: int
    start: int
    number: int
    due: int
    name: int


class Walk:
    """One thread's records, in order.

    Args:
        image, log: the thread.
        tasks, jobs, queues: of the image; they are told what happens to them.
    """

    def __init__(self, image: Image, log: Log, tasks: Tasks, jobs: Jobs, queues: ReadyQueues) -> None:
        self.image = image
        self.builder = image.builder
        self.log = log
        self.tasks = tasks
        self.jobs = jobs
        self.queues = queues
        self._stack: list[_Open] = []
        self._steps: list[_Open] = []
        self._loops: list[_Open] = []
        self._turns: list[_Open] = []  # loops, and what they run
        self._waiting: list[Waiting] = []  # of each loop
        self._shortcuts: dict[int, tuple[list[_Open], ...]] = {
            events.LOOP_BEGIN: (self._loops, self._turns),
            events.STEP_BEGIN: (self._steps, self._turns),
            events.CALLBACK_BEGIN: (self._turns,),
        }
        self._count: Counter[tuple[int, int]] = Counter()  # of what is open, by kind and serial
        self._position = 0
        self._has_details = False  # the record that is read now
        self._detailed = image.details.slots()
        self._places: dict[int, int] = {}  # arguments of callbacks, by the number of their code
        self._previous = (0, 0)  # kind and serial of the record before
        self._ended_job = ""  # the name of the job that ended last
        self._handlers: dict[int, Callable[[int, int, int, int, int], None]] = {
            events.LOOP_BEGIN: self._loop_begin,
            events.LOOP_END: self._loop_end,
            events.LOOP_TURN: self._loop_turn,
            events.TASK_CREATED: self._task_created,
            events.TASK_READY: self._task_ready,
            events.STEP_BEGIN: self._step_begin,
            events.STEP_END: self._step_end,
            events.TASK_DONE: self._task_done,
            events.CALLBACK_BEGIN: self._callback_begin,
            events.CALLBACK_END: self._callback_end,
            events.CALLBACK_READY: self._callback_ready,
            events.JOB_BEGIN: self._job_begin,
            events.JOB_END: self._job_end,
            events.REMOTE_JOB_BEGIN: self._job_begin,
            events.REMOTE_JOB_END: self._job_end,
            events.GC_BEGIN: self._gc_begin,
            events.GC_END: self._gc_end,
            events.INSTANT: self._instant,
            events.COUNTER: self._counter,
        }

    def run(self) -> None:
        """Lays everything but spans on the thread's track."""
        log = self.log
        which = np.flatnonzero(np.isin(log.kind, list(self._handlers)))
        handlers = self._handlers
        for begin in range(0, len(which), _AT_A_TIME):
            for kind, position, time, a, b, slot, detailed in self._rows(which[begin : begin + _AT_A_TIME]):
                self._position, self._has_details = position, detailed
                handlers[kind](position, time, a, b, slot)
                self._previous = kind, b
        self._position = len(log.kind)
        while self._stack:
            self._cut_off(self._take(), log.end)

    def _rows(self, which: Int64) -> Iterator[tuple[int, int, int, int, int, int, bool]]:
        """Kind, position, time, a, b and slot of some records, and whether they have details."""
        log = self.log
        detailed = among(log.slot[which], self._detailed)
        columns = (log.kind[which], which, log.time[which], log.a[which], log.b[which], log.slot[which], detailed)
        return zip(*(column.tolist() for column in columns))

    # The stack. Beside it, what is asked for often: nothing here may depend on how deep it is, which damage makes it.

    def _push(
        self, kind: int, serial: int, handle: int, start: int, number: int = -1, due: int = 0, name: int = 0
    ) -> None:
        opened = _Open(kind, serial, handle, start, number, due, name)
        if kind in _TURNS and self._turns and self._turns[-1].kind == events.LOOP_BEGIN:
            self._waiting[-1].turn_begins(start)
        self._stack.append(opened)
        self._count[kind, serial] += 1
        for own in self._shortcuts.get(kind, ()):
            own.append(opened)

    def _take(self) -> _Open:
        opened = self._stack.pop()
        self._count[opened.kind, opened.serial] -= 1
        for own in self._shortcuts.get(opened.kind, ()):
            own.pop()
        return opened

    def _pop(self, kind: int, serial: int, time: int) -> _Open | None:
        """Takes what an end belongs to off the stack, and what was cut off above it; None where nothing began it."""
        if not self._count[kind, serial]:
            self.image.dropped[events.BY_KIND[kind].name.removesuffix(" begin")] += 1
            return None
        while True:
            opened = self._take()
            if opened.kind == kind and opened.serial == serial:
                return opened
            self._cut_off(opened, time)

    def _cut_off(self, opened: _Open, time: int) -> None:
        if opened.kind == events.LOOP_BEGIN:
            self._waiting[-1].cut_off(time)
        if opened.kind == events.STEP_BEGIN:
            self.tasks.end_step(opened.number, time, Flag.UNFINISHED)
            self._change_context()
        else:
            self.builder.end(opened.handle, time, Flag.UNFINISHED)
        self._account(opened, time)

    def _account(self, opened: _Open, time: int) -> None:
        """Adds what has ended to its loop's time; a step in a step (an eager task) is time of the outer one already."""
        if opened.kind == events.LOOP_BEGIN:
            self._waiting.pop()
            self.builder.loops[opened.number].open += self.builder.inside(opened.start, time)
        elif opened.kind in _TURNS and self._turns and self._turns[-1].kind == events.LOOP_BEGIN:
            self.builder.loops[self._turns[-1].number].running += self.builder.inside(opened.start, time)
            self._waiting[-1].turn_ends(time)

    # Loops, steps and callbacks.

    def _loop_begin(self, _position: int, time: int, a: int, b: int, slot: int) -> None:
        name = self.image.name(a)
        row = self.tasks.loop(b, self.log, name)
        flags = self.image.begun_before(slot)
        self._waiting.append(Waiting(self.builder, self.log.track, time))
        self._push(
            events.LOOP_BEGIN, b, self.builder.slice(self.log.track, time, time, name, Category.LOOP, flags), time, row
        )

    def _loop_end(self, _position: int, time: int, _a: int, b: int, _slot: int) -> None:
        self._end(events.LOOP_BEGIN, b, time)

    def _loop_turn(self, _position: int, time: int, _a: int, b: int, _slot: int) -> None:
        if self._turns and self._turns[-1].kind == events.LOOP_BEGIN:
            self._waiting[-1].look(time)
            self.queues.add(self._turns[-1].number, time, b)

    def _end(self, kind: int, serial: int, time: int) -> _Open | None:
        opened = self._pop(kind, serial, time)
        if opened is not None:
            self.builder.end(opened.handle, time)
            self._account(opened, time)
        return opened

    def _task_created(self, position: int, _time: int, _a: int, b: int, _slot: int) -> None:
        if position < self.log.carried and self._loops and not self._steps:
            return  # in a step, or in a callback, that had ended when the window began
        if self._steps:
            task = self.tasks.step_task[self._steps[-1].number]
            self.tasks.created_by(b, self.builder.tasks[task].name)
        else:
            self.tasks.created_by(b, self.builder.threads[self.log.thread].name)

    def _task_ready(self, position: int, time: int, a: int, b: int, _slot: int) -> None:
        agent, by, due = THREAD, self.log.thread, 0
        if self._turns:
            opened = self._turns[-1]
            if opened.kind == events.STEP_BEGIN:
                agent, by = STEP, self.tasks.step_task[opened.number]
            elif opened.kind == events.CALLBACK_BEGIN:
                agent, by, due = CALLBACK, opened.number, opened.due
            else:
                agent, by = LOOP, opened.number
        self.tasks.wake(b, time, self.log, position, agent, by, due, is_cancelled(a))
        if self._previous[0] == events.JOB_END:
            self.tasks.wakes.mark_result(self._ended_job)

    def _step_begin(self, position: int, time: int, _a: int, b: int, slot: int) -> None:
        loop = self._loops[-1].number if self._loops else None
        flags = self.image.begun_before(slot) if slot < 0 else 0
        number, handle = self.tasks.begin_step(b, self.log, time, position, loop, flags)
        self._push(events.STEP_BEGIN, b, handle, time, number)
        self._change_context()

    def _step_end(self, _position: int, time: int, _a: int, b: int, slot: int) -> None:
        opened = self._pop(events.STEP_BEGIN, b, time)
        if opened is not None:
            self.tasks.end_step(opened.number, time)
            place = self.image.place(slot) if self._has_details else None
            if place is not None:
                self.builder.annotate(opened.handle, place)
            if self._has_details:
                self.tasks.stopped(opened.number, slot)
            self._account(opened, time)
        self._change_context()

    def _change_context(self) -> None:
        self.log.context_at.append(self._position)
        self.log.context.append(self._steps[-1].number if self._steps else -1)

    def _task_done(self, _position: int, time: int, a: int, b: int, slot: int) -> None:
        self.tasks.done(b, time, a, self.image.error(slot))

    def _callback_begin(self, _position: int, time: int, a: int, _b: int, slot: int) -> None:
        code, scheduled, due = 0, None, 0
        for detail in self.image.details.of(slot) if self._has_details else ():
            if detail.kind == events.CODE:
                code = detail.payload
            elif detail.kind == events.SCHEDULED:
                scheduled = detail.payload
            elif detail.kind == events.DUE:
                due = min(detail.payload, time)
        flags = self.image.begun_before(slot)
        args = self._places.get(code, -1)
        if code and args < 0:
            args = self._places[code] = self.builder.keep(self.image.place(slot))
        handle = self.builder.slice(self.log.track, time, time, self.image.name(a), Category.CALLBACK, flags, args=args)
        number = self.tasks.wakes.callback(a, code, due > 0, scheduled or 0)
        self._push(events.CALLBACK_BEGIN, 0, handle, time, number, due)
        if scheduled is not None:
            self.jobs.callback(scheduled, handle)

    def _callback_end(self, _position: int, time: int, _a: int, _b: int, _slot: int) -> None:
        self._end(events.CALLBACK_BEGIN, 0, time)

    def _callback_ready(self, _position: int, time: int, _a: int, b: int, _slot: int) -> None:
        thread = self.builder.threads[self.log.thread].name
        job = self._ended_job if self._previous[0] == events.JOB_END else None
        self.jobs.callback_ready(b, Ready(self.log.track, time, thread, bool(self._loops), job))

    # Jobs. A remote one has the pool's number of the job in place of a serial of this process.

    def _job_begin(self, position: int, time: int, a: int, b: int, slot: int) -> None:
        kind = int(self.log.kind[position])
        flags = self.image.begun_before(slot)
        handle = self.builder.slice(self.log.track, time, time, self.image.name(a), Category.JOB, flags)
        self._push(kind, b, handle, time, name=a)
        if kind == events.JOB_BEGIN:
            self.jobs.begin(b, time, handle)
        else:
            self.jobs.begin_remote(b, time, handle, slot)

    def _job_end(self, position: int, time: int, a: int, b: int, slot: int) -> None:
        kind = int(self.log.kind[position])
        opened = self._end(events.BY_KIND[kind].ends, b, time)
        if opened is not None:
            error = self.image.error(slot)
            args = {"outcome": events.OUTCOMES.get(a, "done")} | ({"error": error} if error else {})
            self.builder.annotate(opened.handle, args, Flag.ERROR if error else 0)
        self._ended_job = "" if opened is None else self.image.name(opened.name)
        # A job tells its result first and ends then: whom it woke in its last moment waited for the result.
        previous, serial = self._previous
        if previous == events.TASK_READY:
            self.tasks.wakes.mark_result(self._ended_job)
        elif previous == events.CALLBACK_READY:
            self.jobs.mark_result(serial, self._ended_job)

    # What can happen anywhere.

    def _gc_begin(self, _position: int, time: int, a: int, _b: int, slot: int) -> None:
        name, flags = f"gc generation {a}", self.image.begun_before(slot)
        self._push(events.GC_BEGIN, a, self.builder.slice(self.log.track, time, time, name, Category.GC, flags), time)

    def _gc_end(self, _position: int, time: int, a: int, b: int, _slot: int) -> None:
        opened = self._end(events.GC_BEGIN, a, time)
        if opened is not None:
            self.builder.annotate(opened.handle, {"collected": b})

    def _instant(self, _position: int, time: int, a: int, _b: int, slot: int) -> None:
        self.builder.instant(self.log.track, time, self.image.name(a), self.image.args(slot))

    def _counter(self, _position: int, time: int, a: int, _b: int, slot: int) -> None:
        for series, value in self.image.args(slot).items():
            if isinstance(value, (int, float)):
                self.builder.counter(self.image.process, time, self.image.name(a), series, float(value))
