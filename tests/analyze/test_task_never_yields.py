"""task-never-yields: tasks that run from begin to end in one step. Knows no recording."""

from __future__ import annotations

from tracekit.analyze import task_never_yields

MS = 1_000_000


def tasks(hand_made, count: int, step: int, **fields: object) -> None:
    for number in range(count):
        name = f"t{number}"
        hand_made.task(name, steps=1, running=step * MS, outcome="done", **fields)
        hand_made.step(name, number * step, (number + 1) * step)
    hand_made.builder.loops[hand_made.loop].running = count * step * MS


def test_many_short_steps(hand_made) -> None:
    """Tasks that each hold the loop for a short while, and together for long, are told as one."""
    tasks(hand_made, 30, 20)
    (finding,) = task_never_yields.find(hand_made.build(), 50 * MS)
    assert finding.sentence == (
        "30 tasks of work (/app/work.py:7) never awaited anything: each ran from begin to end in one step, one after another, "
        "600 ms in all, 100% of what the event loop ran."
    )
    assert (finding.severity, finding.details["count"], finding.details["share"]) == ("info", 30, 1.0)


def test_long_steps_are_blocks(hand_made) -> None:
    """Steps longer than the threshold are another finding's affair."""
    tasks(hand_made, 30, 60)
    assert task_never_yields.find(hand_made.build(), 50 * MS) == []


def test_where_some_wait(hand_made) -> None:
    """Where one task of the coroutine waits, the others only found what they wanted at once."""
    tasks(hand_made, 30, 20)
    hand_made.task("waits", steps=2, outcome="done")
    assert task_never_yields.find(hand_made.build(), 50 * MS) == []


def test_little_in_all(hand_made) -> None:
    """Less than ten thresholds in all, or few tasks, are left alone."""
    tasks(hand_made, 30, 1)
    assert task_never_yields.find(hand_made.build(), 50 * MS) == []
