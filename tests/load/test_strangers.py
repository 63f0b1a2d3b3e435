"""Strangers: threads that only an observer saw. Spools are made by hand."""

from __future__ import annotations

import pytest
from observer_writer import MS, PID, ObserverWriter
from spool_writer import SpoolWriter
from tests_support import rows_of

from tests.load.conftest import Loaded
from tracekit import events
from tracekit.load import strangers


@pytest.fixture
def program() -> SpoolWriter:
    """A program with one thread."""
    writer = SpoolWriter(pid=PID)
    writer.record(0, events.PROCESS_BEGIN, "program")
    writer.record(0, events.THREAD_BEGIN, "MainThread", 1)
    writer.record(1000 * MS, events.PROCESS_END)
    return writer


def watch(observer: ObserverWriter, tid: int, ran: float, pid: int = PID) -> None:
    """A thread is seen for 0.4 s and has run for `ran` ms in the end."""
    for look in range(5):
        observer.sample(100 + 100 * look, events.STATE_RUNNING, ran * look / 4, tid=tid, pid=pid)


def test_who_ran_has_a_row(loaded: Loaded, program: SpoolWriter) -> None:
    """A thread that recorded nothing and has run is there for as long as it was seen, with its states, and says what it is."""
    observer = ObserverWriter()
    watch(observer, PID + 7, 300)
    trace = loaded(program, observer)
    row = trace.threads[1]
    assert (row.name, row.tid, row.started, row.ended) == (strangers.NAME, PID + 7, 100 * MS, None)
    assert [(states.thread, states.running) for states in trace.states] == [(1, 300 * MS)]
    life = next(life for life in rows_of(trace, "THREAD") if life.name == strangers.NAME)
    assert (life.end - life.start, life.unfinished, life.args) == (400 * MS, True, strangers.ABOUT)


def test_who_did_nothing_has_none(loaded: Loaded, program: SpoolWriter) -> None:
    """One that hardly ran, and those of a process that is not in the trace, are no rows."""
    observer = ObserverWriter()
    watch(observer, PID + 7, 5)
    watch(observer, PID + 8, 300, pid=PID + 1)
    trace = loaded(program, observer)
    assert [row.name for row in trace.threads] == ["MainThread"]
    assert trace.states == []
