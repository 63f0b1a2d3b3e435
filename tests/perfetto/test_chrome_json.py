"""Exported traces in the real trace processor: what went in comes out, uncomplained of. Knows SQL, and no JSON."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hand_made_states import lay_states
from hypothesis import HealthCheck, given, settings

from tests.export.traces import traces
from tests.perfetto.drawn import drawn_slices
from tests.perfetto.processor import TraceProcessor
from tracekit.export._plain import clean
from tracekit.export.chrome_json import write
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, FlowKind, SampleSource, SampleState, Trace, TrackKind

pytestmark = pytest.mark.perfetto

_ARROWS = """select sender.ts as sent, receiver.ts as received from flow
    join slice sender on sender.id = slice_out join slice receiver on receiver.id = slice_in"""


def _text(text: str) -> str:
    """What Perfetto shows of a name."""
    return clean(text) or "[No name]"


def _arrows(trace: Trace) -> Counter[int]:
    """When the arrows of the trace arrive."""
    return Counter(trace.slices.start[trace.flows.target].tolist())


def _check(processor: TraceProcessor, trace: Trace, path: Path) -> None:
    write(trace, [], path)
    processor.load(path)
    assert processor.complaints() == {}
    drawn = processor.query("select name, ts, dur, depth, ifnull(category, '') as category from slice")
    assert all(row["dur"] >= 0 for row in drawn)
    seen = Counter((row["name"], row["ts"], row["dur"], row["depth"]) for row in drawn)
    expected = drawn_slices(trace, _text)
    assert expected <= seen, expected - seen
    arrows = processor.query(_ARROWS)
    assert Counter(row["received"] for row in arrows) == _arrows(trace)
    assert all(row["sent"] <= row["received"] for row in arrows)
    assert len(drawn) >= len(trace.slices) + len(trace.instants) + len(arrows)
    finite = int(np.isfinite(trace.counters.value).sum())
    assert processor.query("select count(*) as n from counter") == [{"n": finite}]
    assert processor.query("select count(*) as n from cpu_profile_stack_sample") == [
        {"n": int(np.count_nonzero(trace.samples.frame >= 0))}
    ]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trace=traces())
def test_nothing_is_lost(trace_processor: TraceProcessor, trace: Trace, tmp_path: Path) -> None:
    """Every slice arrives with its depth, every arrow, instant and counter too, and no row of `stats` complains."""
    _check(trace_processor, trace, tmp_path / "trace.json")


def test_samples(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """A sampled stack arrives on its thread, at its microsecond, with the functions and places of all its frames."""
    builder = Builder()
    process = builder.process(7, "p")
    for tid in (7, 8):
        thread = builder.thread(process, tid, f"thread {tid}", main=tid == 7)
        builder.slice(builder.track(TrackKind.THREAD, thread), 0, 100_000, "life", Category.THREAD)
    main = builder.frame(-1, "<module>", "/app/a.py", 3)
    inner, other = builder.frame(main, "inner", "/app/a.py", 9), builder.frame(main, 'say "é" 😀', "C:\\b.py", 0)
    for thread, time, frame in ((0, 10_000, inner), (0, 20_999, main), (1, 15_000, other), (1, 40_000, -1)):
        builder.sample(thread, time, frame, SampleState.ACTIVE, SampleSource.SAMPLER)
    write(builder.build(), [], tmp_path / "trace.json")
    trace_processor.load(tmp_path / "trace.json")

    assert trace_processor.complaints() == {}
    rows = trace_processor.query(
        """select s.ts, t.tid, f.name, y.source_file as place, pf.name as caller
        from cpu_profile_stack_sample s join thread t using (utid) join stack_profile_callsite c on c.id = s.callsite_id
        join stack_profile_frame f on f.id = c.frame_id join stack_profile_symbol y using (symbol_set_id)
        left join stack_profile_callsite pc on pc.id = c.parent_id left join stack_profile_frame pf on pf.id = pc.frame_id
        order by s.ts"""
    )
    assert [tuple(row.values()) for row in rows] == [
        (10_000, 7, "inner", "/app/a.py:9", "<module>"),
        (15_000, 8, 'say "é" 😀', "C:/b.py", "<module>"),
        (20_000, 7, "<module>", "/app/a.py:3", None),
    ]


def test_arrow_leaves_its_slice(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """An arrow from the very end of a step leaves that step, and its point says where it leads."""
    builder = Builder()
    track = builder.track(TrackKind.THREAD, builder.thread(builder.process(7, "p"), 7, "loop", main=True))
    builder.slice(track, 0, 100, "loop", Category.THREAD)
    builder.slice(track, 10, 20, "maker", Category.STEP)
    step = builder.slice(track, 30, 40, "made", Category.STEP)
    builder.flow(FlowKind.CREATE, track, 20, step)
    write(builder.build(), [], tmp_path / "trace.json")
    trace_processor.load(tmp_path / "trace.json")
    (arrow,) = trace_processor.query(
        "select o.name as point, p.name as slice, i.name as target from flow join slice o on o.id = slice_out"
        " join slice i on i.id = slice_in join slice p on p.id = o.parent_id"
    )
    assert arrow == {"point": "create made", "slice": "maker", "target": "made"}


def test_deepest_slices(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """Of slices nested deeper than Perfetto draws, those drawn keep their depth, and so does a point on them."""
    builder = Builder()
    track = builder.track(TrackKind.THREAD, builder.thread(builder.process(7, "p"), 7, "t", main=True))
    for level in range(600):
        builder.slice(track, level, 2000 - level, "frame", Category.SPAN)
    builder.instant(track, 1000, "point")
    write(builder.build(), [], tmp_path / "trace.json")
    trace_processor.load(tmp_path / "trace.json")
    depths = trace_processor.query("select name, depth from slice order by depth")
    assert [row["depth"] for row in depths] == list(range(511))
    assert depths[-1]["name"] == "point"


def test_threads_keep_apart(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """A pid or tid given out twice, or too large for Perfetto, is still a process or a thread of its own."""
    builder = Builder()
    for name in ("first", "second"):
        process = builder.process(7, name)
        for thread, tid in (("main", 7), ("one", 8), ("two", 8), ("three", 139912345678912)):
            track = builder.track(TrackKind.THREAD, builder.thread(process, tid, thread, main=thread == "main"))
            builder.slice(track, 0, 9, f"{name} {thread}", Category.THREAD)
    builder.process(9, "child", untraced="python -I")
    write(builder.build(), [], tmp_path / "trace.json")
    trace_processor.load(tmp_path / "trace.json")
    rows = trace_processor.query(
        "select slice.name as slice, process.name || ' ' || thread.name as thread, is_main_thread as main from slice"
        " join thread_track on track_id = thread_track.id join thread using (utid) join process using (upid)"
        " where thread.name is not null"
    )
    assert len(rows) == 8
    assert all(row["slice"] == row["thread"] for row in rows)
    assert [row["thread"] for row in rows if row["main"]] == ["first main", "second main"]
    names = trace_processor.query("select name from process where name like 'child%'")
    assert names == [{"name": "child (not traced: python -I)"}]
    assert trace_processor.query("select count(*) as n from slice where name = 'not traced'") == [{"n": 1}]


def test_states_follow_their_threads(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """What threads were seen to do is a row of its own for each, named after it, after the threads and in their order."""
    builder = Builder()
    process = builder.process(7, "p")
    for tid, name in ((9, "second"), (7, "main"), (8, "first")):
        thread = builder.thread(process, tid, name, main=name == "main")
        builder.slice(builder.track(TrackKind.THREAD, thread), 0, 900, name, Category.THREAD)
        lay_states(builder, thread, (3e-4, "running"), (6e-4, "waiting for the GIL"))
    write(builder.build(), [], tmp_path / "trace.json")
    trace_processor.load(tmp_path / "trace.json")
    assert trace_processor.complaints() == {}
    rows = trace_processor.query("select name, is_main_thread as main from thread where name not null order by tid")
    names = ["main", "first", "second"]
    assert [row["name"] for row in rows] == [*names, *(f"{name} states" for name in names)]
    assert [row["name"] for row in rows if row["main"]] == ["main"]
    drawn = trace_processor.query(
        "select thread.name as thread, slice.name as state, dur, category from slice join thread_track on track_id ="
        " thread_track.id join thread using (utid) where thread.name = 'first states' order by ts"
    )
    assert [(row["state"], row["dur"], row["category"]) for row in drawn] == [
        ("running", 300, "state"),
        ("waiting for the GIL", 600, "state"),
    ]
