"""Tasks: their numbers, and what runs on a loop right now. Shared by the hooks of all kinds of loops; knows none of them."""

from __future__ import annotations

import sys
from types import BuiltinMethodType, CoroutineType, MethodType

from tracekit import events
from tracekit.clock import monotonic_ns
from tracekit.hooks import mark
from tracekit.hooks.chain import awaits, suspended_at
from tracekit.hooks.code import called_at, code_of, coroutine_code, name_of
from tracekit.spool.core import core
from tracekit.spool.texts import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tracekit.record.recorder import Recorder
    from tracekit.spool.buffer import Details

_ATTRIBUTE = "_tracekit_task"
_PYTHON_STEPS = ("__step", "__wakeup")
_WAKE_UPS = ("task_wakeup", "__wakeup")
_NUMBERED = "Task-"  # names that asyncio gives, each once: not worth being remembered
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


def ready_cause(handle: Any) -> int:
    """What a TASK_READY says of its cause: a future that has ended wakes whoever waits for it, and may have been cancelled."""
    args = handle._args
    if not args or getattr(handle._callback, "__name__", "") not in _WAKE_UPS:
        return 0
    return events.READY_CANCELLED if args[0].cancelled() else 0


def task_serial(recorder: Recorder, task: Any) -> int | None:
    """The number of a task in this recording, or None if it has none yet."""
    known = getattr(task, _ATTRIBUTE, None)
    return known.serial if known is not None and known.recorder is recorder else None


def created(recorder: Recorder, task: Any, loop_serial: int, late: bool = False) -> int:
    """Number a task and record that it is there.

    Args:
        late: it is known to be older than this moment.
    """
    name = name_of_task(task)
    serial = write_created(recorder, name, task.get_coro(), loop_serial, late)
    mark_task(recorder, task, serial, name)
    return serial


def mark_task(recorder: Recorder, task: Any, serial: int, name: str) -> None:
    """Have a task know its number, and the name that it had then."""
    setattr(task, _ATTRIBUTE, Mark(recorder, serial, name))


def write_created(recorder: Recorder, name: str, coroutine: Any, loop_serial: int, late: bool = False) -> int:
    """Record that a task of this coroutine is there; returns its number."""
    serial = recorder.serial("task") & 0xFFFF_FFFF
    details: Details = [
        (events.CODE, recorder.intern(coroutine_code(coroutine))),
        (events.LOOP, loop_serial),
    ]
    if late or not _is_fresh(coroutine):
        details.append((events.LATE, 0))
    else:
        created_at = called_at(sys._getframe(1))
        if created_at:
            details.append((events.CREATED_AT, recorder.intern(created_at)))
    if name.startswith(_NUMBERED):
        recorder.write(events.TASK_CREATED, 0, serial, encode(events.NAME, 0, name) + details)
    else:
        recorder.write_named(events.TASK_CREATED, name, serial, details)
    return serial


class Running:
    """The step or callback that a loop runs now."""

    __slots__ = ("_began", "_recorder", "_serial", "_task", "_threshold")

    def __init__(self, recorder: Recorder, threshold: int) -> None:
        self._recorder = recorder
        self._threshold = threshold
        self._task: Any = None

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

    def begin_callback(self, callback: Any, args: Any, scheduled: int, due: int = 0) -> None:
        """A callback that is no step begins.

        Args:
            args: what it is given.
            scheduled: the serial of its CALLBACK_READY, or 0.
            due: CLOCK_MONOTONIC in ns, if it is a timer's, or 0.
        """
        recorder = self._recorder
        self._began = monotonic_ns()
        details: Details = []
        code = code_of(callback)
        if code is not None:
            details.append((events.CODE, recorder.intern(code)))
        if scheduled:
            details.append((events.SCHEDULED, scheduled))
        if due:
            details.append((events.DUE, due))
        ended = _ended_task(recorder, args)
        if ended is not None:
            details.append((events.AWAITED_TASK, ended))
        recorder.write(events.CALLBACK_BEGIN, recorder.intern(name_of(callback)), 0, details)

    def end(self) -> None:
        """It has ended; of a task that has ended with it, say how."""
        recorder, task = self._recorder, self._task
        is_long = monotonic_ns() - self._began > self._threshold
        if task is None:
            recorder.write(events.CALLBACK_END)
        else:
            if task.done():
                write_done(recorder, task, self._serial)
            write_end(recorder, task, self._serial, is_long)
        if is_long:
            ask_if_flight(recorder)


def _ended_task(recorder: Recorder, args: Any) -> int | None:
    """The number of the task that is all that a callback is given, and has ended."""
    if type(args) is not tuple or len(args) != 1 or not issubclass(type(args[0]), sys.modules["asyncio.tasks"].Task):
        return None
    return task_serial(recorder, args[0]) if args[0].done() else None


def write_end(recorder: Recorder, task: Any, serial: int, is_long: bool) -> None:
    """End a step; how its task ended, if it did, has been said."""
    recorder.write(events.STEP_END, 0, serial, _how_it_stands(recorder, task, is_long))


def write_long_end(recorder: Recorder, task: Any, serial: int) -> None:
    """Likewise, where it was longer than the threshold."""
    write_end(recorder, task, serial, is_long=True)
    ask_if_flight(recorder)


def ask_if_flight(recorder: Recorder) -> None:
    """Something was longer than the threshold: a reason to have the last part written out, where only that is kept."""
    if recorder.limits.is_flight:
        recorder.ask_for_dump(BLOCKED)


def _how_it_stands(recorder: Recorder, task: Any, is_long: bool) -> Details | None:
    """Where a long step of a pending task has ended, and what the task waits for."""
    waiter = getattr(task, "_fut_waiter", None)
    if (waiter is None and not is_long) or task.done():
        return None
    details = [] if waiter is None else _awaits(recorder, task, waiter)
    place = suspended_at(task.get_coro()) if is_long else None
    return details if place is None else [(events.CODE, recorder.intern(place)), *details]


def _awaits(recorder: Recorder, task: Any, waiter: Any) -> Details:
    where, what = (recorder.intern(text) if text else 0 for text in awaits(task.get_coro()))
    details: Details = [(events.AWAITS, where | what << 32)]
    serial = task_serial(recorder, waiter)
    if serial is not None:
        details.append((events.AWAITED_TASK, serial))
    if not _is_plain(type(waiter)):
        details.append((events.AWAITED, recorder.intern(type(waiter).__name__)))
    return details


def _is_plain(kind: type) -> bool:
    """Whether it is one of asyncio's own two classes, in C or in Python."""
    return kind.__module__ in ("_asyncio", "asyncio.futures", "asyncio.tasks") and kind.__name__ in ("Future", "Task")


def write_done(recorder: Recorder, task: Any, serial: int) -> None:
    """Say how a task has ended."""
    name = name_of_task(task)
    if name != getattr(task, _ATTRIBUTE).name:
        recorder.write_named(events.TASK_NAME, name, serial)
    write_outcome(recorder, task, serial)


def write_outcome(recorder: Recorder, task: Any, serial: int) -> None:
    """Likewise, but for its name."""
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


def name_of_task(task: Any) -> str:
    """The name that it has now."""
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
