"""Factories: eager tasks (since Python 3.12) as they are seen with the core in Python, which cannot see a task be made. Knows a
loop's task factory and its list of starts (`starts` of its queue, hooks/loop_queue.py).

A factory is called with the coroutine of the task that it makes; and asyncio's Task asks the loop whether it is running, right
before it begins. A task that is started eagerly without a factory is seen later, when it is scheduled for the first time.
"""

from __future__ import annotations

import sys

from tracekit.hooks.starts import Start, given_name
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from tracekit.hooks.patch import Hook


class Factory:
    """A loop's task factory with ours around it: it makes what the user's own makes.

    Args:
        hook: whose it is; once that is gone, the user's own is called and nothing else.
        own: the user's.
        threshold: as for Start.
    """

    def __init__(self, hook: Hook, own: Any, threshold: int) -> None:
        self._hook = hook
        self._threshold = threshold
        self.own = own

    def __call__(self, loop: Any, coroutine: Any, **options: Any) -> Any:
        starts = getattr(getattr(loop, "_ready", None), "starts", None)
        if starts is None or recording.current is None or self._hook.gone:
            return self.own(loop, coroutine, **options)
        start = Start(coroutine, given_name(options, coroutine, sys._getframe(1)), self._threshold)
        starts.append(start)
        task = None
        try:
            task = self.own(loop, coroutine, **options)
        finally:
            starts.remove(start)
            try:
                start.end(task)
            except Exception as error:
                self._hook.fail(error)
        return task


def own_factory(factory: Any) -> Any:
    """The user's own factory, of one that may have ours around it."""
    return factory.own if type(factory) is Factory else factory


def look(loop: Any, caller: FrameType) -> None:
    """The loop was asked whether it is running, and said yes: a task may be about to begin.

    Args:
        caller: who asked, as far as that is written in Python.
    """
    starts = getattr(getattr(loop, "_ready", None), "starts", None)
    recorder = recording.current
    if starts and recorder is not None and _is_task(caller):
        starts[-1].begin(recorder, loop._ready.loop_serial)


def _is_task(caller: FrameType) -> bool:
    """Whether asyncio's Task asked: that in C has no frame, so it is its caller's, which itself asks for nothing."""
    code = caller.f_code
    if code.co_name == "__init__":
        return code is sys.modules["asyncio.tasks"]._PyTask.__init__.__code__
    return "is_running" not in code.co_names
