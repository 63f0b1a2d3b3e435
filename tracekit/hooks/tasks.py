"""Tasks: their numbers, and what runs on a loop right now. Shared by the hooks of all kinds of loops; knows none of them."""

from __future__ import annotations

from types import BuiltinMethodType, CoroutineType, MethodType

from tracekit import events
from tracekit.clock import monotonic_ns
from tracekit.hooks import mark
from tracekit.hooks.code import code_of, coroutine_code, name_of, suspended_at
from tracekit.spool.core import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tracekit.record.recorder import Recorder
    from tracekit.spool.buffer import Details

_ATTRIBUTE = "_tracekit_task"
_PYTHON_STEPS = ("__step", "__wakeup")
BLOCKED = "an event loop was blocked"

Mark: type[mark.Mark] = mark.Mark if core.fast is None else core.fast.Mark


def task_of(callback: Any) -> Any:
    """The task that a callback is a step of, or None: `loop.call_soon(task.cancel)` is no step."""
    kind = type(callback)
    if kind is BuiltinMethodType:
        return callback.__self__ if callback.__name__ == "task_wakeup" else None
    if kind is MethodType:
        return callback.__self__ if callback.__name__ in _PYTHON_STEPS else None
    return callback.__self__ if kind.__name__ == "TaskStepMethWrapper" else None


def task_serial(recorder: Recorder, task: Any) -> int | None:
    """The number of a task in this recording, or None if it has none yet."""
    known = getattr(task, _ATTRIBUTE, None)
    return known.serial if known is not None and known.recorder is recorder else None


def created(recorder: Recorder, task: Any, loop_serial: int, late: bool = False) -> int:
    """Number a task and record that it is there.

    Args:
        late: it is known to be older than this moment.
    """
    serial = recorder.serial("task") & 0xFFFF_FFFF
    name = _name(task)
    setattr(task, _ATTRIBUTE, Mark(recorder, serial, name))
    coroutine = task.get_coro()
    details: Details = [
        (events.CODE, recorder.intern(coroutine_code(coroutine))),
        (events.LOOP, loop_serial),
    ]
    if late or not _is_fresh(coroutine):
        details.append((events.LATE, 0))
    recorder.write_named(events.TASK_CREATED, name, serial, details)
    return serial


class Running:
    """The step or callback that a loop runs now."""

    __slots__ = ("_asks", "_began", "_recorder", "_serial", "_task", "_threshold")

    def __init__(self, recorder: Recorder, threshold: int) -> None:
        self._recorder = recorder
        self._threshold = threshold
        self._asks = recorder.limits.is_flight  # a block is a reason to have the last part written out
        self._task: Any = None
        self._serial = 0
        self._began = 0

    def begin_step(self, task: Any) -> None:
        """A step of a task begins that has a number."""
        recorder = self._recorder
        serial = task_serial(recorder, task)
        if serial is None:  # the task keeps nothing of what it is given
            raise TypeError(f"{type(task).__qualname__} has lost its number")
        self._task = task
        self._serial = serial
        self._began = monotonic_ns()
        recorder.write(events.STEP_BEGIN, 0, serial)

    def begin_callback(self, callback: Any, scheduled: int) -> None:
        """A callback that is no step begins; `scheduled` is the serial of its CALLBACK_READY, or 0."""
        recorder = self._recorder
        if self._asks:
            self._began = monotonic_ns()
        details: Details = []
        code = code_of(callback)
        if code is not None:
            details.append((events.CODE, recorder.intern(code)))
        if scheduled:
            details.append((events.SCHEDULED, scheduled))
        recorder.write(events.CALLBACK_BEGIN, recorder.intern(name_of(callback)), 0, details)

    def end(self) -> None:
        """It has ended; of a task that has ended with it, say how."""
        self._end()
        if self._asks and monotonic_ns() - self._began > self._threshold:
            self._recorder.ask_for_dump(BLOCKED)

    def _end(self) -> None:
        recorder, task = self._recorder, self._task
        if task is None:
            recorder.write(events.CALLBACK_END)
            return
        details: Details | None = None
        if task.done():
            write_done(recorder, task, self._serial)
        elif monotonic_ns() - self._began > self._threshold:
            details = _where_it_stopped(recorder, task)
        recorder.write(events.STEP_END, 0, self._serial, details)


def write_long_end(recorder: Recorder, task: Any, serial: int) -> None:
    """End a step that was longer than the threshold; how its task ended, if it did, has been said."""
    details = None if task.done() else _where_it_stopped(recorder, task)
    recorder.write(events.STEP_END, 0, serial, details)
    if recorder.limits.is_flight:
        recorder.ask_for_dump(BLOCKED)


def _where_it_stopped(recorder: Recorder, task: Any) -> Details | None:
    place = suspended_at(task.get_coro())
    return None if place is None else [(events.CODE, recorder.intern(place))]


def write_done(recorder: Recorder, task: Any, serial: int) -> None:
    """Say how a task has ended."""
    name = _name(task)
    if name != getattr(task, _ATTRIBUTE).name:
        recorder.write_named(events.TASK_NAME, name, serial)
    if task.cancelled():
        recorder.write(events.TASK_DONE, events.OUTCOME_CANCELLED, serial)
        return
    # Not task.exception(): that would count as having been retrieved, and silence asyncio's own warning.
    exception = getattr(task, "_exception", None)
    if exception is None:
        recorder.write(events.TASK_DONE, events.OUTCOME_DONE, serial)
    else:
        error = [(events.ERROR, recorder.intern(type(exception).__name__))]
        recorder.write(events.TASK_DONE, events.OUTCOME_FAILED, serial, error)


def _name(task: Any) -> str:
    get_name = getattr(task, "get_name", None)
    return "Task" if get_name is None else str(get_name())


def _is_fresh(coroutine: Any) -> bool:
    """Whether nothing of it has run yet: a first sight of any other one is not its creation."""
    if type(coroutine) is not CoroutineType:  # a compiled one cannot be asked
        return True
    suspended = getattr(coroutine, "cr_suspended", None)  # since 3.11
    if suspended is None:
        return coroutine.cr_frame is None or coroutine.cr_frame.f_lasti < 0
    return not suspended
