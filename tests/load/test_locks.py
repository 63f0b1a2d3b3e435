"""Waits for locks, and the arrows that end them. Times are ns since the first record."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from spool_writer import Detail, SpoolWriter
from tests_support import Row, rows_of

from tracekit import events as e
from tracekit.model.trace import Trace
from tracekit.spool.layout import code_text

Loaded = Callable[..., Trace]
Arrows = Callable[[Trace], list[object]]

USER = "update", "app.py", 12
HELD = {"held_in": "take", "held_file": "app.py", "held_line": 5}


@pytest.fixture
def spool() -> SpoolWriter:
    """A main thread and two workers that have begun."""
    writer = SpoolWriter(start_monotonic=100)
    for thread, name in ((1, "MainThread"), (2, "a"), (3, "b")):
        writer.record(100, e.THREAD_BEGIN, name, thread, thread=thread)
    return writer


def awaits(spool: SpoolWriter, function: str = "", file: str = "/lib/python3.11/threading.py") -> Detail:
    """An AWAITS detail of the user's line, and of the library's function around the wait."""
    what = spool.name(code_text(function, file, 1)) if function else 0
    return e.AWAITS, 0, spool.name(code_text(*USER)) | what << 32


def held(spool: SpoolWriter, holder: int, kind: int = e.HOLDER) -> tuple[Detail, Detail]:
    """The details that say who holds a lock, and where it was taken."""
    return (kind, 0, holder), (e.HELD_AT, 0, spool.name(code_text("take", "app.py", 5)))


def waits(trace: Trace) -> list[Row]:
    """The waits by their beginnings."""
    return rows_of(trace, "WAIT")


def test_a_lock(spool: SpoolWriter, loaded: Loaded, arrows: Arrows) -> None:
    """A wait says where, for whom and how it ended; an arrow leads from who released the lock to the end of the wait."""
    spool.record(120, e.LOCK_WAIT, "Lock", 7, *held(spool, 1), awaits(spool), thread=2)
    spool.record(130, e.LOCK_RELEASE, 0, 7)
    spool.record(135, e.LOCK_WAIT_END, e.LOCK_TAKEN, 7, thread=2)
    trace = loaded(spool)
    (wait,) = waits(trace)
    assert (wait.name, wait.start, wait.end, wait.unfinished) == ("Lock.acquire", 20, 35, False)
    assert wait.args == {
        "lock": "Lock 7",
        "outcome": "taken",
        "function": "update",
        "file": "app.py",
        "line": 12,
        "held_by": "MainThread",
        "held_by_tid": 100,
        **HELD,
    }
    (point,) = rows_of(trace, "ACQUIRED")
    assert (point.name, point.track, point.start, point.end) == ("acquired", wait.track, 35, 35)
    assert arrows(trace) == [("RELEASE", "MainThread", 30, "acquired")]


@pytest.mark.parametrize(
    ("function", "file", "class_name", "name"),
    [
        ("Event.wait", "/lib/python3.11/threading.py", "Lock", "Event.wait"),
        ("Queue.get", "/lib/python3.11/queue.py", "Lock", "queue.Queue.get"),
        ("Semaphore.acquire", "/lib/python3.11/threading.py", "Lock", "Semaphore.acquire"),
        ("Thread.join", "/lib/python3.11/threading.py", "Lock", "Thread.join"),
        ("SemLock.__enter__", "/lib/multiprocessing/synchronize.py", "SemLock", "multiprocessing.SemLock.acquire"),
        ("_worker", "/lib/python3.11/concurrent/futures/thread.py", "SimpleQueue", "idle worker"),
        ("Pool.get", "/site-packages/pool/pool.py", "Lock", "Pool.get"),
        ("", "", "SimpleQueue", "queue.SimpleQueue.get"),
        ("", "", "RLock", "RLock.acquire"),
        (*USER[:2], "Lock", "Lock.acquire"),
    ],
)
def test_names(spool: SpoolWriter, loaded: Loaded, function: str, file: str, class_name: str, name: str) -> None:
    """A wait is called what the program called."""
    spool.record(120, e.LOCK_WAIT, class_name, 7, awaits(spool, function, file), thread=2)
    spool.record(135, e.LOCK_WAIT_END, e.LOCK_TAKEN, 7, thread=2)
    (wait,) = waits(loaded(spool))
    assert (wait.name, wait.args["function"]) == (name, "update")


def test_a_condition(spool: SpoolWriter, loaded: Loaded, arrows: Arrows) -> None:
    """Whoever is notified is woken by the thread that did it, and held up by nobody."""
    spool.record(120, e.LOCK_WAIT, "Lock", 8, awaits(spool, "Condition.wait"), thread=2)
    spool.record(130, e.LOCK_RELEASE, 0, 8, thread=3)
    spool.record(135, e.LOCK_WAIT_END, e.LOCK_TAKEN, 8, thread=2)
    trace = loaded(spool)
    assert "held_by" not in waits(trace)[0].args
    assert arrows(trace) == [("RELEASE", "b", 30, "woken")]


def test_one_after_another(spool: SpoolWriter, loaded: Loaded, arrows: Arrows) -> None:
    """Each release ends one wait: the first that ends after it. What was released before a wait began did not end it."""
    spool.record(110, e.LOCK_RELEASE, 0, 7)
    spool.record(120, e.LOCK_WAIT, "Lock", 7, *held(spool, 1), thread=2)
    spool.record(121, e.LOCK_WAIT, "Lock", 7, *held(spool, 1), thread=3)
    spool.record(130, e.LOCK_RELEASE, 0, 7)
    spool.record(135, e.LOCK_WAIT_END, e.LOCK_TAKEN, 7, thread=3)
    spool.record(140, e.LOCK_RELEASE, 0, 7, thread=3)
    spool.record(145, e.LOCK_WAIT_END, e.LOCK_TAKEN, 7, thread=2)
    spool.record(150, e.LOCK_WAIT, "Lock", 7, *held(spool, 2), thread=3)
    spool.record(160, e.LOCK_WAIT_END, e.LOCK_TAKEN, 7, thread=3)
    trace = loaded(spool)
    assert arrows(trace) == [("RELEASE", "MainThread", 30, "acquired"), ("RELEASE", "b", 40, "acquired")]
    assert [row.start for row in rows_of(trace, "ACQUIRED")] == [35, 45]


def test_given_up(spool: SpoolWriter, loaded: Loaded, arrows: Arrows) -> None:
    """A wait that timed out has no arrow, whatever was released."""
    spool.record(120, e.LOCK_WAIT, "Lock", 7, *held(spool, 1), thread=2)
    spool.record(130, e.LOCK_RELEASE, 0, 7)
    spool.record(135, e.LOCK_WAIT_END, e.LOCK_GIVEN_UP, 7, thread=2)
    trace = loaded(spool)
    (wait,) = waits(trace)
    assert (wait.args["outcome"], wait.unfinished) == ("given up", False)
    assert "held_by" not in wait.args
    assert arrows(trace) == []


def test_a_wait_without_an_end(spool: SpoolWriter, loaded: Loaded) -> None:
    """What still waited when the recording ended goes on to there, marked, and knows whom it waited for."""
    spool.record(120, e.LOCK_WAIT, "Lock", 7, *held(spool, 1), awaits(spool), thread=2)
    spool.record(190, e.INSTANT, "last")
    (wait,) = waits(loaded(spool))
    assert (wait.end, wait.unfinished, wait.args["outcome"], wait.args["held_by"]) == (
        90,
        True,
        "unfinished",
        "MainThread",
    )


def test_another_one_got_it(spool: SpoolWriter, loaded: Loaded) -> None:
    """Who gets nothing waits for the last who got the lock, and it was taken where that one had waited for it."""
    spool.record(120, e.LOCK_WAIT, "Lock", 7, *held(spool, 1), thread=2)
    spool.record(121, e.LOCK_WAIT, "Lock", 7, *held(spool, 1), awaits(spool), thread=3)
    spool.record(130, e.LOCK_RELEASE, 0, 7)
    spool.record(135, e.LOCK_WAIT_END, e.LOCK_TAKEN, 7, thread=3)
    spool.record(190, e.INSTANT, "last")
    args = waits(loaded(spool))[0].args
    assert (args["held_by"], args["held_in"], args["held_line"]) == ("b", "update", 12)


@pytest.mark.parametrize(
    ("kind", "a", "place"),
    [
        (e.LOCK_WAIT_END, e.LOCK_TAKEN, {"held_in": "update", "held_file": "app.py", "held_line": 12}),
        (e.LOCK_RELEASE, 0, {}),
    ],
    ids=["takes it", "releases it"],
)
def test_on_a_hand_over(spool: SpoolWriter, loaded: Loaded, kind: int, a: int, place: dict[str, object]) -> None:
    """Who asks before the next one has noted that it has the lock waits for whoever is first seen to have it."""
    spool.record(115, e.LOCK_WAIT, "Lock", 7, *held(spool, 2), awaits(spool), thread=3)
    spool.record(120, e.LOCK_RELEASE, 0, 7, thread=2)
    spool.record(121, e.LOCK_WAIT, "Lock", 7, awaits(spool), thread=2)
    spool.record(125, kind, a, 7, thread=3)
    spool.record(128, e.LOCK_RELEASE, 0, 7)
    spool.record(135, e.LOCK_WAIT_END, e.LOCK_TAKEN, 7, thread=2)
    args = waits(loaded(spool))[1].args
    assert args["held_by"] == "b"
    assert {key: args[key] for key in HELD if key in args} == place


def test_a_lock_that_a_fork_left_taken(spool: SpoolWriter, loaded: Loaded) -> None:
    """What a thread of the parent held when it forked, nobody in the child does: the parent's thread is named."""
    spool.record(150, e.PROCESS_FORK, 0, 1)
    child = SpoolWriter(300, ppid=100, fork=1, start_monotonic=160)
    child.record(160, e.THREAD_BEGIN, "MainThread", 1)
    child.record(170, e.LOCK_WAIT, "Lock", 1, *held(child, 2, e.INHERITED), awaits(child))
    child.record(180, e.INSTANT, "last")
    (wait,) = waits(loaded(spool, child))
    assert (wait.args["held_by"], wait.args["held_by_tid"], wait.args["held_by_pid"], wait.args["inherited"]) == (
        "a",
        101,
        100,
        True,
    )


def test_a_holder_that_nobody_knows(spool: SpoolWriter, loaded: Loaded) -> None:
    """Of a holder without records nothing is claimed but where it took the lock."""
    spool.record(120, e.LOCK_WAIT, "Lock", 7, *held(spool, 99), thread=2)
    spool.record(135, e.LOCK_WAIT_END, e.LOCK_TAKEN, 7, thread=2)
    assert waits(loaded(spool))[0].args == {"lock": "Lock 7", "outcome": "taken", **HELD}


@pytest.mark.parametrize("version", [11, 13])
def test_a_join(spool: SpoolWriter, loaded: Loaded, arrows: Arrows, version: int) -> None:
    """Who joins a thread waits for its end, which is what ends the wait: no lock and no place is told of it."""
    inside = code_text("Thread._set_tstate_lock", "/lib/python3.11/threading.py", 1)
    old = (e.HOLDER, 0, 2), (e.HELD_AT, 0, spool.name(inside)), awaits(spool, "Thread.join")
    details = old if version == 11 else ((e.HOLDER, 0, 2), awaits(spool))
    spool.record(120, e.LOCK_WAIT, "Lock" if version == 11 else "Thread", 7, *details)
    spool.record(150, e.THREAD_END, 0, 2, thread=2)
    spool.record(160, e.LOCK_WAIT_END, e.LOCK_TAKEN, 7)
    trace = loaded(spool)
    (wait,) = waits(trace)
    assert (wait.name, wait.args["joined"], wait.args["joined_tid"]) == ("Thread.join", "a", 101)
    assert not {"lock", "held_by", "held_in"} & wait.args.keys()
    assert arrows(trace) == [("RELEASE", "a", 50, "joined")]


def test_shared_by_processes(loaded: Loaded, arrows: Arrows) -> None:
    """Who waits in one process for what a thread of another one holds knows who that is, and who released it."""
    one, two = SpoolWriter(100, start_monotonic=100), SpoolWriter(200, start_monotonic=100)
    shared = e.SHARED_LOCK, 0, 4711
    for spool in (one, two):
        spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    one.record(110, e.LOCK_ACQUIRED, "SemLock", 1, shared, (e.HELD_AT, 0, one.name(code_text("take", "app.py", 5))))
    two.record(120, e.LOCK_WAIT, "SemLock", 3, awaits(two), shared)
    one.record(130, e.LOCK_RELEASE, 0, 1, shared)
    two.record(140, e.LOCK_WAIT_END, e.LOCK_TAKEN, 3)
    two.record(140, e.LOCK_ACQUIRED, "SemLock", 3, shared)
    one.record(150, e.LOCK_WAIT, "SemLock", 1, awaits(one), shared)
    one.record(190, e.INSTANT, "last")
    trace = loaded(one, two)
    first, second = waits(trace)
    assert (first.name, first.args["lock"], first.args["shared"]) == (
        "multiprocessing.SemLock.acquire",
        "shared SemLock 1",
        True,
    )
    assert (first.args["held_by_pid"], first.args["held_by_tid"], first.args["held_in"]) == (100, 100, "take")
    assert (second.args["lock"], second.args["held_by_pid"], second.unfinished) == ("shared SemLock 1", 200, True)
    assert arrows(trace) == [("RELEASE", "MainThread", 30, "acquired")]


def test_a_semaphore_as_a_signal(spool: SpoolWriter, loaded: Loaded) -> None:
    """What one thread takes and another one releases, or several hold at once, is held by nobody."""
    shared = e.SHARED_LOCK, 0, 4711
    spool.record(110, e.LOCK_ACQUIRED, "SemLock", 1, shared, thread=2)
    spool.record(115, e.LOCK_RELEASE, 0, 1, shared, thread=3)
    spool.record(116, e.LOCK_ACQUIRED, "SemLock", 1, shared, thread=2)
    spool.record(120, e.LOCK_WAIT, "SemLock", 1, awaits(spool), shared)
    spool.record(130, e.LOCK_WAIT_END, e.LOCK_GIVEN_UP, 1)
    assert "held_by" not in waits(loaded(spool))[0].args


def test_a_wait_from_before_the_window(loaded: Loaded, arrows: Arrows) -> None:
    """A flight recorder carries a wait that goes on: it is there from the start of the window, with all that it tells."""
    spool = SpoolWriter(start_monotonic=100, let_go=1000, flight_ns=10_000)
    for thread, name in ((1, "MainThread"), (2, "a")):
        spool.carry(110, e.THREAD_BEGIN, name, thread, slot=(1 << 20) + 10 * thread, thread=thread)
    details = *held(spool, 1), awaits(spool)
    spool.carry(500, e.LOCK_WAIT, "Lock", 7, *details, slot=(1 << 20) + 50, thread=2)
    spool.record(1300, e.LOCK_RELEASE, 0, 7)
    spool.record(1400, e.LOCK_WAIT_END, e.LOCK_TAKEN, 7, thread=2)
    trace = loaded(spool)
    (wait,) = waits(trace)
    assert (wait.name, wait.start, wait.args["held_by"], wait.args["outcome"]) == (
        "Lock.acquire",
        0,
        "MainThread",
        "taken",
    )
    assert "before the window" in wait.args["begun before"]
    assert [arrow[0] for arrow in arrows(trace)] == ["RELEASE"]


def test_an_end_without_a_wait(spool: SpoolWriter, loaded: Loaded) -> None:
    """An end whose beginning was not recorded is left out, and counted."""
    spool.record(135, e.LOCK_WAIT_END, e.LOCK_TAKEN, 7, thread=2)
    trace = loaded(spool)
    assert waits(trace) == []
    assert any("ends of a lock wait whose beginning was not recorded" in note for note in trace.notes)


def test_a_wait_in_a_wait(spool: SpoolWriter, loaded: Loaded) -> None:
    """A signal's handler may wait while its thread does."""
    spool.record(120, e.LOCK_WAIT, "Lock", 7, awaits(spool))
    spool.record(125, e.LOCK_WAIT, "Lock", 8, awaits(spool))
    spool.record(130, e.LOCK_WAIT_END, e.LOCK_TAKEN, 8)
    spool.record(140, e.LOCK_WAIT_END, e.LOCK_TAKEN, 7)
    assert [(row.start, row.end, row.depth) for row in waits(loaded(spool))] == [(20, 40, 0), (25, 30, 1)]
