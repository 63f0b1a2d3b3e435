"""Spans: where the whole lies, where its parts, and which end is whose. Times are ns since the first record."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spool_writer import SpoolWriter
from tests_support import rows_of, spans_of

from tracekit import events as e
from tracekit.load import load
from tracekit.model.trace import Category, Trace

Loaded = Callable[..., Trace]


@pytest.fixture
def spool() -> SpoolWriter:
    """Two threads, and a task of the first one."""
    writer = SpoolWriter(start_monotonic=100)
    writer.record(100, e.THREAD_BEGIN, "MainThread", 1)
    writer.record(100, e.THREAD_BEGIN, "helper", 2, thread=2)
    writer.record(101, e.TASK_CREATED, "t", 5)
    return writer


def where(trace: Trace, category: str = "SPAN") -> list[tuple[str, str, int, int]]:
    """Kind of track, name, start and end of each span or part."""
    return [(row.kind, row.name, row.start, row.end) for row in spans_of(trace, category)]


def test_spans_of_a_thread(spool: SpoolWriter, loaded: Loaded) -> None:
    """Outside of steps a span lies whole on its thread, with its arguments and its error."""
    outer = spool.record(110, e.SPAN_BEGIN, "outer", 0, spool.arg("rows", 3), spool.arg("who", "me"))
    inner = spool.record(120, e.SPAN_BEGIN, "inner")
    spool.record(130, e.SPAN_END, "inner", inner, (e.ERROR, 0, spool.name("KeyError")))
    spool.record(135, e.SPAN_ARGS, "outer", outer, spool.arg("bytes", 1.5), spool.arg("fine", True))
    spool.record(140, e.SPAN_END, "outer", outer)
    trace = loaded(spool)
    assert where(trace) == [("THREAD", "outer", 10, 40), ("THREAD", "inner", 20, 30)]
    first, second = spans_of(trace)
    assert first.args == {"rows": 3, "who": "me", "bytes": 1.5, "fine": True}
    assert (second.args, second.error, first.error) == ({"error": "KeyError"}, True, False)
    assert where(trace, "PART") == []


def test_a_span_across_an_await(spool: SpoolWriter, loaded: Loaded) -> None:
    """A span begun in a step lies whole on the task; the thread has a part in each step; the phases nest around it."""
    spool.record(110, e.STEP_BEGIN, 0, 5)
    begin = spool.record(115, e.SPAN_BEGIN, "fetch")
    spool.record(120, e.STEP_END, 0, 5)
    other = spool.record(125, e.SPAN_BEGIN, "elsewhere")
    spool.record(128, e.SPAN_END, "elsewhere", other)
    for time in (130, 150):
        spool.record(time, e.TASK_READY, 0, 5)
        spool.record(time + 2, e.STEP_BEGIN, 0, 5)
        if time == 150:
            spool.record(155, e.SPAN_END, "fetch", begin)
        spool.record(time + 8, e.STEP_END, 0, 5)
    trace = loaded(spool)
    assert where(trace) == [("TASK", "fetch", 15, 55), ("THREAD", "elsewhere", 25, 28)]
    assert where(trace, "PART") == [
        ("THREAD", "fetch", 15, 20),
        ("THREAD", "fetch", 32, 38),
        ("THREAD", "fetch", 52, 55),
    ]
    inside = [row for row in rows_of(trace, "READY", "RUNNING", "AWAITING") if 15 <= row.start < 55]
    assert [(row.name, row.start, row.end) for row in inside] == [
        ("running", 15, 20),
        ("awaiting", 20, 30),
        ("ready", 30, 32),
        ("running", 32, 38),
        ("awaiting", 38, 50),
        ("ready", 50, 52),
        ("running", 52, 55),
    ]


def test_spans_of_a_task_that_overlap(spool: SpoolWriter, loaded: Loaded) -> None:
    """Two spans of one task that overlap are both whole: one on the task, one on a lane of its thread."""
    spool.record(110, e.STEP_BEGIN, 0, 5)
    first = spool.record(112, e.SPAN_BEGIN, "first")
    second = spool.record(114, e.SPAN_BEGIN, "second")
    spool.record(116, e.SPAN_END, "first", first)
    spool.record(118, e.SPAN_END, "second", second)
    spool.record(120, e.STEP_END, 0, 5)
    assert where(loaded(spool)) == [("TASK", "first", 12, 16), ("LANE", "second", 14, 18)]


def test_a_span_that_ends_on_another_thread(spool: SpoolWriter, loaded: Loaded) -> None:
    """A span that another thread ends is whole, lies where it began, and is marked."""
    begin = spool.record(110, e.SPAN_BEGIN, "handed over")
    spool.record(140, e.SPAN_END, "handed over", begin, thread=2)
    spool.record(150, e.INSTANT, "tick")
    trace = loaded(spool)
    assert where(trace) == [("THREAD", "handed over", 10, 40)]
    assert spans_of(trace)[0].moved


def test_a_generator(spool: SpoolWriter, loaded: Loaded) -> None:
    """A generator's span is whole on a lane; the thread has a part for each stretch that it ran."""
    begin = spool.record(110, e.SPAN_BEGIN, "rows")
    spool.record(112, e.SPAN_SUSPEND, "rows", begin)
    other = spool.record(113, e.SPAN_BEGIN, "work")
    spool.record(115, e.SPAN_RESUME, "rows", begin)
    spool.record(118, e.SPAN_SUSPEND, "rows", begin)
    spool.record(119, e.SPAN_END, "work", other)
    spool.record(120, e.SPAN_RESUME, "rows", begin)
    spool.record(125, e.SPAN_END, "rows", begin)
    trace = loaded(spool)
    assert where(trace) == [("LANE", "rows", 10, 25), ("THREAD", "work", 13, 19)]
    assert where(trace, "PART") == [("THREAD", "rows", 10, 12), ("THREAD", "rows", 15, 18), ("THREAD", "rows", 20, 25)]


def test_a_generator_in_a_task(spool: SpoolWriter, loaded: Loaded) -> None:
    """An async generator's span is whole on its task; each stretch has a part in each step that it crosses."""
    spool.record(110, e.STEP_BEGIN, 0, 5)
    begin = spool.record(111, e.SPAN_BEGIN, "rows")
    spool.record(114, e.STEP_END, 0, 5)
    spool.record(120, e.STEP_BEGIN, 0, 5)
    spool.record(122, e.SPAN_SUSPEND, "rows", begin)
    spool.record(126, e.SPAN_RESUME, "rows", begin)
    spool.record(128, e.SPAN_END, "rows", begin)
    spool.record(130, e.STEP_END, 0, 5)
    trace = loaded(spool)
    assert where(trace) == [("TASK", "rows", 11, 28)]
    assert where(trace, "PART") == [("THREAD", "rows", 11, 14), ("THREAD", "rows", 20, 22), ("THREAD", "rows", 26, 28)]


def test_an_unfinished_span(spool: SpoolWriter, loaded: Loaded) -> None:
    """A span without an end runs to the end of its thread, or of its task, and is marked."""
    spool.record(105, e.SPAN_BEGIN, "open", thread=2)
    spool.record(110, e.STEP_BEGIN, 0, 5)
    spool.record(115, e.SPAN_BEGIN, "left behind")
    spool.record(119, e.TASK_DONE, e.OUTCOME_DONE, 5)
    spool.record(120, e.STEP_END, 0, 5)
    spool.record(150, e.THREAD_END, 0, 2, thread=2)
    spool.record(190, e.PROCESS_END)
    trace = loaded(spool)
    assert where(trace) == [("THREAD", "open", 5, 50), ("TASK", "left behind", 15, 20)]
    assert all(row.unfinished for row in spans_of(trace))


def test_ends_without_a_slot(spool: SpoolWriter, loaded: Loaded) -> None:
    """An end that names no begin takes the innermost open one of its name and thread; one that names a wrong one is counted."""
    spool.record(110, e.SPAN_BEGIN, "recursive")
    spool.record(112, e.SPAN_BEGIN, "recursive")
    spool.record(113, e.SPAN_BEGIN, "recursive", thread=2)
    spool.record(114, e.SPAN_END, "recursive", 0)
    spool.record(115, e.SPAN_END, "recursive", 12345)
    spool.record(116, e.SPAN_END, "recursive", 0)
    spool.record(119, e.SPAN_END, "recursive", 0, thread=2)
    trace = loaded(spool)
    assert sorted((row.start, row.end) for row in spans_of(trace)) == [(10, 16), (12, 14), (13, 19)]
    assert any("ends of a span" in note and note.endswith(": 1") for note in trace.notes)


def test_parts_of_two_spans_alike(spool: SpoolWriter, loaded: Loaded) -> None:
    """Where two spans fill a whole step, the part of the outer one is the parent of the inner one's."""
    spool.record(110, e.STEP_BEGIN, 0, 5)
    spool.record(111, e.SPAN_BEGIN, "outer")
    spool.record(112, e.SPAN_BEGIN, "inner")
    spool.record(114, e.STEP_END, 0, 5)
    spool.record(120, e.STEP_BEGIN, 0, 5)
    spool.record(124, e.STEP_END, 0, 5)
    parts = [(row.name, row.depth) for row in spans_of(loaded(spool), "PART") if row.start == 20]
    assert sorted(parts) == [("inner", 1), ("outer", 0)]


@pytest.mark.parametrize("known", [True, False])
@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans()), max_size=20))
def test_a_text_may_have_several_numbers(known: bool, nested: list[tuple[str, bool, bool]]) -> None:
    """Spans that begin under one number of their name and end under another one pair as if it were one number."""
    spool = SpoolWriter(start_monotonic=100)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    begins = []
    for at, (text, renumbered, _) in enumerate(nested):
        begins.append(spool.record(101 + at, e.SPAN_BEGIN, text))
        if renumbered:
            spool.forget(text)
    for at, (text, _, renumbered) in reversed(list(enumerate(nested))):
        spool.record(200 - at, e.SPAN_END, text, begins[at] if known else 0)
        if renumbered:
            spool.forget(text)
    with tempfile.TemporaryDirectory() as directory:
        spool.write(Path(directory))
        trace = load(directory)
    expected = [("THREAD", text, 1 + at, 100 - at) for at, (text, _, _) in enumerate(nested)]
    assert where(trace) == expected
    assert not any(row.unfinished for row in spans_of(trace))


def test_a_name_that_could_not_be_kept(spool: SpoolWriter, loaded: Loaded) -> None:
    """An end without a name ends the span whose slot it names."""
    begin = spool.record(110, e.SPAN_BEGIN, "load")
    spool.record(120, e.SPAN_END, 0, begin)
    assert where(loaded(spool)) == [("THREAD", "load", 10, 20)]


def test_many_spans_in_many_steps_of_one_task(spool: SpoolWriter, loaded: Loaded) -> None:
    """Of a task that runs for long each span that crosses an await has its parts, however many steps there were before."""
    count = 30_000
    spool.record(110, e.STEP_BEGIN, 0, 5)
    for at in range(count):
        begin = spool.record(200 + 100 * at, e.SPAN_BEGIN, "turn")
        spool.record(210 + 100 * at, e.STEP_END, 0, 5)
        spool.record(250 + 100 * at, e.STEP_BEGIN, 0, 5)
        spool.record(260 + 100 * at, e.SPAN_END, 0, begin)
    spool.record(300 + 100 * count, e.STEP_END, 0, 5)
    trace = loaded(spool)
    assert trace.slices.category.tolist().count(Category.SPAN) == count
    parts = trace.slices.category == Category.PART
    first = int(trace.slices.start[parts][0])
    assert trace.slices.start[parts].tolist() == [first + 50 * at for at in range(2 * count)]
    assert trace.slices.end[parts].tolist() == [first + 50 * at + 10 for at in range(2 * count)]
