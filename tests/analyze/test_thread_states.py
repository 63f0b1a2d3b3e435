"""Thread states as rows: sums, turns, and stretches of time. Knows no recording; times are in ms."""

from __future__ import annotations

import numpy as np
from hand_made_states import MS, lay_states

from tracekit.analyze import thread_states
from tracekit.model.builder import Builder
from tracekit.model.trace import Trace


def two() -> Trace:
    """A process with two threads that take turns, and a third one that nobody sampled."""
    builder = Builder("app.py")
    process = builder.process(10, "app.py")
    first, _, third = (builder.thread(process, 11 + number, f"w{number}") for number in range(3))
    lay_states(builder, first, (10, "running"), (10, "waiting for the GIL"), times=10, switches=20)
    lay_states(builder, third, (10, "in a system call"), (10, "running"), times=15, switches=30)
    return builder.build()


def test_rows() -> None:
    """Each thread that was sampled has a row of its states, which add up to the time that was seen."""
    first, third = thread_states.threads(two())
    assert (first.name, third.name) == ("w0", "w2")
    assert (first.sampled, first.states["running"], first.states["gil"]) == (200 * MS, 100 * MS, 100 * MS)
    assert (third.states["other"], third.switches, third.longest_ready) == (150 * MS, 30, 0)
    assert sum(third.states.values()) == third.sampled


def test_turns() -> None:
    """A process tells how often a second its threads were switched, and how long one keeps a core."""
    (row,) = thread_states.turns(two())
    assert (row.threads, row.span, row.running, row.switches) == (2, 300 * MS, 250 * MS, 50)
    assert (round(row.per_second), row.turn) == (167, 5 * MS)


def test_nothing_sampled() -> None:
    """Without an observer there are no rows."""
    trace = Builder("app.py").build()
    assert (thread_states.threads(trace), thread_states.turns(trace)) == ([], [])


def test_stretches() -> None:
    """Stretches of several threads are counted once where they overlap."""
    start, end = thread_states.stretches(two(), [0, 2], "running")
    assert len(start) == 25
    assert thread_states.union(start, end) == 250 * MS
    start, end = np.array([0, 5, 30, 7]), np.array([10, 20, 40, 8])
    assert (thread_states.union(start, end), thread_states.extent(start, end)) == (30, 40)
