"""Threads: their rows, their lives, who started them, and what can happen on any of them. Knows no task."""

from __future__ import annotations

from collections.abc import Callable

from spool_writer import SpoolWriter
from tests_support import rows_of

from tracekit import events as e
from tracekit.model.trace import Trace
from tracekit.spool.layout import code_text


def test_threads(loaded: Callable[..., Trace], arrows: Callable[[Trace], list[object]]) -> None:
    """A thread has one slice for its life, its last name, and an arrow from whoever started it."""
    spool = SpoolWriter(100, start_monotonic=100)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(110, e.THREAD_START, "Thread-1", 2)
    spool.record(115, e.THREAD_BEGIN, "Thread-1", 2, thread=2)
    spool.record(120, e.THREAD_NAME, "worker", 2, thread=2)
    spool.record(130, e.THREAD_END, 0, 2, thread=2)
    spool.record(140, e.PROCESS_END)
    trace = loaded(spool)
    main, worker = trace.threads
    assert (main.main, main.tid, main.ended, main.starter) == (True, 100, 40, None)
    assert (worker.main, worker.tid, worker.name, worker.started, worker.ended, worker.starter) == (
        False,
        101,
        "worker",
        15,
        30,
        0,
    )
    assert [(row.name, row.start, row.end, row.unfinished) for row in rows_of(trace, "THREAD")] == [
        ("MainThread", 0, 40, False),
        ("worker", 15, 30, False),
    ]
    assert arrows(trace) == [("START", "MainThread", 10, "worker")]


def test_a_thread_without_an_end(loaded: Callable[..., Trace]) -> None:
    """A thread whose end was not seen is drawn to the end of its process, and marked; a late one as begun before."""
    spool = SpoolWriter(start_monotonic=100)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1, (e.LATE, 0, 0))
    spool.record(110, e.THREAD_BEGIN, "daemon", 2, thread=2)
    spool.record(190, e.PROCESS_END)
    trace = loaded(spool)
    assert trace.threads[0].begun_before
    assert trace.threads[1].ended is None
    daemon = rows_of(trace, "THREAD")[1]
    assert (daemon.end, daemon.unfinished) == (90, True)


def test_what_can_happen_anywhere(loaded: Callable[..., Trace]) -> None:
    """Instants, counters and garbage collections lie where they were written, with what they carry."""
    spool = SpoolWriter(start_monotonic=100)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(110, e.INSTANT, "miss", 0, spool.arg("key", "a"), spool.arg("none", None))
    spool.record(120, e.COUNTER, "queue", 0, spool.arg("depth", -4), spool.arg("share", 0.5))
    spool.record(130, e.GC_BEGIN, 2)
    spool.record(140, e.GC_END, 2, 17)
    trace = loaded(spool)
    assert trace.instants.time.tolist() == [10]
    assert trace.args[trace.instants.args[0]] == {"key": "a", "none": None}
    counters = trace.counters
    assert [(trace.strings[s], v) for s, v in zip(counters.series, counters.value.tolist())] == [
        ("depth", -4.0),
        ("share", 0.5),
    ]
    (collection,) = rows_of(trace, "GC")
    assert (collection.name, collection.start, collection.end, collection.args) == (
        "gc generation 2",
        30,
        40,
        {"collected": 17},
    )


def test_what_lies_on_top_of_an_end_was_cut_off(loaded: Callable[..., Trace]) -> None:
    """An end closes its own beginning; what began on top of that and has no end of its own ends there, marked."""
    spool = SpoolWriter(start_monotonic=100)
    spool.record(100, e.LOOP_BEGIN, "Loop", 1)
    spool.record(110, e.CALLBACK_BEGIN, "lost its end")
    spool.record(120, e.LOOP_END, 0, 1)
    spool.record(130, e.CALLBACK_END)
    trace = loaded(spool)
    (callback,) = rows_of(trace, "CALLBACK")
    assert (callback.end, callback.unfinished) == (20, True)
    assert not rows_of(trace, "LOOP")[0].unfinished
    assert any("ends of a callback" in note and note.endswith(": 1") for note in trace.notes)


def test_a_detail_after_a_hole_belongs_to_nobody(loaded: Callable[..., Trace]) -> None:
    """An argument whose own record was cut off is not given to the record before."""
    spool = SpoolWriter(start_monotonic=100)
    spool.record(100, e.INSTANT, "whole")
    spool.hole()
    spool.record(7, e.ARG_INT, "not its own")
    trace = loaded(spool)
    assert trace.instants.args.tolist() == [-1]


def test_a_clock_that_runs_backwards_stands_still(loaded: Callable[..., Trace]) -> None:
    """Times of one thread that damage made smaller than those before are taken for equal to them."""
    spool = SpoolWriter(start_monotonic=100)
    for time in (100, 150, 120, 160):
        spool.record(time, e.INSTANT, "tick")
    assert loaded(spool).instants.time.tolist() == [0, 50, 50, 60]


def test_what_a_thread_was_started_for(loaded: Callable[..., Trace]) -> None:
    """The life of a thread says what it was started for, as far as whoever started it does."""
    spool = SpoolWriter(100, start_monotonic=100)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    code = spool.name(code_text("work", "/app/app.py", 3))
    spool.record(110, e.THREAD_START, "placed", 2, (e.CODE, 0, code))
    spool.record(111, e.THREAD_START, "other", 3)
    spool.record(115, e.THREAD_BEGIN, "placed", 2, thread=2)
    spool.record(116, e.THREAD_BEGIN, "other", 3, thread=3)
    main, placed, other = rows_of(loaded(spool), "THREAD")
    assert placed.args == {"function": "work", "file": "/app/app.py", "line": 3}
    assert not main.args
    assert not other.args
