"""LoopQueue: takes the place of an event loop's queue of callbacks, and gives the place back. Knows the recorder; what passes
through it is recorded by its base class, which is there in C and in Python (hooks/ready.py), and how a loop comes to have it
is told by hooks/asyncio.py.

Other threads append at any time: who fetched the loop's queue just before it was exchanged appends to the one that is no
longer the loop's. So both keep hold of each other, and hand on what reaches the wrong one.
"""

from __future__ import annotations

from collections import deque

from tracekit import events
from tracekit.hooks.ready import ReadyQueue
from tracekit.hooks.tasks import ask_if_flight, created, task_of, task_serial, write_done, write_long_end
from tracekit.record import recorder as recording
from tracekit.spool.core import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tracekit.hooks.patch import Hook
    from tracekit.hooks.starts import Start

if not TYPE_CHECKING and core.fast is not None:
    from tracekit._fast import ReadyQueue


class LoopQueue(ReadyQueue):
    """The queue of one loop.

    Args:
        before: the loop's own queue, which this one takes over.
        hook: whose queue it is; once that is gone, callbacks only pass.
        threshold: ns; of a step longer than this the place where it stopped is recorded.
    """

    __slots__ = ("is_open", "recorder", "starts")

    starts: list[Start]  # what factories start eagerly, outermost first

    def __init__(self, before: deque[Any], hook: Hook, threshold: int) -> None:
        super().__init__()
        self._before = before
        self._successor = None
        self._scheduled = {}
        self.starts = []
        self.belong_to(hook, threshold)

    def belong_to(self, hook: Hook, threshold: int) -> None:
        """Record for this hook from now on, in the session that runs."""
        self._hook = hook
        self._threshold = threshold
        self._told = 0
        self.recorder = recording.current
        self.is_open = False
        self.loop_serial = 0 if self.recorder is None else self.recorder.serial("loop")
        self.is_left = hook.gone

    def leave(self, hook: Hook) -> None:
        """The hook is gone: callbacks only pass, unless the queue is another one's by now."""
        if self._hook is hook:
            self.is_left = True

    def take_place(self, loop: Any) -> None:
        """Become the loop's queue. Only in the loop's thread, or while it does not run."""
        loop._ready = self
        self._take_over()

    def _take_over(self) -> None:
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

    # What the base class leaves to this one.

    def _create(self, task: Any, late: bool) -> None:
        recorder = recording.current
        if recorder is None:
            return
        for start in self.starts:
            if start.is_of(recorder, task):
                start.know(task)
                recorder.write(events.TASK_READY, 0, start.serial)
                return
        created(recorder, task, self.loop_serial, late)

    def _schedule_callback(self, handle: Any) -> None:
        """A callback that is no step, from another thread than the loop's."""
        recorder = recording.current
        if recorder is not None:
            serial = recorder.serial("callback") & 0xFFFF_FFFF
            self._scheduled[id(handle)] = serial
            recorder.write(events.CALLBACK_READY, 0, serial)

    def _end_done(self, task: Any, serial: int) -> None:
        if recording.current is not None:
            write_done(recording.current, task, serial)

    def _end_long(self, task: Any, serial: int) -> None:
        if recording.current is not None:
            write_long_end(recording.current, task, serial)

    def _end_long_callback(self) -> None:
        if recording.current is not None:
            ask_if_flight(recording.current)


def queue_of(loop: Any) -> LoopQueue | None:
    """What records for a loop, be it the loop's own queue or beside it; None where nothing does."""
    for attribute in ("_ready", "_tracekit_queue"):
        queue = getattr(loop, attribute, None)
        if isinstance(queue, LoopQueue):
            return queue
    return None
