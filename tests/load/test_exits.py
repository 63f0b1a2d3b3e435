"""Exits, and how long starts took: from records made by hand. Times are ns since the first record."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from spool_writer import SpoolWriter
from tests_support import rows_of

from tracekit import events as e
from tracekit.load.exits import exit_code
from tracekit.model.trace import Trace
from tracekit.spool import layout


def process(pid: int, start: int, **header: int) -> SpoolWriter:
    """A process with a main thread."""
    spool = SpoolWriter(pid, start_monotonic=start, **header)
    spool.record(start, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(start + 1, e.PROCESS_BEGIN, f"app{pid}.py")
    return spool


def ended(spool: SpoolWriter, time: int, pid: int, status: int) -> None:
    """The process learns how a child of its ended."""
    spool.record(time, e.PROCESS_EXIT, 0, pid, (e.STATUS, 0, status))


@pytest.mark.parametrize(("status", "code"), [(0, 0), (3 << 8, 3), (255 << 8, 255), (9, -9), (11 | 0x80, -11)])
def test_exit_code(status: int, code: int) -> None:
    """What wait(2) tells is an exit code, or a signal, whether or not it left a core."""
    assert exit_code(status) == code


def test_a_pid_that_is_used_again(loaded: Callable[..., Trace]) -> None:
    """An end is that of the process which had the pid then."""
    parent = process(100, 100)
    ended(parent, 300, 200, 9)
    ended(parent, 600, 200, 0)
    first, second = process(200, 200, ppid=100, start_ticks=1), process(200, 400, ppid=100, start_ticks=2)
    assert [row.status for row in loaded(parent, first, second).processes] == [None, -9, 0]


def test_who_is_told_first_counts(loaded: Callable[..., Trace]) -> None:
    """A process ends once, however often that is told."""
    parent = process(100, 100)
    ended(parent, 300, 200, 3 << 8)
    ended(parent, 301, 200, 0)
    assert loaded(parent, process(200, 200, ppid=100)).processes[1].status == 3


def test_a_program_that_recorded_nothing(loaded: Callable[..., Trace]) -> None:
    """Of a program that is no Python its start, its end and its exit code are known."""
    parent = process(100, 100)
    parent.record(150, e.PROCESS_SPAWN, "ls", 200, (e.TOOK, 0, 30))
    ended(parent, 300, 200, 2 << 8)
    row = loaded(parent).processes[1]
    assert (row.name, row.started, row.ended, row.status, bool(row.untraced)) == ("ls", 20, 200, 2, True)


def test_a_fork_that_recorded_nothing(loaded: Callable[..., Trace]) -> None:
    """A fork that was killed before it could record is there with its parent, its beginning and its end."""
    parent = process(100, 100)
    parent.record(110, e.PROCESS_FORK, 0, 1)
    ended(parent, 150, 200, 9)
    row = loaded(parent).processes[1]
    assert (row.pid, row.parent, row.started, row.ended, row.status) == (200, 0, 10, 50, -9)
    assert row.untraced


def test_a_child_that_was_started_past_python(loaded: Callable[..., Trace]) -> None:
    """Of a child that a library in C made no more is known than its end."""
    parent = process(100, 100)
    ended(parent, 150, 200, 0)
    row = loaded(parent).processes[1]
    assert (row.pid, row.parent, row.started, row.ended, row.status) == (200, 0, 50, 50, 0)
    assert "only its end" in row.untraced


def test_an_exit_without_a_status(loaded: Callable[..., Trace]) -> None:
    """A record that was cut off tells nothing."""
    parent = process(100, 100)
    parent.record(150, e.PROCESS_EXIT, 0, 200)
    assert len(loaded(parent).processes) == 1


def test_the_note_says_how(loaded: Callable[..., Trace]) -> None:
    """What ended without a last word is told by how it ended, where somebody saw that."""
    parent = process(100, 100)
    ended(parent, 300, 200, 9)
    ended(parent, 301, 201, 4 << 8)
    children = [process(pid, 200, ppid=100, ended=layout.ENDED_NOT) for pid in (200, 201, 202)]
    notes = [note for note in loaded(parent, *children).notes if "without a last word" in note]
    assert [note.partition("(app")[2].partition("(")[2].partition(")")[0] for note in notes] == [
        "killed by SIGKILL",
        "exit code 4, as by os._exit",
        "killed, os._exit, or still running",
    ]


def test_a_start_by_fork(loaded: Callable[..., Trace]) -> None:
    """A fork has started when it records for the first time."""
    parent = process(100, 100)
    parent.record(110, e.PROCESS_FORK, 0, 1)
    assert loaded(parent, process(200, 135, ppid=100, fork=1)).processes[1].starting == 25


def test_a_start_of_a_program(loaded: Callable[..., Trace]) -> None:
    """A program was asked for when the call that started it began."""
    parent = process(100, 100)
    parent.record(150, e.PROCESS_SPAWN, "python", 200, (e.TOOK, 0, 30))
    assert loaded(parent, process(200, 190, ppid=100)).processes[1].starting == 70


def test_a_start_by_multiprocessing(loaded: Callable[..., Trace]) -> None:
    """A child of multiprocessing has started when it is about to run what it was made for."""
    parent = process(100, 100)
    parent.record(110, e.PROCESS_FORK, 0, 1)
    child = process(200, 135, ppid=100, fork=1)
    child.record(160, e.PROCESS_NAME, "worker")
    assert loaded(parent, child).processes[1].starting == 50


def test_a_start_by_a_fork_server(loaded: Callable[..., Trace]) -> None:
    """A process that a fork server made was asked for by who wanted it, not by the server."""
    asking = process(100, 100)
    asking.record(190, e.PROCESS_ASKED, 0, 200, (e.TOOK, 0, 80))
    server = process(150, 101, ppid=100)
    server.record(120, e.PROCESS_FORK, 0, 1)
    child = process(200, 121, ppid=150, fork=1)
    child.record(130, e.PROCESS_NAME, "ForkServerProcess-1", 0, (e.PARENT, 0, 100))
    row = loaded(asking, server, child).processes[2]
    assert (row.starting, row.parent) == (20, 0)


def test_a_start_that_nobody_saw(loaded: Callable[..., Trace]) -> None:
    """A process that a session began in later than it has no start-up time."""
    parent = process(100, 100)
    parent.record(110, e.PROCESS_SPAWN, "python", 200, (e.TOOK, 0, 5))
    child = SpoolWriter(200, start_monotonic=500, ppid=100)
    child.record(500, e.THREAD_BEGIN, "MainThread", 1)
    child.record(501, e.PROCESS_BEGIN, "app.py", 0, (e.LATE, 0, 0))
    assert [row.starting for row in loaded(parent, child).processes] == [None, None]


def test_what_a_click_tells(loaded: Callable[..., Trace]) -> None:
    """The life of a main thread says what ran there, how it ended and how long it took to start."""
    parent = process(100, 100)
    parent.record(110, e.PROCESS_SPAWN, "python", 200, (e.TOOK, 0, 5))
    ended(parent, 300, 200, 9)
    child = SpoolWriter(200, start_monotonic=200, ppid=100)
    child.record(200, e.THREAD_BEGIN, "MainThread", 1)
    child.record(201, e.PROCESS_BEGIN, "app.py", 0, child.arg("command", "python app.py"))
    trace = loaded(parent, child)
    (args,) = (trace.args[args] for args in trace.slices.args if args >= 0)
    assert args == {"command": "python app.py", "ended": "killed by SIGKILL", "start-up": "95 ns"}


def worker(spool: SpoolWriter, time: int, pid: int, pool: int = 1) -> None:
    """The process starts a worker for one of its pools that end theirs with SIGTERM."""
    details = (e.EXECUTOR, spool.name("Pool"), pool), (e.WORKERS, 0, 2)
    spool.record(time, e.POOL_WORKER, e.WORKER_TERMINATED, pid, *details)


@pytest.mark.parametrize(("status", "dismissed"), [(15, True), (9, False), (11, False), (1 << 8, False), (0, False)])
def test_a_worker_whose_pool_is_over(loaded: Callable[..., Trace], status: int, dismissed: bool) -> None:
    """A pool's worker that SIGTERM ended has been dismissed, and nothing is said of that; one that died otherwise has not."""
    parent = process(100, 100)
    worker(parent, 150, 200)
    ended(parent, 300, 200, status)
    trace = loaded(parent, process(200, 160, ppid=100, ended=layout.ENDED_NOT))
    assert trace.processes[1].dismissed is dismissed
    assert any("last word" in note for note in trace.notes) is not dismissed


def test_a_worker_that_is_replaced(loaded: Callable[..., Trace]) -> None:
    """A worker in whose place its pool starts another one was ended by somebody else; what another pool does is its own."""
    parent = process(100, 100)
    worker(parent, 150, 200)
    worker(parent, 151, 201, pool=2)
    ended(parent, 300, 200, 15)
    ended(parent, 301, 201, 15)
    worker(parent, 310, 202)
    trace = loaded(parent, *(process(pid, 160, ppid=100, ended=layout.ENDED_NOT) for pid in (200, 201)))
    assert {row.pid: row.dismissed for row in trace.processes} == {100: False, 200: False, 201: True}


def test_a_worker_that_is_dismissed_at_once(loaded: Callable[..., Trace]) -> None:
    """A worker whose pool is over before it could record anything has been dismissed as well."""
    parent = process(100, 100)
    parent.record(110, e.PROCESS_FORK, 0, 1)
    worker(parent, 120, 200)
    ended(parent, 150, 200, 15)
    assert loaded(parent).processes[1].dismissed


def test_a_process_that_is_no_worker(loaded: Callable[..., Trace]) -> None:
    """Whoever is no pool's worker was not dismissed, though SIGTERM ended it."""
    parent = process(100, 100)
    ended(parent, 300, 200, 15)
    assert not loaded(parent, process(200, 160, ppid=100)).processes[1].dismissed


def test_the_life_of_a_child_without_a_last_word(loaded: Callable[..., Trace]) -> None:
    """A child that left by os._exit is drawn up to when its parent was told of that, and marked as unfinished."""
    parent = process(100, 100)
    ended(parent, 500, 200, 0)
    trace = loaded(parent, process(200, 200, ppid=100, ended=layout.ENDED_NOT))
    life = rows_of(trace, "THREAD")[1]
    assert (life.start, life.end, life.unfinished) == (100, 400, True)
    assert trace.processes[1].ended is None


def test_the_life_of_a_child_whose_pid_is_used_again(loaded: Callable[..., Trace]) -> None:
    """Such a child is drawn up to its own end, not to that of the process which had its pid after it."""
    parent = process(100, 100)
    ended(parent, 300, 200, 9)
    ended(parent, 600, 200, 9)
    first, second = (process(200, start, ppid=100, start_ticks=start, ended=layout.ENDED_NOT) for start in (200, 400))
    assert [row.end for row in rows_of(loaded(parent, first, second), "THREAD")[1:]] == [200, 500]
