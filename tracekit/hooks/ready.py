"""ReadyQueue: the queue of an event loop's callbacks, as far as every callback passes through it. Knows the shape of asyncio's
handles; how a loop comes to have such a queue, and what happens seldom, is its subclass's affair (hooks/loop_queue.py).

The reference; `tracekit._fast` has its twin in C. A loop appends to its queue whatever is scheduled, and pops each callback
right before it runs it. So

    append           somebody schedules: a task unknown so far is being created, a known one is made ready
    popleft          what ran before has ended, what is popped begins
    len              asked by the loop, or outside of its run: it has run all that it had, and what ran last has ended;
                     so many are ready if it pops next

No callback may be lost or run twice, whatever fails or interrupts our own code. A loop may be run within one of its own steps
(nest_asyncio does that): what has begun ends where the very run of the loop that began it goes on, which its frame tells.
"""

from __future__ import annotations

from _thread import get_ident
from collections import deque
from sys import _getframe, modules

from tracekit import events
from tracekit.clock import monotonic_ns
from tracekit.hooks.tasks import Running, ready_cause, task_of, task_serial
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tracekit.hooks.patch import Hook

_LOOP_RUN = "_run_once"
_MOST_AHEAD = 1_000_000  # ns; a loop runs its timers no earlier


class ReadyQueue(deque):  # type: ignore[type-arg]
    """The queue of one loop."""

    __slots__ = (
        "_asked",
        "_before",
        "_hook",
        "_running",
        "_scheduled",
        "_successor",
        "_thread",
        "_threshold",
        "_told",
        "is_left",
        "loop_serial",
    )

    _before: deque[Any]  # the loop's own queue
    _successor: deque[Any] | None  # the one that the loop has again
    _hook: Hook
    _scheduled: dict[int, int]  # handles that another thread has scheduled, by id
    _threshold: int  # ns
    _running: list[tuple[int, Running]]  # by the frame of the loop's run, outermost first
    _told: int  # the last LOOP_TURN; 0: none
    loop_serial: int  # the number of the loop in this recording
    is_left: bool  # nobody records by this queue any more

    def __init__(self) -> None:
        super().__init__()
        self._running = []
        self._thread = 0  # the one that runs the loop
        self._asked = 0  # how long it was when that was asked for, while nothing ran

    def append(self, handle: Any, /) -> None:
        """Somebody schedules a callback, on whatever thread."""
        try:
            recorder = recording.current
            if recorder is not None and not self.is_left:
                self._schedule(recorder, handle)
        except Exception as error:
            self._hook.fail(error)
        finally:
            deque.append(self, handle)
            if self._successor is not None:
                self._hand_on()

    def popleft(self) -> Any:
        """The loop is about to run its next callback."""
        if self._before:
            self._take_over()
        handle = deque.popleft(self)
        try:
            frame = id(_getframe(1))
            running = self._running
            if running:
                if len(running) == 1 and running[0][0] == frame:
                    running.pop()[1].end()
                else:
                    self._end_in(frame)
            recorder = recording.current
            if recorder is not None and not self.is_left:
                if self._asked:
                    self._turn(recorder)
                self._begin(recorder, handle, frame)
        except Exception as error:
            self._hook.fail(error)
        except BaseException:  # an interrupt
            (self if self._successor is None else self._successor).appendleft(handle)
            raise
        return handle

    def __len__(self) -> int:
        return self._length(_getframe(1))

    def __bool__(self) -> bool:  # before 3.11 a deque does not ask for its length
        return self._length(_getframe(1)) > 0

    def _length(self, caller: Any) -> int:
        if self._before:
            self._take_over()
        if self._running and self._thread == get_ident():
            try:
                self._end_before(caller)
            except Exception as error:
                self._hook.fail(error)
        length = deque.__len__(self)
        if not self._running:
            self._asked = length
        return length

    def end_all(self) -> None:
        """The loop's run is over, and so is whatever ran."""
        while self._running:
            self._running.pop()[1].end()

    def end_over(self) -> None:
        """What was begun by runs of the loop that are over has ended."""
        self._end_without(_getframe(1))

    def begin_current(self, task: Any, /) -> None:
        """The step of a task runs that was there before."""
        recorder = recording.current
        frame: Any = _getframe(1)
        while frame is not None and frame.f_code.co_name != _LOOP_RUN:
            frame = frame.f_back
        if recorder is not None and frame is not None:
            self._begin_step(recorder, task, id(frame))

    # Seldom, and left to the subclass.

    def _take_over(self) -> None:
        raise NotImplementedError

    def _hand_on(self) -> None:
        raise NotImplementedError

    def _create(self, task: Any, late: bool) -> None:
        raise NotImplementedError

    def _schedule_callback(self, handle: Any) -> None:
        raise NotImplementedError

    def _schedule(self, recorder: recording.Recorder, handle: Any) -> None:
        task = task_of(handle._callback)
        if task is not None:
            serial = task_serial(recorder, task)
            if serial is None:
                self._create(task, False)
            else:
                recorder.write(events.TASK_READY, ready_cause(handle), serial)
        elif handle._loop._thread_id not in (None, get_ident()):
            self._schedule_callback(handle)

    def _turn(self, recorder: recording.Recorder) -> None:
        """The loop begins to run what is ready."""
        asked, self._asked = self._asked, 0
        if asked != self._told:
            self._told = asked
            recorder.write(events.LOOP_TURN, 0, asked)

    def _end_before(self, caller: Any) -> None:
        """The queue's length was asked for: by the loop, which has run what it had; or by anybody, perhaps within a step."""
        if caller.f_code.co_name == _LOOP_RUN:
            self._end_in(id(caller))
        else:
            self._end_without(caller)

    def _end_in(self, frame: int) -> None:
        """What this run of the loop had begun has ended, and what runs within it, too."""
        began = self._running
        for at in range(len(began) - 1, -1, -1):
            if began[at][0] == frame:
                while len(began) > at:
                    began.pop()[1].end()
                return
        self._end_without(_getframe(1))

    def _end_without(self, frame: Any) -> None:
        """What was begun by runs of the loop that `frame` does not stand on has ended."""
        beneath = set()
        while frame is not None:
            beneath.add(id(frame))
            frame = frame.f_back
        while self._running and self._running[-1][0] not in beneath:
            self._running.pop()[1].end()

    def _begin(self, recorder: recording.Recorder, handle: Any, frame: int) -> None:
        # Also of a cancelled one: the next handle may have the same id.
        scheduled = self._scheduled.pop(id(handle), None) if self._scheduled else None
        if handle._cancelled:
            return
        task = task_of(handle._callback)
        if task is not None:
            self._begin_step(recorder, task, frame)
            return
        running = Running(recorder, self._threshold)
        running.begin_callback(handle._callback, getattr(handle, "_args", None), scheduled or 0, due_time(handle))
        self._thread = get_ident()
        self._running.append((frame, running))

    def _begin_step(self, recorder: recording.Recorder, task: Any, frame: int) -> None:
        if task_serial(recorder, task) is None:
            self._create(task, True)
        running = Running(recorder, self._threshold)
        running.begin_step(task)
        self._thread = get_ident()
        self._running.append((frame, running))


def due_time(handle: Any) -> int:
    """When a timer was due: CLOCK_MONOTONIC in ns; 0: it is no timer, or goes by another clock."""
    when = getattr(handle, "_when", None)
    if type(when) is not float or getattr(handle._loop.time, "__func__", None) is not _loop_time():
        return 0
    due = when * 1e9
    return int(due) if 0 < due < monotonic_ns() + _MOST_AHEAD else 0


def _loop_time() -> Any:
    return modules["asyncio.base_events"].BaseEventLoop.time
