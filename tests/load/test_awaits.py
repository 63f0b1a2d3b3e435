"""What an await of the library is called, by the function that the task stands in. Knows no recording."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from tracekit.load.awaits import Await, awaited_through, name_of, read
from tracekit.spool.layout import code_text

USERS = code_text("main", "/app/main.py", 12)


def stands_in(function: Callable[..., Any]) -> str:
    """The text that a recorder writes for this function."""
    code = inspect.unwrap(function).__code__
    return code_text(function.__qualname__, code.co_filename, code.co_firstlineno)


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (asyncio.sleep, "sleep"),
        (asyncio.wait, "wait"),
        (asyncio.wait_for, "wait_for"),
        (asyncio.Lock.acquire, "lock"),
        (asyncio.Event.wait, "event"),
        (asyncio.Condition.wait, "condition"),
        (asyncio.Semaphore.acquire, "semaphore"),
        (asyncio.Queue.get, "queue.get"),
        (asyncio.Queue.put, "queue.put"),
        (asyncio.Queue.join, "queue.join"),
        (asyncio.to_thread, "executor job"),
        (asyncio.StreamReader.read, "stream read"),
        (asyncio.StreamReader._wait_for_data, "stream read"),  # type: ignore[attr-defined]
        (asyncio.StreamWriter.drain, "stream drain"),
        (asyncio.open_connection, "socket"),
        (asyncio.BaseEventLoop.create_connection, "socket"),
        (asyncio.BaseEventLoop.getaddrinfo, "socket"),
        (asyncio.SelectorEventLoop.sock_recv, "socket"),
        (asyncio.subprocess.Process.wait, "subprocess"),
        (asyncio.subprocess.Process.communicate, "subprocess"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__qualname__,
)
def test_asyncios_own(function: Callable[..., Any], what: str) -> None:
    """The functions of the asyncio that runs here are known under the names and in the files that it has for them."""
    assert read(USERS, stands_in(function), "") == Await(what, "main", "/app/main.py", 12)


@pytest.mark.parametrize("name", ["Barrier.wait", "TaskGroup.__aexit__", "TaskGroup._aexit"])
def test_names_of_later_pythons(name: str) -> None:
    """What came with 3.11 and later is known as well."""
    file = "locks.py" if name.startswith("Barrier") else "taskgroups.py"
    assert name_of(name, f"/usr/lib/python3.13/asyncio/{file}") in ("barrier", "task group")


def test_the_users_own() -> None:
    """Where the user's own function awaits, only the thing tells what it is: a future, a gather, or a class of its own."""
    users = code_text("main", "/app/main.py", 3)
    assert read(USERS, users, "").what == "future"
    assert read(USERS, users, "_GatheringFuture").what == "gather"
    assert read(USERS, users, "Waiter").what == "Waiter"


def test_other_libraries() -> None:
    """A library's function has its own name, even if asyncio has one that is called alike."""
    assert read(USERS, code_text("Pool.acquire", "/site-packages/db/pool.py", 9), "").what == "Pool.acquire"
    assert read(USERS, code_text("sleep", "/site-packages/trio/_timeouts.py", 9), "").what == "sleep"
    assert read(USERS, code_text("Lock.acquire", "/app/locks.py", 9), "").what == "Lock.acquire"
    assert read(USERS, code_text("fetch", "/site-packages/db/pool.py", 9), "_GatheringFuture").what == "gather"


def test_nothing_known() -> None:
    """Of a task without any Python function only that it awaits a future is known, and no place is claimed."""
    assert read("", "", "").args() == {"what": "future"}


def test_callbacks_tell() -> None:
    """A callback that is part of what was awaited tells what it was, another one nothing."""
    assert awaited_through("shield.<locals>._inner_done_callback") == "shield"
    assert awaited_through("Event.set") == ""
