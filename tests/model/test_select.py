"""Windows of a trace: sound wherever they begin, and inside just what the whole had there. Knows no recording."""

from __future__ import annotations

import numpy as np
import pytest
from hand_made_states import lay_states
from hypothesis import given, settings
from hypothesis import strategies as st
from tests_support import rows_of

from tracekit.model.builder import Builder
from tracekit.model.check import check
from tracekit.model.select import BEGUN, GOES_ON, window
from tracekit.model.trace import UNLOCKED, Category, Flag, FlowKind, Trace, TrackKind


def family() -> Trace:
    """Three processes: one of before, its child with two threads and two tasks, and one that nobody could look into."""
    builder = Builder("app.py", wall_start=10_000)
    old = builder.process(1, "old", started=0, ended=300)
    own = builder.process(2, "own", parent=old, started=100, ended=1000)
    builder.process(3, "gone", parent=own, started=150, ended=160, untraced="no Python")
    builder.thread(old, 1, "MainThread", ended=300, main=True)
    main = builder.thread(own, 2, "MainThread", started=100, ended=1000, main=True)
    short = builder.thread(own, 3, "short", started=200, ended=400, starter=main)
    builder.thread(own, 4, "long", started=250, ended=900, starter=short)
    tracks = [builder.track(TrackKind.THREAD, thread) for thread in range(4)]
    for track, start, end in (
        (tracks[0], 0, 300),
        (tracks[1], 100, 1000),
        (tracks[2], 200, 400),
        (tracks[3], 250, 900),
    ):
        life = builder.slice(track, start, end, f"thread {track}", Category.THREAD)
        builder.flow(FlowKind.START, tracks[1], start, life)
    loop = builder.loop(own, main, "Loop")
    builder.slice(tracks[1], 110, 950, "Loop", Category.LOOP)
    for name, steps, end in (("first", ((120, 180), (300, 350)), 350), ("second", ((400, 600), (700, 720)), None)):
        _task(builder, builder.task(own, loop, name, created=110, ended=end), tracks[1], steps, end)
    builder.slice(tracks[3], 300, 800, "load", Category.SPAN, args={"rows": 3})
    builder.slice(tracks[3], 500, 800, "parse", Category.SPAN)
    for time in (100, 450, 900):
        builder.instant(tracks[1], time, f"at {time}", {"time": time})
        builder.counter(own, time, "depth", "queue", time / 2)
    builder.counter(own, 120, "depth", "other", 7.0)
    for thread, start, times in ((short, 200, 4), (main, 150, 16)):
        parts = ((10e-6, "running"), (15e-6, "waiting for the GIL"), (5e-6, "runnable"), (20e-6, "in a system call"))
        lay_states(builder, thread, *parts, start=start * 1e-6, times=times, switches=times)
    return builder.build()


def _task(builder: Builder, task: int, thread: int, steps: tuple[tuple[int, int], ...], end: int | None) -> None:
    track, at, last = builder.track(TrackKind.TASK, task), 110, end or 950
    row = builder.tasks[task]
    builder.slice(track, at, last, row.name, Category.TASK, 0 if end else Flag.UNFINISHED, task)
    for start, stop in (*steps, (last, last)):
        builder.slice(track, at, start, "awaiting", Category.AWAITING, 0, task)
        row.awaiting += start - at
        at = stop
    for start, stop in steps:
        step = builder.slice(thread, start, stop, row.name, Category.STEP, 0, task)
        builder.flow(FlowKind.WAKE, thread, start, step)
        builder.slice(track, start, stop, "running", Category.RUNNING, 0, task)
        row.running += stop - start
        row.steps += 1


@settings(deadline=None)
@given(st.integers(-5, 1100))
def test_any_window_is_sound(start: int) -> None:
    """Wherever a window begins, the trace keeps every invariant, and every slice lasts as long as it did in there."""
    whole = family()
    part = window(whole, start)
    assert check(whole) == []
    assert check(part) == []
    start = min(max(start, 0), whole.duration)
    assert part.duration == whole.duration - start
    inside = np.maximum(whole.slices.end - np.maximum(whole.slices.start, start), 0)
    assert int((part.slices.end - part.slices.start).sum()) == int(inside.sum())
    assert [row.pid for row in part.processes if row.ended is None or row.ended > 0] == [
        row.pid for row in whole.processes if row.ended is None or row.ended > start
    ]


@settings(deadline=None)
@given(st.integers(-5, 1100), st.integers(-5, 1100))
def test_any_part_is_sound(start: int, end: int) -> None:
    """Wherever a window begins and ends, it keeps every invariant, and every slice lasts as long as it did in there."""
    whole = family()
    part = window(whole, start, end)
    assert check(part) == []
    start = min(max(start, 0), whole.duration)
    end = min(max(end, start), whole.duration)
    assert part.duration == end - start
    inside = np.minimum(whole.slices.end, end) - np.maximum(whole.slices.start, start)
    assert int((part.slices.end - part.slices.start).sum()) == int(np.maximum(inside, 0).sum())
    assert all(row.ended is None or row.ended <= part.duration for row in (*part.threads, *part.tasks))


def test_what_goes_on_is_cut_and_marked() -> None:
    """A slice that ends after the window ends with it, is flagged, and tells how long it goes on; its task is not over."""
    part = window(family(), 0, 320)
    (load,) = rows_of(part, "SPAN")
    assert (load.start, load.end, load.args) == (300, 320, {"rows": 3, GOES_ON: "480 ns after the window"})
    goes_on = part.slices.flags & Flag.GOES_ON > 0
    assert "second" in {part.strings[name] for name in part.slices.name[goes_on]}
    first, second = part.tasks
    assert (first.ended, first.outcome, second.ended) == (None, "pending", None)
    assert window(family(), 0, 350).tasks[0].ended == 350


def test_tasks_that_are_not_drawn_keep_their_times() -> None:
    """Of a task that has nothing but steps, the times in which it was ready are cut as well, and belong to it still."""
    builder = Builder("crowd.py")
    process = builder.process(7, "crowd.py")
    thread = builder.thread(process, 7, "main", main=True)
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 1000, "main", Category.THREAD)
    loop = builder.loop(process, thread, "Loop")
    for number, start in enumerate((100, 500)):
        task = builder.task(process, loop, f"task {number}", created=start, ended=start + 300, running=100, ready=200)
        builder.slice(track, start + 200, start + 300, f"task {number}", Category.STEP, task=task)
        builder.undrawn([task], [start], [start + 200])
    part = window(builder.build(), 550)
    (task,) = part.tasks
    assert (task.name, task.running, task.ready, task.awaiting) == ("task 1", 100, 150, 0)
    assert [column.tolist() for column in (part.undrawn.task, part.undrawn.start, part.undrawn.end)] == [
        [0],
        [0],
        [150],
    ]


def test_nothing_is_cut_from_the_whole() -> None:
    """A window that begins with the trace is the trace."""
    whole, part = family(), window(family(), 0)
    assert rows_of(part, *Category.__members__) == rows_of(whole, *Category.__members__)
    assert (part.tasks, part.threads, part.processes) == (whole.tasks, whole.threads, whole.processes)
    assert part.flows.time.tolist() == whole.flows.time.tolist()


@pytest.fixture
def part() -> Trace:
    """The window from 450 on."""
    return window(family(), 450)


def test_what_crosses_is_cut_and_marked(part: Trace) -> None:
    """A slice that had begun before starts at 0, is flagged, and tells how long before; its arguments stay."""
    load, parse = rows_of(part, "SPAN")
    assert (load.start, load.end, load.args) == (0, 350, {"rows": 3, BEGUN: "150 ns before the window"})
    assert (parse.start, parse.end, parse.args) == (50, 350, {})
    before = part.slices.flags & Flag.BEGUN_BEFORE > 0
    assert sorted(part.strings[name] for name in part.slices.name[before]) == [
        "Loop",
        "load",
        "running",
        "second",
        "second",
        "thread 1",
        "thread 3",
    ]


def test_rows_keep_their_true_beginnings(part: Trace) -> None:
    """Rows that are left begin when they did, before 0, and say so; their times are those inside."""
    (task,) = part.tasks
    assert (task.name, task.created, task.begun_before, task.ended) == ("second", -340, True, None)
    assert (task.steps, task.running, task.awaiting) == (2, 170, 330)
    assert [(row.name, row.started, row.begun_before) for row in part.threads] == [
        ("MainThread", -350, True),
        ("long", -200, True),
    ]
    assert [row.starter for row in part.threads] == [None, None]
    assert part.loops[0].thread == 0


def test_the_dead_are_left_out(part: Trace) -> None:
    """Processes that had ended are gone, but for the parent of one that had not."""
    assert [(row.name, row.parent, row.started, row.ended) for row in part.processes] == [
        ("old", None, -450, -150),
        ("own", 0, -350, 550),
    ]


def test_untraced_processes() -> None:
    """Of a child that was not traced only its start is known: one that was started in the window is there."""
    started = [[row.name for row in window(family(), start).processes] for start in (140, 155)]
    assert started == [["old", "own", "gone"], ["old", "own", "gone"]]
    whole = family()
    whole.processes[2].ended = None
    assert [[row.name for row in window(whole, start).processes] for start in (140, 155)] == [
        ["old", "own", "gone"],
        ["old", "own"],
    ]


def test_points_and_levels(part: Trace) -> None:
    """Instants of before are gone; of a counter the level that held at the start stands there; arrows lead to what is whole."""
    assert [(part.strings[name], time) for name, time in zip(part.instants.name, part.instants.time)] == [
        ("at 450", 0),
        ("at 900", 450),
    ]
    levels = zip(part.counters.series.tolist(), part.counters.time.tolist(), part.counters.value.tolist())
    assert [(part.strings[series], time, value) for series, time, value in levels] == [
        ("other", 0, 7.0),
        ("queue", 0, 225.0),
        ("queue", 450, 450.0),
    ]
    assert part.flows.time.tolist() == [250]
    assert part.wall_start == 10_450


def test_nothing_is_left_of_what_is_gone(part: Trace) -> None:
    """Names and arguments of what is left out are left out too."""
    assert "at 100" not in part.strings
    assert {"time": 100} not in part.args
    assert {"time": 900} in part.args


def test_a_beginning_that_was_a_guess() -> None:
    """Of what had begun before the whole trace did, the true length is only known to be at least so much."""
    builder = Builder()
    thread = builder.thread(builder.process(1, "p"), 1, "MainThread", begun_before=True)
    builder.slice(builder.track(TrackKind.THREAD, thread), 100, 900, "MainThread", Category.THREAD, Flag.BEGUN_BEFORE)
    (life,) = rows_of(window(builder.build(), 300), "THREAD")
    assert life.args == {BEGUN: "at least 300 ns before the window"}


def test_states_are_summed_up_anew() -> None:
    """Of states is told what lies in the window; a thread that was not seen in it has none."""
    whole = family()
    assert [(row.running, row.gil, row.switches, row.longest_ready) for row in whole.states] == [
        (40, 60, 4, 20),
        (160, 240, 16, 20),
    ]
    part = window(whole, 900)
    (row,) = part.states
    assert part.threads[row.thread].name == "MainThread"
    assert (row.running, row.gil, row.runnable, row.other, row.switches) == (10, 15, 5, 20, 1)
    assert window(whole, 980).states == []


def test_what_ran_without_the_gil_is_summed_up_anew() -> None:
    """Of a thread of which that is told, it is told what ran without the GIL in the window, and never of others."""
    builder = Builder("app.py")
    process = builder.process(7, "app.py")
    for tid, name in ((7, UNLOCKED), (8, "running")):
        thread = builder.thread(process, tid, str(tid), main=tid == 7)
        builder.slice(builder.track(TrackKind.THREAD, thread), 0, 100, str(tid), Category.THREAD)
        lay_states(builder, thread, (10e-6, "running"), (20e-6, name), times=3)
    whole = builder.build()
    assert [(row.running, row.unlocked) for row in whole.states] == [(90, 60), (90, -1)]
    part = window(whole, 35)
    assert check(part) == []
    assert [(row.running, row.unlocked) for row in part.states] == [(55, 40), (55, -1)]
