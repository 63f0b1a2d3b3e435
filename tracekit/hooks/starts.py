"""Starts: tasks whose first step runs within the call that makes them (eager tasks, since Python 3.12), and how they are seen.

Knows tasks and the recorder, and of a loop its list of starts (`starts` of its queue, hooks/ready.py). Nothing is scheduled for
such a step, and the task is not there before it. But it can be made by a loop's task factory only, which is called with its
coroutine; and asyncio's Task asks the loop whether it is running, right before it begins. A task that is started eagerly
without a factory is seen later, when it is scheduled for the first time.
"""

from __future__ import annotations

import sys

from tracekit import events
from tracekit.clock import monotonic_ns
from tracekit.hooks.tasks import (
    mark_task,
    name_of_task,
    task_serial,
    write_created,
    write_end,
    write_long_end,
    write_outcome,
)
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from tracekit.hooks.patch import Hook
    from tracekit.record.recorder import Recorder


class Start:
    """A task that is being made.

    Args:
        coroutine: its coroutine.
        name: the name that it is going to have; "" where its maker gave none.
        threshold: ns; of a step longer than this the place where it stopped is recorded.
    """

    __slots__ = ("_began", "_coroutine", "_name", "_recorder", "_threshold", "serial")

    def __init__(self, coroutine: Any, name: str, threshold: int) -> None:
        self._coroutine = coroutine
        self._name = name
        self._threshold = threshold
        self._recorder: Recorder | None = None
        self._began = 0
        self.serial = 0

    def begin(self, recorder: Recorder, loop_serial: int) -> None:
        """Its first step begins, now."""
        if self._recorder is None:
            self.serial = write_created(recorder, self._name, self._coroutine, loop_serial)
            self._recorder = recorder
            self._began = monotonic_ns()
            recorder.write(events.STEP_BEGIN, 0, self.serial)

    def is_of(self, recorder: Recorder, task: Any) -> bool:
        """Whether it is this task that runs already."""
        return self._recorder is recorder and task.get_coro() is self._coroutine

    def know(self, task: Any) -> None:
        """It is there."""
        recorder = self._recorder
        if recorder is None or task_serial(recorder, task) is not None:
            return
        if not self._name:
            self._name = name_of_task(task)
            recorder.write_named(events.TASK_NAME, self._name, self.serial)
        mark_task(recorder, task, self.serial, self._name)

    def end(self, task: Any) -> None:
        """The step has ended.

        Args:
            task: None where there is none, for its maker has failed.
        """
        recorder = self._recorder
        if recorder is None:
            return
        if task is None:
            recorder.write(events.TASK_DONE, events.OUTCOME_FAILED, self.serial)
            recorder.write(events.STEP_END, 0, self.serial)
            return
        self.know(task)
        if task.done():
            write_outcome(recorder, task, self.serial)
        if monotonic_ns() - self._began > self._threshold:
            write_long_end(recorder, task, self.serial)
        else:
            write_end(recorder, task, self.serial, is_long=False)


class Factory:
    """A loop's task factory with ours around it: it makes what the user's own makes.

    Args:
        hook: whose it is; once that is gone, the user's own is called and nothing else.
        own: the user's.
        threshold: as for Start.
    """

    def __init__(self, hook: Hook, own: Any, threshold: int) -> None:
        self._hook = hook
        self._threshold = threshold
        self.own = own

    def __call__(self, loop: Any, coroutine: Any, **options: Any) -> Any:
        starts = getattr(getattr(loop, "_ready", None), "starts", None)
        if starts is None or recording.current is None or self._hook.gone:
            return self.own(loop, coroutine, **options)
        start = Start(coroutine, _given_name(options, sys._getframe(1)), self._threshold)
        starts.append(start)
        task = None
        try:
            task = self.own(loop, coroutine, **options)
        finally:
            starts.remove(start)
            try:
                start.end(task)
            except Exception as error:
                self._hook.fail(error)
        return task


def own_factory(factory: Any) -> Any:
    """The user's own factory, of one that may have ours around it."""
    return factory.own if type(factory) is Factory else factory


def _given_name(options: dict[str, Any], caller: FrameType) -> str:
    # Until 3.13.3 a task gets its name only when it has been made: by the loop, or by the function that called that.
    name = options.get("name")
    frame: FrameType | None = caller
    while name is None and frame is not None and frame.f_code.co_name == "create_task":
        name = frame.f_locals.get("name")
        frame = frame.f_back
    return "" if name is None else str(name)


def look(loop: Any, caller: FrameType) -> None:
    """The loop was asked whether it is running, and said yes: a task may be about to begin.

    Args:
        caller: who asked, as far as that is written in Python.
    """
    starts = getattr(getattr(loop, "_ready", None), "starts", None)
    recorder = recording.current
    if starts and recorder is not None and _is_task(caller):
        starts[-1].begin(recorder, loop._ready.loop_serial)


def _is_task(caller: FrameType) -> bool:
    """Whether asyncio's Task asked: that in C has no frame, so it is its caller's, which itself asks for nothing."""
    code = caller.f_code
    if code.co_name == "__init__":
        return code is sys.modules["asyncio.tasks"]._PyTask.__init__.__code__
    return "is_running" not in code.co_names
