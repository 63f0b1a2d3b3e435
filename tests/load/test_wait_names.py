"""What waits are called, for the functions of this very Python. Knows no record."""

from __future__ import annotations

import concurrent.futures as futures
import logging
import multiprocessing.pool
import multiprocessing.queues
import multiprocessing.synchronize as shared
import queue
import sys
import threading
from collections.abc import Callable
from concurrent.futures import _base, thread
from typing import Any

import pytest

from tracekit.load.wait_names import is_join, wait_name
from tracekit.spool.layout import code_text


def text_of(function: Callable[..., Any]) -> str:
    """What the recorder writes of a function: 3.10 knows its name only."""
    code = function.__code__
    name = code.co_qualname if sys.version_info >= (3, 11) else code.co_name
    return code_text(name, code.co_filename, code.co_firstlineno)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (threading.Condition.wait, "Condition.wait"),
        (threading.Condition.wait_for, "Condition.wait_for"),
        (threading.Event.wait, "Event.wait"),
        (threading.Barrier.wait, "Barrier.wait"),
        (threading.Semaphore.acquire, "Semaphore.acquire"),
        (threading.Thread.join, "Thread.join"),
        (threading.Thread.start, "Thread.start"),
        (threading._RLock.acquire, "RLock.acquire"),
        (threading._shutdown, "Thread.join"),
        (queue.Queue.get, "queue.Queue.get"),
        (queue.Queue.put, "queue.Queue.put"),
        (queue.Queue.join, "queue.Queue.join"),
        (queue._PySimpleQueue.get, "queue.SimpleQueue.get"),
        (_base.Future.result, "Future.result"),
        (_base.Executor.__exit__, "Executor.shutdown"),
        (futures.wait, "futures.wait"),
        (futures.as_completed, "futures.as_completed"),
        (thread._worker, "idle worker"),
        (thread.ThreadPoolExecutor.shutdown, "Executor.shutdown"),
        (logging.Handler.acquire, "logging.Handler.acquire"),
        (shared.Condition.wait, "multiprocessing.Condition.wait"),
        (shared.Event.wait, "multiprocessing.Event.wait"),
        (multiprocessing.queues.Queue.get, "multiprocessing.Queue.get"),
        (multiprocessing.queues.Queue.put, "multiprocessing.Queue.put"),
        (multiprocessing.queues.SimpleQueue.get, "multiprocessing.SimpleQueue.get"),
        (multiprocessing.pool.Pool.map, "multiprocessing.Pool.map"),
        (multiprocessing.pool.worker, "idle worker"),
    ],
)
def test_the_library(function: Callable[..., Any], name: str) -> None:
    """A wait is called as the program calls it, whatever lock is inside."""
    assert wait_name(code_text("work", "app.py", 1), text_of(function), "Lock") == name


def test_by_class() -> None:
    """What the program waits for itself is called by its class."""
    user = code_text("work", "app.py", 1)
    inside = text_of(shared.SemLock.__enter__)
    assert wait_name(user, "", "Lock") == wait_name(user, user, "Lock") == "Lock.acquire"
    assert wait_name(user, "", "SimpleQueue") == "queue.SimpleQueue.get"
    assert wait_name(user, inside, "multiprocessing.RLock") == "multiprocessing.RLock.acquire"
    assert wait_name("", "", "Thread") == "Thread.join"


def test_others() -> None:
    """A function of a library that nobody knows here is called by its own name."""
    assert wait_name("", code_text("Pool.checkout", "/site-packages/db/pool.py", 9), "Lock") == "Pool.checkout"


def test_joins() -> None:
    """A thread's end is waited for by a lock that it took when it started, or by what stands for the thread itself."""
    assert is_join("Thread", "")
    assert is_join("Lock", code_text("Thread._set_tstate_lock", "threading.py", 1))
    assert is_join("Lock", code_text("_set_tstate_lock", "threading.py", 1))
    assert not is_join("Lock", code_text("work", "app.py", 1))
