"""Deadlocks, seen from outside while they last. Knows no program: the spools are written by hand, as far as they have got."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from spool_writer import Detail, SpoolWriter

from tracekit import events as e
from tracekit.observe.deadlocks import Deadlocks
from tracekit.observe.live import Live
from tracekit.spool import layout
from tracekit.spool.layout import code_text

_SECOND = 1_000_000_000


class Watched:
    """A session that is looked at; a second goes by between two looks."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._live = Live(str(directory))
        self._deadlocks = Deadlocks(self._live)
        self._now = 10**12

    def look(self, *spools: SpoolWriter) -> list[str]:
        """What is said, after these spools have been written as far as they have got."""
        for spool in spools:
            spool.write(self._directory)
        self._now += _SECOND
        self._live.look(self._now)
        return [deadlock.sentence for deadlock in self._deadlocks.look(self._now)]


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """An empty session."""
    return Watched(tmp_path)


@pytest.fixture
def spool() -> SpoolWriter:
    """The spool of a process that lives, with three threads."""
    return living(os.getpid())


def living(pid: int) -> SpoolWriter:
    """A spool as that process might write it."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    spool = SpoolWriter(pid, start_ticks=ticks, ended=layout.ENDED_NOT)
    for thread, name in ((1, "MainThread"), (2, "a"), (3, "b")):
        spool.record(100, e.THREAD_BEGIN, name, thread, thread=thread)
    return spool


def wait(spool: SpoolWriter, time: int, lock: int, thread: int, holder: int, line: int = 12) -> None:
    """A thread begins to wait for a lock that another one took ten lines above."""
    details: list[Detail] = [(e.HOLDER, 0, holder)] if holder else []
    details.append((e.HELD_AT, 0, spool.name(code_text("take", "app.py", line - 10))))
    details.append((e.AWAITS, 0, spool.name(code_text("work", "app.py", line))))
    spool.record(time, e.LOCK_WAIT, "Lock", lock, *details, thread=thread)


def test_a_circle(watched: Watched, spool: SpoolWriter) -> None:
    """Two threads that have waited for each other for a second are told once, with their locks and lines."""
    wait(spool, 200, 7, thread=2, holder=3, line=12)
    wait(spool, 210, 8, thread=3, holder=2, line=22)
    assert watched.look(spool) == []
    (sentence,) = watched.look()
    assert sentence == (
        f"process {os.getpid()}: a waits in work (app.py:12) for Lock 7, which b took in take (app.py:2); "
        "b waits in work (app.py:22) for Lock 8, which a took in take (app.py:12)"
    )
    assert watched.look() == watched.look(spool) == []


def test_waits_that_end(watched: Watched, spool: SpoolWriter) -> None:
    """A wait that ends in time is no part of any circle."""
    wait(spool, 200, 7, thread=2, holder=3)
    wait(spool, 210, 8, thread=3, holder=2)
    assert watched.look(spool) == []
    spool.record(220, e.LOCK_WAIT_END, e.LOCK_GIVEN_UP, 7, thread=2)
    assert watched.look(spool) == watched.look() == []


def test_itself(watched: Watched, spool: SpoolWriter) -> None:
    """A thread that takes a lock twice waits for itself."""
    wait(spool, 200, 7, thread=2, holder=2)
    watched.look(spool)
    (sentence,) = watched.look()
    assert sentence.endswith(
        "a waits in work (app.py:12) for Lock 7, which it took itself in take (app.py:2), "
        "so that only another thread could release it"
    )


def test_another_one_holds_it_by_now(watched: Watched, spool: SpoolWriter) -> None:
    """Who held a lock when a wait began may have passed it on since: whoever got it last counts."""
    wait(spool, 200, 7, thread=2, holder=1)
    wait(spool, 201, 7, thread=3, holder=1, line=32)
    spool.record(202, e.LOCK_RELEASE, 0, 7)
    spool.record(203, e.LOCK_WAIT_END, e.LOCK_TAKEN, 7, thread=3)
    wait(spool, 204, 8, thread=3, holder=2)
    watched.look(spool)
    (sentence,) = watched.look()
    assert "a waits in work (app.py:12) for Lock 7, which b took in work (app.py:32)" in sentence


def test_nobody_holds_it_any_more(watched: Watched, spool: SpoolWriter) -> None:
    """What was released since is held by nobody who is known, whatever the wait says."""
    wait(spool, 200, 7, thread=2, holder=3)
    wait(spool, 201, 8, thread=3, holder=2)
    spool.record(202, e.LOCK_RELEASE, 0, 8, thread=1)
    assert watched.look(spool) == watched.look() == []


def test_idle_workers(watched: Watched, spool: SpoolWriter) -> None:
    """Who waits for a word or for work waits for nobody, however long."""
    for thread in (2, 3):
        spool.record(200, e.LOCK_WAIT, "Lock", thread, thread=thread)
    assert watched.look(spool) == watched.look() == []


def test_left_behind_by_a_fork(watched: Watched, spool: SpoolWriter) -> None:
    """Nobody is left who could release what was held at a fork."""
    details = (e.INHERITED, 0, 2), (e.AWAITS, 0, spool.name(code_text("work", "app.py", 12)))
    spool.record(200, e.LOCK_WAIT, "Lock", 7, *details)
    watched.look(spool)
    (sentence,) = watched.look()
    assert "which a thread of the parent held at the fork: no thread here can release it" in sentence


@pytest.mark.parametrize("is_signal", [False, True])
def test_shared(watched: Watched, spool: SpoolWriter, is_signal: bool) -> None:
    """Of a lock that processes share whoever took it last holds it; one that others release is a signal."""
    shared = e.SHARED_LOCK, 0, 4711
    spool.record(150, e.LOCK_ACQUIRED, "SemLock", 5, shared, thread=3)
    if is_signal:
        spool.record(160, e.LOCK_RELEASE, 0, 5, shared, thread=1)
    wait(spool, 200, 8, thread=3, holder=2)
    spool.record(201, e.LOCK_WAIT, "SemLock", 5, shared, thread=2)
    watched.look(spool)
    assert len(watched.look()) == (not is_signal)


@pytest.mark.parametrize("class_name", ["Thread", "Lock"])
def test_a_join(watched: Watched, spool: SpoolWriter, class_name: str) -> None:
    """Who joins a thread waits for its end, and may hold what that one needs."""
    where = e.AWAITS, 0, spool.name(code_text("main", "app.py", 40))
    taken = e.HELD_AT, 0, spool.name(code_text("Thread._set_tstate_lock", "threading.py", 1))
    details = (where,) if class_name == "Thread" else (taken, where)
    spool.record(200, e.LOCK_WAIT, class_name, 9, (e.HOLDER, 0, 2), *details)
    wait(spool, 201, 7, thread=2, holder=1)
    watched.look(spool)
    (sentence,) = watched.look()
    assert "MainThread waits in main (app.py:40) for a to end; a waits in work" in sentence


def test_two_processes(watched: Watched, spool: SpoolWriter) -> None:
    """Threads of different processes are told apart by their pids."""
    child = os.fork()
    if not child:
        signal.pause()
        os._exit(0)
    other = living(child)
    for held, number in ((spool, 1), (other, 2)):
        held.record(150, e.LOCK_ACQUIRED, "Lock", 5, (e.SHARED_LOCK, 0, number))
        held.record(200, e.LOCK_WAIT, "Lock", 6, (e.SHARED_LOCK, 0, 3 - number))
    watched.look(spool, other)
    (sentence,) = watched.look()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert f"MainThread of process {child} waits for Lock 1, which MainThread of process {os.getpid()} took" in sentence
    assert sentence.startswith("processes ")


def test_many_waits(watched: Watched, spool: SpoolWriter) -> None:
    """Whatever was recorded between, the wait at the end counts, and is told with the block that it lies in."""
    for time in range(1000):
        wait(spool, 200 + time, 7, thread=2, holder=1)
        spool.record(200 + time, e.LOCK_WAIT_END, e.LOCK_TAKEN, 7, thread=2)
    wait(spool, 2000, 8, thread=2, holder=3)
    wait(spool, 2001, 7, thread=3, holder=2)
    watched.look(spool)
    assert len(watched.look()) == 1


def test_of_a_process_that_has_gone(watched: Watched) -> None:
    """What a process waited for when it was killed is nobody's deadlock now."""
    spool = SpoolWriter(2**22 + 1, ended=layout.ENDED_NOT)
    wait(spool, 200, 7, thread=2, holder=2)
    assert watched.look(spool) == watched.look() == []
