"""The hook for uvloop's loops: tasks, their steps, callbacks and timers. Knows only the recorder and uvloop's public methods.

uvloop keeps its queue in C, but Python's tasks and futures schedule everything through the loop's methods, which its class
lets us override. What uvloop does without Python (its own I/O, until it calls a protocol), and how many callbacks are
ready, is not seen.
"""

from __future__ import annotations

from _thread import get_ident
from asyncio import _get_running_loop
from collections import deque
from sys import modules

from tracekit import events
from tracekit.hooks import scheduled
from tracekit.hooks.imports import when_imported
from tracekit.hooks.loop_queue import LoopQueue
from tracekit.hooks.patch import Hook
from tracekit.hooks.tasks import Running, created, task_serial
from tracekit.record import recorder as recording
from tracekit.spool.core import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

Scheduler: Any = scheduled.Scheduler if core.fast is None else core.fast.Scheduler
RunForever: Any = scheduled.RunForever if core.fast is None else core.fast.RunForever

# Method -> how many arguments come before the callback. `call_at` calls `call_later`.
_SCHEDULERS = {
    "call_soon": 0,
    "call_soon_threadsafe": 0,
    "call_later": 1,
    "add_reader": 1,
    "add_writer": 1,
    "add_signal_handler": 1,
}


class UvloopHook(Hook):
    """Overrides the methods of `uvloop.Loop` that take callbacks, and the one that runs the loop.

    Args:
        threshold: ns; of a step longer than this the place where it stopped is recorded.
    """

    name = "uvloop"

    def __init__(self, threshold: int) -> None:
        super().__init__()
        self.threshold = threshold
        self._class: Any = None
        self._added: dict[str, Any] = {}

    def install(self) -> None:
        when_imported("uvloop", self, self._install)

    def _install(self, uvloop: ModuleType) -> None:
        self._class = uvloop.Loop
        call_soon = self._class.call_soon
        for method, before in _SCHEDULERS.items():
            original = getattr(self._class, method)
            is_threadsafe, is_timed = method == "call_soon_threadsafe", method == "call_later"
            self._override(method, Scheduler(original, self, before, is_threadsafe, is_timed))
        self._override("run_forever", RunForever(self._class.run_forever, self))
        running = _get_running_loop()
        if isinstance(running, self._class) and recording.current is not None:
            self._take_in(recording.current, running, call_soon)

    def _override(self, method: str, function: Any) -> None:
        if (
            not self.gone and method not in self._class.__dict__
        ):  # inherited from the C class: ours goes in front, and away again
            setattr(self._class, method, function)
            self._added[method] = function

    def remove(self) -> None:
        super().remove()
        while self._added:
            method, function = self._added.popitem()
            function.is_left = True
            if self._class.__dict__.get(method) is function:
                delattr(self._class, method)

    def queue_of(self, loop: Any) -> LoopQueue:
        """What a loop of asyncio's has for a queue: its number is in it; nothing passes through it."""
        queue: LoopQueue | None = loop.__dict__.get("_tracekit_queue")
        if queue is None:
            queue = loop._tracekit_queue = LoopQueue(deque(), self, self.threshold)
        elif queue.recorder is not recording.current:
            queue.belong_to(self, self.threshold)
        return queue

    def number_from_elsewhere(self, loop: Any) -> int:
        """Record that another thread than the loop's schedules a callback: its number; 0: it is the loop's own."""
        recorder = recording.current
        if recorder is None or loop.__dict__.get("_tracekit_thread") in (None, get_ident()):
            return 0
        number = recorder.serial("callback") & 0xFFFF_FFFF
        recorder.write(events.CALLBACK_READY, 0, number)
        return number

    def begin_run(self, loop: Any) -> LoopQueue | None:
        """A loop begins to run; returns what `end_run` is to be given, or None if nothing is recorded."""
        recorder = recording.current
        if recorder is None:
            return None
        try:
            queue = self.queue_of(loop)
            loop._tracekit_thread = get_ident()
            recorder.write(events.LOOP_BEGIN, recorder.intern(_name(loop)), queue.loop_serial)
            return queue
        except Exception as error:
            self.fail(error)
            return None

    def end_run(self, loop: Any, queue: LoopQueue) -> None:
        """It has ended."""
        try:
            loop._tracekit_thread = None
            if queue.recorder is not None:
                queue.recorder.write(events.LOOP_END, 0, queue.loop_serial)
        except Exception as error:
            self.fail(error)

    def _take_in(self, recorder: recording.Recorder, loop: Any, call_soon: Any) -> None:
        """A session that starts inside a coroutine: the loop runs already, and so does a step of one of its tasks."""
        loop._tracekit_thread = get_ident()
        serial = self.queue_of(loop).loop_serial
        recorder.write(events.LOOP_BEGIN, recorder.intern(_name(loop)), serial, [(events.LATE, 0)])
        task = modules["asyncio"].current_task(loop)
        if task is not None:
            if task_serial(recorder, task) is None:
                created(recorder, task, serial, late=True)
            running = Running(recorder, self.threshold)
            running.begin_step(task)
            call_soon(loop, self._end_taken_in, running)  # it is the next that we can know to run

    def _end_taken_in(self, running: Running) -> None:
        try:
            if not self.gone:
                running.end()
        except Exception as error:
            self.fail(error)


def _name(loop: Any) -> str:
    return f"uvloop.{type(loop).__name__}"
