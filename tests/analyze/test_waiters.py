"""Who waited for some blocks together, on loops laid out by hand. Knows nothing of culprits and sentences."""

from __future__ import annotations

import numpy as np

from tracekit.analyze.blocks import blocks
from tracekit.analyze.waiters import Waiters
from tracekit.model.trace import Trace

MS = 1_000_000


def waited(trace: Trace) -> dict[str, float | None]:
    """By name, in their order, who waited for all blocks of a trace, and how long at a time, in ms."""
    delays = Waiters(trace).behind(blocks(trace, 50 * MS))
    return {trace.tasks[delay.task].name: None if delay.by is None else delay.by / MS for delay in delays}


def test_one_wait_through_several(hand_made) -> None:
    """What several blocks took of one wait is one wait; what others ran between them is not theirs."""
    for start in (100, 220, 320):
        hand_made.step("a", start, start + 100)
    hand_made.ready("all", 50, 500)
    hand_made.ready("some", 150, 320)
    hand_made.ready("after", 430, 500)
    assert waited(hand_made.build()) == {"all": 300, "some": 150}


def test_the_longest_of_several_waits(hand_made) -> None:
    """Waits between which a task ran are not added up: the longest counts."""
    for start in (100, 300, 500):
        hand_made.step("a", start, start + 100)
    for start, end in ((120, 200), (310, 400), (550, 600)):
        hand_made.ready("often", start, end)
    assert waited(hand_made.build()) == {"often": 90}


def test_nobody_waits_for_himself(hand_made) -> None:
    """Who is ready again in his own block waits for those of others only."""
    hand_made.step("a", 100, 200)
    hand_made.step("b", 200, 280)
    hand_made.ready("a", 110, 300)
    hand_made.ready("b", 90, 200)
    assert waited(hand_made.build()) == {"b": 100, "a": 80}


def test_a_block_within_a_block(hand_made) -> None:
    """What lies within another block is counted once."""
    hand_made.step("outer", 100, 400)
    hand_made.step("inner", 150, 250)
    hand_made.ready("victim", 100, 400)
    assert waited(hand_made.build()) == {"victim": 300}


def test_after_any_of_them(hand_made) -> None:
    """Who fell due in any of the blocks waited, for a time that is not known, unless it is known of another one."""
    for start in (100, 500):
        hand_made.step("a", start, start + 100)
    for name in ("sleeper", "known"):
        hand_made.task(name)
    hand_made.callback("_read_ready", 200.1, 200.2)
    for name, at in (("sleeper", 200.3), ("known", 200.5)):
        hand_made.wake(200.15, hand_made.step(name, at, at + 0.1))
    hand_made.ready("known", 550, 601)
    assert waited(hand_made.build()) == {"known": 50, "sleeper": None}


def test_the_longest_without_some_stretches(hand_made) -> None:
    """Without what some stretches took of them, waits are as long as the rest of the loop kept them."""
    hand_made.ready("one", 100, 300)
    hand_made.ready("other", 400, 430)
    waiters, none = Waiters(hand_made.build()), np.zeros(0, np.int64)
    start, end = np.array([50 * MS], np.int64), np.array([280 * MS], np.int64)
    assert waiters.longest_without(hand_made.thread, start, end) == 30 * MS
    assert waiters.longest_without(hand_made.thread, none, none) == 200 * MS
    assert waiters.longest_without(hand_made.thread + 1, start, end) == 0
