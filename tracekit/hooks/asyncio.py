"""The hook for asyncio's own event loops: gives each a queue that records, and sees loops begin and end to run.

Knows only the recorder and asyncio; what the queue records is its own affair (hooks/loop_queue.py). `_ready`, where a loop keeps
its queue, is private to asyncio, but the same from 3.10 to 3.14. A loop without one is left alone (uvloop has a hook of its
own).
"""

from __future__ import annotations

import sys
from collections import deque
from weakref import WeakSet

from tracekit import events
from tracekit.hooks import eager
from tracekit.hooks.factories import Factory, look, own_factory
from tracekit.hooks.loop_queue import LoopQueue
from tracekit.hooks.patch import Hook
from tracekit.record import recorder as recording

_WATCHES_FACTORIES = sys.version_info >= (3, 12) and not eager.IS_ABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class AsyncioHook(Hook):
    """Replaces the making of a loop, and the leaf that each run of a loop calls first and last.

    Args:
        threshold: ns; of a step longer than this the place where it stopped is recorded.
    """

    name = "asyncio"

    def __init__(self, threshold: int) -> None:
        super().__init__()
        self._threshold = threshold
        self._loops: WeakSet[Any] = WeakSet()

    def install(self) -> None:
        """The program has imported asyncio by now: this file needs what asyncio needs, and is loaded no earlier."""
        base_events = sys.modules["asyncio.base_events"]
        self.replace(base_events.BaseEventLoop, "__init__", self._make_loop)
        self.replace(base_events.events, "_set_running_loop", self._run_loop)
        if _WATCHES_FACTORIES:
            self.replace(base_events.BaseEventLoop, "set_task_factory", self._set_task_factory)
            self.replace(base_events.BaseEventLoop, "get_task_factory", self._get_task_factory)
            self.replace(base_events.BaseEventLoop, "is_running", self._is_running)
        here = base_events.events._get_running_loop()
        if here is not None:
            # A session that starts inside a coroutine: the loop runs already, and so does one of its tasks.
            self._take_in_running(here)
            task = sys.modules["asyncio"].current_task(here)
            if task is not None and type(getattr(here, "_ready", None)) is LoopQueue:
                here._ready.begin_current(task)
        for loop in _running_loops():
            if loop is not here:
                try:
                    loop.call_soon_threadsafe(self._take_in_running, loop)
                except RuntimeError:  # closed in the meantime
                    pass

    def remove(self) -> None:
        super().remove()
        loops = list(self._loops)
        for loop in loops:
            if type(loop._ready) is LoopQueue:
                loop._ready.leave(self)
        for loop in loops:
            loop._task_factory = own_factory(loop._task_factory)
            self._give_back(loop)

    def _make_loop(self, original: Any) -> Any:
        def init(loop: Any) -> None:
            original(loop)
            if recording.current is not None:
                self._take_in(loop)

        return init

    def _set_task_factory(self, original: Any) -> Any:
        def set_task_factory(loop: Any, factory: Any) -> None:
            original(loop, factory)
            self._surround_factory(loop)

        return set_task_factory

    def _get_task_factory(self, original: Any) -> Any:
        def get_task_factory(loop: Any) -> Any:
            return own_factory(original(loop))

        return get_task_factory

    def _is_running(self, original: Any) -> Any:
        def is_running(loop: Any) -> Any:
            running = original(loop)
            if running and recording.current is not None:
                try:
                    look(loop, sys._getframe(1))
                except Exception as error:
                    self.fail(error)
            return running

        return is_running

    def _surround_factory(self, loop: Any) -> None:
        """See the tasks that the loop's task factory, if it has one, starts eagerly."""
        own = own_factory(getattr(loop, "_task_factory", None))
        if own is not None and _WATCHES_FACTORIES:
            loop._task_factory = Factory(self, own, self._threshold)

    def _run_loop(self, original: Any) -> Any:
        def set_running_loop(loop: Any) -> None:
            try:
                if recording.current is not None and not self.gone:
                    self._switch(sys.modules["asyncio"]._get_running_loop(), loop)
            except Exception as error:
                self.fail(error)
            original(loop)

        return set_running_loop

    def _switch(self, before: Any, loop: Any) -> None:
        """One loop runs no more on this thread, or another one runs now: perhaps within a step of the first."""
        if loop is None or getattr(getattr(loop, "_ready", None), "is_open", False):
            if loop is not before:
                self._write_end(before)
            elif loop is not None:  # run again within its own step, or back from there
                loop._ready.end_over()
        else:
            self._take_in(loop)
            self._write_begin(loop)

    def _take_in(self, loop: Any) -> None:
        """Put our queue in the place of the loop's; also where a queue is left over from another session.

        Only in the loop's thread, or while it does not run.
        """
        try:
            ready = getattr(loop, "_ready", None)
            if self.gone:
                return
            if type(ready) is deque:
                self._loops.add(loop)
                LoopQueue(ready, self, self._threshold).take_place(loop)
                self._surround_factory(loop)
            elif type(ready) is LoopQueue and ready.recorder is not recording.current:
                self._loops.add(loop)
                ready.belong_to(self, self._threshold)
                self._surround_factory(loop)
        except Exception as error:
            self.fail(error)

    def _take_in_running(self, loop: Any) -> None:
        """As a callback of the loop, in whose thread alone its queue can be exchanged while it runs."""
        if recording.current is not None and not self.gone:
            self._take_in(loop)
            self._write_begin(loop, late=True)

    def _write_begin(self, loop: Any, late: bool = False) -> None:
        recorder = recording.current
        ready = getattr(loop, "_ready", None)
        if recorder is not None and type(ready) is LoopQueue:
            ready.is_open = True
            details = [(events.LATE, 0)] if late else None
            recorder.write(events.LOOP_BEGIN, recorder.intern(type(loop).__name__), ready.loop_serial, details)

    def _write_end(self, loop: Any) -> None:
        recorder = recording.current
        ready = getattr(loop, "_ready", None)
        # A fork has its parent's loop, which asyncio takes off its thread there: it did not begin in this process.
        if recorder is not None and type(ready) is LoopQueue and ready.recorder is recorder:
            ready.is_open = False
            ready.end_all()
            recorder.write(events.LOOP_END, 0, ready.loop_serial)

    def _give_back(self, loop: Any) -> None:
        """Have the loop use a queue of its own again; one that runs in another thread does it there, as a callback."""
        here = sys.modules["asyncio"]._get_running_loop() is loop
        if loop.is_running() and not here:
            try:
                loop.call_soon_threadsafe(_hand_over, loop)
                return
            except RuntimeError:  # closed in the meantime: nothing runs on it any more
                pass
        _hand_over(loop)


def _hand_over(loop: Any) -> None:
    # Another session may have begun in the meantime, and use the queue that was left.
    if type(loop._ready) is LoopQueue and loop._ready.is_left:
        loop._ready.hand_over(loop)


def _running_loops() -> list[Any]:
    """Every loop of asyncio's own that runs, in whatever thread: asyncio keeps no list, but each has a frame."""
    run_forever = sys.modules["asyncio.base_events"].BaseEventLoop.run_forever.__code__
    loops = []
    for innermost in sys._current_frames().values():
        frame: Any = innermost
        while frame is not None:
            if frame.f_code is run_forever:
                loops.append(frame.f_locals["self"])
            frame = frame.f_back
    return loops
