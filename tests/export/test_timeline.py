"""The lanes of a page's timeline, from traces laid out by hand. Knows no markup."""

from __future__ import annotations

import pytest
from hand_made_states import lay_states

from tracekit.export._timeline import MOST_TASKS, MOST_THREADS, Lane, Timeline
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Flag, Trace, TrackKind

MS = 1_000_000


def lane(trace: Trace, name: str) -> Lane:
    """The only lane of a name."""
    (found,) = [lane for lane in Timeline(trace).lanes if lane.name == name]
    return found


def one_thread() -> tuple[Builder, int, int]:
    """A builder with a process and a thread, and the thread's track."""
    builder = Builder("app.py")
    thread = builder.thread(builder.process(10, "app.py"), 10, "MainThread", started=0, ended=100 * MS, main=True)
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 100 * MS, "MainThread", Category.THREAD)
    return builder, thread, track


def test_levels() -> None:
    """Slices that lie in one another are rows below one another; the loop and the life of the thread are none of them."""
    builder, _, track = one_thread()
    builder.slice(track, 10 * MS, 80 * MS, "Loop", Category.LOOP)
    builder.slice(track, 20 * MS, 40 * MS, "outer", Category.STEP)
    builder.slice(track, 25 * MS, 30 * MS, "inner", Category.SPAN)
    builder.slice(track, 50 * MS, 60 * MS, "next", Category.STEP)
    found = lane(builder.build(), "MainThread")
    assert found.life == (0, 100 * MS)
    assert [[piece.name for piece in row] for row in found.rows] == [["outer", "next"], ["inner"]]
    assert found.rows[0][0].told == "outer, 20.0 ms, at 20.0 ms"


def test_states() -> None:
    """What a thread was seen to do lies below what it ran, each state in its colour."""
    builder, thread, _ = one_thread()
    lay_states(builder, thread, (10, "running"), (10, "waiting for the GIL"), (10, "not told"))
    assert [piece.colour for piece in lane(builder.build(), "MainThread").states] == ["compute", "gil", "other"]


def test_unfinished() -> None:
    """A slice whose end was not seen says so."""
    builder, _, track = one_thread()
    builder.slice(track, 20 * MS, 100 * MS, "step", Category.STEP, flags=Flag.UNFINISHED)
    assert lane(builder.build(), "MainThread").rows[0][0].told.endswith("its end was not seen")


def test_short_slices_count() -> None:
    """Slices that are too short to be seen are one piece, which counts them."""
    builder, _, track = one_thread()
    for number in range(10):
        builder.slice(track, 20 * MS + number * 1000, 20 * MS + number * 1000 + 500, f"step {number}", Category.STEP)
    (piece,) = lane(builder.build(), "MainThread").rows[0]
    assert piece.told == "10 slices, 5.00 µs in all, at 20.0 ms; the longest: step 9"
    assert piece.name == ""


def test_calls() -> None:
    """Calls of functions do not hide the steps that they led to; where there is nothing else they are drawn."""
    builder, _, track = one_thread()
    builder.slice(track, 10 * MS, 90 * MS, "main", Category.CALL)
    alone = Timeline(builder.build())
    assert [[piece.name for piece in row] for row in alone.lanes[0].rows] == [["main"]]
    builder, _, track = one_thread()
    builder.slice(track, 10 * MS, 90 * MS, "main", Category.CALL)
    builder.slice(track, 20 * MS, 30 * MS, "step", Category.STEP)
    beside = Timeline(builder.build())
    assert [[piece.name for piece in row] for row in beside.lanes[0].rows] == [["step"]]
    assert [alone.has_calls_left_out, beside.has_calls_left_out] == [False, True]


def test_processes() -> None:
    """Of several processes each has a line with its name, above its threads; a single one needs none."""
    builder = Builder("app.py")
    for pid in (10, 11):
        thread = builder.thread(builder.process(pid, f"worker {pid}"), pid, f"thread {pid}", started=0, ended=MS)
        builder.slice(builder.track(TrackKind.THREAD, thread), 0, MS, "life", Category.THREAD)
    lanes = Timeline(builder.build()).lanes
    assert [(lane.name, lane.is_head) for lane in lanes] == [
        ("worker 10  10", True),
        ("thread 10", False),
        ("worker 11  11", True),
        ("thread 11", False),
    ]


@pytest.mark.parametrize("more", [0, 7])
def test_the_busiest(more: int) -> None:
    """Of too many threads and tasks those are drawn that ran longest, as they came; the rest is counted."""
    builder = Builder("app.py")
    process = builder.process(10, "app.py")
    for number in range(MOST_THREADS + more):
        thread = builder.thread(process, number, f"thread {number}", started=0, ended=MS)
        lay_states(builder, thread, (number + 1, "running"))
    for number in range(MOST_TASKS + more):
        task = builder.task(process, None, f"Task-{number}", created=number, running=number)
        builder.slice(builder.track(TrackKind.TASK, task), number, number + MS, "run", Category.RUNNING, task=task)
    timeline = Timeline(builder.build())
    names = [lane.name for lane in timeline.lanes]
    assert names == [f"thread {more + n}" for n in range(MOST_THREADS)] + [
        f"Task-{more + n}" for n in range(MOST_TASKS)
    ]
    assert timeline.left_out == ([f"{more} threads", f"{more} tasks"] if more else [])


def sharing(count: int) -> Trace:
    """Tasks that follow one another on one track, as the later ones of thousands do; the last one ran longest."""
    builder = Builder("app.py")
    process = builder.process(10, "app.py")
    track = builder.track(TrackKind.TASKS, process, 1)
    for number in range(count):
        start, ran = number * 10 * MS, (5 if number == count - 1 else 1) * MS
        task = builder.task(process, None, f"Task-{number}", created=start, running=ran, ready=MS)
        builder.slice(track, start, start + MS + ran, f"Task-{number}", Category.TASK, task=task)
        builder.slice(track, start, start + MS, "ready", Category.READY, task=task)
        builder.slice(track, start + MS, start + MS + ran, "running", Category.RUNNING, task=task)
    return builder.build()


def test_tasks_that_share_a_track() -> None:
    """A task has a lane of its own, with what it did and nothing of others, also where it shares a track with them."""
    trace = sharing(3)
    assert [lane.name for lane in Timeline(trace).lanes] == ["Task-0", "Task-1", "Task-2"]
    assert [(piece.begin, piece.end, piece.colour) for piece in lane(trace, "Task-2").rows[0]] == [
        (20 * MS, 21 * MS, "loop"),
        (21 * MS, 26 * MS, "compute"),
    ]


def test_the_culprit_is_drawn() -> None:
    """Of thousands of tasks the one that ran longest has a lane, however late it came, and however many waited for it."""
    builder = Builder("app.py")
    process = builder.process(10, "app.py")
    for number in range(2 * MOST_TASKS):
        waited, ran = (0, 50 * MS) if number == 2 * MOST_TASKS - 1 else (100 * MS, MS)
        task = builder.task(process, None, f"Task-{number}", created=number, running=ran, ready=waited)
        track = builder.track(TrackKind.TASK, task)
        builder.slice(track, number, number + waited, "ready", Category.READY, task=task)
        builder.slice(track, number + waited, number + waited + ran, "running", Category.RUNNING, task=task)
    assert Timeline(builder.build()).lanes[-1].name == f"Task-{2 * MOST_TASKS - 1}"
