"""The hook for locks in the C core, which sees every lock there is; and what both cores must not break in whole programs."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from recorded_locks import LockRecord, lock_records, open_waits
from waiting import until

from tracekit import sessions
from tracekit.options import HOOKS, ON_REQUEST
from tracekit.spool.core import core

needs_c = pytest.mark.skipif(
    core.fast is None, reason="the core in Python sees the locks that are made by `threading` in the session"
)
LOCKS = HOOKS + ON_REQUEST

# What a program needs to go on as soon as these functions of its own wait for a lock, and to interrupt its main thread.
UNTIL = f"""
import signal, sys, threading, time
from tracekit.record import recorder
sys.path.insert(0, {os.path.dirname(os.path.dirname(__file__))!r})
from recorded_locks import open_waits
from pathlib import Path

def until_waiting(*functions):
    while sorted(row.by for row in open_waits(Path(recorder.current.directory)) if not row.within) != sorted(functions):
        time.sleep(0.002)

def interrupt(number, heard):
    # One that comes after the thread last looked and before it blocks interrupts nothing.
    while not heard:
        signal.pthread_kill(threading.main_thread().ident, number)
        time.sleep(0.002)
"""


@pytest.fixture
def run_program(run_python: Callable[..., Any]) -> Callable[..., Any]:
    """Runs a program in a session that records waits for locks; it can wait for somebody who waits. It must end well."""

    def run(code: str, *arguments: str) -> Any:
        import textwrap

        ran = run_python(UNTIL + textwrap.dedent(code), *arguments, options=sessions.Options(hooks=LOCKS))
        assert ran.status == 0, ran.stderr
        assert "hook failed" not in ran.stderr
        return ran

    return run


def ordered(rows: list[LockRecord], lock: int) -> list[str]:
    """What was recorded of a lock."""
    return [f"{row.what} {row.thread}" for row in rows if row.lock == lock]


def _has_waited(directory: Path, times: int) -> bool:
    rows = [row for row in lock_records(directory) if (row.what, row.thread) == ("wait", "waiter")]
    return len(rows) == times


@needs_c
def test_locks_from_before(recorded: Callable[..., Any]) -> None:
    """A lock that was made before the session, and methods of it that were kept, are seen as any other."""
    lock, rlock = threading.Lock(), threading.RLock()
    methods = (
        (lock.acquire, lock.release),
        (rlock.acquire, rlock.release),
        (rlock.__enter__, lambda: rlock.__exit__(None, None, None)),
    )
    session = recorded(hooks=LOCKS)
    with session:
        for count, (acquire, release) in enumerate(methods, 1):
            acquire()
            thread = threading.Thread(target=lambda: (acquire(), release()), name="waiter")  # noqa: B023
            thread.start()
            until(partial(_has_waited, session.directory, count))
            release()
            thread.join()

    rows = lock_records(session.directory)
    waits = [row for row in rows if (row.what, row.thread) == ("wait", "waiter")]
    assert [(wait.kind, wait.holder) for wait in waits] == [
        ("Lock", "MainThread"),
        ("RLock", "MainThread"),
        ("RLock", "MainThread"),
    ]
    assert ordered(rows, waits[0].lock) == ["wait waiter", "release MainThread", "end waiter"]


@needs_c
def test_face(recorded: Callable[..., Any]) -> None:
    """The classes of locks and their methods are the same objects in a session as without one."""
    kinds = type(threading.Lock()), type(threading.RLock()), queue.SimpleQueue
    before = [dict(kind.__dict__) for kind in kinds]
    with recorded(hooks=LOCKS):
        during = [dict(kind.__dict__) for kind in kinds]

    assert all(one.keys() == other.keys() for one, other in zip(before, during))
    assert all(one[name] is other[name] for one, other in zip(before, during) for name in one)


@needs_c
def test_nothing_is_kept(recorded: Callable[..., Any]) -> None:
    """The code that took locks is let go of as soon as they are free, or gone."""
    with recorded(hooks=LOCKS):
        lock, space = threading.Lock(), {}
        exec("def take(lock):\n lock.acquire()", space)
        code = space["take"].__code__
        space["take"](lock)
        lock.release()
        before = sys.getrefcount(code)
        for _ in range(10):
            space["take"](lock)
            lock.release()
            space["take"](threading.Lock())

        assert sys.getrefcount(code) == before


@needs_c
def test_taken_when_nobody_watches(recorded: Callable[..., Any]) -> None:
    """A lock that a thread waited for, and got after the hook was removed, is not put down: nobody would say that it goes."""
    session = recorded(hooks=LOCKS)
    with session:
        lock, space = threading.Lock(), {}
        exec("def take(lock):\n lock.acquire()", space)
        code = space["take"].__code__
        space["take"](lock)
        thread = threading.Thread(target=space["take"], args=(lock,))
        thread.start()
        until(lambda: open_waits(session.directory))
        core.fast.unwatch()
        while_it_runs = sys.getrefcount(code)
        lock.release()
        thread.join()

        assert sys.getrefcount(code) < while_it_runs


@needs_c
def test_join_of_a_thread_from_before(recorded: Callable[..., Any]) -> None:
    """A thread that had a number in another session, and none in this one, is not taken for the one that has it here."""
    end = threading.Event()
    with recorded(hooks=LOCKS):
        before = threading.Thread(target=end.wait, name="before")
        before.start()
    session = recorded(hooks=LOCKS)
    with session:
        for _ in range(5):
            other = threading.Thread(target=int, name="other")
            other.start()
            other.join()
        thread = threading.Thread(target=before.join, name="waiter")
        thread.start()
        until(partial(_has_waited, session.directory, 1))
        end.set()
        thread.join()

    assert [row.holder for row in lock_records(session.directory) if (row.what, row.thread) == ("wait", "waiter")] == [
        ""
    ]


def test_storm(run_program: Callable[..., Any]) -> None:
    """Where many threads compete for locks no update is lost, and each wait that was recorded has ended."""
    ran = run_program("""
        import random, threading

        sys.setswitchinterval(1e-5)
        locks = [threading.Lock(), threading.Lock(), threading.RLock(), threading.Condition()]
        counts = [0] * len(locks)

        def work(seed):
            choose = random.Random(seed)
            for _ in range(500):
                which = choose.randrange(len(locks))
                with locks[which]:
                    count = counts[which]
                    if choose.random() < 0.2:
                        time.sleep(0)
                    counts[which] = count + 1

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(sum(counts))
    """)
    assert ran.stdout.split() == ["4000"]
    rows = [row.what for row in lock_records(ran.directory)]
    assert rows.count("wait") == rows.count("end") > 0
    assert open_waits(ran.directory) == []


@needs_c
def test_thread_that_nobody_knows(run_program: Callable[..., Any]) -> None:
    """A thread made by `_thread` alone holds a lock under the name that it has in the trace."""
    ran = run_program("""
        import _thread, threading

        lock, taken, waits, done = threading.Lock(), threading.Event(), threading.Event(), threading.Event()

        def hold():
            with lock:
                taken.set()
                waits.wait()
            done.set()

        def wait():
            with lock:
                pass

        _thread.start_new_thread(hold, ())
        taken.wait()
        thread = threading.Thread(target=wait, name="waiter")
        thread.start()
        until_waiting("wait")
        waits.set()
        done.wait()
        thread.join()
    """)
    (wait,) = [row for row in lock_records(ran.directory) if (row.what, row.thread) == ("wait", "waiter")]
    assert (wait.held, wait.by) == ("hold", "wait")
    assert wait.holder not in ("", "MainThread", "waiter")


def test_interrupt(run_program: Callable[..., Any]) -> None:
    """Ctrl-C ends a wait as it does without us, by an exception out of it; the wait was given up, and nothing is held."""
    ran = run_program("""
        lock, heard = threading.Lock(), []
        lock.acquire()

        def once(*handled):
            if not heard:
                heard.append(handled)
                signal.default_int_handler(*handled)

        def press():
            until_waiting("<module>")
            interrupt(signal.SIGINT, heard)

        signal.signal(signal.SIGINT, once)
        thread = threading.Thread(target=press)
        thread.start()
        try:
            with lock:
                print("taken")
        except KeyboardInterrupt:
            print("interrupted")
        thread.join()
        lock.release()
        print(lock.acquire(False))
    """)
    assert ran.stdout.split() == ["interrupted", "True"]
    rows = [
        row
        for row in lock_records(ran.directory)
        if row.thread == "MainThread" and row.by == "<module>" and not row.within
    ]
    ends = [row for row in lock_records(ran.directory) if row.lock == rows[0].lock and row.what == "end"]
    assert [end.kind for end in ends] == ["given up"]


def test_signal_handler_in_a_wait(run_program: Callable[..., Any]) -> None:
    """A signal handler that runs inside a wait may wait itself; both waits end."""
    ran = run_program("""
        outer, inner, heard = threading.Lock(), threading.Lock(), []
        outer.acquire()
        inner.acquire()

        def handle(*handled):
            if not heard:
                heard.append(handled)
                with inner:
                    print("handled")

        signal.signal(signal.SIGUSR1, handle)

        def help():
            until_waiting("<module>")
            interrupt(signal.SIGUSR1, heard)
            until_waiting("<module>", "handle")
            inner.release()
            until_waiting("<module>")
            outer.release()

        thread = threading.Thread(target=help)
        thread.start()
        with outer:
            print("taken")
        thread.join()
    """)
    assert ran.stdout.split() == ["handled", "taken"]
    rows = lock_records(ran.directory)
    outer, inner = (next(row.lock for row in rows if row.by == by and not row.within) for by in ("<module>", "handle"))
    of_both = [(row.what, row.lock) for row in rows if row.lock in (outer, inner) and row.what != "release"]
    assert of_both == [("wait", outer), ("wait", inner), ("end", inner), ("end", outer)]


def test_exit_while_daemons_wait(run_program: Callable[..., Any]) -> None:
    """A program ends although daemon threads wait for a lock that nobody will release."""
    ran = run_program("""
        import threading

        def wait():
            lock.acquire()

        lock = threading.Lock()
        lock.acquire()
        for _ in range(3):
            threading.Thread(target=wait, daemon=True).start()
        until_waiting("wait", "wait", "wait")
        print("over")
    """)
    assert ran.stdout.split() == ["over"]
    assert len(open_waits(ran.directory)) == 3


def test_fork_with_a_lock_held(run_program: Callable[..., Any]) -> None:
    """In a fork's child a lock that another thread of the parent held is nobody's, and the record says whose it was."""
    ran = run_program("""
        import os, threading

        lock, taken, done = threading.Lock(), threading.Event(), threading.Event()

        def hold():
            with lock:
                taken.set()
                done.wait()

        thread = threading.Thread(target=hold, name="holder")
        thread.start()
        taken.wait()
        pid = os.fork()
        if pid == 0:
            os._exit(lock.acquire(timeout=0.01))
        print(os.waitpid(pid, 0)[1])
        done.set()
        thread.join()
    """)
    assert ran.stdout.split() == ["0"]
    (wait,) = [
        row for row in lock_records(ran.directory) if row.what == "wait" and row.by == "<module>" and not row.within
    ]
    assert (wait.holder, wait.held) == ("inherited 2", "hold")


@needs_c
def test_fork_by_the_holder(run_program: Callable[..., Any]) -> None:
    """Whoever holds a lock and forks holds it in the child as well."""
    ran = run_program("""
        import os, threading

        def take():
            lock.acquire()

        lock = threading.Lock()
        take()
        pid = os.fork()
        if pid == 0:
            thread = threading.Thread(target=lambda: lock.acquire(timeout=0.01), name="waiter")
            thread.start()
            thread.join()
            os._exit(0)
        os.waitpid(pid, 0)
    """)
    (wait,) = [row for row in lock_records(ran.directory) if (row.what, row.thread) == ("wait", "waiter")]
    assert (wait.holder, wait.held) == ("MainThread", "take")


@needs_c
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_processes(run_program: Callable[..., Any], method: str, kind: str) -> None:
    """Processes that share a lock know it by the same number: who took it, who waits, and who releases it is told by each."""
    ran = run_program(
        """
        import multiprocessing, sys

        def hold(lock, taken, go):
            with lock:
                taken.send(1)
                go.recv()

        def wait(lock):
            with lock:
                pass

        if __name__ == "__main__":
            context = multiprocessing.get_context(sys.argv[1])
            lock = getattr(context, sys.argv[2])()
            taken, tell = context.Pipe(False)
            hear, go = context.Pipe(False)
            holder = context.Process(target=hold, args=(lock, tell, hear))
            holder.start()
            taken.recv()
            waiter = context.Process(target=wait, args=(lock,), name="waiter")
            waiter.start()
            while not any(row.by == "wait" for row in open_waits(Path(recorder.current.directory))):
                time.sleep(0.002)
            go.send(1)
            holder.join()
            waiter.join()
        """,
        method,
        kind,
    )
    rows = [row for row in lock_records(ran.directory) if row.kind in (f"multiprocessing.{kind}", "") and row.shared]
    (wait,) = [row for row in rows if row.what == "wait" and row.by == "wait"]
    told = [(row.what, row.process == wait.process) for row in rows if row.shared == wait.shared]
    assert told == [("acquired", False), ("wait", True), ("release", False), ("acquired", True), ("release", True)]
    assert next(row.held for row in rows if row.shared == wait.shared) == "hold"


@needs_c
@pytest.mark.skipif(
    sys.version_info < (3, 12), reason="the parts of an interpreter that another one shares are fewer since 3.12"
)
def test_other_interpreters(run_program: Callable[..., Any]) -> None:
    """Locks of another interpreter work, and nothing is recorded of them."""
    ran = run_program("""
        import sys
        interpreters = __import__("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
        run = getattr(interpreters, "run_string")
        run(interpreters.create(), "import _thread; lock = _thread.allocate_lock()\\nwith lock: lock.acquire(timeout=0.001)")
        print("done")
    """)
    assert ran.stdout.split() == ["done"]
    assert lock_records(ran.directory) == []
