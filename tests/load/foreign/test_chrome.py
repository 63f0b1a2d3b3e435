"""Chrome JSON of any origin -> Trace, one kind of event after another. Knows the format, and no tool."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from foreign_events import arrows, drawn, event, points, spans, whole

from tracekit.analyze import analyze
from tracekit.errors import TracekitError
from tracekit.export.chrome_json import write
from tracekit.load import load
from tracekit.load.foreign import collect
from tracekit.model.trace import SampleState, Trace

Reading = Any


def notes(trace: Trace) -> str:
    """All notes as one text."""
    return "\n".join(trace.notes)


def test_whole_slices(read: Reading) -> None:
    """Slices in one piece are there to the nanosecond, whatever their order in the file."""
    trace = read([whole(20.5, 1.001, "inner"), whole("10", "30.25", "outer", args={"a": [1]}), whole(12, 1, "first")])
    assert spans(trace) == [("outer", 0, 30250), ("first", 2000, 3000), ("inner", 10500, 11501)]
    assert drawn(trace)[0].args == {"a": [1]}
    assert (trace.duration, trace.wall_start, trace.notes) == (30250, 0, [])


def test_begins_and_ends(read: Reading) -> None:
    """A begin and its end are a slice with the arguments of both; what lacks either is told."""
    events = [
        event("B", 1, "a", args={"x": 1, "y": 1}),
        event("B", 2, "b"),
        event("E", 3, "b"),
        event("E", 4, None, args={"y": 2}),
        event("E", 5, "c"),
        event("B", 6, "d"),
        event("B", 1, "other", tid=2),
        whole(0, 20, "last", tid=3),
    ]
    trace = read(events)
    found = {row.name: row for row in drawn(trace)}
    assert (found["a"].start, found["a"].end, found["a"].args) == (1000, 4000, {"x": 1, "y": 2})
    assert (found["b"].start, found["b"].end) == (2000, 3000)
    assert (found["d"].end, found["d"].unfinished, found["other"].unfinished) == (20000, True, True)
    assert "ends of slices without a begin were left out: 1" in notes(trace)
    assert "slices without an end are drawn as unfinished: 2" in notes(trace)


def test_crossed_ends(read: Reading) -> None:
    """Of two slices that cross, both keep their times: the later one lies beside the thread."""
    trace = read([event("B", 0, "a"), event("B", 10, "b"), event("E", 20, "a"), event("E", 30, "b")])
    assert spans(trace) == [("a", 0, 20000), ("b", 10000, 30000)]
    assert [row.kind for row in drawn(trace)] == ["THREAD", "LANE"]
    assert "slices that overlap others of their thread lie on a track beside it: 1" in notes(trace)


def test_rounded_ends(read: Reading) -> None:
    """A slice that outlasts the one around it by rounding is cut, and counted."""
    trace = read([whole(0, 10, "a"), whole(5, 5.5, "b")])
    assert spans(trace) == [("a", 0, 10000), ("b", 5000, 10000)]
    assert "cut to fit: 1" in notes(trace)


def test_asynchronous_slices(read: Reading) -> None:
    """What is asynchronous lies on a track of its process that is called like its first event; ids keep things apart."""
    events = [
        event("b", 0, "request", id=1, cat="net"),
        event("b", 2, "dns", id=1, cat="net"),
        event("n", 3, "hit", id=1, cat="net"),
        event("e", 4, "dns", id=1, cat="net", args={"ok": True}),
        event("b", 5, "request", id="0x2", cat="net"),
        event("e", 8, "request", id=1, cat="net"),
        event("e", 9, id="0x2", cat="net", name=None),
        event("b", 10, "request", id=3, cat="net"),
    ]
    trace = read(events)
    rows = drawn(trace)
    assert [row[:3] for row in rows] == [
        ("request", 0, 8000),
        ("dns", 2000, 4000),
        ("request", 5000, 9000),
        ("request", 10000, 10000),
    ]
    assert {(row.track, row.kind) for row in rows} == {("request", "NAMED")}
    assert rows[1].args == {"category": "net", "ok": True}
    assert points(trace) == [("hit", 3000, "request", "NAMED")]
    assert sum(track.kind.name == "NAMED" for track in trace.tracks) == 2
    assert "asynchronous slices without an end are drawn as unfinished: 1" in notes(trace)


def test_old_asynchronous_slices(read: Reading) -> None:
    """The older S, T and F are read as well; without an id they cannot be."""
    trace = read([event("S", 0, "a", id=1), event("T", 1, "step", id=1), event("F", 2, "a", id=1), event("S", 3, "b")])
    assert spans(trace) == [("a", 0, 2000)]
    assert points(trace) == [("step", 1000, "a", "NAMED")]
    assert "asynchronous events without an id were left out: 1" in notes(trace)


def test_ids_in_several_processes(read: Reading) -> None:
    """One id in two processes is two things where each has its own ends, and one where it began here and ended there."""
    events = [
        event("b", 0, "a", pid=1, id=1),
        event("b", 1, "a", pid=2, id=1),
        event("e", 2, "a", pid=1, id=1),
        event("e", 5, "a", pid=2, id=1),
        event("b", 6, "call", pid=1, id=2),
        event("e", 7, "call", pid=2, id=2),
        event("b", 6, "own", pid=1, id2={"local": 3}),
        event("b", 6, "own", pid=2, id2={"local": 3}),
        event("e", 8, "own", pid=2, id2={"local": 3}),
        event("e", 9, "own", pid=1, id2={"local": 3}),
    ]
    trace = read(events)
    own = {
        (trace.processes[trace.tracks[track].process].pid, start, end)
        for track, start, end in zip(trace.slices.track, trace.slices.start, trace.slices.end)
    }
    assert own == {(1, 0, 2000), (2, 1000, 5000), (1, 6000, 7000), (1, 6000, 9000), (2, 6000, 8000)}


def test_points(read: Reading) -> None:
    """Instants lie on their thread, or on their process where they say so."""
    trace = read(
        [event("i", 1, "one", s="t"), event("I", 2, "two"), event("R", 3, "three", s="p"), event("i", 4, s="g")]
    )
    assert sorted((row[:2] + row[3:] for row in points(trace)), key=lambda row: row[1]) == [
        ("one", 0, "THREAD"),
        ("two", 1000, "THREAD"),
        ("three", 2000, "PROCESS"),
        ("a", 3000, "PROCESS"),
    ]


def test_counters(read: Reading) -> None:
    """Every series of a counter is there; what is no number is left out, and counted."""
    values = {"a": 1, "b": "2.5", "c": None, "d": "x", "e": [1], "f": True}
    trace = read([event("C", 1, "memory", args=values), event("C", 2, "memory", id=7, args={"a": 3}), event("C", 3)])
    rows = zip(trace.counters.name, trace.counters.series, trace.counters.value)
    assert [(trace.strings[name], trace.strings[series], value) for name, series, value in rows] == [
        ("memory", "a", 1),
        ("memory", "b", 2.5),
        ("memory 7", "a", 3),
    ]
    assert "no finite numbers were left out: 4" in notes(trace)
    assert "counters without a time and values were left out: 1" in notes(trace)


def test_flows(read: Reading) -> None:
    """Arrows lead to the slice around their end, else to the next one; where that had begun before, to a point in it."""
    events = [
        whole(0, 10, "from"),
        whole(12, 5, "to", tid=2),
        whole(3, 20, "waiting", tid=3),
        event("s", 5, "f", id=1, cat="c"),
        event("f", 13, "f", tid=2, id=1, cat="c", bp="e"),
        event("s", 6, "f", id="0x2", cat="c"),
        event("f", 7, "f", tid=2, id=2, cat="c"),
        event("s", 6, "g", id=3),
        event("t", 8, "g", tid=3, id=3),
        event("f", 15, "g", tid=2, id=3, bp="e"),
        event("f", 16, "g", tid=2, id=4, bp="e"),
        event("f", 16, "f", tid=2, id=1, cat="other", bp="e"),
    ]
    trace = read(events)
    assert arrows(trace) == [
        ("main", 5000, "to", 12000),
        ("main", 6000, "g", 8000),
        ("main", 6000, "to", 12000),
        ("thread 3", 8000, "to", 12000),
    ]
    assert "ends of arrows without a beginning were left out: 2" in notes(trace)


def test_arrows_that_run_backwards(read: Reading) -> None:
    """An arrow between slices that name it is left out where it would run backwards, and counted."""
    events = [
        whole(0, 2, "late", bind_id=1, flow_in=True),
        whole(5, 1, "early", bind_id=1, flow_out=True),
        event("b", 0, "a", id=1, bind_id=2, flow_out=True),
        event("e", 1, "a", id=1),
        whole(4, 1, "b", tid=2, bind_id=2, flow_in=True),
    ]
    trace = read(events)
    assert arrows(trace) == [("a", 0, "b", 4000)]
    assert "ends of arrows without a beginning were left out: 1" in notes(trace)


def test_bound_slices(read: Reading) -> None:
    """Slices that name an arrow are tied by it, also asynchronous ones and those that begin and end apart."""
    events = [
        whole(0, 1, "a", bind_id="0x5", flow_out=True),
        event("B", 2, "b", tid=2, bind_id="0x5", flow_in=True, flow_out=True),
        event("E", 3, "b", tid=2),
        event("b", 4, "c", id=1, bind_id=5, flow_in=True),
        event("e", 5, "c", id=1),
        whole(6, 1, "d", bind_id=9, flow_in=True),
    ]
    assert arrows(read(events)) == [("main", 0, "b", 2000), ("thread 2", 2000, "c", 4000)]


def test_processes_and_threads(read: Reading) -> None:
    """Numbers are kept however large, names become numbers that are free, and what is missing is told from what is there."""
    big = 139912345678912
    events = [
        whole(0, 1, pid=5, tid=5),
        whole(0, 1, pid=5, tid=big),
        whole(0, 1, pid="5", tid="x"),
        whole(0, 1, pid="Spans", tid="y"),
        {"ph": "X", "ts": 0, "dur": 1, "name": "a", "pid": 5},
        event("M", name="process_name", pid=5, args={"name": "worker"}),
        event("M", name="process_labels", pid=5, args={"labels": "GPU 0"}),
        event("M", name="thread_name", pid=5, tid=big, args={"name": "pool"}),
        event("M", name="num_cpus", pid=5, args={"number": 8}),
    ]
    trace = read(events)
    assert [(row.pid, row.name) for row in trace.processes] == [(5, "worker (GPU 0)"), (1, "Spans")]
    assert {(row.tid, row.name, row.main) for row in trace.threads} == {
        (5, "main", True),
        (big, "pool", False),
        (1, "x", False),
        (2, "y", False),
    }
    assert len(trace.slices) == 5 + len(trace.threads)
    assert trace.cores == 8


@pytest.mark.parametrize(
    ("head", "wall"),
    [
        ({"baseTimeNanoseconds": 1_700_000_000_000_000_000}, 1_700_000_000_000_005_000),
        ({"viztracer_metadata": {"baseTimeNanoseconds": 1_700_000_000_000_000_000}}, 1_700_000_000_000_005_000),
        ({"baseTimeNanoseconds": "x", "viztracer_metadata": [1]}, 0),
        ({"otherData": {"baseTimeNanoseconds": 5}}, 0),
    ],
)
def test_wall_time(read: Reading, head: dict[str, Any], wall: int) -> None:
    """The wall time is known where the file says when its clock was zero, and is 0 where it does not."""
    assert read({**head, "traceEvents": [whole(5, 1)]}).wall_start == wall


def test_unix_time(read: Reading) -> None:
    """Times that can only be Unix time are wall times; in a text they are exact."""
    trace = read([whole("1700000000000000.125", 1), whole("1700000000000001.25", "0.5")])
    assert trace.wall_start == 1_700_000_000_000_000_125
    assert spans(trace) == [("a", 0, 1000), ("a", 1125, 1625)]


def profile(name: str, ts: Any, **data: Any) -> dict[str, Any]:
    """A piece of a profile of call stacks."""
    return event("P", ts, name, id="0x1", args={"data": data})


def frames(trace: Trace) -> list[tuple[str, int, list[str], str]]:
    """Thread, time, stack (outermost first) and state of each sample."""
    rows = []
    for thread, time, frame, state in zip(
        *(getattr(trace.samples, name) for name in ("thread", "time", "frame", "state"))
    ):
        stack: list[str] = []
        while frame >= 0:
            stack.insert(0, trace.strings[trace.frames.function[frame]])
            frame = trace.frames.parent[frame]
        rows.append((trace.threads[thread].name, int(time), stack, SampleState(state).name))
    return rows


def test_profiles(read: Reading) -> None:
    """Samples of call stacks are there, each with its stack, on the thread whose profile it is."""

    def node(number: int, name: str, parent: int | None = None) -> dict[str, Any]:
        call = {"functionName": name, "url": "app.js", "lineNumber": 4}
        return {"id": number, "callFrame": call, **({"parent": parent} if parent else {})}

    nodes = [node(1, "(root)"), node(2, "main", 1), node(3, "(idle)", 1)]
    events = [
        profile("Profile", 10, startTime=10),
        event(
            "P",
            0,
            "ProfileChunk",
            tid=9,
            id="0x1",
            args={"data": {"cpuProfile": {"nodes": nodes, "samples": [2, 3]}, "timeDeltas": [5, 5]}},
        ),
        event(
            "P",
            0,
            "ProfileChunk",
            tid=9,
            id="0x1",
            args={"data": {"cpuProfile": {"nodes": [node(4, "work", 2)], "samples": [4, 99]}, "timeDeltas": [2, 1]}},
        ),
        whole(10, 1),
        profile("ProfileChunk", 0) | {"id": "0x2"},
    ]
    trace = read(events)
    assert frames(trace) == [
        ("main", 5000, ["main"], "UNKNOWN"),
        ("main", 10000, ["(idle)"], "IDLE"),
        ("main", 12000, ["main", "work"], "UNKNOWN"),
        ("main", 13000, [], "UNKNOWN"),
    ]
    assert {int(line) for line in trace.frames.line} == {5}
    assert "pieces of profiles without a beginning were left out: 1" in notes(trace)


def test_older_samples(read: Reading) -> None:
    """The samples of older files stand in tables beside the events."""
    tables = {
        "stackFrames": {
            "1": {"name": "main"},
            "2": {"name": "work", "parent": "1"},
            "3": {"name": "loop", "parent": "3"},
        },
        "samples": [{"tid": 1, "ts": 2, "sf": 2}, {"tid": 1, "ts": 3, "sf": 3}, {"ts": "x"}, 5],
    }
    trace = read({"traceEvents": [whole(0, 9)], **tables})
    assert frames(trace) == [("main", 2000, ["main", "work"], "UNKNOWN"), ("main", 3000, ["loop"], "UNKNOWN")]


def test_what_has_no_place(read: Reading) -> None:
    """What a trace has no place for, or makes no sense, is left out and counted, a line each."""
    events = [
        whole(0, 9),
        event("N", id=1),
        event("O", id=1),
        event("v"),
        event("?"),
        {"ts": 1},
        whole("x", 1),
        whole(None, 1),
        whole(1, None),
        whole(1, -5),
        whole(1, 1, args=[1]),
        event("s", 1),
        event("c", 1, "clock_sync"),
    ]
    trace = read(events)
    assert sorted(note.rpartition(": ")[2] for note in trace.notes if note[-1].isdigit()) == ["1"] * 6 + ["2", "2"]
    for words in (
        "events of objects",
        "memory dumps",
        "(ph ?)",
        "objects without a kind",
        "without a time (ts)",
        "drawn as unfinished",
        "below zero",
        "no object",
        "arrows without an id",
    ):
        assert words in notes(trace)


@pytest.mark.parametrize(
    "document",
    [
        b"\xef\xbb\xbf\r\n [%s",
        b'{"displayTimeUnit":"ms","traceEvents":[%s],"otherData":{"a":[1]}}',
        b'{"traceEvents":[%s,],"more":"x',
        b'[%s,{"ph":"X","ts":',
        b"[%s]garbage",
    ],
)
def test_forms_of_the_file(read: Reading, document: bytes) -> None:
    """The list and the object form are read, also when they are cut off, gzipped, or begin with white space or a mark."""
    text = document % json.dumps(whole(0, 1)).encode()
    for data in (text, gzip.compress(text)):
        assert spans(read(data)) == [("a", 0, 1000)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{}", "holds no trace"),
        (b'{"a":[{"ph":"X"}]}', "holds no trace"),
        (b"[]", "no event that has a time"),
        (b'[{"ph":"M","name":"process_name","pid":1,"args":{"name":"a"}}]', "no event that has a time"),
        (b"[1,2,3", "no event that has a time"),
        ("[{}]".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04zip", "zip archive"),
        (b"<html>", "HTML"),
        (gzip.compress(b"\0" * 50), "neither JSON"),
        (b"\x1f\x8bgarbage", "damaged or cut off"),
    ],
)
def test_no_trace(tmp_path: Path, content: bytes, words: str) -> None:
    """What holds no trace is refused in one line that says what it is."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(TracekitError, match=words) as error:
        load(path)
    assert "\n" not in str(error.value)


def test_too_many_events(read: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more events than a trace should have the first ones are there, and it is told."""
    monkeypatch.setattr(collect, "MOST_EVENTS", 30_000)
    events = [whole(at, 1) for at in range(60_000)]
    trace = read(events)
    assert 0 < len(spans(trace)) <= 30_000
    assert "the rest is left out" in notes(trace)


def test_it_can_be_judged_and_written(read: Reading, tmp_path: Path) -> None:
    """A trace of somebody else can be asked all questions, written as our own, and read again."""
    events = [whole(0, 1e6, "a"), event("C", 5, args={"x": 1}), event("b", 1, id=1), event("i", 3), event("s", 1, id=1)]
    trace = read([*events, whole(2, 1, "b", tid=2), event("f", 2, id=1, tid=2, bp="e")])
    analyze(trace)
    write(trace, [], tmp_path / "own.json")
    again = load(tmp_path / "own.json")
    assert (drawn(again), points(again), arrows(again)) == (drawn(trace), points(trace), arrows(trace))
