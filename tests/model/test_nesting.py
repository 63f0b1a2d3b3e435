"""Nesting as numbers: which slice stays, moves or is cut. Knows no builder."""

from __future__ import annotations

import numpy as np

from tracekit.model.nesting import lying_in, nest
from tracekit.model.trace import Category


def columns(*lists: list[int]) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], ...]:
    """Lists as columns."""
    return tuple(np.array(numbers, np.int64) for numbers in lists)


def test_many_overlaps_take_one_lane_each() -> None:
    """As many lanes are made as slices overlap at once, and a lane that is free again is used again."""
    made: list[int] = []

    def new_lane(_thread: int) -> int:
        made.append(len(made) + 1)
        return made[-1]

    start = list(range(0, 1000, 10))
    end = [time + 35 for time in start]
    nested = nest(*columns([0] * 100, start, end, [Category.SPAN] * 100), {}, [0], new_lane)
    assert len(made) == 3
    assert nested.end.tolist() == [time + 35 for time in start]
    assert nested.cut == 0


def test_without_a_home_spans_are_cut() -> None:
    """Where a track has no thread whose lanes could take a span, the span is cut like everything else."""
    nested = nest(*columns([0, 0], [0, 5], [10, 15], [Category.SPAN] * 2), {}, [-1], lambda _thread: 1)
    assert (nested.track.tolist(), nested.end.tolist(), nested.cut) == ([0, 0], [10, 10], 1)


def test_points_in_slices() -> None:
    """A point lies in a slice from its start to its end, both included, on that slice's track only."""
    slices = (np.array([0, 0, 2]), np.array([10, 12, 0]), np.array([30, 14, 5]))
    track = np.array([0, 0, 0, 0, 0, 1, 2, 2, 2])
    time = np.array([9, 10, 20, 30, 31, 20, 0, 5, 6])
    assert lying_in(track, time, *slices).tolist() == [False, True, True, True, False, False, True, True, False]
