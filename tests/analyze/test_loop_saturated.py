"""loop-saturated: a loop that has no time left. Knows no recording."""

from __future__ import annotations

import pytest

from tracekit.analyze import loop_saturated

MS = 1_000_000


def saturate(hand_made, running: int = 9_900, wait: int = 200, step: int = 10) -> None:
    loop = hand_made.builder.loops[hand_made.loop]
    loop.running, loop.open = running * MS, 10_000 * MS
    for number in range(20):
        hand_made.task(f"t{number}", running=step * MS)
        hand_made.step(f"t{number}", 1000 + number * step, 1000 + (number + 1) * step)
        hand_made.ready(f"t{number}", 500, 500 + wait)


def test_saturated(hand_made) -> None:
    """A loop that always has something to run, while tasks wait, is told with use, waits and the busiest coroutine."""
    saturate(hand_made)
    (finding,) = loop_saturated.find(hand_made.build(), 50 * MS)
    assert finding.sentence == (
        "The event loop Loop had something to run for 99% of 10.0 s, and tasks that were ready waited 200 ms for it (p50), "
        "200 ms in one case of a hundred; work (/app/work.py:7) ran longest, 200 ms."
    )
    assert (finding.details["utilisation"], finding.details["ready_p99_s"]) == (0.99, 0.2)
    assert finding.details["busiest"] == [{"coroutine": "work", "tasks": 20, "running_s": 0.2}]
    assert finding.function == "work"


def test_crowded(hand_made) -> None:
    """A loop that rests now and then, and yet keeps every second one that is ready waiting for long, is told as well."""
    saturate(hand_made, running=7_000)
    (finding,) = loop_saturated.find(hand_made.build(), 50 * MS)
    assert finding.sentence.startswith("The event loop Loop had something to run for 70% of 10.0 s, and tasks")
    assert finding.advice.startswith("Steps that are short each add up")


@pytest.mark.parametrize("given", [{"running": 4_000}, {"wait": 20}, {"running": 9_000, "wait": 40}])
def test_not_saturated(hand_made, given) -> None:
    """A loop that rests, or one that keeps nobody waiting for long, is not saturated."""
    saturate(hand_made, **given)
    assert loop_saturated.find(hand_made.build(), 50 * MS) == []


def test_blocked_is_not_saturated(hand_made) -> None:
    """Where single long steps take most of the time, they are told, and not the loop."""
    saturate(hand_made, step=300)
    assert loop_saturated.find(hand_made.build(), 50 * MS) == []
