"""Samples: stacks that share their frames, through the builder, the check and a window. Knows no recording."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tracekit.model.builder import Builder
from tracekit.model.check import check
from tracekit.model.select import window
from tracekit.model.stacks import frames_of, rows_of
from tracekit.model.trace import Category, SampleSource, SampleState, Trace, TrackKind

INNER, OUTER, OTHER = ("inner", "a.py", 9), ("outer", "a.py", 3), ("other", "b.py", 2)


@pytest.fixture
def trace() -> Trace:
    """Two threads; four samples of the first, one of the second, given in no order."""
    builder = Builder("app.py")
    process = builder.process(7, "app.py")
    for tid in (7, 8):
        thread = builder.thread(process, tid, f"thread {tid}", main=tid == 7)
        builder.slice(builder.track(TrackKind.THREAD, thread), 0, 100, "life", Category.THREAD)
    outer = builder.frame(-1, *OUTER)
    inner, other = builder.frame(outer, *INNER), builder.frame(outer, *OTHER)
    builder.sample(1, 70, other, SampleState.IDLE, SampleSource.OBSERVER)
    builder.samples(0, [50, 20, 80, 60], [inner, outer, -1, builder.frame(outer, *INNER)], [1, 2, 3, 1], 2)
    return builder.build()


def stacks(trace: Trace, thread: int) -> list[list[tuple[str, str, int]]]:
    """The stacks that were sampled of a thread, by time."""
    frames, own = frames_of(trace), trace.samples.thread == thread
    return [[tuple(frames[row]) for row in rows_of(trace, frame)] for frame in trace.samples.frame[own].tolist()]


def test_a_sample_leads_to_its_stack(trace: Trace) -> None:
    """Samples come sorted by thread and time, each with its stack; what is alike is one frame."""
    assert check(trace) == []
    assert trace.samples.thread.tolist() == [0, 0, 0, 0, 1]
    assert trace.samples.time.tolist() == [20, 50, 60, 80, 70]
    assert trace.samples.state.tolist() == [2, 1, 1, 3, 3]
    assert stacks(trace, 0) == [[OUTER], [INNER, OUTER], [INNER, OUTER], []]
    assert stacks(trace, 1) == [[OTHER, OUTER]]
    assert len(trace.frames) == 3


def test_a_window(trace: Trace) -> None:
    """A window has the samples inside it, their threads and their frames, and no others."""
    part = window(trace, 55)
    assert check(part) == []
    assert part.samples.time.tolist() == [5, 25, 15]
    assert stacks(part, 0) == [[INNER, OUTER], []]
    assert stacks(part, 1) == [[OTHER, OUTER]]

    last = window(trace, 75)
    assert check(last) == []
    assert (len(last.samples), len(last.frames)) == (1, 0)
    assert "inner" not in last.strings


def test_an_absurdly_deep_stack() -> None:
    """Of a stack without bounds the inner part is given."""
    builder = Builder()
    row = -1
    for line in range(100_000):
        row = builder.frame(row, "f", "a.py", line + 1)
    trace = builder.build()
    assert rows_of(trace, row)[:2] == [99_999, 99_998]
    assert len(rows_of(trace, row)) < 10_000


def _put(table: str, column: str, at: int, value: int) -> Callable[[Trace], None]:
    def put(trace: Trace) -> None:
        getattr(getattr(trace, table), column)[at] = value

    return put


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_put("samples", "thread", 4, 2), "Samples.thread: an index"),
        (_put("samples", "frame", 0, 3), "Samples.frame: an index"),
        (_put("samples", "frame", 0, -2), "Samples.frame: an index"),
        (_put("samples", "time", 0, 101), "a sample lies outside"),
        (_put("samples", "time", 0, 55), "Samples are not sorted"),
        (_put("samples", "state", 0, 9), "Samples.state: unknown"),
        (_put("samples", "source", 0, 9), "Samples.source: unknown"),
        (_put("frames", "function", 0, 99), "Frames.function: an index"),
        (_put("frames", "line", 0, -1), "a line before the first"),
        (_put("frames", "parent", 1, 1), "a caller does not come before"),
        (_put("frames", "parent", 0, 2), "a caller does not come before"),
    ],
)
def test_each_fault_is_found(trace: Trace, damage: Callable[[Trace], None], words: str) -> None:
    """Each invariant of samples and frames, broken by itself, is named."""
    damage(trace)
    assert any(words in fault for fault in check(trace))


def test_no_samples() -> None:
    """A trace without samples has empty tables, of the types that full ones have."""
    empty, full = Builder().build(), Builder()
    full.sample(0, 1, full.frame(-1, *INNER), SampleState.GIL, SampleSource.SAMPLER)
    full.thread(full.process(7, "app.py"), 7, "main")
    for table in ("frames", "samples"):
        for name in getattr(empty, table).__slots__:
            none, some = getattr(getattr(empty, table), name), getattr(getattr(full.build(), table), name)
            assert (len(none), none.dtype) == (0, some.dtype)
            assert isinstance(some, np.ndarray)
