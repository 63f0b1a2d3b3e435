"""Whom a block is said to have held up: never more than the trace can know. Knows nothing of sentences."""

from __future__ import annotations

import pytest

from tracekit.analyze.blocks import blocks
from tracekit.analyze.delays import DELIVERIES, LEAST_NS, REST_NS, Delay, Delays
from tracekit.model.trace import Category, TrackKind

MS = 1_000_000
TIMER = "_set_result_unless_cancelled"


def behind(hand_made) -> dict[str, int | None]:
    """By name, the tasks behind the only block of the trace."""
    trace = hand_made.build()
    (block,) = blocks(trace, 50 * MS)
    found = Delays(trace).behind(block)
    assert all(isinstance(delay, Delay) for delay in found)
    return {trace.tasks[delay.task].name: delay.by for delay in found}


def deliver(hand_made, name: str, at: float, callback: str = TIMER) -> None:
    """A callback that wakes a task, and the step that comes of it right after."""
    hand_made.callback(callback, at, at + 0.01)
    hand_made.wake(at + 0.005, hand_made.step(name, at + 0.02, at + 0.03))


def test_the_blocking_task_is_not_its_own_victim(hand_made) -> None:
    """A task that made itself ready again inside its own long step waited for nobody else."""
    hand_made.step("a", 100, 300)
    hand_made.ready("a", 100, 300)
    assert behind(hand_made) == {}


def test_a_blink_is_no_wait(hand_made) -> None:
    """What a block makes ready with its last words is not held up by it: less than LEAST_NS does not count."""
    hand_made.step("a", 100, 300)
    hand_made.ready("child", 300 - LEAST_NS / MS + 0.1, 301)
    hand_made.ready("victim", 300 - LEAST_NS / MS, 301)
    assert behind(hand_made) == {"victim": LEAST_NS}


def test_another_loops_tasks_did_not_wait(hand_made) -> None:
    """A task that was ready on another thread's loop was not held up."""
    hand_made.step("a", 100, 300)
    hand_made.ready("elsewhere", 100, 300)
    builder = hand_made.builder
    thread = builder.thread(hand_made.process, 101, "other", started=0)
    builder.tasks[hand_made.task("elsewhere")].loop = builder.loop(hand_made.process, thread, "Loop")
    assert behind(hand_made) == {}


@pytest.mark.parametrize("callback", [*sorted(DELIVERIES), f"Outer.{TIMER}", f"f.<locals>.{TIMER}"])
def test_deliveries(hand_made, callback) -> None:
    """Each callback by which asyncio hands over what fell due makes a victim, whatever it is nested in."""
    hand_made.step("a", 100, 300)
    hand_made.task("sleeper")
    deliver(hand_made, "sleeper", 300.1, callback)
    assert behind(hand_made) == {"sleeper": None}


def test_who_awaited_the_block_itself_is_no_victim(hand_made) -> None:
    """A gather that ends because the block ended wakes its task right after, too: that one got what it waited for."""
    hand_made.step("a", 100, 300)
    hand_made.task("main")
    deliver(hand_made, "main", 300.1, "gather.<locals>._done_callback")
    assert behind(hand_made) == {}


def test_after_a_rest_nothing_is_late(hand_made) -> None:
    """A timer that fires after the loop had rested was not due in the block."""
    hand_made.step("a", 100, 300)
    hand_made.task("sleeper")
    deliver(hand_made, "sleeper", 300 + REST_NS / MS + 0.1)
    assert behind(hand_made) == {}


def test_on_a_busy_loop_only_the_first_look(hand_made) -> None:
    """On a loop that never rests, only what it delivers before a newly woken step has run is laid to the block."""
    hand_made.step("a", 100, 300)
    hand_made.task("due")
    hand_made.task("later")
    deliver(hand_made, "due", 300.1)
    deliver(hand_made, "later", 300.2)
    assert behind(hand_made) == {"due": None}


def test_born_in_the_block(hand_made) -> None:
    """A task that the block created cannot have fallen due before it."""
    hand_made.step("a", 100, 300)
    hand_made.task("child", created=200)
    deliver(hand_made, "child", 300.1)
    assert behind(hand_made) == {}


@pytest.mark.parametrize(
    ("cause", "kind"),
    [(f"callback {TIMER}", "timer"), ("thread pool_0", "executor job"), ("thread helper", "another thread")],
)
@pytest.mark.parametrize(("due", "by"), [(50, 200 * MS), (150, 150 * MS), (299.5, None), (300.2, None)])
def test_a_wait_that_is_timed(hand_made, cause, kind, due, by) -> None:
    """Where it is known when a timer was due, or another thread done, so is how long the task was held up, if at all."""
    hand_made.step("a", 100, 300)
    task = hand_made.task("waiter")
    deliver(hand_made, "waiter", 300.3)
    builder = hand_made.builder
    track, end = builder.track(TrackKind.TASK, task), int((300.3 + 0.02) * MS)
    args = {"cause": cause, "kind": kind}
    builder.slice(track, int(due * MS), end, "ready", Category.READY, task=task, args=args)
    assert behind(hand_made) == ({} if by is None else {"waiter": by})
