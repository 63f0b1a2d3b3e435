"""What a program sees of locks and their classes while they are recorded: the same as without. Knows no record."""

from __future__ import annotations

import copy
import pickle
import queue
import threading
from abc import ABC
from collections.abc import Callable
from typing import Any

import pytest

from tracekit.hooks import recorded_locks
from tracekit.options import HOOKS, ON_REQUEST
from tracekit.spool.core import core

LOCKS = HOOKS + ON_REQUEST
MAKERS: dict[str, Callable[[], Any]] = {
    "Lock": lambda: threading.Lock(),
    "RLock": lambda: threading.RLock(),
    "SimpleQueue": lambda: queue.SimpleQueue(),
}
of_each = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
of_locks = pytest.mark.parametrize("make", [MAKERS["Lock"], MAKERS["RLock"]], ids=["Lock", "RLock"])
in_python = pytest.mark.skipif(core.fast is not None, reason="the classes of the core in Python")


def what_comes(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a call returns, or the class of what it raises."""
    try:
        return function(*arguments)
    except Exception as error:
        return type(error)


@of_locks
@pytest.mark.parametrize("number", [1 << 31, -(1 << 31) - 1, 1 << 100])
def test_large_numbers(recorded: Callable[..., Any], make: Callable[[], Any], number: int) -> None:
    """Whether to wait is told by a number that C can hold, where Python wants that; else it is an error in a session, too."""
    before = what_comes(make().acquire, number)
    with recorded(hooks=LOCKS):
        assert what_comes(make().acquire, number) == before


@of_each
@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_no_copies(recorded: Callable[..., Any], make: Callable[[], Any], way: Callable[[Any], Any]) -> None:
    """A lock can be neither copied nor pickled."""
    with recorded(hooks=LOCKS), pytest.raises(TypeError):
        way(make())


def test_classes_in_pickles(recorded: Callable[..., Any]) -> None:
    """A pickle of what makes locks can be read where there is no tracekit; multiprocessing's managers send such ones."""
    with recorded(hooks=LOCKS):
        kinds = [threading.Lock, threading.RLock]
        pickles = [pickle.dumps(kind) for kind in (*kinds, queue.SimpleQueue)]
    pickles += [pickle.dumps(kind) for kind in kinds]

    assert not any(b"tracekit" in each for each in pickles)
    assert all(pickle.loads(each)().__class__.__module__ in ("_thread", "_queue") for each in pickles)


def test_subclass_of_a_queue(recorded: Callable[..., Any]) -> None:
    """A class that is derived from SimpleQueue may have any metaclass, and an `__init__` of its own that calls no other one."""
    with recorded(hooks=LOCKS):

        class Named(queue.SimpleQueue, ABC):  # type: ignore[type-arg]
            def __init__(self, name: str) -> None:
                self.name = name

        mine = Named("mine")
        mine.put(1)
        assert (mine.get(), mine.name) == (1, "mine")


@in_python
@of_locks
@pytest.mark.parametrize("where", ["take", "release"])
def test_interrupt_in_a_record(
    recorded: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, make: Callable[[], Any], where: str
) -> None:
    """An interrupt that falls into what we do as a lock is taken or freed reaches the program, and the lock is free."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with recorded(hooks=LOCKS):
        lock = make()
        with monkeypatch.context() as patched:
            patched.setattr(recorded_locks.Waited, where, interrupt)
            with pytest.raises(KeyboardInterrupt), lock:
                pass
        taken: list[bool] = []
        thread = threading.Thread(target=lambda: taken.append(lock.acquire(False)))
        thread.start()
        thread.join()

    assert taken == [True]
