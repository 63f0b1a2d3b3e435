"""How long ready tasks waited for their loop, from traces laid out by hand. Knows no table."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracekit.analyze.waits import waits
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Flag, TrackKind

MS = 1_000_000


def test_percentiles(hand_made) -> None:
    """Every wait counts once, whatever its length; percentiles are waits that were there."""
    for number in range(99):
        hand_made.ready(f"t{number}", number, number + 1)
    hand_made.ready("late", 1000, 1500)
    (found,) = waits(hand_made.build())
    assert (found.count, found.total) == (100, 599 * MS)
    assert (found.p50, found.p99, found.longest) == (MS, MS, 500 * MS)


def test_nobody_waited(hand_made) -> None:
    """A loop for which no task waited has no percentiles, rather than none of zero."""
    (found,) = waits(hand_made.build())
    assert (found.count, found.total, found.p50, found.p99, found.longest) == (0, 0, None, None, None)
    assert waits(Builder().build()) == []


def loop_from(begin: int, end: int) -> tuple[Builder, int]:
    """A loop that runs from `begin` to `end` on a thread that is there from 0 to 100, and the track of a task of its."""
    builder = Builder()
    thread = builder.thread(builder.process(1, "p"), 1, "t")
    builder.loop(0, thread, "Loop")
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 100, "t", Category.THREAD)
    builder.slice(track, begin, end, "Loop", Category.LOOP)
    return builder, builder.track(TrackKind.TASK, builder.task(0, 0, "a"))


def test_a_loop_that_does_not_run_yet() -> None:
    """A task that was created before its loop ran waits for it from there on."""
    builder, track = loop_from(40, 90)
    builder.slice(track, 0, 50, "ready", Category.READY, task=0)
    assert waits(builder.build())[0].longest == 10


def test_a_loop_that_runs_no_more() -> None:
    """A task that was left ready waited until its loop stopped, not until the recording did."""
    builder, track = loop_from(10, 60)
    builder.slice(track, 50, 100, "ready", Category.READY, flags=Flag.UNFINISHED, task=0)
    assert waits(builder.build())[0].longest == 10


def test_a_task_left_after_the_loop() -> None:
    """A task that was made when the loop had stopped for good never waited for it."""
    builder, track = loop_from(10, 60)
    builder.slice(track, 70, 100, "ready", Category.READY, flags=Flag.UNFINISHED, task=0)
    assert waits(builder.build())[0].count == 0


def test_each_loop_has_its_own() -> None:
    """Tasks wait for the loop that is theirs; one without a loop waits for none."""
    builder, track = loop_from(0, 100)
    builder.loop(0, 0, "Other")
    builder.slice(track, 0, 7, "ready", Category.READY, task=0)
    stray = builder.task(0, None, "stray")
    builder.slice(builder.track(TrackKind.TASK, stray), 0, 9, "ready", Category.READY, task=stray)
    assert [found.longest for found in waits(builder.build())] == [7, None]


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=200))
def test_nearest_rank(lengths) -> None:
    """The p99 is a wait that at least 99 of 100 are no longer than, and the shortest such one; likewise the p50."""
    builder = Builder()
    thread = builder.thread(builder.process(1, "p"), 1, "t")
    builder.loop(0, thread, "Loop")
    for number, length in enumerate(lengths):
        task = builder.task(0, 0, f"t{number}")
        builder.slice(builder.track(TrackKind.TASK, task), 0, length, "ready", Category.READY, task=task)
    (found,) = waits(builder.build())
    for share, value in ((50, found.p50), (99, found.p99)):
        fits = [
            wait for wait in sorted(lengths) if sum(other <= wait for other in lengths) * 100 >= share * len(lengths)
        ]
        assert value == fits[0]
