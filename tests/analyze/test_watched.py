"""Watched: where threads were most often, of whom and by which samples that is told. Knows no report."""

from __future__ import annotations

import pytest

from tracekit.analyze.watched import WatchedRow, watched
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, SampleSource, SampleState, TrackKind

WAIT, WORK, MAIN = ("wait", "/usr/lib/python3.12/threading.py", 5), ("work", "/app/a.py", 3), ("main", "/app/a.py", 9)


def rows(source: SampleSource, *, busy: bool, stacks: list[list[tuple[str, str, int]]]) -> list[WatchedRow]:
    """The rows of a trace of one thread, whose stack was sampled."""
    builder = Builder()
    thread = builder.thread(builder.process(7, "app.py"), 7, "worker")
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 100, "worker", Category.THREAD)
    if busy:
        builder.slice(track, 0, 100, "loop", Category.LOOP)
    for time, stack in enumerate(stacks):
        innermost = -1
        for frame in reversed(stack):
            innermost = builder.frame(innermost, *frame)
        builder.sample(thread, time, innermost, SampleState.UNKNOWN, source)
    return watched(builder.build())


@pytest.mark.parametrize(
    ("source", "busy", "told"),
    [
        (SampleSource.OBSERVER, False, True),
        (SampleSource.OBSERVER, True, False),
        (SampleSource.SAMPLER, False, True),
        (SampleSource.SAMPLER, True, True),
        (SampleSource.OTHER, True, True),
    ],
)
def test_of_whom(source: SampleSource, busy: bool, told: bool) -> None:
    """Samples of a profiler tell of every thread; those that are taken of blocked loops alone tell nothing else."""
    assert bool(rows(source, busy=busy, stacks=[[WORK, MAIN]])) == told


def test_where() -> None:
    """The program's own innermost function that was seen most often, the line of most samples, and what that had called."""
    stacks = [[WAIT, WORK, MAIN]] * 3 + [[("work", "/app/a.py", 4), MAIN]] * 2 + [[MAIN]] * 4 + [[]]
    (row,) = rows(SampleSource.SAMPLER, busy=False, stacks=stacks)

    assert (row.thread, row.pid, row.samples, row.agreeing) == ("worker", 7, 9, 5)
    assert (row.place, row.inside) == (WORK, WAIT)


def test_nothing() -> None:
    """Without a stack there is no row."""
    assert rows(SampleSource.SAMPLER, busy=False, stacks=[[]]) == []
