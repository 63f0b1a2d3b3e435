"""Tasks: their lives, phases, times and arrows, from steps and wake-ups. Times are ns since the first record."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from spool_writer import SpoolWriter
from tests_support import rows_of

from tracekit import events as e
from tracekit.model.trace import Trace


@pytest.fixture
def spool() -> SpoolWriter:
    """A main thread with a running loop."""
    writer = SpoolWriter(start_monotonic=100)
    writer.record(100, e.THREAD_BEGIN, "MainThread", 1)
    writer.record(101, e.LOOP_BEGIN, "Loop", 1)
    return writer


def phases(trace: Trace) -> list[tuple[str, int, int]]:
    """The phases of all tasks."""
    return [(row.name, row.start, row.end) for row in rows_of(trace, "READY", "RUNNING", "AWAITING")]


def test_a_life(spool: SpoolWriter, loaded: Callable[..., Trace], arrows: Callable[[Trace], object]) -> None:
    """A task is ready, runs, awaits, is woken and ends; its times add up, and who made and woke it is seen."""
    spool.record(110, e.TASK_CREATED, "Task-1", 5, spool.code("work", "app.py", 3), (e.LOOP, 0, 1))
    spool.record(120, e.STEP_BEGIN, 0, 5)
    spool.record(130, e.STEP_END, 0, 5, spool.code("inner", "app.py", 9))
    spool.record(150, e.CALLBACK_BEGIN, "timer", 0, spool.code("timer", "lib.py", 2))
    spool.record(152, e.TASK_READY, 0, 5)
    spool.record(153, e.TASK_READY, 0, 5)
    spool.record(155, e.CALLBACK_END)
    spool.record(160, e.STEP_BEGIN, 0, 5)
    spool.record(168, e.TASK_DONE, e.OUTCOME_FAILED, 5, (e.ERROR, 0, spool.name("KeyError")))
    spool.record(170, e.STEP_END, 0, 5)
    spool.record(180, e.LOOP_END, 0, 1)
    trace = loaded(spool)
    (task,) = trace.tasks
    assert (task.created, task.ended, task.steps) == (10, 70, 2)
    assert (task.running, task.ready, task.awaiting) == (20, 18, 22)
    assert (task.coroutine, task.file, task.line, task.loop) == ("work", "app.py", 3, 0)
    assert (task.outcome, task.error, task.creator) == ("failed", "KeyError", "MainThread")
    assert phases(trace) == [
        ("ready", 10, 20),
        ("running", 20, 30),
        ("awaiting", 30, 52),
        ("ready", 52, 60),
        ("running", 60, 70),
    ]
    (life,) = rows_of(trace, "TASK")
    assert (life.name, life.error, life.args["outcome"], life.unfinished) == ("Task-1 (work)", True, "failed", False)
    steps = rows_of(trace, "STEP")
    assert [(step.name, step.start, step.end, step.task) for step in steps] == [
        ("Task-1", 20, 30, "Task-1"),
        ("Task-1", 60, 70, "Task-1"),
    ]
    assert steps[0].args == {"function": "inner", "file": "app.py", "line": 9}
    assert arrows(trace) == [("CREATE", "MainThread", 10, "Task-1"), ("WAKE", "MainThread", 52, "Task-1")]
    assert (trace.loops[0].running, trace.loops[0].open) == (25, 79)


def test_a_wake_up_inside_of_its_own_step(spool: SpoolWriter, loaded: Callable[..., Trace]) -> None:
    """A task that is scheduled again while it runs (sleep(0)) is ready from its step's end on and awaits nothing."""
    spool.record(110, e.TASK_CREATED, "t", 5)
    spool.record(120, e.STEP_BEGIN, 0, 5)
    spool.record(125, e.TASK_READY, 0, 5)
    spool.record(130, e.STEP_END, 0, 5)
    spool.record(140, e.STEP_BEGIN, 0, 5)
    spool.record(150, e.TASK_DONE, e.OUTCOME_DONE, 5)
    spool.record(150, e.STEP_END, 0, 5)
    trace = loaded(spool)
    assert phases(trace)[1:] == [("running", 20, 30), ("ready", 30, 40), ("running", 40, 50)]
    assert trace.tasks[0].outcome == "done"


def test_a_wake_up_from_another_thread(
    spool: SpoolWriter, loaded: Callable[..., Trace], arrows: Callable[[Trace], list[object]]
) -> None:
    """A wake-up counts whichever thread wrote it, and the arrow comes from there."""
    spool.record(110, e.TASK_CREATED, "t", 5)
    spool.record(120, e.STEP_BEGIN, 0, 5)
    spool.record(130, e.STEP_END, 0, 5)
    spool.record(105, e.THREAD_BEGIN, "helper", 2, thread=2)
    spool.record(140, e.TASK_READY, 0, 5, thread=2)
    spool.record(150, e.STEP_BEGIN, 0, 5)
    spool.record(160, e.STEP_END, 0, 5)
    trace = loaded(spool)
    assert ("ready", 40, 50) in phases(trace)
    assert ("WAKE", "helper", 40, "t") in arrows(trace)


def test_a_task_created_by_a_task(spool: SpoolWriter, loaded: Callable[..., Trace]) -> None:
    """Whoever's step the creation lies in is the creator, whatever it is called later."""
    spool.record(110, e.TASK_CREATED, "first", 5)
    spool.record(120, e.STEP_BEGIN, 0, 5)
    spool.record(125, e.TASK_CREATED, "second", 6)
    spool.record(130, e.STEP_END, 0, 5)
    spool.record(131, e.TASK_NAME, "renamed", 5)
    trace = loaded(spool)
    assert [(task.name, task.creator) for task in trace.tasks] == [("renamed", "MainThread"), ("second", "renamed")]
    assert rows_of(trace, "STEP")[0].name == "renamed"


def test_a_pending_task(spool: SpoolWriter, loaded: Callable[..., Trace]) -> None:
    """A task without an end is drawn to the end of its process, marked, and pending."""
    spool.record(110, e.TASK_CREATED, "waits", 5)
    spool.record(120, e.STEP_BEGIN, 0, 5)
    spool.record(130, e.STEP_END, 0, 5)
    spool.record(140, e.TASK_CREATED, "never ran", 6)
    spool.record(150, e.LOOP_END, 0, 1)
    trace = loaded(spool)
    assert [(task.outcome, task.ended, task.awaiting, task.ready) for task in trace.tasks] == [
        ("pending", None, 20, 10),
        ("pending", None, 0, 10),
    ]
    assert all(row.unfinished and row.end == 50 for row in rows_of(trace, "TASK"))


def test_a_task_that_was_there_before(
    spool: SpoolWriter, loaded: Callable[..., Trace], arrows: Callable[[Trace], object]
) -> None:
    """Of a task found when the recording began neither creator nor first wake-up is known, and none is claimed."""
    spool.record(110, e.TASK_CREATED, "old", 5, (e.LATE, 0, 0))
    spool.record(111, e.TASK_READY, 0, 5)
    spool.record(120, e.STEP_BEGIN, 0, 5)
    spool.record(130, e.STEP_END, 0, 5)
    trace = loaded(spool)
    assert trace.tasks[0].begun_before
    assert trace.tasks[0].creator == ""
    assert arrows(trace) == []


def test_an_eager_step(spool: SpoolWriter, loaded: Callable[..., Trace]) -> None:
    """A step inside of another task's step belongs to its own task; the loop's time counts it once."""
    spool.record(110, e.TASK_CREATED, "outer", 5)
    spool.record(120, e.STEP_BEGIN, 0, 5)
    spool.record(122, e.TASK_CREATED, "eager", 6)
    spool.record(124, e.STEP_BEGIN, 0, 6)
    begin = spool.record(125, e.SPAN_BEGIN, "inner")
    spool.record(126, e.SPAN_END, "inner", begin)
    spool.record(128, e.STEP_END, 0, 6)
    begin = spool.record(132, e.SPAN_BEGIN, "after")
    spool.record(133, e.SPAN_END, "after", begin)
    spool.record(140, e.STEP_END, 0, 5)
    trace = loaded(spool)
    assert [(row.name, row.task) for row in rows_of(trace, "PART")] == [("inner", "eager"), ("after", "outer")]
    assert trace.loops[0].running == 20


def test_a_step_that_never_ended(spool: SpoolWriter, loaded: Callable[..., Trace]) -> None:
    """A step that a kill cut off runs to the last thing seen, marked, on the thread and on the task."""
    spool.record(110, e.TASK_CREATED, "t", 5)
    spool.record(120, e.STEP_BEGIN, 0, 5)
    spool.record(190, e.INSTANT, "last words")
    trace = loaded(spool)
    for row in rows_of(trace, "STEP", "RUNNING", "TASK", "LOOP"):
        assert (row.end, row.unfinished) == (90, True)
