"""Loops between their turns: how long they wait, and how many callbacks are ready. Times in ns, from the first record on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from spool_writer import SpoolWriter
from tests_support import rows_of

from tracekit import events as e
from tracekit.load.counts import thin
from tracekit.model.trace import Trace

US = 1000


def test_waiting(loaded: Callable[..., Trace]) -> None:
    """A loop waits from the end of a turn until it looks what is ready, or else until the next turn; not for a moment only."""
    spool = SpoolWriter(start_monotonic=1000)
    spool.record(1000, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(1000, e.LOOP_BEGIN, "Loop", 1)
    for begin, looked in ((30, 28), (40, 0), (55, 0), (90, 88)):
        if looked:
            spool.record(1000 + looked * US, e.LOOP_TURN, 0, begin)
        spool.record(1000 + begin * US, e.CALLBACK_BEGIN, "turn")
        spool.record(1000 + (begin + 5) * US, e.CALLBACK_END)
    spool.record(1000 + 200 * US, e.LOOP_END, 0, 1)
    trace = loaded(spool)
    waits = [(row.start // US, row.end // US, row.unfinished) for row in rows_of(trace, "SELECT")]
    assert waits == [(0, 28, False), (45, 55, False), (60, 88, False)]
    counters = trace.counters
    ready = [
        (time // US, value)
        for time, name, value in zip(counters.time.tolist(), counters.name.tolist(), counters.value.tolist())
        if trace.strings[name] == "ready queue"
    ]
    assert ready == [(28, 30.0), (88, 90.0)]
    assert {trace.strings[series] for series in counters.series.tolist()} == {"Loop"}


def test_killed_while_it_waited(loaded: Callable[..., Trace]) -> None:
    """A wait that a kill cut off is drawn up to the last thing that was seen, and marked."""
    spool = SpoolWriter(start_monotonic=1000, ended=0)
    spool.record(1000, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(1000, e.LOOP_BEGIN, "Loop", 1)
    spool.record(1000 + 50 * US, e.INSTANT, "seen", thread=2)
    (wait,) = rows_of(loaded(spool), "SELECT")
    assert (wait.start, wait.end, wait.unfinished) == (0, 50 * US, True)


def test_live_tasks(loaded: Callable[..., Trace]) -> None:
    """The counter of live tasks rises with each creation and falls with each end; a pending task stays in it."""
    spool = SpoolWriter(start_monotonic=100)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    for serial in (1, 2):
        spool.record(100 + serial * 10, e.TASK_CREATED, f"t{serial}", serial)
    spool.record(150, e.TASK_DONE, e.OUTCOME_DONE, 1)
    spool.record(160, e.INSTANT, "last")
    counters = loaded(spool).counters
    assert list(zip(counters.time.tolist(), counters.value.tolist())) == [(10, 1.0), (20, 2.0), (50, 1.0)]


def test_thinning_keeps_the_highest() -> None:
    """A long counter is thinned out evenly, and loses neither its highest value nor its last one."""
    time = np.arange(1000)
    value = time % 7
    value[333] = 99
    kept_time, kept = thin(time, value, most=100)
    assert len(kept) <= 100
    assert (kept.max(), kept_time[-1]) == (99, 999)
    assert (np.diff(kept_time) > 0).all()
    assert np.diff(kept_time).max() <= 40
    assert thin(time, value, most=1000)[1] is value
