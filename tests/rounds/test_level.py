"""Which models the rounds tell apart. Runs nothing."""

from __future__ import annotations

import pytest

from tracekit.rounds.comparison import Row
from tracekit.rounds.level import is_level, is_untold, is_within


@pytest.mark.parametrize(
    ("best", "other", "level"),
    [
        ([1.0] * 5, [1.2] * 5, False),
        ([1.0] * 5, [1.2, 1.2, 1.2, 1.2, 0.9], True),  # it was faster once
        ([1.0] * 5, [1.005] * 5, True),
        ([1.0] * 5, [1.05] * 5, False),
        ([1.0] * 2, [1.04] * 2, True),  # two rounds agree by chance
        ([1.0] * 2, [1.2] * 2, False),
        ([1.0], [1.2], False),
        ([], [], False),
    ],
)
def test_is_level(best: list[float], other: list[float], level: bool) -> None:
    """A model is as fast as the best where it was so in a round, hardly slower, or slower in too few rounds to tell."""
    assert is_level(Row("best", walls=best), Row("other", walls=other)) is level


@pytest.mark.parametrize(
    ("wall", "walls", "within", "untold"),
    [
        (1.04, [1.04] * 5, True, False),  # told apart, and it hardly matters
        (1.5, [1.5, 1.5, 0.9], False, True),
        (1.5, [1.5] * 3, False, False),
        (1.04, [1.04, 1.2, 0.9], True, False),
    ],
)
def test_close_or_untold(wall: float, walls: list[float], within: bool, untold: bool) -> None:
    """A model is close by its median alone; it is untold where the median is far, and a round says otherwise."""
    best, other = Row("best", 1.0, walls=[1.0] * len(walls)), Row("other", wall, walls=walls)
    assert (is_within(best, other), is_untold(best, other)) == (within, untold)
