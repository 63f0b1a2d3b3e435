"""task-pending: tasks left behind by a loop that stopped for good. Knows no recording."""

from __future__ import annotations

from tracekit.analyze import task_pending
from tracekit.model.trace import Category, Flag

MS = 1_000_000
WHERE = {"what": "queue.get", "function": "worker", "file": "/app/work.py", "line": 12}


def left(hand_made, *names: str) -> None:
    for name in names:
        hand_made.task(name, coroutine="worker", steps=1)
        hand_made.phase(name, Category.RUNNING, 100, 101)
        hand_made.phase(name, Category.AWAITING, 101, 10_000, "awaiting queue.get", WHERE)


def test_left_behind(hand_made) -> None:
    """Tasks of one coroutine make one finding: how many, what they awaited, in which line of the program."""
    left(hand_made, "a", "b")
    (finding,) = task_pending.find(hand_made.build(), 0)
    assert finding.sentence == (
        "2 tasks of worker were still pending when the event loop stopped for good, awaiting queue.get, in worker "
        "(/app/work.py:12)."
    )
    assert (finding.function, finding.file, finding.line) == ("worker", "/app/work.py", 12)
    assert (finding.details["tasks"], finding.details["awaits"], finding.details["started"]) == (
        ["a", "b"],
        "queue.get",
        True,
    )
    assert finding.duration_s == (10_000 - 101) / 1000


def test_never_started(hand_made) -> None:
    """A task that never ran is told as that."""
    hand_made.task("a", coroutine="worker")
    hand_made.ready("a", 9_000, 10_000)
    (finding,) = task_pending.find(hand_made.build(), 0)
    assert finding.sentence == "a (worker) was created, and the event loop stopped for good before it ever ran."
    assert finding.details["started"] is False


def test_a_loop_that_was_not_seen_to_stop(hand_made) -> None:
    """Where the recording ended, or the process was killed, while the loop ran, nothing is said: the tasks may have gone on."""
    left(hand_made, "a")
    trace = hand_made.build()
    trace.slices.flags[trace.slices.category == Category.LOOP] = int(Flag.UNFINISHED)
    assert task_pending.find(trace, 0) == []


def test_tasks_that_ended(hand_made) -> None:
    """What is done, failed or cancelled is not pending."""
    for outcome in ("done", "failed", "cancelled"):
        hand_made.task(outcome, outcome=outcome, ended=50 * MS, steps=1)
        hand_made.phase(outcome, Category.RUNNING, 10, 50)
    assert task_pending.find(hand_made.build(), 0) == []


def test_different_things_awaited(hand_made) -> None:
    """Where tasks of one coroutine awaited different things, none of them is said of all."""
    left(hand_made, "a")
    hand_made.task("b", coroutine="worker", steps=1)
    hand_made.phase("b", Category.AWAITING, 200, 10_000, "awaiting lock")
    (finding,) = task_pending.find(hand_made.build(), 0)
    assert finding.details["awaits"] is None
    assert "queue.get" not in finding.sentence
