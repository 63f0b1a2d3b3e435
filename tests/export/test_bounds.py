"""What writing a trace takes of memory does not grow with the trace. Knows the writers, and no format."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tracekit.export.write import write
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, FlowKind, Trace, TrackKind

# For each slice a few flags: whether it is drawn, and where.
MOST_BYTES_OF_A_SLICE = 8
# Blocks wait for compression, two a core and those around them: of a small trace as many as of a large one, or fewer, by chance.
MOST_BYTES_THAT_WAIT = (2 * min(8, os.cpu_count() or 1) + 2) << 20


def trace_of(count: int) -> Trace:
    """A trace of one thread and one lane, with so many slices on each, and some arrows."""
    builder = Builder("program.py")
    thread = builder.thread(builder.process(7, "program"), 7, "MainThread", main=True)
    on_thread, on_lane = builder.track(TrackKind.THREAD, thread), builder.track(TrackKind.LANE, thread)
    builder.slice(on_thread, 0, 10 * count, "MainThread", Category.THREAD)
    start = np.arange(count) * 10
    first = builder.slices(on_thread, start, start + 5, builder.string("span"), Category.SPAN)
    builder.slices(on_lane, start, start + 5, builder.string("generator"), Category.SPAN)
    for at in range(1, min(50, count)):
        builder.flow(FlowKind.OTHER, on_thread, 10 * at - 5, first + at)
    return builder.build(final=True)


def peak(trace: Trace, path: Path) -> int:
    """The most bytes that were in use while it was written, beyond those before."""
    tracemalloc.start()
    try:
        write(trace, [], path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["trace.json", "trace.json.gz", "trace.pftrace"])
def test_memory_is_bounded(tmp_path: Path, name: str) -> None:
    """Of a trace that is larger no more is held at a time than a few bytes for each slice."""
    small, large = 100_000, 300_000
    write(trace_of(10), [], tmp_path / name)  # what is made once
    taken = [peak(trace_of(count), tmp_path / name) for count in (small, large)]
    by_chance = MOST_BYTES_THAT_WAIT if name.endswith(".gz") else 0
    assert taken[1] - taken[0] < MOST_BYTES_OF_A_SLICE * 2 * (large - small) + by_chance, taken
