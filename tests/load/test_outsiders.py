"""Outsiders: what observers saw of processes that recorded nothing becomes rows and lives. Journals are made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from observer_writer import MS, PID, ObserverWriter
from spool_writer import SpoolWriter
from tests_support import rows_of, trace_of

from tracekit import events

CHILD = 200


class Watching(ObserverWriter):
    """The journal of who watches a program that records nothing; times in ms."""

    def process(self, time: float, name: str, command: str, pid: int = PID, parent: int = 1) -> None:
        details = (events.PARENT, 0, parent), (events.COMMAND, 0, self.name(command))
        self.record(round(time * MS), events.SEEN_PROCESS, name, pid, *details)

    def thread(self, time: float, name: str, tid: int = PID, pid: int = PID, late: bool = False) -> None:
        details = [(events.PID, 0, pid)] + [(events.LATE, 0, 1)] * late
        self.record(round(time * MS), events.SEEN_THREAD, name, tid, *details)

    def gone(self, time: float, tid: int = PID, pid: int = PID) -> None:
        self.record(round(time * MS), events.GONE, 0, tid, (events.PID, 0, pid))


@pytest.fixture
def watching() -> Watching:
    """Who watches."""
    return Watching()


def test_processes_and_threads(tmp_path: Path, watching: Watching) -> None:
    """Each process and thread has a row, from when it was seen until it was gone, and what its samples tell."""
    watching.process(10, "python", "python app.py")
    watching.thread(10, "MainThread", late=True)
    watching.thread(20, "python 101", tid=101)
    watching.process(30, "sh", "sh -c true", pid=CHILD, parent=PID)
    watching.thread(30, "MainThread", tid=CHILD, pid=CHILD)
    watching.sample(40, events.STATE_SLEEP)
    watching.thread(50, "worker", tid=101)
    watching.gone(60, tid=101)
    watching.gone(70, tid=CHILD, pid=CHILD)
    watching.sample(90, events.STATE_SLEEP)

    trace = trace_of(tmp_path, watching)
    assert [(process.pid, process.name, process.command) for process in trace.processes] == [
        (PID, "python", "python app.py"),
        (CHILD, "sh", "sh -c true"),
    ]
    assert (trace.processes[1].parent, trace.processes[1].ended) == (0, 60 * MS)
    assert [(thread.name, thread.main, thread.begun_before) for thread in trace.threads] == [
        ("MainThread", True, True),
        ("worker", False, False),
        ("MainThread", True, False),
    ]
    lives = [(row.name, row.start // MS, row.end // MS, row.unfinished) for row in rows_of(trace, "THREAD")]
    assert lives == [("MainThread", 0, 80, True), ("worker", 10, 50, False), ("MainThread", 20, 60, False)]
    assert [(states.thread, states.sleep) for states in trace.states] == [(0, 50 * MS)]


def test_a_tid_that_is_used_again(tmp_path: Path, watching: Watching) -> None:
    """A thread that gets the tid of one that is gone is another thread."""
    watching.process(10, "python", "python app.py")
    watching.thread(10, "first", tid=101)
    watching.gone(20, tid=101)
    watching.thread(30, "second", tid=101)
    watching.gone(40, tid=101)

    trace = trace_of(tmp_path, watching)
    assert [(row.name, row.start // MS, row.end // MS) for row in rows_of(trace, "THREAD")] == [
        ("first", 0, 10),
        ("second", 20, 30),
    ]


def test_who_records_is_no_outsider(tmp_path: Path, watching: Watching) -> None:
    """A process that recorded itself has one row only, its own."""
    program = SpoolWriter(pid=PID)
    program.record(1 * MS, events.PROCESS_BEGIN, "program")
    program.record(1 * MS, events.THREAD_BEGIN, "MainThread", 1)
    program.record(90 * MS, events.PROCESS_END)
    watching.process(10, "python", "python app.py")
    watching.thread(10, "MainThread", late=True)

    trace = trace_of(tmp_path, program, watching)
    assert [process.name for process in trace.processes] == ["program"]
    assert len(trace.threads) == 1


def test_a_pipeline(tmp_path: Path, watching: Watching) -> None:
    """Who recorded has the one for its parent that was seen to be there, and so have others that it started."""
    program = SpoolWriter(pid=CHILD, ppid=PID)
    program.record(15 * MS, events.PROCESS_BEGIN, "program")
    program.record(15 * MS, events.THREAD_BEGIN, "MainThread", 1)
    program.record(90 * MS, events.PROCESS_END)
    watching.process(20, "sh", "sh -c 'python program.py | sort'")
    watching.thread(20, "sh")
    watching.process(20, "sort", "sort", pid=300, parent=PID)
    watching.thread(20, "sort", tid=300, pid=300)
    watching.gone(95, tid=300, pid=300)

    trace = trace_of(tmp_path, program, watching)
    own, shell, sort = trace.processes
    assert [process.name for process in trace.processes] == ["program", "sh", "sort"]
    assert (own.parent, shell.parent, sort.parent) == (1, None, 1)
    assert shell.started <= own.started
    assert (own.untraced, bool(shell.untraced), bool(sort.untraced)) == ("", True, True)
    assert (shell.ended, sort.ended) == (None, trace.duration)


def test_who_started_it_tells_more(tmp_path: Path, watching: Watching) -> None:
    """A program of which who started it has told already has one row, and the life of its thread besides."""
    program = SpoolWriter(pid=PID)
    program.record(1 * MS, events.PROCESS_BEGIN, "program")
    program.record(1 * MS, events.THREAD_BEGIN, "MainThread", 1)
    program.record(5 * MS, events.PROCESS_SPAWN, "sort", CHILD)
    program.record(90 * MS, events.PROCESS_END)
    watching.process(20, "sort", "sort", pid=CHILD, parent=PID)
    watching.thread(20, "sort", tid=CHILD, pid=CHILD)
    watching.gone(70, tid=CHILD, pid=CHILD)

    trace = trace_of(tmp_path, program, watching)
    assert [(process.name, process.parent) for process in trace.processes] == [("program", None), ("sort", 0)]
    assert [(thread.name, thread.process) for thread in trace.threads] == [("MainThread", 0), ("sort", 1)]


def test_damage(tmp_path: Path, watching: Watching) -> None:
    """What is said of threads whose process nobody has seen is left out."""
    watching.process(5, "nobody", "nobody", pid=0)
    watching.record(6 * MS, events.SEEN_THREAD, "of nobody", 11)
    watching.thread(10, "nobody's", pid=7)
    watching.gone(20, tid=9, pid=7)
    watching.process(30, "python", "python app.py")
    watching.gone(40)
    watching.thread(50, "MainThread")

    trace = trace_of(tmp_path, watching)
    assert [thread.name for thread in trace.threads] == ["MainThread"]
