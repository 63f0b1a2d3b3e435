"""The hook for uvloop's loops: tasks, their steps, callbacks and timers. Knows only the recorder and uvloop's public methods.

uvloop keeps its queue in C, but Python's tasks and futures schedule everything through the loop's methods, which its class
lets us override. What uvloop does without Python (its own I/O, until it calls a protocol) is not seen.
"""

from __future__ import annotations

from _thread import get_ident
from asyncio import _get_running_loop

from tracekit import events
from tracekit.hooks.imports import when_imported
from tracekit.hooks.patch import Hook
from tracekit.hooks.tasks import Running, created, task_of, task_serial
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

# Method -> how many arguments come before the callback.
_SCHEDULERS = {"call_soon": 0, "call_soon_threadsafe": 0, "call_later": 1, "call_at": 1}


class _Scheduled:
    """A callback on its way through the loop: runs what was scheduled, and says when it begins and ends."""

    __slots__ = ("_callback", "_hook", "_loop", "_scheduled")

    def __init__(self, hook: UvloopHook, loop: Any, callback: Any, scheduled: int) -> None:
        self._hook = hook
        self._loop = loop
        self._callback = callback
        self._scheduled = scheduled

    def __call__(self, *args: Any) -> Any:
        running = self._hook.begin(self._loop, self._callback, self._scheduled)
        try:
            return self._callback(*args)
        finally:
            if running is not None:
                self._hook.end(running)

    def __repr__(self) -> str:
        return repr(self._callback)


class UvloopHook(Hook):
    """Overrides the methods of `uvloop.Loop` that schedule, and the one that runs the loop.

    Args:
        threshold: ns; of a step longer than this the place where it stopped is recorded.
    """

    name = "uvloop"

    def __init__(self, threshold: int) -> None:
        super().__init__()
        self._threshold = threshold
        self._class: Any = None
        self._added: list[str] = []

    def install(self) -> None:
        when_imported("uvloop", self, self._install)

    def _install(self, uvloop: ModuleType) -> None:
        self._class = uvloop.Loop
        for method, before in _SCHEDULERS.items():
            self._override(method, self._scheduler(method, before))
        self._override("run_forever", self._run_forever())
        running = _get_running_loop()
        recorder = recording.current
        if isinstance(running, self._class) and recorder is not None:
            # A session that starts inside a coroutine: the loop runs already.
            running._tracekit_thread = get_ident()
            late = [(events.LATE, 0)]
            recorder.write(events.LOOP_BEGIN, recorder.intern(_name(running)), _serial(recorder, running), late)

    def _override(self, method: str, function: Any) -> None:
        if (
            not self.gone and method not in self._class.__dict__
        ):  # inherited from the C class: ours goes in front, and away again
            function.__name__ = method
            setattr(self._class, method, function)
            self._added.append(method)

    def remove(self) -> None:
        super().remove()
        while self._added:
            delattr(self._class, self._added.pop())

    def begin(self, loop: Any, callback: Any, scheduled: int) -> Running | None:
        """What was scheduled begins to run."""
        recorder = recording.current
        if recorder is None or self.gone:
            return None
        try:
            running = Running(recorder, self._threshold)
            task = task_of(callback)
            if task is None:
                running.begin_callback(callback, scheduled)
            else:
                if task_serial(recorder, task) is None:
                    created(recorder, task, _serial(recorder, loop), late=True)
                running.begin_step(task)
            return running
        except Exception as error:
            self.fail(error)
            return None

    def end(self, running: Running) -> None:
        """It has ended."""
        try:
            running.end()
        except Exception as error:
            self.fail(error)

    def _scheduler(self, method: str, before: int) -> Any:
        original = getattr(self._class, method)

        def schedule(loop: Any, *args: Any, **kwargs: Any) -> Any:
            recorder = recording.current
            if recorder is not None and not self.gone and len(args) > before and callable(args[before]):
                try:
                    scheduled = self._schedule(recorder, loop, args[before], method)
                    callback = _Scheduled(self, loop, args[before], scheduled)
                    args = (*args[:before], callback, *args[before + 1 :])
                except Exception as error:
                    self.fail(error)
            return original(loop, *args, **kwargs)

        return schedule

    def _schedule(self, recorder: recording.Recorder, loop: Any, callback: Any, method: str) -> int:
        task = task_of(callback)
        if task is not None:
            serial = task_serial(recorder, task)
            if serial is None:
                created(recorder, task, _serial(recorder, loop))
            else:
                recorder.write(events.TASK_READY, 0, serial)
            return 0
        if method != "call_soon_threadsafe" or loop.__dict__.get("_tracekit_thread") in (None, get_ident()):
            return 0
        scheduled = recorder.serial("callback") & 0xFFFF_FFFF
        recorder.write(events.CALLBACK_READY, 0, scheduled)
        return scheduled

    def _run_forever(self) -> Any:
        original = self._class.run_forever

        def run_forever(loop: Any) -> Any:
            recorder = recording.current
            if recorder is None:
                return original(loop)
            serial = _serial(recorder, loop)
            loop._tracekit_thread = get_ident()
            recorder.write(events.LOOP_BEGIN, recorder.intern(_name(loop)), serial)
            try:
                return original(loop)
            finally:
                loop._tracekit_thread = None
                recorder.write(events.LOOP_END, 0, serial)

        return run_forever


def _name(loop: Any) -> str:
    return f"uvloop.{type(loop).__name__}"


def _serial(recorder: recording.Recorder, loop: Any) -> int:
    known = loop.__dict__.get("_tracekit_loop")
    if known is None or known[0] is not recorder:
        known = loop._tracekit_loop = (recorder, recorder.serial("loop"))
    return int(known[1])
