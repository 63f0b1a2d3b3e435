"""ReadyQueue: takes the place of an event loop's queue of callbacks, and records what passes through.

Knows the recorder and the shape of asyncio's handles, not how a loop comes to have such a queue (hooks/asyncio.py).

A loop appends to its queue whatever is scheduled, and pops each callback right before it runs it. So

    append           somebody schedules: a task unknown so far is being created, a known one is made ready
    popleft          what ran before has ended, what is popped begins
    len              asked by the loop, or outside of its run: it has run all that it had, and what ran last has ended

No callback may be lost or run twice, whatever fails or interrupts our own code, and though other threads append at any time:
who fetched the loop's queue just before it was exchanged appends to the one that is no longer the loop's. So both keep hold
of each other, and hand on what reaches the wrong one. A loop may be run within one of its own steps (nest_asyncio does that):
what has begun ends where the very run of the loop that began it goes on, which its frame tells.
"""

from __future__ import annotations

from _thread import get_ident
from collections import deque
from sys import _getframe
from types import BuiltinMethodType, MethodType

from tracekit import events
from tracekit.hooks.patch import Hook
from tracekit.hooks.tasks import Running, created, task_serial
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LOOP_RUN = "_run_once"
_PYTHON_STEPS = ("__step", "__wakeup")


def task_of(callback: Any) -> Any:
    """The task that a callback is a step of, or None: `loop.call_soon(task.cancel)` is no step."""
    kind = type(callback)
    if kind is BuiltinMethodType:
        return callback.__self__ if callback.__name__ == "task_wakeup" else None
    if kind is MethodType:
        return callback.__self__ if callback.__name__ in _PYTHON_STEPS else None
    return callback.__self__ if kind.__name__ == "TaskStepMethWrapper" else None


class ReadyQueue(deque):  # type: ignore[type-arg]
    """The queue of one loop.

    Args:
        before: the loop's own queue, which this one takes over.
        hook: whose queue it is; once that is gone, callbacks only pass.
        threshold: ns; of a step longer than this the place where it stopped is recorded.
    """

    __slots__ = (
        "_before",
        "_hook",
        "_running",
        "_scheduled",
        "_successor",
        "_threshold",
        "is_open",
        "loop_serial",
        "recorder",
    )

    def __init__(self, before: deque[Any], hook: Hook, threshold: int) -> None:
        super().__init__()
        self._before = before
        self._successor: deque[Any] | None = None
        self._scheduled: dict[int, int] = {}
        self._running: list[tuple[int, Running]] = []  # by the frame of the loop's run, outermost first
        self.belong_to(hook, threshold)

    def belong_to(self, hook: Hook, threshold: int) -> None:
        """Record for this hook from now on, in the session that runs."""
        self._hook = hook
        self._threshold = threshold
        self.recorder = recording.current
        self.is_open = False
        self.loop_serial = 0 if self.recorder is None else self.recorder.serial("loop")

    @property
    def is_left(self) -> bool:
        """Whether nobody records by this queue any more."""
        return self._hook.gone

    def append(self, handle: Any) -> None:
        """Somebody schedules a callback, on whatever thread."""
        try:
            recorder = recording.current
            if recorder is not None and not self._hook.gone:
                self._schedule(recorder, handle)
        except Exception as error:
            self._hook.fail(error)
        finally:
            deque.append(self, handle)
            if self._successor is not None:
                self._hand_on()

    def popleft(self) -> Any:
        """The loop is about to run its next callback."""
        if self._before:
            self.take_over()
        handle = deque.popleft(self)
        try:
            frame = id(_getframe(1))
            running = self._running
            if running:
                if len(running) == 1 and running[0][0] == frame:
                    running.pop()[1].end()
                else:
                    self._end_in(frame)
            recorder = recording.current
            if recorder is not None and not self._hook.gone:
                self._begin(recorder, handle, frame)
        except Exception as error:
            self._hook.fail(error)
        except BaseException:  # an interrupt
            (self if self._successor is None else self._successor).appendleft(handle)
            raise
        return handle

    def __len__(self) -> int:
        if self._before:
            self.take_over()
        if self._running:
            try:
                self._end_before(_getframe(1))
            except Exception as error:
                self._hook.fail(error)
        return deque.__len__(self)

    def end_all(self) -> None:
        """The loop's run is over, and so is whatever ran."""
        while self._running:
            self._running.pop()[1].end()

    def end_over(self, frame: Any) -> None:
        """What was begun by runs of the loop that are over has ended: `frame` does not stand on theirs."""
        beneath = set()
        while frame is not None:
            beneath.add(id(frame))
            frame = frame.f_back
        while self._running and self._running[-1][0] not in beneath:
            self._running.pop()[1].end()

    def begin_current(self, task: Any) -> None:
        """The step of a task runs that was there before."""
        recorder = recording.current
        frame: Any = _getframe(1)
        while frame is not None and frame.f_code.co_name != _LOOP_RUN:
            frame = frame.f_back
        if recorder is not None and frame is not None:
            running = Running(recorder, self._threshold)
            running.begin_step(task, self.loop_serial)
            self._running.append((id(frame), running))

    def take_over(self) -> None:
        """Take over what has been scheduled in the loop's own queue."""
        try:
            while True:
                handle = self._before.popleft()
                deque.append(self, handle)
                self._adopt(handle)
        except IndexError:
            pass

    def hand_over(self, loop: Any) -> None:
        """Give the loop its own queue again. Only in the loop's thread, or while it does not run."""
        loop._ready = self._successor = self._before
        self._before = deque()
        self._scheduled.clear()
        self._hand_on()

    def _hand_on(self) -> None:
        assert self._successor is not None
        try:
            while True:
                self._successor.append(deque.popleft(self))
        except IndexError:
            pass

    def _adopt(self, handle: Any) -> None:
        """A callback was scheduled before its queue was ours."""
        try:
            recorder = recording.current
            task = task_of(handle._callback)
            if recorder is not None and task is not None and task_serial(recorder, task) is None:
                serial = created(recorder, task, self.loop_serial, late=True)
                recorder.write(events.TASK_READY, 0, serial)
        except Exception as error:
            self._hook.fail(error)

    def _schedule(self, recorder: recording.Recorder, handle: Any) -> None:
        task = task_of(handle._callback)
        if task is not None:
            serial = task_serial(recorder, task)
            if serial is None:
                created(recorder, task, self.loop_serial)
            else:
                recorder.write(events.TASK_READY, 0, serial)
        elif handle._loop._thread_id not in (None, get_ident()):
            serial = recorder.serial("callback") & 0xFFFF_FFFF
            self._scheduled[id(handle)] = serial
            recorder.write(events.CALLBACK_READY, 0, serial)

    def _end_before(self, caller: Any) -> None:
        """The queue's length was asked for: by the loop, which has run what it had; or by anybody, perhaps within a step."""
        if caller.f_code.co_name == _LOOP_RUN:
            self._end_in(id(caller))
        else:
            self.end_over(caller)

    def _end_in(self, frame: int) -> None:
        """What this run of the loop had begun has ended, and what runs within it, too."""
        began = self._running
        for at in range(len(began) - 1, -1, -1):
            if began[at][0] == frame:
                while len(began) > at:
                    began.pop()[1].end()
                break

    def _begin(self, recorder: recording.Recorder, handle: Any, frame: int) -> None:
        # Also of a cancelled one: the next handle may have the same id.
        scheduled = self._scheduled.pop(id(handle), 0) if self._scheduled else 0
        if handle._cancelled:
            return
        running = Running(recorder, self._threshold)
        task = task_of(handle._callback)
        if task is not None:
            running.begin_step(task, self.loop_serial)
        else:
            running.begin_callback(handle._callback, scheduled)
        self._running.append((frame, running))
