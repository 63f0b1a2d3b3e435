"""busy-polling: tasks that wake themselves again and again. Knows no recording."""

from __future__ import annotations

from tracekit.analyze import busy_polling
from tracekit.model.trace import Category

MS = 1_000_000


def steps(hand_made, name: str, count: int, step: float, rest: float = 0.0) -> None:
    """`count` steps (ms), ready again the moment that each ends, or `rest` later."""
    at = 0.0
    hand_made.task(name)
    for _ in range(count):
        hand_made.phase(name, Category.READY, at, at + 0.01)
        hand_made.phase(name, Category.RUNNING, at + 0.01, at + 0.01 + step)
        at += 0.01 + step
        if rest:
            hand_made.phase(name, Category.AWAITING, at, at + rest)
            at += rest
    hand_made.builder.tasks[hand_made.task(name)].steps = count


def test_polling(hand_made) -> None:
    """Many short steps, each ready again at once, are told with their number and their length."""
    steps(hand_made, "a", 2000, 0.05)
    (finding,) = busy_polling.find(hand_made.build(), 10 * MS)
    assert finding.details["self_wakes"] == 1999
    assert finding.sentence.startswith(
        "a (work) (/app/work.py:7) woke itself 1,999 times, 100% of its steps, and ran for 100 ms"
    )


def test_a_computation_that_yields(hand_made) -> None:
    """A long computation that gives others a turn now and then does right."""
    steps(hand_made, "a", 2000, 3)
    assert busy_polling.find(hand_made.build(), 10 * MS) == []


def test_waiting_is_not_polling(hand_made) -> None:
    """Whoever awaits something between its steps does not wake itself, however often it runs."""
    steps(hand_made, "a", 2000, 0.05, rest=0.1)
    assert busy_polling.find(hand_made.build(), 10 * MS) == []


def test_a_little_of_it(hand_made) -> None:
    """A task that polls for less than ten thresholds in all is left alone, and so are a few steps."""
    steps(hand_made, "a", 2000, 0.05)
    steps(hand_made, "b", 900, 0.09)
    assert busy_polling.find(hand_made.build(), 50 * MS) == []
