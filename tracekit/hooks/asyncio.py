"""The hook for asyncio's own event loops: tasks, their steps, callbacks, and who scheduled what.

Knows only the recorder and asyncio.

A loop keeps its callbacks in a queue, `_ready`: whatever schedules something appends to it, and the loop pops each
callback right before it runs it. So a queue of our own, put in the place of the loop's, sees it all and stands in no stack:

    append           somebody schedules: a task unknown so far is being created, a known one is made ready
    popleft          what ran before has ended, what is popped begins
    len              the loop has run all that it had: what ran last has ended

`_ready` is private to asyncio, but the same from 3.10 to 3.14. Loops without one are left alone (uvloop
has a hook of its own).
"""

from __future__ import annotations

import sys
from _thread import get_ident
from collections import deque
from types import BuiltinMethodType, MethodType
from weakref import WeakSet

from tracekit import events
from tracekit.hooks.patch import Hook
from tracekit.hooks.tasks import Running, created, task_serial
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
    """Takes the place of a loop's `_ready`, and records what passes through."""

    __slots__ = ("hook", "loop_serial", "recorder", "running", "scheduled")

    hook: AsyncioHook
    recorder: recording.Recorder | None
    loop_serial: int
    running: Running | None
    scheduled: dict[int, int]

    def append(self, handle: Any) -> None:
        try:
            recorder = recording.current
            if recorder is not None:
                self._scheduled(recorder, handle)
        except Exception as error:
            self.hook.fail(error)
        finally:
            # Last and in any case: an interrupt in our own code must not lose a callback.
            deque.append(self, handle)

    def popleft(self) -> Any:
        try:
            running = self.running
            if running is not None:
                self.running = None
                running.end()
            recorder = recording.current
            if recorder is not None:
                handle = self[0]
                if not handle._cancelled:
                    self._begin(recorder, handle)
        except IndexError:
            pass
        except Exception as error:
            self.hook.fail(error)
        return deque.popleft(self)

    def __len__(self) -> int:
        if self.running is not None:
            self.end_running()
        return deque.__len__(self)

    def end_running(self) -> None:
        """What ran has ended."""
        try:
            running = self.running
            if running is not None:
                self.running = None
                running.end()
        except Exception as error:
            self.hook.fail(error)

    def adopt(self, handle: Any) -> None:
        """Take in a callback that was scheduled before the queue was ours."""
        recorder = recording.current
        task = task_of(handle._callback)
        if recorder is not None and task is not None and task_serial(recorder, task) is None:
            serial = created(recorder, task, self.loop_serial, late=True)
            recorder.write(events.TASK_READY, 0, serial)

    def _scheduled(self, recorder: recording.Recorder, handle: Any) -> None:
        task = task_of(handle._callback)
        if task is not None:
            serial = task_serial(recorder, task)
            if serial is None:
                created(recorder, task, self.loop_serial)
            else:
                recorder.write(events.TASK_READY, 0, serial)
        elif handle._loop._thread_id not in (None, get_ident()):
            serial = recorder.serial("callback") & 0xFFFF_FFFF
            self.scheduled[id(handle)] = serial
            recorder.write(events.CALLBACK_READY, 0, serial)

    def _begin(self, recorder: recording.Recorder, handle: Any) -> None:
        task = task_of(handle._callback)
        running = Running(recorder, self.hook.threshold)
        if task is not None:
            running.begin_step(task, self.loop_serial)
        else:
            scheduled = self.scheduled.pop(id(handle), 0) if self.scheduled else 0
            running.begin_callback(handle._callback, scheduled)
        self.running = running


class AsyncioHook(Hook):
    """Gives every loop that has a `_ready` a queue of ours, and sees loops begin and end to run.

    Args:
        threshold: ns; of a step longer than this the place where it stopped is recorded.
    """

    name = "asyncio"

    def __init__(self, threshold: int) -> None:
        super().__init__()
        self.threshold = threshold
        self._loops: WeakSet[Any] = WeakSet()

    def install(self) -> None:
        """The program has imported asyncio by now: this file needs what asyncio needs, and is loaded no earlier."""
        base_events = sys.modules["asyncio.base_events"]
        self.replace(base_events.BaseEventLoop, "__init__", self._make_loop)
        self.replace(base_events.events, "_set_running_loop", self._run_loop)
        running = base_events.events._get_running_loop()
        if running is not None:
            # A session that starts inside a coroutine: the loop runs already, and so does one of its tasks.
            self._take_in(running)
            self._write_loop(running, late=True)
            self._take_in_current(running)
        for loop in _running_elsewhere(running):
            try:
                loop.call_soon_threadsafe(self._take_in_running, loop)
            except RuntimeError:  # closed in the meantime
                pass

    def remove(self) -> None:
        super().remove()
        for loop in list(self._loops):
            self._give_back(loop)

    def _make_loop(self, original: Any) -> Any:
        def init(loop: Any) -> None:
            original(loop)
            if recording.current is not None:
                self._take_in(loop)

        return init

    def _run_loop(self, original: Any) -> Any:
        def set_running_loop(loop: Any) -> None:
            try:
                if recording.current is not None:
                    if loop is None:
                        self._end_loop(sys.modules["asyncio"]._get_running_loop())
                    else:
                        self._take_in(loop)
                        self._write_loop(loop)
            except Exception as error:
                self.fail(error)
            original(loop)

        return set_running_loop

    def _take_in(self, loop: Any) -> None:
        """Put our queue in the place of the loop's; also when the loop is another session's."""
        try:
            ready = getattr(loop, "_ready", None)
            if type(ready) is deque:
                queue = ReadyQueue()
                queue.running = None
                queue.scheduled = {}
                self._number(queue)
                deque.extend(queue, ready)
                loop._ready = queue
                self._loops.add(loop)
                for handle in tuple(queue):
                    queue.adopt(handle)
            elif type(ready) is ReadyQueue and ready.recorder is not recording.current:
                self._number(ready)
                self._loops.add(loop)
        except Exception as error:
            self.fail(error)

    def _take_in_running(self, loop: Any) -> None:
        """Runs on the loop, in whose thread alone its queue can be replaced while it runs."""
        if recording.current is not None:
            self._take_in(loop)
            self._write_loop(loop, late=True)

    def _take_in_current(self, loop: Any) -> None:
        ready = getattr(loop, "_ready", None)
        recorder = recording.current
        task = sys.modules["asyncio"].current_task(loop)
        if recorder is not None and task is not None and type(ready) is ReadyQueue:
            ready.running = Running(recorder, self.threshold)
            ready.running.begin_step(task, ready.loop_serial)

    def _number(self, queue: ReadyQueue) -> None:
        recorder = recording.current
        queue.hook = self
        queue.recorder = recorder
        queue.loop_serial = 0 if recorder is None else recorder.serial("loop")

    def _write_loop(self, loop: Any, late: bool = False) -> None:
        recorder = recording.current
        ready = getattr(loop, "_ready", None)
        if recorder is not None and type(ready) is ReadyQueue:
            details = [(events.LATE, 0)] if late else None
            recorder.write(events.LOOP_BEGIN, recorder.intern(type(loop).__name__), ready.loop_serial, details)

    def _end_loop(self, loop: Any) -> None:
        recorder = recording.current
        ready = getattr(loop, "_ready", None)
        if recorder is not None and type(ready) is ReadyQueue:
            ready.end_running()
            recorder.write(events.LOOP_END, 0, ready.loop_serial)

    def _give_back(self, loop: Any) -> None:
        """Put a plain queue back; a loop that runs in another thread does it itself, between two of its callbacks."""
        if type(loop._ready) is not ReadyQueue:
            return
        running_here = sys.modules["asyncio"]._get_running_loop() is loop
        if loop.is_running() and not running_here:
            try:
                loop.call_soon_threadsafe(_put_back, loop)
            except RuntimeError:  # closed in the meantime: nothing runs on it any more
                _put_back(loop)
        else:
            _put_back(loop)


def _running_elsewhere(here: Any) -> set[Any]:
    """The loops that run in other threads, as far as they have tasks: asyncio keeps no list of loops, only of tasks."""
    tasks = sys.modules["asyncio.tasks"]
    known: Any = getattr(tasks, "_scheduled_tasks", None)  # since 3.12
    if known is None:
        known = getattr(tasks, "_all_tasks", ())
    for _ in range(10):
        try:
            loops = {task.get_loop() for task in list(known)}
            return {loop for loop in loops if loop is not here and loop.is_running()}
        except RuntimeError:  # a task was made or dropped meanwhile in its own thread
            continue
    return set()


def _put_back(loop: Any) -> None:
    if type(loop._ready) is ReadyQueue:
        plain: deque[Any] = deque()
        plain.extend(deque.copy(loop._ready))
        loop._ready = plain
