"""The rows of the tables, from traces laid out by hand. Knows no way to show them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracekit.analyze import tables
from tracekit.analyze.cover import covered, covered_until
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Flag, TrackKind

MS = 1_000_000


def test_processes() -> None:
    """A process has its parent's pid, its threads and its wall time; one that was not seen inside says why."""
    builder = Builder()
    parent = builder.process(10, "parent", started=0, ended=100)
    builder.process(11, "child", parent=parent, started=20, untraced="it is not Python")
    builder.slice(
        builder.track(TrackKind.THREAD, builder.thread(parent, 10, "MainThread")), 0, 100, "MainThread", Category.THREAD
    )
    first, second = tables.processes(builder.build())
    assert (first.pid, first.parent, first.threads, first.wall, first.untraced) == (10, None, 1, 100, "")
    assert (second.pid, second.parent, second.threads, second.wall) == (11, 10, 0, None)
    assert second.untraced == "it is not Python"


def test_occupied(hand_made) -> None:
    """A thread is occupied by what lies on it, nested things once, its life and its loop not at all."""
    hand_made.step("a", 0, 100)
    hand_made.builder.slice(hand_made.track, 10 * MS, 50 * MS, "load", Category.PART)
    hand_made.callback("f", 200, 300)
    (row,) = tables.threads(hand_made.build())
    assert row.occupied == 200 * MS
    assert row.life == 10_000 * MS


def test_nothing_known_of_a_thread() -> None:
    """A thread with nothing on it but its life was not seen idle: what it did is not known."""
    builder = Builder()
    thread = builder.thread(builder.process(1, "p"), 1, "worker", started=0, ended=5)
    builder.slice(builder.track(TrackKind.THREAD, thread), 0, 5, "worker", Category.THREAD)
    assert tables.threads(builder.build())[0].occupied is None


def test_loops(hand_made) -> None:
    """A loop is used for the part of its open time in which it ran something; one that never ran has no such number."""
    builder = hand_made.builder
    builder.loops[hand_made.loop].running, builder.loops[hand_made.loop].open = 20, 80
    builder.loop(hand_made.process, hand_made.thread, "Idle")
    hand_made.ready("a", 10, 15)
    rows = tables.loops(hand_made.build())
    assert [row.used for row in rows] == [0.25, None]
    assert [row.ready.longest for row in rows] == [5 * MS, None]


def test_tasks(hand_made) -> None:
    """Tasks come with the longest step first, their times as the trace has them, and their error's name."""
    hand_made.task("a", steps=2, running=30, ready=1, awaiting=2, outcome="failed", error="KeyError")
    hand_made.step("a", 0, 10)
    hand_made.step("a", 20, 40)
    hand_made.step("b", 50, 80)
    hand_made.task("never")
    rows = list(tables.tasks(hand_made.build()))
    assert [(row.name, row.longest) for row in rows] == [("b", 30 * MS), ("a", 20 * MS), ("never", 0)]
    assert (rows[1].steps, rows[1].running, rows[1].ready, rows[1].awaiting) == (2, 30, 1, 2)
    assert rows[1].outcome == "failed: KeyError"
    assert tables.longest_step(hand_made.build()) == (30 * MS, 1)


def test_by_coroutine(hand_made) -> None:
    """Many tasks add up by coroutine: sums, the longest step of all, and the outcomes counted."""
    for number in range(3):
        hand_made.task(f"a{number}", steps=1, running=10, outcome="done" if number else "cancelled")
        hand_made.step(f"a{number}", number * 100, number * 100 + number)
    hand_made.task("b", coroutine="other", outcome="pending")
    rows = tables.by_coroutine(tables.tasks(hand_made.build()))
    assert [(row.coroutine, row.count) for row in rows] == [("work", 3), ("other", 1)]
    assert (rows[0].steps, rows[0].running, rows[0].longest) == (3, 30, 2 * MS)
    assert rows[0].outcome == "2 done, 1 cancelled"


def test_what_tasks_awaited(hand_made) -> None:
    """A task, and a coroutine, has what it awaited for the longest time; where that is not known it has nothing."""
    hand_made.phase("a", Category.AWAITING, 0, 10, "awaiting lock")
    hand_made.phase("a", Category.AWAITING, 10, 30, "awaiting sleep")
    hand_made.phase("b", Category.AWAITING, 0, 90, "awaiting lock")
    hand_made.phase("c", Category.AWAITING, 0, 20)
    rows = list(tables.tasks(hand_made.build()))
    assert [row.awaited for row in rows] == ["sleep", "lock", ""]
    assert [row.awaited for row in tables.by_coroutine(rows)] == ["lock"]


def test_jobs() -> None:
    """Jobs add up by function; a queue wait that nobody saw is not counted as none."""
    builder = Builder()
    thread = builder.thread(builder.process(1, "p"), 1, "worker")
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 10_000, "worker", Category.THREAD)
    builder.slice(track, 0, 10, "short", Category.JOB, args={"queued_ns": 5})
    builder.slice(track, 20, 60, "short", Category.JOB, args={"queued_ns": 7})
    builder.slice(track, 100, 200, "long", Category.JOB)
    long, short = tables.jobs(builder.build())
    assert (short.function, short.count, short.running, short.longest) == ("short", 2, 50, 40)
    assert (short.queued, short.longest_queued) == (12, 7)
    assert (long.running, long.queued, long.longest_queued) == (100, None, None)


def test_an_empty_trace() -> None:
    """A trace of nothing has no rows and no longest step."""
    trace = Builder().build()
    for rows in (tables.processes, tables.threads, tables.loops, tables.tasks, tables.jobs):
        assert list(rows(trace)) == []
    assert tables.longest_step(trace) is None


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=20))
def test_covered(pairs) -> None:
    """Nested slices cover each moment once, as counting every moment shows."""
    builder = Builder()
    track = builder.track(TrackKind.THREAD, builder.thread(builder.process(1, "p"), 1, "t"))
    for start, length in pairs:
        builder.slice(track, start, start + length, "x", Category.OTHER)
    slices = builder.build().slices
    moments = {moment for start, end in zip(slices.start.tolist(), slices.end.tolist()) for moment in range(start, end)}
    assert covered(slices.start, slices.end) == len(moments)
    assert covered(np.empty(0, np.int64), np.empty(0, np.int64)) == 0


def test_what_was_not_seen_is_no_life() -> None:
    """A thread and a process whose ends were not seen are as long as what was seen of them, not as the trace."""
    builder = Builder()
    parent = builder.process(10, "parent", started=10, ended=1000)
    killed = builder.process(11, "killed", started=20)
    silent = builder.process(12, "silent", started=30)
    for process, tid, end in ((parent, 10, 1000), (killed, 11, 50), (killed, 13, 70)):
        track = builder.track(TrackKind.THREAD, builder.thread(process, tid, "t", started=25))
        builder.slice(track, 25, end, "t", Category.THREAD)
    trace = builder.build()
    assert [row.life for row in tables.threads(trace)] == [975, 25, 45]
    assert [row.wall for row in tables.processes(trace)] == [990, 50, 0]
    assert trace.processes[silent].ended is None


def test_tasks_begun_before(hand_made) -> None:
    """A task that was there before the recording is marked, in its own row and in a sum."""
    hand_made.task("old", outcome="done", begun_before=True)
    hand_made.task("new", outcome="done")
    rows = list(tables.tasks(hand_made.build()))
    assert {row.name: row.outcome for row in rows} == {"old": "done (begun before)", "new": "done"}
    assert tables.by_coroutine(rows)[0].outcome == "1 done (begun before), 1 done"


def test_open_steps(hand_made) -> None:
    """The steps whose end was not seen are told by their tasks."""
    hand_made.step("a", 0, 10)
    hand_made.step("b", 20, 30, flags=Flag.UNFINISHED)
    assert tables.open_steps(hand_made.build()) == [1]


@given(st.lists(st.integers(0, 5), max_size=10), st.lists(st.integers(0, 60), max_size=5))
def test_covered_until(lengths, times) -> None:
    """Up to any time as much is covered as counting every moment before it shows."""
    edges = np.cumsum([0, *lengths])
    start, end = edges[:-1][::2], edges[1:][::2]
    if len(start):
        until = covered_until(start, end)(np.array(times, np.int64))
        moments = [moment for begun, ended in zip(start, end) for moment in range(begun, ended)]
        assert until.tolist() == [sum(moment < time for moment in moments) for time in times]
