"""The hook for eager tasks (since Python 3.12), which sees them where asyncio's Task is initialised. Knows the recorder, and of a
loop the number that it has.

That Task is a class in C, so the hook takes a core in C; with the one in Python only what a loop's task factory makes is seen
(hooks/factories.py). A task that is not eager passes it by. Of asyncio's Task in Python nothing is told: whatever stood around
its making would show in the stack that it keeps.
"""

from __future__ import annotations

import sys
from asyncio import _get_running_loop, iscoroutine

from tracekit.hooks.loop_queue import queue_of
from tracekit.hooks.patch import Hook
from tracekit.hooks.starts import Start, given_name
from tracekit.record import recorder as recording
from tracekit.spool.core import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_watch_starts: Any = getattr(core.fast, "watch_starts", None)
IS_ABLE = _watch_starts is not None


class EagerHook(Hook):
    """Has itself told of every task that asks to be started eagerly.

    Args:
        threshold: ns; of a step longer than this the place where it stopped is recorded.
    """

    name = "eager tasks"

    def __init__(self, threshold: int) -> None:
        super().__init__()
        self._threshold = threshold

    def install(self) -> None:
        """Nothing happens where `IS_ABLE` says no."""
        if IS_ABLE:
            _watch_starts(sys.modules["asyncio.tasks"].Task, self._begin, self._end)

    def remove(self) -> None:
        if IS_ABLE and not self.gone:
            _watch_starts(None, None, None)
        super().remove()

    def _begin(self, task: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Start | None:
        """A task is about to be initialised; returns its first step, if that begins now and is recorded."""
        recorder = recording.current
        if recorder is None or self.gone:
            return None
        try:
            loop: Any = options.get("loop")
            coroutine = args[0] if args else options.get("coro")
            if loop is None:
                loop = _get_running_loop()
            queue = queue_of(loop)
            if (
                queue is None
                or queue.recorder is not recorder
                or not options["eager_start"]
                or not iscoroutine(coroutine)
            ):
                return None
            if not loop.is_running():
                return None
            start = Start(coroutine, given_name(options, coroutine, sys._getframe(1)), self._threshold)
            start.begin(recorder, queue.loop_serial, task)
            return start
        except Exception as error:
            self.fail(error)
            return None

    def _end(self, start: Start, task: Any) -> None:
        """It has been initialised; None: that has failed."""
        try:
            start.end(task)
        except Exception as error:
            self.fail(error)
