"""Recorded locks: what stands for Python's locks where the core in Python records. They behave as those do, and tell of waits.

Each tries first whether it gets the lock at once; only if not, it records that it waits. What a signal handler raises meanwhile
leaves no lock taken that its taker knows nothing of: the interpreter runs handlers after calls, so that locks are taken by
unpacking what `map` gives, and what is taken is freed again.
"""

from __future__ import annotations

import copyreg
import sys
from _queue import SimpleQueue as OwnQueue
from _thread import RLock as OwnRLock
from _thread import allocate_lock, get_ident

from tracekit.hooks.waits import Waited

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_AT_ONCE = (False,)
_LARGE = 1 << 31  # what a C int cannot hold


class _StandIn(type):
    """The class of those that stand for what `_own` is, which a pickle of them names: nobody who reads it needs us."""

    _own: Any


def _reduce(kind: _StandIn) -> tuple[Any, tuple[Any]]:
    from copy import copy

    return copy, (kind._own,)


copyreg.pickle(_StandIn, _reduce)


class Lock(metaclass=_StandIn):
    """A threading.Lock."""

    __slots__ = ("__weakref__", "_lock", "_waited")

    _own = allocate_lock

    def __init__(self) -> None:
        self._lock: Any = allocate_lock()
        self._waited = Waited("Lock")

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        taken: bool = _acquire(self._lock, self._waited, blocking, timeout)
        return taken

    def __enter__(self) -> bool:
        taken: bool = _acquire(self._lock, self._waited, True, -1)
        return taken

    def release(self) -> None:
        try:
            if self._lock.locked():
                self._waited.release()
        finally:
            self._lock.release()

    def __exit__(self, *error: object) -> None:
        self.release()

    def locked(self) -> bool:
        locked: bool = self._lock.locked()
        return locked

    def _at_fork_reinit(self) -> None:
        self._waited.free()
        self._lock._at_fork_reinit()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._lock.__reduce_ex__(protocol)

    def __repr__(self) -> str:
        return repr(self._lock)

    acquire_lock, release_lock, locked_lock = acquire, release, locked


class RLock(metaclass=_StandIn):
    """A threading.RLock."""

    __slots__ = ("__weakref__", "_count", "_lock", "_owner", "_waited")

    _own = OwnRLock

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._lock: Any = OwnRLock(*arguments, **options)
        self._waited = Waited("RLock")
        self._owner = self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        taken: bool
        me = get_ident()
        if self._owner == me:
            (taken,) = map(self._lock.acquire, (blocking,), (timeout,))
        else:
            taken = _acquire(self._lock, self._waited, blocking, timeout)
        if taken:
            self._owner = me
            self._count += 1
        return taken

    def __enter__(self) -> bool:
        me = get_ident()
        if self._owner == me:
            (_,) = map(self._lock.acquire, (True,))
        else:
            _acquire(self._lock, self._waited, True, -1)
        self._owner = me
        self._count += 1
        return True

    def release(self) -> None:
        me = get_ident()
        try:
            if self._owner == me and self._count == 1:
                self._waited.release()
        finally:
            if self._owner == me:
                self._count -= 1
                self._owner = me if self._count else 0
            self._lock.release()

    def __exit__(self, *error: object) -> None:
        self.release()

    def _is_owned(self) -> bool:
        return self._owner == get_ident()

    def _recursion_count(self) -> int:
        return self._count if self._is_owned() else 0

    def _release_save(self) -> tuple[Any, int]:
        if self._is_owned():
            self._waited.release()
            self._owner = 0
        count, self._count = self._count, 0
        return self._lock._release_save(), count

    def _acquire_restore(self, state: tuple[Any, int]) -> None:
        if self._lock.acquire(False):
            self._lock.release()
            waits = None
        else:
            waits = self._waited.begin(sys._getframe(1))
        self._lock._acquire_restore(state[0])
        self._waited.end(waits, True)
        self._waited.take(sys._getframe(1))
        self._owner, self._count = get_ident(), state[1]

    def _at_fork_reinit(self) -> None:
        self._waited.free()
        self._owner = self._count = 0
        self._lock._at_fork_reinit()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._lock.__reduce_ex__(protocol)

    def __repr__(self) -> str:
        return repr(self._lock)


class SimpleQueue(OwnQueue):  # type: ignore[type-arg]
    """A queue.SimpleQueue."""

    __module__ = "queue"  # for pickles; no metaclass, for a class of the program's may have another one

    _waited: Waited

    def __new__(cls, *arguments: Any, **options: Any) -> SimpleQueue:
        # Not `__init__`: a subclass of the program's need not call that.
        queue: SimpleQueue = super().__new__(cls, *arguments, **options)
        queue._waited = Waited("SimpleQueue")
        return queue

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if self.qsize() or not may_wait(block, timeout):
            return super().get(block, timeout)
        waits = self._waited.begin(sys._getframe(1))
        taken = False
        try:
            item = super().get(block, timeout)
            taken = True
            return item
        finally:
            self._waited.end(waits, taken)

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self._waited.release()
        super().put(item, block, timeout)

    def put_nowait(self, item: Any) -> None:
        self._waited.release()
        super().put_nowait(item)


def may_wait(blocking: object, timeout: object) -> bool:
    """Whether a call with such arguments may wait; what is wrong with them the original knows best."""
    if not blocking or not isinstance(blocking, int) or not -_LARGE <= blocking < _LARGE:
        return False
    return timeout is None or (isinstance(timeout, (int, float)) and (timeout == -1 or 0 < timeout < 9e9))


def _acquire(lock: Any, waited: Waited, blocking: Any, timeout: Any) -> Any:
    """Take one of Python's own locks, for a method that the program calls."""
    taken = False
    try:
        if timeout is None or not may_wait(blocking, timeout):
            (taken,) = map(lock.acquire, (blocking,), (timeout,))
        else:
            (taken,) = map(lock.acquire, _AT_ONCE)
            if not taken:
                waits = waited.begin(sys._getframe(2))
                try:
                    (taken,) = map(lock.acquire, (blocking,), (timeout,))
                finally:
                    waited.end(waits, taken)
        if taken:
            waited.take(sys._getframe(2))
    except BaseException:
        if taken:
            try:
                waited.free()
            finally:
                lock.release()
        raise
    return taken
