"""Tasks of which there are more than anybody can look at: what is drawn of them, and that none of their times is lost. Knows
no limit but the one it sets.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from spool_writer import SpoolWriter
from tests_support import rows_of

from tracekit import events as e
from tracekit.analyze import busy_polling, loop_blocked, task_pending
from tracekit.analyze.finding import Finding
from tracekit.analyze.waits import waits
from tracekit.load import lanes
from tracekit.model.check import check
from tracekit.model.trace import Trace

FEW, MANY = 40, 20_000


def storm(tasks: int, spans: bool = False, left: bool = False) -> SpoolWriter:
    """Tasks of three steps each, a hundred at a time in turn: number N waits N ns longer for its second step than others.

    With `left` none of them is ever done: half of them are ready to the end, the others await something.
    """
    writer, time, names = SpoolWriter(start_monotonic=100), 1000, [f"t{number}" for number in range(tasks)]
    writer.record(100, e.THREAD_BEGIN, "MainThread", 1)
    writer.record(101, e.LOOP_BEGIN, "Loop", 1)
    for first in range(0, tasks, 100):
        batch = range(first, min(first + 100, tasks))
        for number in batch:
            writer.record(time, e.TASK_CREATED, names[number], number + 1, writer.code("work"))
        for step in range(3):
            for number in batch:
                time += 10
                writer.record(time + (number if step == 1 else 0), e.STEP_BEGIN, 0, number + 1)
                time += number if step == 1 else 0
                if spans and number == tasks - 1 and step == 0:
                    begin = writer.record(time + 1, e.SPAN_BEGIN, "work")
                    writer.record(time + 2, e.SPAN_END, "work", begin)
                if step < 2 or (left and number % 2):
                    writer.record(time + 3, e.TASK_READY, 0, number + 1)
                elif not left:
                    failed = number % 1000 == 777
                    writer.record(time + 3, e.TASK_DONE, e.OUTCOME_FAILED if failed else e.OUTCOME_DONE, number + 1)
                writer.record(time + 4, e.STEP_END, 0, number + 1)
                time += 4
    writer.record(time + 50, e.LOOP_END, "", 1)
    return writer


def block(sleepers: int) -> SpoolWriter:
    """One task holds the loop for 100 ms; then others are handed what fell due meanwhile, and those ran that were ready."""
    writer, time = SpoolWriter(start_monotonic=100), 1000
    writer.record(100, e.THREAD_BEGIN, "MainThread", 1)
    writer.record(101, e.LOOP_BEGIN, "Loop", 1)
    blocking, ready = sleepers + 1, range(sleepers // 2, sleepers)

    def step(number: int, time: int, end: int) -> None:
        writer.record(time, e.STEP_BEGIN, 0, number + 1)
        writer.record(end, e.STEP_END, 0, number + 1)

    for number in (*range(sleepers), blocking):
        writer.record(time + number, e.TASK_CREATED, f"t{number}", number + 1)
    for number in range(sleepers):
        time += 10_000
        step(number, time, time + 10)
    for number in ready:
        writer.record(time + 20 + number, e.TASK_READY, 0, number + 1)
    time += 10_000
    step(blocking, time, time + 100_000_000)
    time += 100_000_000
    for number in range(sleepers // 2):
        time += 100
        writer.record(time, e.CALLBACK_BEGIN, "_read_ready")
        writer.record(time + 10, e.TASK_READY, 0, number + 1)
        writer.record(time + 20, e.CALLBACK_END, "")
    for number in (*ready, *range(sleepers // 2)):
        time += 100
        step(number, time, time + 10)
    # What is delivered after they have run was not due in the block.
    writer.record(time + 100, e.CALLBACK_BEGIN, "_read_ready")
    writer.record(time + 110, e.TASK_READY, 0, blocking + 1)
    writer.record(time + 120, e.CALLBACK_END, "")
    writer.record(time + 200, e.LOOP_END, "", 1)
    return writer


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> int:
    """No more than so many tasks are drawn, five of them on tracks of their own."""
    monkeypatch.setattr(lanes, "MOST_DRAWN", FEW)
    monkeypatch.setattr(lanes, "MOST_OWN_TRACKS", 5)
    return FEW


def test_slices_are_bounded(limit: int, loaded: Callable[..., Trace]) -> None:
    """Of twenty thousand tasks a bounded number has a life and phases; of all others there are the steps, on their thread."""
    trace = loaded(storm(MANY))
    lives = {row.task for row in rows_of(trace, "TASK")}
    assert len(lives) == limit
    assert {row.task for row in rows_of(trace, "READY", "RUNNING", "AWAITING")} == lives
    assert len(rows_of(trace, "STEP")) == 3 * MANY
    assert len(trace.tracks) < 2 * limit
    assert len(trace.flows) <= 4 * limit
    assert len(trace.args) < 4 * limit
    assert check(trace) == []


def test_out_of_the_ordinary_tasks_are_drawn(limit: int, loaded: Callable[..., Trace]) -> None:
    """The first tasks are drawn, and of the others those that failed, then those that waited longest."""
    trace = loaded(storm(MANY))
    drawn = {row.task for row in rows_of(trace, "TASK")}
    assert {f"t{number}" for number in range(limit // 2)} <= drawn
    assert {f"t{number}" for number in range(777, MANY, 1000)} == drawn - {f"t{number}" for number in range(limit // 2)}


def test_nothing_is_lost_of_their_times(
    limit: int, monkeypatch: pytest.MonkeyPatch, loaded: Callable[..., Trace]
) -> None:
    """Every row of a task, and how long tasks waited for their loop, is as if all of them were drawn."""
    some = loaded(storm(1000))
    monkeypatch.setattr(lanes, "MOST_DRAWN", 1000)
    every = loaded(storm(1000))
    assert len(some.undrawn) == 3 * (1000 - limit)
    assert len(every.undrawn) == 0
    assert some.tasks == every.tasks
    assert waits(some) == waits(every)
    assert len(rows_of(every, "TASK")) == 1000
    assert np.diff(some.undrawn.task).min() >= 0


def test_a_note_says_what_is_not_drawn(limit: int, loaded: Callable[..., Trace]) -> None:
    """Who looks at such a trace is told how many tasks are not drawn, and where their times are; no other trace says that."""
    (note,) = [note for note in loaded(storm(1000)).notes if "not all are drawn" in note]
    assert f"of {1000 - limit}," in note
    assert not any("not all are drawn" in note for note in loaded(storm(limit)).notes)


def test_tasks_with_spans_are_drawn(limit: int, loaded: Callable[..., Trace]) -> None:
    """A task with a span of the program's own is drawn whole, however many tasks there are."""
    trace = loaded(storm(1000, spans=True))
    (span,) = rows_of(trace, "SPAN")
    assert span.task == "t999"
    assert len(rows_of(trace, "TASK")) == limit
    assert check(trace) == []


@pytest.mark.parametrize(
    ("find", "spool"),
    [
        (busy_polling.find, storm(1000)),
        (task_pending.find, storm(1000, left=True)),
        (loop_blocked.find, block(1000)),
    ],
)
def test_findings_count_all_tasks(
    limit: int,
    monkeypatch: pytest.MonkeyPatch,
    loaded: Callable[..., Trace],
    find: Callable[[Trace, int], list[Finding]],
    spool: SpoolWriter,
) -> None:
    """What is found, and in how many tasks, is as if all of them were drawn."""
    some = find(loaded(spool), 1000)
    monkeypatch.setattr(lanes, "MOST_DRAWN", 50 * limit)
    (every,) = find(loaded(spool), 1000)
    assert some == [every]
    assert any(every.details.get(key) == 1000 for key in ("count", "delayed_count"))
