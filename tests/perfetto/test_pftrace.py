"""Protobuf traces in the real trace processor: what went in comes out, to the nanosecond. Knows SQL, and no bytes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_made_states import lay_states
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.export.traces import traces
from tests.perfetto.drawn import drawn_slices
from tests.perfetto.processor import TraceProcessor
from tracekit.export.pftrace import write
from tracekit.model.builder import Builder
from tracekit.model.trace import Args, Category, FlowKind, SampleSource, SampleState, Trace, TrackKind

pytestmark = pytest.mark.perfetto

_ARROWS = """select sender.ts as sent, receiver.ts as received, receiver.name as goal from flow
    join slice sender on sender.id = slice_out join slice receiver on receiver.id = slice_in"""


def _text(text: str) -> str:
    """A text as Perfetto keeps it: up to its first NUL, without lone surrogates."""
    return text.encode("utf-8", "replace").decode().partition("\0")[0]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trace=traces())
def test_nothing_is_lost(trace_processor: TraceProcessor, trace: Trace, tmp_path: Path) -> None:
    """Every slice arrives with its depth, every arrow to the nanosecond, instants, counters and samples too, and nothing
    complains."""
    write(trace, [], tmp_path / "trace.pftrace")
    trace_processor.load(tmp_path / "trace.pftrace")
    assert trace_processor.complaints() == {}
    drawn = trace_processor.query("select ifnull(name, '') as name, ts, dur, depth from slice")
    assert all(row["dur"] >= 0 for row in drawn)
    seen = Counter((row["name"], row["ts"], row["dur"], row["depth"]) for row in drawn)
    expected = drawn_slices(trace, _text)
    assert expected <= seen, expected - seen
    arrows = trace_processor.query(_ARROWS)
    flows = trace.flows
    wanted = Counter(zip(flows.time.tolist(), trace.slices.start[flows.target].tolist()))
    assert Counter((row["sent"], row["received"]) for row in arrows) == wanted
    assert len(drawn) >= len(trace.slices) + len(trace.instants) + len(arrows)
    finite = int(np.isfinite(trace.counters.value).sum())
    # Perfetto counts the samples of a profiler, too.
    samples = trace_processor.query("select ts from perf_sample where callsite_id is not null order by ts")
    assert [row["ts"] for row in samples] == sorted(trace.samples.time[trace.samples.frame >= 0].tolist())
    assert trace_processor.query("select count(*) as n from counter") == [{"n": finite + len(samples)}]


def _one_thread(builder: Builder) -> int:
    """The track of a thread whose life is 0 to 100."""
    track = builder.track(TrackKind.THREAD, builder.thread(builder.process(7, "p"), 7, "main", main=True))
    builder.slice(track, 0, 100, "main", Category.THREAD)
    return track


def _loaded(processor: TraceProcessor, builder: Builder, path: Path) -> None:
    write(builder.build(), [], path / "trace.pftrace")
    processor.load(path / "trace.pftrace")
    assert processor.complaints() == {}


def test_arrow_leaves_its_slice_at_its_end(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """An arrow from the very end of a step leaves that step at that nanosecond, and arrives at the slice itself."""
    builder = Builder()
    track = _one_thread(builder)
    builder.slice(track, 10, 20, "maker", Category.STEP)
    step = builder.slice(track, 30, 40, "made", Category.STEP)
    builder.flow(FlowKind.CREATE, track, 20, step)
    builder.flow(FlowKind.WAKE, track, 15, step)
    _loaded(trace_processor, builder, tmp_path)
    arrows = trace_processor.query(
        "select o.name as point, o.ts as sent, p.name as slice, i.name as target from flow join slice o on"
        " o.id = slice_out join slice i on i.id = slice_in join slice p on p.id = o.parent_id order by sent"
    )
    assert arrows == [
        {"point": "wake made", "sent": 15, "slice": "maker", "target": "made"},
        {"point": "create made", "sent": 20, "slice": "maker", "target": "made"},
    ]


def test_tasks_lie_under_their_loop(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """A task's track lies under its loop's, which lies under its thread; tasks stand in the order in which they came."""
    builder = Builder()
    _one_thread(builder)
    loop = builder.loop(0, 0, "Loop")
    for name in ("b", "a"):
        task = builder.task(0, loop, name, coroutine="work")
        builder.slice(builder.track(TrackKind.TASK, task), 1, 9, f"{name} (work)", Category.TASK, task=task)
    _loaded(trace_processor, builder, tmp_path)
    rows = trace_processor.query(
        "select track.name as task, parent.name as loop, thread.name as thread,"
        " extract_arg(track.source_arg_set_id, 'sibling_order_rank') as place from slice"
        " join thread_track as track on track.id = slice.track_id join thread using (utid)"
        " join track as parent on parent.id = track.parent_id where category = 'task' order by place"
    )
    assert rows == [
        {"task": "b (work)", "loop": "Loop", "thread": "main", "place": 0},
        {"task": "a (work)", "loop": "Loop", "thread": "main", "place": 1},
    ]


def test_tasks_of_one_coroutine_share_a_row(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """Where there are many tasks, those of one coroutine share a row, which is called like it; the slices keep their names."""
    builder = Builder()
    _one_thread(builder)
    loop = builder.loop(0, 0, "Loop")
    for number in range(202):
        task = builder.task(0, loop, f"Task-{number}", coroutine="ab"[number % 2])
        builder.slice(builder.track(TrackKind.TASK, task), 1, 9, f"Task-{number}", Category.TASK, task=task)
    _loaded(trace_processor, builder, tmp_path)
    rows = trace_processor.query(
        "select track.name as name, count(distinct slice.name) as tasks, count(distinct track_group_id) as rows,"
        " extract_arg(source_arg_set_id, 'sibling_order_rank') as place from slice join track on track.id = track_id"
        " where category = 'task' group by track.name"
    )
    assert rows == [
        {"name": "a", "tasks": 101, "rows": 1, "place": 0},
        {"name": "b", "tasks": 101, "rows": 1, "place": 1},
    ]


def test_arguments_keep_their_types(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """Numbers, texts, truths and what they are nested in arrive as what they are; a number beyond 64 bits as its digits."""
    given_args: Args = {
        "int": -(2**63),
        "real": 0.5,
        "text": 'C:\\dir\\ "q"\n é😀',
        "truth": True,
        "none": None,
        "huge": 2**70,
        "deep": {"list": [1, {"key": "x"}], "nothing": {}},
        "long": "x" * 5000,
    }
    builder = Builder()
    builder.slice(_one_thread(builder), 10, 20, "load", Category.SPAN, args=given_args)
    _loaded(trace_processor, builder, tmp_path)
    rows = trace_processor.query(
        "select key, ifnull(int_value, ifnull(real_value, string_value)) as value, value_type as type from slice"
        " join args using (arg_set_id) where name = 'load' and key glob 'debug.*'"
    )
    assert {row["key"].removeprefix("debug."): (row["value"], row["type"]) for row in rows} == {
        "int": (-(2**63), "int"),
        "real": (0.5, "real"),
        "text": ('C:\\dir\\ "q"\n é😀', "string"),
        "truth": (1, "bool"),
        "none": ("None", "string"),
        "huge": (str(2**70), "string"),
        "deep.list[0]": (1, "int"),
        "deep.list[1].key": ("x", "string"),
        "deep.nothing": ("{}", "string"),
        "long": ("x" * 5000, "string"),
    }


def test_lanes_lie_under_what_they_belong_to(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """Lanes of tasks lie under their loop, last of all, where there is one; those of spans under their thread; named ones under
    their process."""
    builder = Builder()
    _one_thread(builder)
    task = builder.task(0, builder.loop(0, 0, "Loop"), "a", coroutine="work")
    for track, name in (
        (builder.track(TrackKind.TASKS, 0, 1), "shared"),
        (builder.track(TrackKind.TASK, task), "own"),
        (builder.track(TrackKind.LANE, 0), "generator"),
        (builder.track(TrackKind.NAMED, 0, name="GPU"), "kernel"),
    ):
        builder.slice(track, 1, 9, name, Category.SPAN)
    _loaded(trace_processor, builder, tmp_path)
    rows = trace_processor.query(
        "select slice.name as slice, track.name as track, parent.name as parent, track.type as type from slice"
        " join track on track.id = track_id left join track as parent on parent.id = track.parent_id"
        " where slice.name != 'main' order by slice.id"
    )
    assert {row["slice"]: (row["track"], row["parent"]) for row in rows} == {
        "shared": ("more tasks", "Loop"),
        "own": ("a (work)", "Loop"),
        "generator": ("overlapping spans", None),
        "kernel": ("GPU", None),
    }
    kinds = {row["slice"]: row["type"].partition("_")[0] for row in rows}
    assert (kinds["generator"], kinds["kernel"]) == ("thread", "process")


_KEYS = st.text('abé "\\\\', min_size=1, max_size=3)
_SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=6
)


def _flat(value: Any, key: str) -> dict[str, Any]:
    """The arguments that a value becomes, each under its path."""
    items = list(value.items()) if isinstance(value, dict) else []
    found = {path: leaf for name, item in items for path, leaf in _flat(item, f"{key}.{name}").items()}
    for at, item in enumerate(value if isinstance(value, list) else ()):
        found.update(_flat(item, f"{key}[{at}]"))
    if found:
        return found
    fits = isinstance(value, (bool, float)) or (isinstance(value, int) and -(2**63) <= value < 2**63)
    return {key: value if fits else _text(str(value))}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(args=st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_every_argument_arrives(trace_processor: TraceProcessor, args: Args, tmp_path: Path) -> None:
    """Whatever the arguments of a slice, each one arrives under its name, inside of what it stood in, with its value."""
    builder = Builder()
    builder.slice(_one_thread(builder), 10, 20, "load", Category.SPAN, args=args)
    _loaded(trace_processor, builder, tmp_path)
    rows = trace_processor.query(
        "select key, ifnull(int_value, ifnull(real_value, ifnull(string_value, ''))) as value from slice"
        " join args using (arg_set_id) where name = 'load' and key glob 'debug.*'"
    )
    expected = {path: leaf for name, value in args.items() for path, leaf in _flat(value, f"debug.{name}").items()}
    assert {row["key"]: row["value"] for row in rows} == expected


def test_time_of_day(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """Times are those of the trace, to the nanosecond after days; what time of day they were can be asked for."""
    builder = Builder(wall_start=1_700_000_000_000_000_123)
    track = _one_thread(builder)
    builder.slice(track, 9_000_000_000_000_001, 9_000_000_000_000_002, "late", Category.SPAN)
    _loaded(trace_processor, builder, tmp_path)
    (row,) = trace_processor.query("select ts, dur, to_realtime(ts) as day from slice where name = 'late'")
    assert row == {"ts": 9_000_000_000_000_001, "dur": 1, "day": 1_709_000_000_000_000_124}


def test_deepest_slices(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """Of slices nested deeper than Perfetto draws, those drawn keep their depth and length, and so does a point on them."""
    builder = Builder()
    track = builder.track(TrackKind.THREAD, builder.thread(builder.process(7, "p"), 7, "t", main=True))
    for level in range(600):
        builder.slice(track, level, 2000 - level, "frame", Category.SPAN)
    builder.instant(track, 1000, "point")
    _loaded(trace_processor, builder, tmp_path)
    rows = trace_processor.query("select name, depth, dur from slice order by depth")
    assert [row["depth"] for row in rows] == list(range(511))
    assert [row["dur"] for row in rows[:-1]] == [2000 - 2 * level for level in range(510)]
    assert rows[-1]["name"] == "point"


def test_more_slices_than_are_written_at_a_time(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """Slices that reach over what is written at a time are as long, and lie as deep, as they should."""
    builder = Builder()
    count = 70_000
    for number in range(2):
        track = builder.track(TrackKind.THREAD, builder.thread(number, 7, "t", main=True))
        builder.process(7 + number, "p")
        builder.slice(track, 0, 10 * count + 5, "whole", Category.THREAD)
        start = np.arange(count) * 10
        builder.slices(track, start, start + 10, builder.string("outer"), Category.SPAN)
        builder.slices(track, start + 3, start + 10, builder.string("inner"), Category.SPAN)
    _loaded(trace_processor, builder, tmp_path)
    rows = trace_processor.query(
        "select name, depth, min(dur) as low, max(dur) as high, count(*) as n, sum(ts) as times from slice"
        " group by name, depth order by depth"
    )
    starts = 10 * (count * (count - 1) // 2)
    assert rows == [
        {"name": "whole", "depth": 0, "low": 10 * count + 5, "high": 10 * count + 5, "n": 2, "times": 0},
        {"name": "outer", "depth": 1, "low": 10, "high": 10, "n": 2 * count, "times": 2 * starts},
        {"name": "inner", "depth": 2, "low": 7, "high": 7, "n": 2 * count, "times": 2 * (starts + 3 * count)},
    ]


def test_states_lie_under_their_threads(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """What a thread was seen to do is a track of its own under the thread; it takes no thread of Perfetto's."""
    builder = Builder()
    process = builder.process(7, "p")
    for tid, name in ((9, "second"), (7, "main"), (8, "first")):
        thread = builder.thread(process, tid, name, main=name == "main")
        builder.slice(builder.track(TrackKind.THREAD, thread), 0, 900, name, Category.THREAD)
        lay_states(builder, thread, (3e-4, "running"), (6e-4, "waiting for the GIL"))
    _loaded(trace_processor, builder, tmp_path)
    threads = trace_processor.query("select name, is_main_thread as main from thread where tid > 0 order by tid")
    assert [(row["name"], row["main"]) for row in threads] == [("main", 1), ("first", 0), ("second", 0)]
    rows = trace_processor.query(
        "select thread.name as thread, track.name as track, slice.name as state, dur from slice"
        " join thread_track as track on track.id = slice.track_id join thread using (utid)"
        " where category = 'state' and thread.name = 'first' order by ts"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("first", "states", "running", 300),
        ("first", "states", "waiting for the GIL", 600),
    ]


def test_processes_keep_apart(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """A pid or tid given out twice, or too large, is still a process or a thread of its own; one untraced has a slice."""
    builder = Builder()
    for name in ("first", "second"):
        process = builder.process(7, name)
        for thread, tid in (("main", 7), ("one", 8), ("two", 8), ("three", 139912345678912)):
            track = builder.track(TrackKind.THREAD, builder.thread(process, tid, thread, main=thread == "main"))
            builder.slice(track, 0, 9, f"{name} {thread}", Category.THREAD)
    builder.process(9, "child", untraced="python -I", command="python -I x.py", status=-9)
    _loaded(trace_processor, builder, tmp_path)
    rows = trace_processor.query(
        "select slice.name as slice, process.name || ' ' || thread.name as thread, is_main_thread as main from slice"
        " join thread_track on track_id = thread_track.id join thread using (utid) join process using (upid)"
    )
    assert len(rows) == 8
    assert all(row["slice"] == row["thread"] for row in rows)
    assert [row["thread"] for row in rows if row["main"]] == ["first main", "second main"]
    (child,) = trace_processor.query(
        "select process.name as process, slice.name as slice, extract_arg(slice.arg_set_id, 'debug.ended') as ended from slice"
        " join process_track on track_id = process_track.id join process using (upid)"
    )
    assert (child["process"], child["slice"]) == ("child (not traced: python -I)", "not traced")
    assert "SIGKILL" in child["ended"]


def test_samples_are_call_stacks(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """Samples are Perfetto's own: of their thread, at their nanosecond, with every frame and its line; of an idle thread that is
    said."""
    builder = Builder()
    _one_thread(builder)
    outer = builder.frame(-1, "main", "/app/main.py", 3)
    inner = builder.frame(outer, "work", "<frozen work>", 7)
    builder.sample(0, 10, inner, SampleState.GIL, SampleSource.SAMPLER)
    builder.sample(0, 21, outer, SampleState.IDLE, SampleSource.SAMPLER)
    builder.sample(0, 33, inner, SampleState.ACTIVE, SampleSource.SAMPLER)
    _loaded(trace_processor, builder, tmp_path)
    samples = trace_processor.query(
        "select ts, thread.name as thread, callsite_id from perf_sample join thread using (utid) order by ts"
    )
    assert [(row["ts"], row["thread"]) for row in samples] == [(10, "main"), (21, "main"), (33, "main")]
    stacks = []
    for row in samples:
        stack, at = [], row["callsite_id"]
        while at is not None:
            (site,) = trace_processor.query(
                "select frame.name as frame, source_file as file, line_number as line, parent_id from"
                " stack_profile_callsite as site join stack_profile_frame as frame on frame.id = frame_id"
                f" left join stack_profile_symbol using (symbol_set_id) where site.id = {at}"
            )
            stack.append((site["frame"], site["file"], site["line"]))
            at = site["parent_id"]
        stacks.append(stack)
    whole = [("work", "<frozen work>", 7), ("main", "/app/main.py", 3)]
    assert stacks == [whole, [("(idle)", None, None), ("main", "/app/main.py", 3)], whole]


def test_gzipped(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """`.pftrace.gz` is what Perfetto opens, too."""
    builder = Builder()
    _one_thread(builder)
    write(builder.build(), [], tmp_path / "trace.pftrace.gz")
    trace_processor.load(tmp_path / "trace.pftrace.gz")
    assert trace_processor.query("select name from slice") == [{"name": "main"}]
