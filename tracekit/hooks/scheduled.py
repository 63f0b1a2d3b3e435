"""Scheduled, Scheduler, RunForever: callbacks on their way through a loop that keeps its queue to itself, and the methods that
take them and that run the loop.

Knows the recorder and tasks. Whose methods these are, and what else is known of a loop, is its hook's affair (hooks/uvloop.py).

The reference; `tracekit._fast` has its twin in C, which leaves no frame in the program's stacks.
"""

from __future__ import annotations

from types import MethodType

from tracekit import events
from tracekit.hooks.tasks import Running, created, ready_cause, task_of, task_serial
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from tracekit.hooks.loop_queue import LoopQueue

    class Owner(Protocol):
        """What they need of their hook."""

        gone: bool
        threshold: int

        def queue_of(self, loop: Any) -> LoopQueue: ...
        def begin_run(self, loop: Any) -> LoopQueue | None: ...
        def end_run(self, loop: Any, queue: LoopQueue) -> None: ...
        def number_from_elsewhere(self, loop: Any) -> int: ...
        def fail(self, error: BaseException) -> None: ...


class Scheduled:
    """Runs what was scheduled, and says when it begins and ends. In everything else it is as the callback itself.

    Args:
        hook: once that is gone the callback is only called.
        loop: the one that runs it.
        args: what it will be called with, as far as that is known.
    """

    __slots__ = ("_args", "_callback", "_due", "_hook", "_loop", "_number")

    def __init__(self, hook: Owner, loop: Any, callback: Any, args: tuple[Any, ...]) -> None:
        self._hook = hook
        self._loop = loop
        self._callback = callback
        self._args = args
        self._number = 0  # of its CALLBACK_READY
        self._due = 0  # CLOCK_MONOTONIC in ns, of a timer

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        running = self._begin(args)
        try:
            return self._callback(*args, **kwargs)
        finally:
            if running is not None:
                self._end(running)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._callback, name)

    def __repr__(self) -> str:
        return repr(self._callback)

    def schedule(self, recorder: recording.Recorder, is_threadsafe: bool) -> None:
        """Say that it is ready, if it is: a task's step, or what another thread hands over."""
        task = task_of(self._callback)
        serial = None if task is None else task_serial(recorder, task)
        if serial is not None:
            recorder.write(events.TASK_READY, ready_cause(self), serial)
        elif task is not None:
            created(recorder, task, self._hook.queue_of(self._loop).loop_serial)
        elif is_threadsafe:
            self._number = self._hook.number_from_elsewhere(self._loop)

    def falls_due(self, when: float) -> None:
        """It is a timer's; `when` is the time of its loop, in seconds of CLOCK_MONOTONIC."""
        self._due = int(when * 1e9)

    def _begin(self, args: tuple[Any, ...]) -> Running | None:
        recorder = recording.current
        if recorder is None or self._hook.gone:
            return None
        try:
            running = Running(recorder, self._hook.threshold)
            task = task_of(self._callback)
            if task is None:
                running.begin_callback(self._callback, args, self._number, self._due)
            else:
                if task_serial(recorder, task) is None:
                    created(recorder, task, self._hook.queue_of(self._loop).loop_serial, late=True)
                running.begin_step(task)
            return running
        except Exception as error:
            self._hook.fail(error)
            return None

    def _end(self, running: Running) -> None:
        try:
            running.end()
        except Exception as error:
            self._hook.fail(error)


class Scheduler:
    """A method of a loop that takes a callback.

    Args:
        original: the method that it stands for.
        hook: whose method it is; once that is gone (`is_left`), or while nothing is recorded, only the original is called.
        before: how many arguments come before the callback.
        is_threadsafe: other threads may call it.
        is_timed: what it returns has a time (`when`), if it has to wait for it.
    """

    is_left = False  # nobody records by it any more

    def __init__(
        self, original: Any, hook: Owner, before: int = 0, is_threadsafe: bool = False, is_timed: bool = False
    ) -> None:
        self.__wrapped__ = original
        self._hook = hook
        self._before = before
        self._is_threadsafe = is_threadsafe
        self._is_timed = is_timed

    def __get__(self, loop: Any, kind: Any = None) -> Any:
        return self if loop is None else MethodType(self, loop)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    def __call__(self, loop: Any, *args: Any, **kwargs: Any) -> Any:
        recorder, at = recording.current, self._before
        scheduled = None
        if recorder is not None and not self.is_left and len(args) > at and callable(args[at]):
            try:
                scheduled = Scheduled(self._hook, loop, args[at], args[at + 1 :])
                scheduled.schedule(recorder, self._is_threadsafe)
                args = (*args[:at], scheduled, *args[at + 1 :])
            except Exception as error:
                self._hook.fail(error)
        handle = self.__wrapped__(loop, *args, **kwargs)
        if self._is_timed and scheduled is not None:
            when = getattr(handle, "when", None)
            if when is not None:
                scheduled.falls_due(when())
        return handle


class RunForever:
    """The method that runs a loop.

    Args:
        original: the method that it stands for.
        hook: whose method it is; it is told of each run.
    """

    is_left = False  # nobody records by it any more

    def __init__(self, original: Any, hook: Owner) -> None:
        self.__wrapped__ = original
        self._hook = hook

    def __get__(self, loop: Any, kind: Any = None) -> Any:
        return self if loop is None else MethodType(self, loop)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    def __call__(self, loop: Any) -> Any:
        queue = None if self.is_left else self._hook.begin_run(loop)
        try:
            return self.__wrapped__(loop)
        finally:
            if queue is not None:
                self._hook.end_run(loop, queue)
