"""Tasks of which there are too many for a track each share lanes. Knows no limit but the one it sets."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from spool_writer import SpoolWriter
from tests_support import rows_of

from tracekit import events as e
from tracekit.load import lanes
from tracekit.model.trace import Trace


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> SpoolWriter:
    """Ten tasks, three alive at a time, with a span in each; two of them may have tracks of their own."""
    monkeypatch.setattr(lanes, "MOST_OWN_TRACKS", 2)
    writer = SpoolWriter(start_monotonic=100)
    writer.record(100, e.THREAD_BEGIN, "MainThread", 1)
    writer.record(101, e.LOOP_BEGIN, "Loop", 1)
    for serial in range(12):
        if serial < 10:
            writer.record(110 + serial * 10, e.TASK_CREATED, f"t{serial}", serial)
        if serial >= 2:
            time = 112 + serial * 10
            writer.record(time, e.STEP_BEGIN, 0, serial - 2)
            begin = writer.record(time + 1, e.SPAN_BEGIN, "work")
            writer.record(time + 3, e.SPAN_END, "work", begin)
            writer.record(time + 5, e.TASK_DONE, e.OUTCOME_DONE, serial - 2)
            writer.record(time + 6, e.STEP_END, 0, serial - 2)
    return writer


def test_lanes(many: SpoolWriter, loaded: Callable[..., Trace]) -> None:
    """The first tasks have their own tracks; each later one lies whole, with its phases and spans, on a free lane."""
    trace = loaded(many)
    lives = rows_of(trace, "TASK")
    assert [trace.tracks[row.track].name for row in lives[:5]] == ["t0", "t1", "tasks 1", "tasks 2", "tasks 3"]
    assert {trace.tracks[row.track].name for row in lives[5:]} == {"tasks 1", "tasks 2", "tasks 3"}
    home = {row.task: row.track for row in lives}
    for row in rows_of(trace, "READY", "RUNNING", "SPAN"):
        assert row.track == home[row.task]
    assert [row.name for row in lives] == [f"t{number}" for number in range(10)]


def test_touching_lives_keep_apart(monkeypatch: pytest.MonkeyPatch, loaded: Callable[..., Trace]) -> None:
    """A task that begins where another one ends, and has no length itself, is not laid upon it."""
    monkeypatch.setattr(lanes, "MOST_OWN_TRACKS", 0)
    spool = SpoolWriter(start_monotonic=100)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    for serial in range(3):
        spool.record(110, e.TASK_CREATED, f"t{serial}", serial)
        spool.record(110, e.TASK_DONE, e.OUTCOME_DONE, serial)
    spool.record(120, e.INSTANT, "last")
    assert len({row.track for row in rows_of(loaded(spool), "TASK")}) == 3
