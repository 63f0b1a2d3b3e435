"""Texts beside records: names and arguments that no table keeps read like those that one does. Knows no layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from spool_writer import SpoolWriter
from tests_support import spans_of

from tracekit import events as e
from tracekit.load import load
from tracekit.model.trace import Trace
from tracekit.record.recorder import Recorder
from tracekit.spool import texts
from tracekit.spool.buffer import MOST_DETAILS

Loaded = Callable[..., Trace]
LONG = "a name that takes several details, ä and 🙂"


@pytest.mark.parametrize("name", ["", "x", "exactly8", "nine chars", LONG])
def test_names_beside_their_records(name: str, loaded: Loaded) -> None:
    """Whatever has a name can have it beside itself; other details keep their places."""
    spool = SpoolWriter(start_monotonic=100)
    beside = spool.inline(name)
    spool.record(100, e.THREAD_BEGIN, 0, 1, beside)
    spool.record(101, e.TASK_CREATED, 0, 5, spool.code("work"), beside)
    spool.record(102, e.PROCESS_NAME, 0, 0, beside)
    spool.record(103, e.INSTANT, 0, 0, spool.arg("n", 1), beside, spool.arg("who", LONG))
    spool.record(104, e.COUNTER, 0, 0, beside, spool.arg("depth", 2))
    begin = spool.record(105, e.SPAN_BEGIN, 0, 0, beside)
    spool.record(106, e.SPAN_END, 0, begin)
    spool.record(107, e.PROCESS_SPAWN, 0, 77, beside)
    trace = loaded(spool)
    counters = [trace.strings[index] for index in trace.counters.name.tolist()]
    names = [trace.strings[trace.instants.name[0]], next(text for text in counters if text != "live tasks")]
    assert [*names, trace.threads[0].name, trace.tasks[0].name, spans_of(trace)[0].name] == [name] * 5
    assert trace.tasks[0].coroutine == "work"
    assert trace.args[trace.instants.args[0]] == {"n": 1, "who": LONG}
    assert trace.processes[1].name == name
    assert not any("names that are missing" in note for note in trace.notes)


def test_a_name_that_comes_again(loaded: Loaded) -> None:
    """A name that stood beside its record first and got a number later is one name."""
    spool = SpoolWriter(start_monotonic=100)
    spool.record(100, e.SPAN_BEGIN, 0, 0, spool.inline("load"))
    spool.record(110, e.SPAN_BEGIN, "load")
    spool.record(120, e.SPAN_BEGIN, 0, 0, spool.inline("other"))
    for time in (130, 140):
        spool.record(time, e.SPAN_END, "load", 0)
    trace = loaded(spool)
    assert sorted((row.name, row.start, row.end, row.unfinished) for row in spans_of(trace)) == [
        ("load", 0, 40, False),
        ("load", 10, 30, False),
        ("other", 20, 40, True),
    ]
    assert trace.strings.count("load") == 1


def test_many_names(loaded: Loaded) -> None:
    """Thousands of names beside their records, over several blocks, each stay with their own."""
    spool = SpoolWriter(start_monotonic=100)
    for number in range(3000):
        begin = spool.record(100 + 2 * number, e.SPAN_BEGIN, 0, 0, spool.inline(f"request number {number}"))
        spool.record(101 + 2 * number, e.SPAN_END, 0, begin)
    rows = spans_of(loaded(spool))
    assert [row.name for row in rows] == [f"request number {number}" for number in range(3000)]


def test_a_text_without_its_beginning(loaded: Loaded) -> None:
    """What goes on with a text that is not there, or not its neighbour, belongs to nothing."""
    spool = SpoolWriter(start_monotonic=100)
    (first, *more) = spool.text(e.ARG_TEXT, spool.name("who"), "0123456789abcdefghijklmnopqrstuvwxyz")
    spool.record(100, e.INSTANT, "a", 0, more)
    spool.record(101, e.INSTANT, "b", 0, [first], spool.arg("n", 1), more)
    trace = loaded(spool)
    assert [trace.args[index] for index in trace.instants.args.tolist() if index >= 0] == [{"who": "01234567…", "n": 1}]


def test_more_details_than_a_record_has(tmp_path: Path) -> None:
    """A text of which a record had no room for all says so, and ends in a whole character."""
    recorder = Recorder(str(tmp_path))
    for blanks in range(4):  # so that the cut is at each byte of a character once
        details = texts.encode(e.ARG_TEXT, recorder.intern("text"), " " * blanks + "🙂" * 2000, most=5000)
        recorder.write(e.INSTANT, recorder.intern("much"), 0, details)
    recorder.finish()
    recorder.abandon()
    trace = load(tmp_path)
    shown = [str(trace.args[index]["text"]) for index in trace.instants.args.tolist()]
    assert [text.lstrip() for text in shown] == ["🙂" * (len(text.lstrip()) - 1) + "…" for text in shown]
    room = 8 + 15 * (MOST_DETAILS - 1)
    assert all(room - 3 <= len(text.removesuffix("…").encode()) <= room for text in shown)
