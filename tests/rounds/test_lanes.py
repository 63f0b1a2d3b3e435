"""Lanes, from the events of a run made by hand. Draws nothing."""

from __future__ import annotations

import pytest
from hand_made_runs import run

from tracekit.rounds.comparison import Lane
from tracekit.rounds.lanes import lanes, parallelism


def test_lanes() -> None:
    """Tasks in the workload's order with their steps, in seconds since the begin; then the poll, as long as it was late."""
    assert lanes(run()) == [
        Lane("b", [(0.5, 1.5, "sleep", "sleep")]),
        Lane("a", [(0.0, 1.0, "compute", "parse"), (1.0, 2.0, "io", "read")]),
        Lane("poll", [(0.0, 0.0, "poll", "poll"), (0.5, 0.75, "poll", "poll")]),
    ]
    assert [lane.is_poll for lane in lanes(run())] == [False, False, True]


def test_a_step_that_nobody_described() -> None:
    """It is there, without a kind."""
    assert lanes(run(steps={}, polls=[]))[0].parts[0][2:] == ("", "")


def test_parallelism() -> None:
    """Three seconds of steps in two seconds: one and a half at once; polls do not count."""
    assert parallelism(run()) == pytest.approx(1.5)
