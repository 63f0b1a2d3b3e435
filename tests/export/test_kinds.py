"""The table of kinds of work, and its rows for scripts, from traces laid out by hand. Knows no recording; times are in ms."""

from __future__ import annotations

import io
import json

import pytest
from hand_made_states import MS, lay_states

from tracekit.export._kinds import kinds_as_objects, where_time_goes
from tracekit.export.page import page
from tracekit.export.report import render
from tracekit.model.builder import Builder
from tracekit.model.trace import UNLOCKED, Category, Trace, TrackKind


def one(spans: int = 1) -> Trace:
    """A thread that computed and slept, with spans one after another."""
    builder = Builder("app.py")
    thread = builder.thread(builder.process(10, "app.py", started=0, ended=1000 * MS), 10, "MainThread", main=True)
    lay_states(builder, thread, (200, "running"), (100, UNLOCKED), (700, "sleeping")).unlocked = 100 * MS
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 1000 * MS, "MainThread", Category.THREAD)
    for number in range(spans):
        builder.slice(
            track, number * 900 * MS // spans, (number + 1) * 900 * MS // spans, f"request {number}", Category.SPAN
        )
    return builder.build()


def printed(trace: Trace, most: int = 10) -> str:
    out = io.StringIO()
    where_time_goes(trace, page(out), most)
    return out.getvalue()


def test_table() -> None:
    """A row says what it is of, its kind, how sure that is, and the largest shares in words."""
    title, header, row, *_ = printed(one()).strip().splitlines()
    assert title == "Where the time of spans, tasks, jobs and functions goes"
    assert header.split() == ["of", "times", "took", "sure", "kind", "of", "work", "of", "which"]
    assert " ".join(row.split()) == (
        "request 0 span 1 900 ms 99% waiting for timers 67% timers, 22% under the GIL, 11% without the GIL"
    )


def test_few_rows() -> None:
    """Of many only the first are shown, and how many more there are is said."""
    lines = printed(one(spans=20), most=3).strip().splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["request"] * 3
    assert lines[5].strip() == "and 17 more"


def test_short_ones() -> None:
    """What took next to nothing is not shown, and in the rows for scripts it is."""
    builder = Builder("app.py")
    thread = builder.thread(builder.process(10, "app.py"), 10, "MainThread")
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 1000 * MS, "long", Category.SPAN)
    builder.slice(track, 1000 * MS, 1005 * MS, "short", Category.SPAN)
    trace = builder.build()
    assert "short" not in printed(trace)
    assert [row["name"] for row in kinds_as_objects(trace)] == ["long", "short"]


def test_threads_where_there_is_nothing_else() -> None:
    """Threads, of which other tables tell, stand there only where nothing else does."""
    builder = Builder("app.py")
    process = builder.process(10, "app.py")
    for number, name in enumerate(("first", "second")):
        thread = builder.thread(process, 10 + number, name)
        builder.slice(builder.track(TrackKind.THREAD, thread), 0, 1000 * MS, name, Category.THREAD)
    assert "first" in printed(builder.build())
    builder.slice(builder.track(TrackKind.THREAD, thread), 0, 10 * MS, "span", Category.SPAN)
    text = printed(builder.build())
    assert "first" not in text
    assert "span" in text


def test_nothing() -> None:
    """Without anything to tell of there is no table."""
    assert printed(Builder("app.py").build()) == ""


def test_in_the_report() -> None:
    """The report shows the table before those of processes and threads."""
    out = io.StringIO()
    render(one(), [], page(out))
    text = out.getvalue()
    assert 0 < text.index("Where the time of") < text.index("\nProcesses")


def test_objects() -> None:
    """The rows for scripts are plain JSON: seconds, shares that add up to 1, null for what is not known."""
    (row,) = json.loads(json.dumps(kinds_as_objects(one()), allow_nan=False))
    assert row.pop("shares") == pytest.approx({"timer": 6 / 9, "gil": 2 / 9, "native": 1 / 9})
    assert row.pop("confidence") == pytest.approx(90 / 91)
    assert row == {
        "what": "span",
        "name": "request 0",
        "file": None,
        "line": None,
        "count": 1,
        "total_s": 0.9,
        "kind": "waiting for timers",
        "samples": 90,
    }
    for value, kind in ((row["count"], int), (row["total_s"], float), (row["samples"], int)):
        assert type(value) is kind
