"""The builder: rows given in any order become columns that keep the invariants. Knows no file."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tracekit.model.builder import Builder
from tracekit.model.check import check
from tracekit.model.trace import Category, Flag, FlowKind, Trace, TrackKind


def builder_with_thread(start: int = 100, end: int = 1000) -> tuple[Builder, int]:
    """A builder with one thread, and the thread's track."""
    builder = Builder("app.py", wall_start=5_000)
    thread = builder.thread(builder.process(7, "app.py", started=start), 7, "main", started=start, main=True)
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, start, end, "main", Category.THREAD)
    return builder, track


def shown(trace: Trace) -> list[tuple[str, str, int, int]]:
    """Kind of track, name, start and end of each slice, in the trace's order."""
    slices = trace.slices
    return [
        (trace.tracks[track].kind.name, trace.strings[name], start, end)
        for track, name, start, end in zip(*(c.tolist() for c in (slices.track, slices.name, slices.start, slices.end)))
    ]


def test_times_become_relative() -> None:
    """The earliest time is the trace's 0: of slices, instants, counters and rows alike, and of the wall clock."""
    builder, track = builder_with_thread()
    builder.instant(track, 150, "tick")
    builder.counter(0, 90, "queue", "depth", 2.5)
    builder.processes[0].ended = 1100
    trace = builder.build()
    assert (trace.wall_start, trace.duration) == (5_090, 1010)
    assert (trace.processes[0].started, trace.processes[0].ended) == (10, 1010)
    assert trace.slices.start.tolist() == [10]
    assert (trace.instants.time.tolist(), trace.counters.time.tolist()) == ([60], [0])
    assert builder.processes[0].started == 100


def test_parents_come_first() -> None:
    """Slices are sorted by track, start, longest first; of two alike the outer category, then the first given."""
    builder, track = builder_with_thread()
    builder.slice(track, 200, 300, "part", Category.PART)
    builder.slice(track, 200, 300, "step", Category.STEP, task=builder.task(0, None, "t"))
    builder.slice(track, 200, 300, "inner", Category.PART)
    builder.slice(track, 200, 400, "loop", Category.LOOP)
    trace = builder.build()
    assert [row[1] for row in shown(trace)] == ["main", "loop", "step", "part", "inner"]
    assert check(trace) == []


def test_spans_that_overlap_go_to_lanes() -> None:
    """Of spans that overlap each other one stays, each other one has a lane, and none is shortened."""
    builder, track = builder_with_thread()
    for name, start in (("a", 200), ("b", 300), ("c", 400), ("d", 500)):
        builder.slice(track, start, start + 150, name, Category.SPAN)
    trace = builder.build()
    assert check(trace) == []
    assert shown(trace)[1:] == [
        ("THREAD", "a", 100, 250),
        ("THREAD", "c", 300, 450),
        ("LANE", "b", 200, 350),
        ("LANE", "d", 400, 550),
    ]
    assert trace.notes == []


def test_a_span_makes_room_for_a_step() -> None:
    """A span that ends inside of a step moves, and the step keeps its whole length."""
    builder, track = builder_with_thread()
    builder.slice(track, 200, 400, "span", Category.SPAN)
    builder.slice(track, 300, 500, "step", Category.STEP, task=builder.task(0, None, "t"))
    trace = builder.build()
    assert shown(trace)[1:] == [("THREAD", "step", 200, 400), ("LANE", "span", 100, 300)]
    assert check(trace) == []


def test_what_cannot_move_is_cut_and_noted() -> None:
    """A slice that is no span and outlasts its parent ends with it, and the trace says so."""
    builder, track = builder_with_thread()
    builder.slice(track, 900, 1200, "gc", Category.GC)
    trace = builder.build()
    assert shown(trace)[1:] == [("THREAD", "gc", 800, 900)]
    assert any("cut to fit" in note for note in trace.notes)


def test_flows_follow_their_slices() -> None:
    """A handle leads to its slice wherever sorting put it; arrows backwards or from nowhere are not there."""
    builder, track = builder_with_thread()
    handle = builder.slice(track, 500, 600, "late", Category.JOB)
    builder.slice(track, 200, 300, "early", Category.JOB)
    for time in (50, 250, 500, 501):
        builder.flow(FlowKind.SUBMIT, track, time, handle)
    trace = builder.build()
    assert trace.flows.time.tolist() == [150, 400]
    assert {trace.strings[trace.slices.name[at]] for at in trace.flows.target} == {"late"}
    assert check(trace) == []


def test_a_slice_can_be_completed_later() -> None:
    """End, flags and arguments of a slice may come after it."""
    builder, track = builder_with_thread()
    handle = builder.slice(track, 200, 200, "job", Category.JOB)
    builder.end(handle, 300, Flag.UNFINISHED)
    builder.annotate(handle, {"a": 1})
    builder.annotate(handle, {"b": 2}, Flag.ERROR)
    trace = builder.build()
    assert trace.slices.end.tolist()[1] == 200
    assert trace.slices.flags.tolist()[1] == Flag.UNFINISHED | Flag.ERROR
    assert trace.args[trace.slices.args[1]] == {"a": 1, "b": 2}


def test_many_slices_at_once_are_the_same() -> None:
    """Slices given as columns are those that are given one by one."""
    one, track = builder_with_thread()
    many, _ = builder_with_thread()
    for start in (200, 300, 400):
        one.slice(track, start, start + 50, "job", Category.JOB)
    starts = [200, 300, 400]
    first = many.slices([track] * 3, starts, [s + 50 for s in starts], [many.string("job")] * 3, Category.JOB)
    assert first == 1
    assert shown(one.build()) == shown(many.build())


def test_nothing_is_a_trace_too() -> None:
    """A builder that was given nothing builds a sound, empty trace."""
    trace = Builder().build()
    assert (trace.duration, len(trace.slices), check(trace)) == (0, 0, [])


spans = st.tuples(
    st.integers(0, 1),
    st.integers(0, 40),
    st.integers(0, 15),
    st.sampled_from((Category.SPAN, Category.PART, Category.GC)),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(spans, max_size=40), st.booleans())
def test_any_slices_nest(slices: list[tuple[int, int, int, Category]], on_lane: bool) -> None:
    """Whatever is given, the trace nests, no span is lost or shortened, and one lane is no more than needed."""
    builder, track = builder_with_thread(0, 100)
    lane = builder.track(TrackKind.LANE, 0)
    for to_lane, start, length, category in slices:
        target = lane if on_lane and to_lane and category == Category.SPAN else track
        builder.slice(target, start, start + length, "x", category)
    trace = builder.build()
    assert check(trace) == []
    kept = trace.slices.category == Category.SPAN
    assert sorted(zip(trace.slices.start[kept].tolist(), trace.slices.end[kept].tolist())) == sorted(
        (start, start + length) for _, start, length, category in slices if category == Category.SPAN
    )
    assert len(trace.slices) == len(slices) + 1
