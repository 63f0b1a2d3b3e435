"""Wakes: what made tasks ready, and what to call it. Knows wake-ups and who wrote them, no step and no slice.

Who wakes a task is what ran where that was written: a step, a callback of the loop, or the thread itself. A callback that
another thread scheduled only hands on: then that thread is who woke it, and its job, where the job ended with that.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np

from tracekit.load.awaits import EXECUTOR_JOB, awaited_through
from tracekit.load.image import Image
from tracekit.load.jobs import Jobs, Ready
from tracekit.load.phases import Bools
from tracekit.model.columns import extend, groups
from tracekit.model.trace import Args, FlowKind, Int64
from tracekit.spool.layout import parse_code

# What runs where a wake-up is written.
THREAD, STEP, CALLBACK, LOOP = range(4)

ITSELF = "itself"
_NEVER = np.iinfo(np.int64).max
# What has been done where a task is woken, by what it awaited.
_DEEDS = {
    "queue.get": "queue put",
    "queue.put": "queue get",
    "queue.join": "queue join",
    "lock": "lock release",
    "semaphore": "semaphore release",
    "event": "event set",
    "condition": "condition notify",
    "barrier": "barrier",
    "sleep": "timer",
    "stream read": "I/O",
    "stream drain": "I/O",
    "socket": "I/O",
    "subprocess": "subprocess",
}
_SET_RESULT = "set_result"
_TASK_DONE = "task done"
_OF_TASKS = frozenset({"gather", "wait", "wait_for", "as_completed", "shield", "task group"})
_HANDS_ON = (
    "_chain_future.<locals>._set_state"  # the callback that gives asyncio's future what one of concurrent.futures has
)
_IO_FILES = ("selector_events.py", "unix_events.py", "proactor_events.py", "sslproto.py")


class _Callback(NamedTuple):
    """What callbacks that are alike have in common; `scheduled` is a serial, or 0."""

    name: int
    code: int
    is_timer: bool
    scheduled: int


class Cause(NamedTuple):
    """Why a task was made ready: who did it, how it is called, and whose job it was, if it was one's."""

    who: str
    kind: str
    job: str = ""

    def args(self) -> Args:
        """As arguments of a slice."""
        return {key: value for key, value in (("cause", self.who), ("kind", self.kind), ("job", self.job)) if value}


class Told(NamedTuple):
    """What a wake-up tells of what was awaited: what it was, and the name of the job if it was one's end."""

    what: str
    job: str = ""


class Wakes:
    """The wake-ups of the tasks of one image, in columns, in the order in which they were read.

    `agent` is one of THREAD, STEP, CALLBACK and LOOP, and `by` the row of a thread or of a task, a callback's number, or the
    row of a loop.
    """

    def __init__(self, image: Image) -> None:
        self._image = image
        self.task, self.time, self.since = array("i"), array("q"), array("q")
        self.log, self.position, self.track = array("i"), array("i"), array("i")
        self.flow, self.agent, self.by = array("b"), array("b"), array("i")
        self.cancelled, self.ended = array("b"), array("i")
        self._jobs: dict[int, str] = {}  # of wake-ups that were the last thing a job did
        self._callbacks: dict[_Callback, int] = {}

    def add(
        self,
        task: Int64,
        time: Int64,
        due: Int64,
        log: int,
        position: Int64,
        track: Int64,
        agent: Int64,
        by: Int64,
        cancelled: Bools,
        ended: Int64,
    ) -> None:
        """Tasks are made ready.

        Args:
            due: when the timer was due in whose callback that is; 0 where it is none.
            track: where an arrow begins; -1 where the wake-up was not seen.
            ended: the row of the task whose end the callback is told in which that is; -1 where there is none.
        """
        columns = (
            (self.task, task),
            (self.time, time),
            (self.since, np.where(due > 0, np.minimum(due, time), time)),
            (self.log, np.full(len(task), log)),
            (self.position, position),
            (self.track, track),
            (self.by, by),
            (self.flow, np.full(len(task), FlowKind.WAKE)),
            (self.agent, agent),
            (self.cancelled, cancelled),
            (self.ended, ended),
        )
        extend(*columns)

    def mark_result(self, wake: int, job: str) -> None:
        """A wake-up was the work of a job that ends with it, or has ended right before it."""
        self.flow[wake] = FlowKind.RESULT
        self._jobs[wake] = job

    def callbacks(self, name: Int64, code: Int64, is_timer: Bools, scheduled: Int64) -> Int64:
        """The number of all callbacks like each of these."""
        first, alike = groups(name, code, is_timer, scheduled)
        columns = zip(*(column[first].tolist() for column in (name, code, is_timer, scheduled)))
        numbers = [self._callbacks.setdefault(_Callback(*one), len(self._callbacks)) for one in columns]
        return np.array(numbers, np.int64)[alike]

    def causes(self, jobs: Jobs) -> Causes:
        """What to call them, once all threads have been walked."""
        return Causes(self, jobs)

    def columns(self, jobs: Jobs) -> tuple[Int64, ...]:
        """Task, time, since, log and position as columns, once all threads have been walked."""
        columns = (self.task, self.time, self.since, self.log, self.position)
        task, time, since, log, position = (np.array(column, np.int64) for column in columns)
        return task, time, np.minimum(since, self._scheduled(jobs)), log, position

    def _scheduled(self, jobs: Jobs) -> Int64:
        """When another thread scheduled the callback that each wake-up was written in, which is when the task had what it
        awaited; later than everything where that is not so."""
        readies = [jobs.ready(callback.scheduled) for callback in self._callbacks]
        times = np.array([_NEVER if ready is None else ready.time for ready in readies] + [_NEVER], np.int64)
        agent, by = np.array(self.agent, np.int64), np.array(self.by, np.int64)
        return times[np.where(agent == CALLBACK, by, len(readies))]


class Causes:
    """What to call wake-ups."""

    def __init__(self, wakes: Wakes, jobs: Jobs) -> None:
        self._image = wakes._image
        self._builder = wakes._image.builder
        self._jobs = jobs
        self._callbacks = list(wakes._callbacks)
        self._ended = wakes._jobs
        self._agents, self._by = wakes.agent, wakes.by

    def of(self, wake: int, task: int, agent: int, by: int, is_cancelled: bool, what: str) -> Cause:
        """The cause of a wake-up.

        Args:
            wake: its number.
            task: the row of the task that was woken.
            what: what that awaited, as load/awaits.py calls it; "" where it is not known or was nothing.
        """
        cause = self._of(wake, task, agent, by, what)
        return cause._replace(kind="cancelled") if is_cancelled else cause

    def told(self, wake: int) -> Told | None:
        """What a wake-up tells of what was awaited; None where it tells nothing."""
        job = self._ended.get(wake)
        if job is not None:
            return Told(EXECUTOR_JOB, job)
        return self._told_by(self._callbacks[self._by[wake]]) if self._agents[wake] == CALLBACK else None

    def is_own(self, wake: int, agent: int, by: int) -> bool:
        """Whether the cause is told by more than who did it."""
        return wake in self._ended or (agent == CALLBACK and self._callbacks[by].scheduled != 0)

    def _of(self, wake: int, task: int, agent: int, by: int, what: str) -> Cause:
        if agent == STEP:
            if by == task:
                return Cause(ITSELF, "yield")
            return Cause(f"task {self._builder.tasks[by].name}", _deed(what))
        if agent == CALLBACK:
            return self._of_callback(self._callbacks[by], what)
        if agent == LOOP:  # outside of all callbacks: what uvloop does in C
            loop = self._builder.loops[by]
            kind = _DEEDS.get(what, "I/O" if loop.name.startswith("uvloop") else "")
            return Cause(f"thread {self._builder.threads[loop.thread].name}", kind)
        job = self._ended.get(wake, "")
        return Cause(f"thread {self._builder.threads[by].name}", EXECUTOR_JOB if job else "another thread", job)

    def _of_callback(self, callback: _Callback, what: str) -> Cause:
        ready, told = self._ready(callback), self._told_by(callback)
        is_job = told is not None and told.what == EXECUTOR_JOB
        name = f"callback {self._image.name(callback.name)}" if ready is None else f"thread {ready.thread}"
        if is_job and told is not None:
            return Cause(name, EXECUTOR_JOB, told.job)
        if ready is not None:
            return Cause(name, "another thread")
        if callback.is_timer:
            return Cause(name, "timer")
        file = parse_code(self._image.name(callback.code))[1] if callback.code else ""
        if file.endswith(_IO_FILES):
            return Cause(name, "I/O")
        return Cause(name, _deed(what))

    def _ready(self, callback: _Callback) -> Ready | None:
        return self._jobs.ready(callback.scheduled) if callback.scheduled else None

    def _told_by(self, callback: _Callback) -> Told | None:
        ready, name = self._ready(callback), self._image.name(callback.name)
        if ready is not None and ready.job is not None:
            return Told(EXECUTOR_JOB, ready.job)
        if name.endswith(_HANDS_ON):
            # Of a pool of processes the pool's own thread tells the result; whoever runs a loop is none of those.
            return Told(EXECUTOR_JOB) if ready is None or not ready.in_loop else None
        what = awaited_through(name)
        return Told(what) if what else None


def _deed(what: str) -> str:
    if what in _OF_TASKS or what.startswith("task "):
        return _TASK_DONE
    return _DEEDS.get(what, _SET_RESULT)
