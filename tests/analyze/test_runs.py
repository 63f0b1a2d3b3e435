"""When loops ran, from traces laid out by hand. Knows no task."""

from __future__ import annotations

from tracekit.analyze.runs import Runs
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Flag, TrackKind


def trace_of(*runs: tuple[int, int, int, int]) -> Runs:
    """Two threads of two processes, and runs of loops: thread, start, end, flags."""
    builder = Builder()
    for number in range(2):
        thread = builder.thread(builder.process(number + 1, "p"), number + 1, "t")
        builder.slice(builder.track(TrackKind.THREAD, thread), 0, 100, "t", Category.THREAD)
    for thread, start, end, flags in runs:
        builder.slice(builder.track(TrackKind.THREAD, thread), start, end, "Loop", Category.LOOP, flags=flags)
    return Runs(builder.build())


def test_runs_of_a_thread() -> None:
    """The runs on a thread are in order, and one within another is part of it."""
    runs = trace_of((0, 50, 60, 0), (0, 10, 40, 0), (0, 20, 30, 0), (1, 0, 99, 0))
    start, end = runs.on(0)
    assert (start.tolist(), end.tolist()) == ([10, 50], [40, 60])


def test_over() -> None:
    """A thread's loops are over where every run was seen to end; where none ran, nothing can be over."""
    runs = trace_of((0, 10, 40, 0), (0, 50, 100, Flag.UNFINISHED))
    assert not runs.is_over(0)
    assert not runs.is_over(1)
    assert trace_of((0, 10, 40, 0), (0, 50, 60, 0)).is_over(0)


def test_running() -> None:
    """Whether a loop ran is a question to one process at one time."""
    runs = trace_of((0, 10, 40, 0))
    assert [runs.is_running(0, time) for time in (9, 10, 40, 41)] == [False, True, True, False]
    assert not runs.is_running(1, 20)
