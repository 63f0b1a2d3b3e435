"""What tasks awaited and for how long, from traces laid out by hand. Knows only how a trace names it."""

from __future__ import annotations

from tracekit.analyze.awaited import awaited, said
from tracekit.model.builder import Builder
from tracekit.model.trace import Category

MS = 1_000_000


def test_awaited(hand_made) -> None:
    """Times add up by what was awaited, the longest first; what is not known is not guessed."""
    hand_made.phase("a", Category.AWAITING, 0, 10, "awaiting lock")
    hand_made.phase("a", Category.AWAITING, 20, 50, "awaiting queue.get")
    hand_made.phase("a", Category.AWAITING, 60, 65, "awaiting lock")
    hand_made.phase("a", Category.AWAITING, 70, 170, "awaiting")
    hand_made.phase("b", Category.AWAITING, 0, 10, "awaiting")
    found = awaited(hand_made.build())
    assert found == {0: {"queue.get": 30 * MS, "lock": 15 * MS}}
    assert list(found[0]) == ["queue.get", "lock"]


def test_nothing_awaited() -> None:
    """A trace without tasks awaited nothing."""
    assert awaited(Builder().build()) == {}


def test_said() -> None:
    """Only the name of a slice that says what says it."""
    assert [said(name) for name in ("awaiting task Poll", "awaiting", "ready")] == ["task Poll", "", ""]
