"""Rows, from runs made by hand. Runs nothing."""

from __future__ import annotations

import pytest
from hand_made_runs import run

from tracekit.rounds import weighing
from tracekit.rounds.comparison import Gain


def test_speedup_is_taken_round_by_round() -> None:
    """A round in which everything was slow counts as the others: the median of the ratios, not the ratio of the medians."""
    runs = [run(1.0), run(4.0), run(2.0)]
    base = [run(2.0), run(8.0), run(6.0)]
    row = weighing.row("threads", runs, base)
    assert (row.wall_s, row.speedup) == (2.0, 2.0)
    assert (row.speedup_low, row.speedup_high) == (2.0, 3.0)


def test_sequential_is_its_own_measure() -> None:
    """It is as fast as itself, exactly."""
    row = weighing.row("sequential", [run(1.0), run(2.0)], [run(1.0), run(2.0)])
    assert (row.speedup, row.speedup_low, row.speedup_high) == (1.0, 1.0, 1.0)


def test_without_sequential_there_is_no_speedup() -> None:
    """What was not measured is None."""
    row = weighing.row("threads", [run()], [])
    assert row.speedup is row.speedup_low is row.same_order is row.peak_pss_bytes is None


def test_lateness_of_all_runs() -> None:
    """Half of the turns came in time, the worst was 0.25 s late; memory is the most of all runs."""
    row = weighing.row("threads", [run(peak_pss_bytes=5), run(peak_pss_bytes=9)], [])
    assert row.poll_worst_s == 0.25
    assert row.poll_p50_s == pytest.approx(0.125)
    assert row.peak_pss_bytes == 9


def test_lanes_are_of_the_run_in_the_middle() -> None:
    """Neither the fastest nor the slowest is drawn."""
    assert weighing.middle([run(3.0), run(1.0), run(2.0)]).wall_s == 2.0


def test_alike() -> None:
    """All models returned the same, or not; one model alone tells nothing."""
    same, other = run(results="a"), run(results="b")
    assert weighing.alike({"threads": [same], "asyncio": [same]}) is True
    assert weighing.alike({"threads": [same], "asyncio": [same, other]}) is False
    assert weighing.alike({"threads": [same]}) is None


def test_who_returned_what_sequential_did() -> None:
    """Each model is held against sequential; where that differs from itself, only of sequential it is told."""
    same, other = run(results="a"), run(results="b")
    assert weighing.row("threads", [same, same], [same, same]).same_results is True
    assert weighing.row("threads", [same, other], [same, same]).same_results is False
    assert weighing.row("threads", [other, other], [same, other]).same_results is None
    assert weighing.row("sequential", [same, other], [same, other]).same_results is False
    assert weighing.row("threads", [same], []).same_results is None


def test_how_much_a_control_may_mean() -> None:
    """Each run is held against each of sequential's, since two rounds agree by chance; sequential is always 1."""
    gains = weighing.speedup_over("sequential", {"sequential": [2.0, 3.0], "threads": [1.0, 2.0], "trio": []})
    assert gains == {"sequential": Gain(1.0, 1.0, 1.0), "threads": Gain(1.75, 1.0, 3.0)}
    assert weighing.speedup_over("sequential", {"threads": [1.0]}) == {}
