"""The invariants: a sound trace has no fault, and each way to break one is found. Knows no file."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from hand_made_states import lay_states

from tracekit.model.builder import Builder
from tracekit.model.check import check
from tracekit.model.trace import UNLOCKED, Category, FlowKind, Trace, TrackKind


@pytest.fixture
def trace() -> Trace:
    """A thread with a step and a job on it, the step's task, and an arrow."""
    builder = Builder("app.py")
    process = builder.process(7, "app.py")
    thread = builder.thread(process, 7, "main", main=True)
    task = builder.task(process, builder.loop(process, thread, "Loop"), "t", ended=100, running=40, ready=60)
    on_thread, on_task = builder.track(TrackKind.THREAD, thread), builder.track(TrackKind.TASK, task)
    builder.slice(on_thread, 0, 100, "main", Category.THREAD)
    step = builder.slice(on_thread, 60, 100, "t", Category.STEP, task=task)
    builder.slice(on_thread, 10, 20, "job", Category.JOB)
    builder.slice(on_task, 0, 100, "t (f)", Category.TASK, task=task)
    builder.slice(on_task, 0, 60, "ready", Category.READY, task=task)
    builder.slice(on_task, 60, 100, "running", Category.RUNNING, task=task)
    builder.flow(FlowKind.CREATE, on_thread, 15, step)
    builder.instant(on_thread, 5, "tick")
    builder.counter(process, 6, "queue", "depth", 1)
    return builder.build()


def test_a_sound_trace_has_no_fault(trace: Trace) -> None:
    """What the builder makes of sound rows is sound."""
    assert check(trace) == []


def _put(table: str, column: str, at: int, value: int) -> Callable[[Trace], None]:
    def put(trace: Trace) -> None:
        getattr(getattr(trace, table), column)[at] = value

    return put


def _row(table: str, attribute: str, value: object) -> Callable[[Trace], None]:
    def put(trace: Trace) -> None:
        setattr(getattr(trace, table)[0], attribute, value)

    return put


# Slices: 0 main, 1 job, 2 step, 3 the task, 4 ready, 5 running.
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_put("slices", "name", 0, 99), "out of its range"),
        (_put("slices", "track", 0, -1), "out of its range"),
        (_put("flows", "target", 0, 99), "out of its range"),
        (_put("slices", "category", 1, 77), "unknown values"),
        (_row("processes", "parent", 3), "not there"),
        (_row("processes", "parent", 0), "its own ancestor"),
        (_row("threads", "process", 9), "not there"),
        (_row("tracks", "owner", 9), "not there"),
        (_put("slices", "end", 0, 101), "outside of the trace's duration"),
        (_put("slices", "end", 1, 9), "ends before it starts"),
        (_row("threads", "ended", -1), "no possible life"),
        (_put("slices", "start", 1, 70), "not sorted"),
        (_put("slices", "end", 1, 70), "sticks out"),
        (_put("slices", "category", 1, Category.READY), "wrong kind"),
        (_put("slices", "task", 2, -1), "belongs to no task"),
        (_put("slices", "task", 4, -1), "another task's track"),
        (_put("slices", "category", 1, Category.THREAD), "has 2 THREAD slices"),
        (_put("slices", "start", 0, 15), "outside of its THREAD"),
        (_put("flows", "time", 0, 61), "runs backwards"),
        (_put("flows", "track", 0, 1), ""),
        (_row("tasks", "awaiting", 1), "do not add up"),
        (_put("slices", "end", 4, 50), "not those of its phases"),
    ],
)
def test_each_fault_is_found(trace: Trace, damage: Callable[[Trace], None], words: str) -> None:
    """Each invariant, broken by itself, is named in a sentence."""
    damage(trace)
    faults = check(trace)
    assert any(words in fault for fault in faults) if words else faults == []


def test_a_flow_from_nowhere_is_found(trace: Trace) -> None:
    """An arrow must start in a slice of its track."""
    trace.slices.start[0] = 30
    trace.slices.start[1] = 30
    trace.slices.end[1] = 40
    assert any("has no slice" in fault for fault in check(trace))


def test_columns_of_different_length_are_found(trace: Trace) -> None:
    """A table whose columns do not match is named."""
    trace.slices.args = np.zeros(1, np.int32)
    assert check(trace) == ["Slices: the columns differ in length"]


def test_many_faults_are_few_sentences() -> None:
    """A thousand faults of one kind are told in a handful of sentences."""
    builder = Builder()
    thread = builder.thread(builder.process(7, "p"), 7, "main")
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 10_000, "main", Category.THREAD)
    for time in range(1000):
        builder.slice(track, time * 10, time * 10 + 5, "job", Category.JOB)
    trace = builder.build()
    trace.slices.end[1:] = trace.slices.start[1:] - 1
    assert 0 < len(check(trace)) < 20


@pytest.mark.parametrize(
    ("second", "phase", "words"),
    [
        ((60, 90), (60, 90), ""),
        ((40, 90), (60, 90), "lies on another task"),
        ((60, 80), (55, 60), "outside of its TASK"),
    ],
)
def test_lanes_of_tasks(second: tuple[int, int], phase: tuple[int, int], words: str) -> None:
    """On a lane tasks follow each other, and each one's phases lie on it."""
    builder = Builder("app.py")
    process = builder.process(7, "app.py")
    builder.thread(process, 7, "main", main=True)
    lane = builder.track(TrackKind.TASKS, process, 1)
    for start, end in ((0, 50), second):
        ready = end - start
        task = builder.task(process, None, "t", created=start, ended=end, ready=ready)
        builder.slice(lane, start, end, "t", Category.TASK, task=task)
    builder.slice(lane, 0, 50, "ready", Category.READY, task=0)
    builder.slice(lane, *phase, "ready", Category.READY, task=1)
    faults = check(builder.build())
    assert any(words in fault for fault in faults) if words else faults == []


def _states() -> Trace:
    builder = Builder("app.py")
    thread = builder.thread(builder.process(7, "app.py"), 7, "main", main=True)
    builder.slice(builder.track(TrackKind.THREAD, thread), 0, 100, "main", Category.THREAD)
    lay_states(builder, thread, (7e-6, "running"), (20e-6, "polling"), (3e-6, UNLOCKED))
    return builder.build()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_row("states", "running", 11), "are not the sums of its track"),
        (_row("states", "gil", 1), "are not the sums of its track"),
        (_row("states", "unlocked", 4), "are not the sums of its track"),
        (_row("states", "thread", 3), "refers to a row that is not there"),
        (lambda trace: trace.states.append(trace.states[0]), "several rows of states"),
        (lambda trace: trace.states.clear(), "are not the sums of its track"),
        (_put("slices", "category", 1, Category.SPAN), "is no state"),
        (_put("slices", "name", 1, 0), "is no state"),
        (_put("slices", "track", 1, 0), "on a track of the wrong kind"),
        (_put("slices", "end", 1, 12), "sticks out|lies on another state"),
    ],
)
def test_each_fault_of_states_is_found(damage: Callable[[Trace], None], words: str) -> None:
    """States that overlap, have no known name or do not add up to their thread's row are found."""
    trace = _states()
    assert check(trace) == []
    damage(trace)
    assert re.search(words, "\n".join(check(trace)))


@pytest.fixture
def locked() -> Trace:
    """A thread that waits for a lock and gets it, and the one that releases it."""
    builder = Builder("app.py")
    process = builder.process(7, "app.py")
    tracks = [builder.track(TrackKind.THREAD, builder.thread(process, 7 + at, "t", main=not at)) for at in range(2)]
    for track in tracks:
        builder.slice(track, 0, 100, "t", Category.THREAD)
    builder.slice(tracks[0], 10, 50, "Lock.acquire", Category.WAIT)
    point = builder.slice(tracks[0], 50, 50, "acquired", Category.ACQUIRED)
    builder.flow(FlowKind.RELEASE, tracks[1], 45, point)
    return builder.build()


# Slices: 0 the thread, 1 its wait, 2 the end of that, 3 the other thread.
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_put("flows", "target", 0, 1), "is released, but acquires nothing"),
        (_put("slices", "end", 2, 60), "is no point in time"),
        (_put("slices", "end", 1, 49), "is not the end of a wait"),
    ],
)
def test_locks(locked: Trace, damage: Callable[[Trace], None], words: str) -> None:
    """An arrow from a release ends where a wait does, in a point."""
    assert check(locked) == []
    locked.flows.time[0] = 5
    damage(locked)
    assert any(words in fault for fault in check(locked)), check(locked)
