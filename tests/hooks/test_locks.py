"""The hook for locks, on real threads that wait for each other. What both cores promise; further in test_native_locks.py."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from recorded_locks import LockRecord, lock_records, open_waits
from waiting import until

from tracekit.options import HOOKS, ON_REQUEST

LOCKS = {"hooks": HOOKS + ON_REQUEST}


@pytest.fixture
def session(recorded: Callable[..., Any]) -> Any:
    """A session that records waits for locks; it is over when the test says so."""
    return recorded(**LOCKS)


@contextmanager
def waiter(directory: Path, function: Callable[[], object]) -> Iterator[None]:
    """Around what happens while another thread, which is called "waiter", waits in `function`; it must end by what happens."""
    before = len(lock_records(directory))
    thread = threading.Thread(target=function, name="waiter")
    thread.start()
    until(lambda: [row for row in lock_records(directory)[before:] if (row.what, row.thread) == ("wait", "waiter")])
    yield
    thread.join()


def of_waiter(directory: Path) -> tuple[LockRecord, list[str]]:
    """The first wait of the thread called "waiter", and what was recorded of its lock, in order."""
    rows = lock_records(directory)
    wait = next(row for row in rows if (row.what, row.thread) == ("wait", "waiter"))
    return wait, [f"{row.what} {row.thread}" for row in rows if row.lock == wait.lock]


def test_lock(session: Any) -> None:
    """Who waits for a lock is recorded with who holds it and where that was taken; then its release, and the wait's end."""

    def wait_for_it() -> None:
        with lock:
            pass

    with session:
        lock = threading.Lock()
        lock.acquire()
        with waiter(session.directory, wait_for_it):
            lock.release()

    wait, order = of_waiter(session.directory)
    assert (wait.kind, wait.holder, wait.held) == ("Lock", "MainThread", "test_lock")
    assert (wait.by, wait.within) == ("wait_for_it", "")
    assert order == ["wait waiter", "release MainThread", "end waiter"]
    assert session.trace is not None


def test_no_wait_no_record(session: Any) -> None:
    """Of locks that are free when they are taken nothing is recorded, however they are taken."""
    with session:
        for lock in (threading.Lock(), threading.RLock(), threading.Condition(), threading.Semaphore()):
            with lock:
                pass
            assert lock.acquire()
            lock.release()
            assert lock.acquire(True, timeout=60)
            lock.release()
            assert lock.acquire(False)
            lock.release()
        simple: queue.SimpleQueue[int] = queue.SimpleQueue()
        for one in (queue.Queue(), simple):
            one.put(1)
            assert one.get() == 1

    assert lock_records(session.directory) == []


def test_rlock(session: Any) -> None:
    """A lock that its thread takes twice was taken where that was first, and is released by the last release."""

    def take() -> None:
        lock.acquire()

    with session:
        lock = threading.RLock()
        take()
        lock.acquire()
        with waiter(session.directory, lambda: lock.acquire() and lock.release()):
            lock.release()  # is still ours
            assert len(open_waits(session.directory)) == 1
            lock.release()

    wait, order = of_waiter(session.directory)
    assert (wait.kind, wait.holder, wait.held) == ("RLock", "MainThread", "take")
    assert order == ["wait waiter", "release MainThread", "end waiter"]


@pytest.mark.parametrize("make", [threading.Lock, threading.RLock], ids=["Lock", "RLock"])
def test_given_up(session: Any, make: Callable[[], Any]) -> None:
    """A wait that is given up by its timeout says so; a try that may not wait is no wait."""
    answers: list[bool] = []

    def give_up() -> None:
        answers.append(lock.acquire(False))
        answers.append(lock.acquire(timeout=0))
        answers.append(lock.acquire(timeout=0.001))

    with session:
        lock = getattr(threading, make.__name__ if make is threading.RLock else "Lock")()
        with lock:
            thread = threading.Thread(target=give_up, name="waiter")
            thread.start()
            thread.join()

    rows = [row for row in lock_records(session.directory) if row.thread == "waiter"]
    assert answers == [False, False, False]
    assert [(row.what, row.kind) for row in rows if row.what == "end"] == [("end", "given up")]


def _notify(condition: threading.Condition) -> None:
    with condition:
        condition.notify()


def _wait_for(condition: threading.Condition) -> None:
    with condition:
        condition.wait()


def _waits() -> dict[str, tuple[Callable[[], Any], Callable[[Any], object], Callable[[Any], object]]]:
    """What is waited for: how it is made, waited for, and given."""
    return {
        "Condition": (lambda: threading.Condition(), _wait_for, _notify),
        "Event": (lambda: threading.Event(), lambda event: event.wait(), lambda event: event.set()),
        "Semaphore": (lambda: threading.Semaphore(0), lambda one: one.acquire(), lambda one: one.release()),
        "Barrier": (lambda: threading.Barrier(2), lambda one: one.wait(), lambda one: one.wait()),
        "Queue": (lambda: queue.Queue(), lambda one: one.get(), lambda one: one.put(1)),
        "LifoQueue": (lambda: queue.LifoQueue(), lambda one: one.get(), lambda one: one.put(1)),
        "SimpleQueue": (lambda: queue.SimpleQueue(), lambda one: one.get(), lambda one: one.put(1)),
    }


@pytest.mark.parametrize("name", _waits())
def test_waits_for_others(session: Any, name: str) -> None:
    """A wait for a notification, an item or a turn is recorded under the library's function; nobody holds it; who gives it does
    so by a release."""
    make, wait_for, give = _waits()[name]

    def wait_for_it() -> None:
        wait_for(one)

    with session:
        one = make()
        with waiter(session.directory, wait_for_it):
            give(one)

    wait, order = of_waiter(session.directory)
    within = {"Semaphore": "acquire", "Queue": "get", "LifoQueue": "get", "SimpleQueue": ""}.get(name, "wait")
    assert (wait.within, wait.holder, wait.held) == (within, "", "")
    assert wait.by == ("_wait_for" if name == "Condition" else "<lambda>")
    assert order == ["wait waiter", "release MainThread", "end waiter"]


def test_full_queue(session: Any) -> None:
    """Who waits for room in a queue waits in its put."""

    def put() -> None:
        one.put(2)

    with session:
        one: queue.Queue[int] = queue.Queue(1)
        one.put(1)
        with waiter(session.directory, put):
            one.get()

    assert of_waiter(session.directory)[0].within == "put"


def test_join(session: Any) -> None:
    """Who joins a thread waits for that thread, in Thread.join."""

    def join() -> None:
        joined.join()

    with session:
        end = threading.Event()
        joined = threading.Thread(target=end.wait, name="joined")
        joined.start()
        with waiter(session.directory, join):
            end.set()

    wait, _ = of_waiter(session.directory)
    assert (wait.by, wait.within, wait.holder) == ("join", "join", "joined")


def test_one_lock_one_number(session: Any) -> None:
    """A lock keeps its number, and another one has another, even where it lies in the same memory."""
    numbers: list[int] = []
    with session:
        kept = threading.Lock()
        for lock in (kept, kept, threading.Lock(), threading.Lock()):
            lock.acquire()
            with waiter(session.directory, lock.acquire):
                lock.release()
            lock.release()
        rows = [row for row in lock_records(session.directory) if row.thread == "waiter" and row.kind == "Lock"]
        numbers = [row.lock for row in rows if row.what == "wait" and row.holder == "MainThread"]

    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 3


def test_released_by_another(session: Any) -> None:
    """A lock that another thread released and took since is held by that one."""

    def hand_over() -> None:
        lock.release()
        lock.acquire()
        taken.set()
        done.wait()

    with session:
        taken, done = threading.Event(), threading.Event()
        lock = threading.Lock()
        lock.acquire()
        thread = threading.Thread(target=hand_over, name="other")
        thread.start()
        taken.wait()
        with waiter(session.directory, lambda: lock.acquire()):
            lock.release()
            done.set()
        thread.join()

    wait, _ = of_waiter(session.directory)
    assert (wait.holder, wait.held) == ("other", "hand_over")


def test_deadlock_of_one(session: Any) -> None:
    """A thread that waits for a lock which it holds itself is said to hold it."""

    def wait_for_itself() -> None:
        lock.acquire()
        lock.acquire()

    with session:
        lock = threading.Lock()
        with waiter(session.directory, wait_for_itself):
            lock.release()

    wait, _ = of_waiter(session.directory)
    assert (wait.holder, wait.held, wait.by) == ("waiter", "wait_for_itself", "wait_for_itself")


def test_session_ends_while_threads_wait(session: Any, recorded: Callable[..., Any]) -> None:
    """A wait that goes on after its session ends as it would have; another session knows nothing of it."""
    taken: list[bool] = []
    with session:
        lock = threading.Lock()
        lock.acquire()
        thread = threading.Thread(target=lambda: taken.append(lock.acquire()), name="waiter")
        thread.start()
        until(lambda: open_waits(session.directory))
    again = recorded(**LOCKS)
    with again:
        lock.release()
        thread.join()

    assert taken == [True]
    assert [row for row in lock_records(again.directory) if row.thread == "waiter"] == []
    assert len(open_waits(session.directory)) == 1


def test_errors_are_the_same(session: Any) -> None:
    """What cannot be done with a lock raises the error that it raises without us."""
    wrong: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        ("acquire", (), {"timeout": -2}),
        ("acquire", (False, 1), {}),
        ("acquire", (True, 1e30), {}),
        ("acquire", (True, float("nan")), {}),
        ("acquire", (True, "x"), {}),
        ("acquire", (), {"other": 1}),
        ("release", (), {}),
    ]

    def errors(make: Callable[[], Any]) -> list[type[BaseException] | None]:
        found: list[type[BaseException] | None] = []
        for method, arguments, keywords in wrong:
            try:
                getattr(make(), method)(*arguments, **keywords)
                found.append(None)
            except Exception as error:
                found.append(type(error))
        return found

    before = [errors(lambda: threading.Lock()), errors(lambda: threading.RLock())]
    with session:
        during = [errors(lambda: threading.Lock()), errors(lambda: threading.RLock())]

    assert during == before
    assert None not in before[0]
