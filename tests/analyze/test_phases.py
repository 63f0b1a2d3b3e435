"""The phases of tasks as columns, from traces laid out by hand. Knows no question."""

from __future__ import annotations

from tracekit.analyze.phases import phases
from tracekit.model.builder import Builder
from tracekit.model.trace import Category

MS = 1_000_000


def test_a_phase_that_a_span_cut_is_one(hand_made) -> None:
    """Pieces of one wait, cut where spans begin or end, are one wait again; two steps in a row are two."""
    hand_made.phase("a", Category.READY, 0, 4)
    hand_made.phase("a", Category.READY, 4, 10)
    hand_made.phase("a", Category.RUNNING, 10, 20)
    hand_made.phase("a", Category.RUNNING, 20, 30)
    hand_made.phase("a", Category.AWAITING, 30, 31)
    hand_made.phase("a", Category.AWAITING, 31, 35)
    found = phases(hand_made.build())
    assert [Category(category).name for category in found.category] == ["READY", "RUNNING", "RUNNING", "AWAITING"]
    assert (found.start // MS).tolist() == [0, 10, 20, 30]
    assert (found.end // MS).tolist() == [10, 20, 30, 35]


def test_phases_of_two_tasks_stay_apart(hand_made) -> None:
    """What touches in time is not one phase where it is of two tasks; those of one task stand together, in order."""
    hand_made.phase("a", Category.READY, 5, 10)
    hand_made.phase("b", Category.READY, 0, 5)
    hand_made.phase("a", Category.AWAITING, 0, 5)
    found = phases(hand_made.build())
    assert found.task.tolist() == [0, 0, 1]
    assert (found.start // MS).tolist() == [0, 5, 0]


def test_none() -> None:
    """A trace without tasks has no phases."""
    assert len(phases(Builder().build())) == 0
