"""Walk: goes through one thread's records in order and lays what ran there on its track. Knows no spans and no bytes.

What is open on a thread is a stack. An end closes its own beginning; what still lies on top of that was cut off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.load.bulk import READ_IN_BULK, Bulk, Context
from tracekit.load.image import Image, Log
from tracekit.load.jobs import Jobs, Ready
from tracekit.load.locks import Locks
from tracekit.load.plain import TURNS, find_turns
from tracekit.load.tasks import Tasks
from tracekit.load.turns import ReadyQueues, Waiting
from tracekit.load.wakes import CALLBACK, LOOP, STEP, THREAD
from tracekit.model.columns import of_kinds
from tracekit.model.trace import Category, Flag, Int64

_AT_A_TIME = 1 << 16  # records that are Python's numbers at a time
_POINTS = {
    events.CALLBACK_READY,
    events.JOB_TOLD,
    events.INSTANT,
    events.COUNTER,
}  # what neither begins nor ends anything
_JOB_ENDS = (events.JOB_END, events.JOB_TOLD)
_AGENTS = {events.STEP_BEGIN: STEP, events.CALLBACK_BEGIN: CALLBACK, events.LOOP_BEGIN: LOOP}


class _Open(NamedTuple):
    """Something that has begun on the thread: what began it and where that stands, its serial, its slice; a step's number, a
    loop's row.

    Of a callback `number` is that of all callbacks like it, and `due` when its timer was; of a loop `run` is the number of
    its run; of a job `name` is its name.
    """

    kind: int
    position: int
    serial: int
    handle: int
    start: int
    number: int
    due: int
    run: int
    name: int


class Walk:
    """One thread's records, in order.

    Args:
        image, log: the thread.
        tasks, jobs, locks, queues: of the image; they are told what happens to them.
    """

    def __init__(self, image: Image, log: Log, tasks: Tasks, jobs: Jobs, locks: Locks, queues: ReadyQueues) -> None:
        self.image = image
        self.builder = image.builder
        self.log = log
        self.tasks = tasks
        self.jobs = jobs
        self.locks = locks
        self.queues = queues
        self._stack: list[_Open] = []
        self._steps: list[_Open] = []
        self._loops: list[_Open] = []
        self._turns: list[_Open] = []  # loops, and what they run
        self._waiting = Waiting(image.builder, log.track)
        self._shortcuts: dict[int, tuple[list[_Open], ...]] = {
            events.LOOP_BEGIN: (self._loops, self._turns),
            events.STEP_BEGIN: (self._steps, self._turns),
            events.CALLBACK_BEGIN: (self._turns,),
        }
        self._count: Counter[tuple[int, int]] = Counter()  # of what is open, by kind and serial
        self._position = -1
        self._context = Context(THREAD, log.thread, 0, -1, -1, -1)
        self._ended_job = ""  # the name of the job that ended last
        self._results: dict[int, str] = {}  # positions of wake-ups that were a job's last work, and its name
        self._handlers: dict[int, Callable[[int, int, int, int, int], None]] = {
            events.LOOP_BEGIN: self._loop_begin,
            events.LOOP_END: self._loop_end,
            events.STEP_BEGIN: self._step_begin,
            events.STEP_END: self._step_end,
            events.CALLBACK_BEGIN: self._callback_begin,
            events.CALLBACK_END: self._callback_end,
            events.CALLBACK_READY: self._callback_ready,
            events.JOB_BEGIN: self._job_begin,
            events.JOB_END: self._job_end,
            events.REMOTE_JOB_BEGIN: self._job_begin,
            events.REMOTE_JOB_END: self._job_end,
            events.JOB_TOLD: self._job_told,
            events.LOCK_WAIT: self._lock_wait,
            events.LOCK_WAIT_END: self._lock_wait_end,
            events.GC_BEGIN: self._gc_begin,
            events.GC_END: self._gc_end,
            events.INSTANT: self._instant,
            events.COUNTER: self._counter,
        }

    def run(self) -> None:
        """Lays everything but spans on the thread's track."""
        log = self.log
        turns = find_turns(log, set(self._handlers) - _POINTS)
        self._bulk = Bulk(self.image, log, turns, self.tasks, self.jobs, self.queues, self._waiting)
        self._bulk.begin()
        self._bulk.enter(self._position, self._context)
        single = of_kinds(log.kind, self._handlers)
        plain = turns.end >= 0
        single[turns.begin[plain]] = single[turns.end[plain]] = False
        which = np.flatnonzero(single)
        handlers = self._handlers
        for begin in range(0, len(which), _AT_A_TIME):
            for kind, position, time, a, b, slot in self._rows(which[begin : begin + _AT_A_TIME]):
                self._position = position
                handlers[kind](position, time, a, b, slot)
        self._position = len(log.kind)
        while self._stack:
            self._cut_off(self._take(), log.end)
        self._bulk.finish(self._results)
        # A million tasks leave no room for what is not needed any more; the handlers hold the walk itself.
        del self._bulk
        self._handlers = {}
        self._waiting.draw()

    def _rows(self, which: Int64) -> Iterator[tuple[int, int, int, int, int, int]]:
        """Kind, position, time, a, b and slot of some records."""
        log = self.log
        columns = (log.kind[which], which, log.time[which], log.a[which], log.b[which], log.slot[which])
        return zip(*(column.tolist() for column in columns))

    def _beside(self, position: int, step: int) -> int:
        """The position of the record before (-1) or after (1) one, of those that tell of tasks, turns and jobs; -1: none."""
        position += step
        while 0 <= position < len(self.log.kind):
            if self.log.kind[position] in self._handlers or self.log.kind[position] in READ_IN_BULK:
                return position
            position += step
        return -1

    # The stack. Beside it, what is asked for often: nothing here may depend on how deep it is, which damage makes it.

    def _push(
        self,
        kind: int,
        serial: int,
        handle: int,
        start: int,
        number: int = -1,
        due: int = 0,
        run: int = -1,
        name: int = 0,
    ) -> None:
        opened = _Open(kind, self._position, serial, handle, start, number, due, run, name)
        self._stack.append(opened)
        self._count[kind, serial] += 1
        for own in self._shortcuts.get(kind, ()):
            own.append(opened)
        self._change_context()

    def _take(self) -> _Open:
        opened = self._stack.pop()
        self._count[opened.kind, opened.serial] -= 1
        for own in self._shortcuts.get(opened.kind, ()):
            own.pop()
        self._change_context()
        return opened

    def _change_context(self) -> None:
        """Tells what runs from here on, where that has changed."""
        agent, by, due = THREAD, self.log.thread, 0
        if self._turns:
            opened = self._turns[-1]
            agent, by, due = _AGENTS[opened.kind], opened.number, opened.due
        loop, run = (self._loops[-1].number, self._loops[-1].run) if self._loops else (-1, -1)
        step = self._steps[-1].number if self._steps else -1
        if step != self._context.step:
            self.log.context_at.append(self._position)
            self.log.context.append(step)
        context = Context(agent, by, due, loop, run, step)
        if context != self._context:
            self._context = context
            self._bulk.enter(self._position, context)

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
            self._waiting.cut_off(opened.run, time)
        if opened.kind == events.STEP_BEGIN:
            self.tasks.end_step(opened.number, time, Flag.UNFINISHED)
        else:
            self.builder.end(opened.handle, time, Flag.UNFINISHED)
        self._account(opened, time)

    def _account(self, opened: _Open, time: int) -> None:
        """Adds what has ended to its loop's time; a step in a step (an eager task) is time of the outer one already."""
        if opened.kind == events.LOOP_BEGIN:
            self.builder.loops[opened.number].open += self.builder.inside(opened.start, time)
        elif opened.kind in TURNS and self._turns and self._turns[-1].kind == events.LOOP_BEGIN:
            self.builder.loops[self._turns[-1].number].running += self.builder.inside(opened.start, time)
            self._waiting.turn(self._turns[-1].run, opened.position, opened.start, time)

    # Loops, and the steps and callbacks that are not plain.

    def _loop_begin(self, _position: int, time: int, a: int, b: int, slot: int) -> None:
        name = self.image.name(a)
        row = self.tasks.loop(b, self.log, name)
        handle = self.builder.slice(self.log.track, time, time, name, Category.LOOP, self.image.begun_before(slot))
        self._push(events.LOOP_BEGIN, b, handle, time, row, run=self._waiting.begin(time))

    def _loop_end(self, _position: int, time: int, _a: int, b: int, _slot: int) -> None:
        self._end(events.LOOP_BEGIN, b, time)

    def _end(self, kind: int, serial: int, time: int) -> _Open | None:
        opened = self._pop(kind, serial, time)
        if opened is not None:
            self.builder.end(opened.handle, time)
            self._account(opened, time)
        return opened

    def _step_begin(self, position: int, time: int, _a: int, b: int, _slot: int) -> None:
        handle, number, due = self._bulk.turn(position)
        self._push(events.STEP_BEGIN, b, handle, time, number, due)

    def _step_end(self, position: int, time: int, _a: int, b: int, _slot: int) -> None:
        opened = self._pop(events.STEP_BEGIN, b, time)
        if opened is not None:
            self.tasks.end_step(opened.number, time)
            self._bulk.step_ended(opened.number, position)
            self._account(opened, time)

    def _callback_begin(self, position: int, time: int, _a: int, _b: int, _slot: int) -> None:
        handle, number, due = self._bulk.turn(position)
        self._push(events.CALLBACK_BEGIN, 0, handle, time, number, due)

    def _callback_end(self, _position: int, time: int, _a: int, _b: int, _slot: int) -> None:
        self._end(events.CALLBACK_BEGIN, 0, time)

    def _callback_ready(self, position: int, time: int, _a: int, b: int, _slot: int) -> None:
        thread = self.builder.threads[self.log.thread].name
        before = self._beside(position, -1)
        job = self._ended_job if before >= 0 and self.log.kind[before] in _JOB_ENDS else None
        self.jobs.callback_ready(b, Ready(self.log.track, time, thread, bool(self._loops), job))

    # Jobs. A remote one has the pool's number of the job in place of a serial of this process.

    def _job_begin(self, position: int, time: int, a: int, b: int, slot: int) -> None:
        kind = int(self.log.kind[position])
        flags = self.image.begun_before(slot)
        handle = self.builder.slice(self.log.track, time, time, self.image.name(a), Category.JOB, flags)
        self._push(kind, b, handle, time, name=a)
        if kind == events.JOB_BEGIN:
            self.jobs.begin(b, self.log, time, handle, self.image.name(a))
        else:
            self.jobs.begin_remote(b, self.log, time, handle, self.image.name(a), slot)

    def _job_end(self, position: int, time: int, a: int, b: int, slot: int) -> None:
        kind = int(self.log.kind[position])
        opened = self._end(events.BY_KIND[kind].ends, b, time)
        if opened is not None:
            error = self.image.error(slot)
            args = {"outcome": events.OUTCOMES.get(a, "done")} | ({"error": error} if error else {})
            self.builder.annotate(opened.handle, args, Flag.ERROR if error else 0)
            self.jobs.end(opened.handle, time)
        self._ended_job = "" if opened is None else self.image.name(opened.name)
        self._mark_woken(position, kind)

    def _job_told(self, position: int, _time: int, _a: int, b: int, _slot: int) -> None:
        self._ended_job = self.jobs.job(b)
        self._mark_woken(position, events.JOB_TOLD)

    def _mark_woken(self, position: int, kind: int) -> None:
        # A job tells its result first and ends then: whom it woke in its last moment waited for the result.
        before, after = self._beside(position, -1), self._beside(position, 1)
        if before >= 0 and self.log.kind[before] == events.TASK_READY:
            self._results[before] = self._ended_job
        elif before >= 0 and self.log.kind[before] == events.CALLBACK_READY:
            self.jobs.mark_result(int(self.log.b[before]), self._ended_job)
        # Or the other way round.
        if kind in _JOB_ENDS and after >= 0 and self.log.kind[after] == events.TASK_READY:
            self._results[after] = self._ended_job

    # What can happen anywhere.

    def _lock_wait(self, _position: int, time: int, a: int, b: int, slot: int) -> None:
        self._push(events.LOCK_WAIT, b, self.locks.begin(self.log, time, a, b, slot), time)

    def _lock_wait_end(self, _position: int, time: int, a: int, b: int, _slot: int) -> None:
        opened = self._end(events.LOCK_WAIT, b, time)
        if opened is not None:
            self.locks.end(opened.handle, time, a)

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
