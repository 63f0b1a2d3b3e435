"""Start: the first step of a task that runs within the call that makes it (of an eager task, since Python 3.12). Knows tasks and
the recorder; how such a call is seen is told by hooks/eager.py and hooks/factories.py.

Nothing is scheduled for that step. The next ones are as those of any task.
"""

from __future__ import annotations

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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from tracekit.record.recorder import Recorder

_MOST_BETWEEN = 6  # calls from who names a task to the making of it


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

    def begin(self, recorder: Recorder, loop_serial: int, task: Any = None) -> None:
        """Its first step begins, now.

        Args:
            task: None where it is not known yet.
        """
        if self._recorder is None:
            self.serial = write_created(recorder, self._name, self._coroutine, loop_serial)
            self._recorder = recorder
            if task is not None:
                mark_task(recorder, task, self.serial, self._name)
            self._began = monotonic_ns()
            recorder.write(events.STEP_BEGIN, 0, self.serial)

    def is_of(self, recorder: Recorder, task: Any) -> bool:
        """Whether it is this task that runs already."""
        return self._recorder is recorder and task.get_coro() is self._coroutine

    def know(self, task: Any) -> None:
        """It is there, and has a name."""
        recorder = self._recorder
        if recorder is None or (self._name and task_serial(recorder, task) is not None):
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


def given_name(options: dict[str, Any], coroutine: Any, caller: FrameType) -> str:
    """The name that a task is going to have; "" where its maker gave none.

    Args:
        options: what its class or a factory is called with, by name.
        coroutine: the task's.
        caller: who calls that.
    """
    # Until 3.13.3 a task gets its name only when it has been made: by the loop, or by the function that called that.
    name = options.get("name")
    frame: FrameType | None = caller
    for _ in range(_MOST_BETWEEN):
        if name is not None or frame is None:
            break
        if frame.f_code.co_name == "create_task" and frame.f_locals.get("coro") is coroutine:
            name = frame.f_locals.get("name")
        frame = frame.f_back
    return "" if name is None else str(name)
