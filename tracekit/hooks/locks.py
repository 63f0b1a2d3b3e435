"""The hook for locks: who waits for one, who has it, and who lets it go. Knows the recorder, and what locks are made of.

Lock, Condition, Event, Semaphore, Barrier, queue.Queue and Thread.join are all made of `_thread`'s two locks. The C core replaces
what the methods of these do, so that it sees each of them, whoever made it and whenever. In Python other classes stand for them,
in `threading` and `queue`: of locks that were made before, or that are made by `_thread` itself, nothing is seen then, nor of
multiprocessing's.
"""

from __future__ import annotations

import _thread
import sys

from tracekit.hooks.imports import when_imported
from tracekit.hooks.patch import Hook
from tracekit.record import recorder as recording
from tracekit.spool.core import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_CLASSES = ("LockType", "RLock", "_ThreadHandle")  # of `_thread`; the last one since 3.13


class LocksHook(Hook):
    """Records the waits for locks, by whichever core there is."""

    name = "locks"

    def install(self) -> None:
        if hasattr(core.fast, "watch"):  # not where there is no GIL
            for name in _CLASSES:
                if hasattr(_thread, name):
                    core.fast.watch(getattr(_thread, name))
            when_imported("_queue", self, lambda module: core.fast.watch(module.SimpleQueue))
            when_imported("_multiprocessing", self, lambda module: core.fast.watch(module.SemLock))
        else:
            when_imported("threading", self, self._stand_in)
            when_imported("queue", self, self._stand_in_queue)

    def remove(self) -> None:
        super().remove()
        if hasattr(core.fast, "unwatch"):
            core.fast.unwatch()

    def _stand_in(self, threading: ModuleType) -> None:
        from tracekit.hooks.recorded_locks import Lock, RLock

        for attribute, stand_in in (("Lock", Lock), ("_allocate_lock", Lock), ("RLock", RLock)):
            self._put(threading, attribute, stand_in)
        self.replace(threading.Thread, "join", self._join)

    def _stand_in_queue(self, queue: ModuleType) -> None:
        from tracekit.hooks.recorded_locks import SimpleQueue

        self._put(queue, "SimpleQueue", SimpleQueue)

    def _put(self, module: ModuleType, attribute: str, stand_in: type) -> None:
        self._replaced.append((module, attribute, stand_in, getattr(module, attribute)))
        setattr(module, attribute, stand_in)

    def _join(self, original: Any) -> Any:
        from tracekit.hooks.recorded_locks import may_wait
        from tracekit.hooks.waits import Waited

        def join(thread: Any, timeout: float | None = None) -> None:
            recorder, serial = getattr(thread, "_tracekit_thread", (None, 0))
            waits = None
            if recorder is recording.current and may_wait(True, timeout) and thread.is_alive():
                waited = Waited("Thread")
                waits = waited.begin(sys._getframe(), serial, original.__code__)
            try:
                original(thread, timeout)
            finally:
                if waits is not None:
                    waited.end(waits, not thread.is_alive())

        return join
