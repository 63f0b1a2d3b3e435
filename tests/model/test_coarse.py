"""Coarse traces: what is short is gone, what is long is where it was. Knows no picture."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests_support import rows_of

from tests.export.traces import traces
from tracekit.model.builder import Builder
from tracekit.model.coarse import coarse, least_of
from tracekit.model.trace import Category, FlowKind, Trace, TrackKind


def _spans(*spans: tuple[int, int]) -> Trace:
    builder = Builder()
    track = builder.track(TrackKind.THREAD, builder.thread(builder.process(7, "p"), 7, "main", main=True))
    builder.slice(track, 0, 1000, "main", Category.THREAD)
    handles = [builder.slice(track, start, end, f"{end - start}", Category.SPAN) for start, end in spans]
    for handle in handles:
        builder.flow(FlowKind.OTHER, track, 5, handle)
    return builder.build()


def test_short_slices_are_gone() -> None:
    """Slices shorter than asked for are left out with the arrows to them; the others, and their depth, stay."""
    trace = _spans((10, 100), (20, 29), (30, 40), (200, 201))
    part = coarse(trace, 10)
    assert [(row.name, row.start, row.depth) for row in rows_of(part, "THREAD", "SPAN")] == [
        ("main", 0, 0),
        ("90", 10, 1),
        ("10", 30, 2),
    ]
    assert [part.strings[part.slices.name[target]] for target in part.flows.target] == ["90", "10"]
    assert "9" not in part.strings
    assert len(trace.slices) == 5


@settings(deadline=None, max_examples=50)
@given(traces(), st.integers(0, 14))
def test_lives_of_threads_stay(trace: Trace, least: int) -> None:
    """Whatever the trace, just the slices that are long enough and the lives of threads are left."""
    part = coarse(trace, least)
    length = trace.slices.end - trace.slices.start
    wanted = (length >= least) | (trace.slices.category == Category.THREAD)
    assert len(part.slices) == int(wanted.sum())
    assert (part.slices.end - part.slices.start).tolist() == length[wanted].tolist()


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**6), max_size=30), st.integers(0, 30))
def test_least_leaves_few_enough(lengths: list[int], most: int) -> None:
    """What `least_of` tells leaves no more slices than asked for, and is one digit and zeros; 0 where nothing has to go."""
    builder = Builder()
    track = builder.track(TrackKind.LANE, builder.thread(builder.process(7, "p"), 7, "main"))
    for length in lengths:
        builder.slice(track, 0, length, "x", Category.SPAN)
    trace = builder.build()
    least = least_of(trace, most)
    assert sum(length >= least for length in lengths) <= most or least == 0
    assert (least == 0) == (len(lengths) <= most)
    assert set(str(least)[1:]) <= {"0"}
