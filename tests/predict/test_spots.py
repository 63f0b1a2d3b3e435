"""Culprits of blocked loops, and who waited else, from loops laid out by hand. Knows no advice."""

from __future__ import annotations

import pytest
from hand_made_crowds import crowded_loop
from laid_out_programs import blocked_loop

from tracekit.model.check import check
from tracekit.predict.spots import crowds, spots

MS = 1_000_000
THRESHOLD = 50 * MS


@pytest.mark.parametrize("eager", [False, True])
def test_nobody_waited_else(eager: bool) -> None:
    """What is left of a wait without the culprit is next to nothing, also where a step of it lies within another one."""
    trace = blocked_loop("running", eager=eager)
    assert check(trace) == []
    found = spots(trace, THRESHOLD)

    assert {spot.place.function for spot in found} == {"compute_all"}
    assert max(spot.late for spot in found) == pytest.approx(600 * MS, rel=0.3)
    assert all(spot.late_else < 5 * MS for spot in found)


def test_no_block() -> None:
    """Where nothing blocks the loop for so long there is no culprit."""
    assert spots(blocked_loop("running"), 2000 * MS) == []


def test_a_crowd() -> None:
    """Many short steps of one coroutine are one culprit, in its own line, and nobody who only waits for them is."""
    trace = crowded_loop("sleeping")
    assert spots(trace, THRESHOLD) == []
    (spot,) = crowds(trace, THRESHOLD)

    assert (spot.place.function, spot.place.line, len(spot.cases), spot.is_crowd) == ("poll_device", 3, 64, True)
    assert (spot.late, spot.victims) == (220 * MS, 9)


@pytest.mark.parametrize(("stacks", "place"), [(1, ("/app/work.py", 3)), (8, ("/app/devices.py", 5))])
def test_where_a_crowd_is(stacks: int, place: tuple[str, int]) -> None:
    """A stack of one step in many may be of what hardly takes time; stacks of a tenth of them tell the line."""
    (spot,) = crowds(crowded_loop("sleeping", source="/app/devices.py", stacks=stacks), THRESHOLD)

    assert (spot.place.file, spot.place.line) == place
    assert spot.is_seen == (stacks == 8)


@pytest.mark.parametrize(("step", "rest"), [(6, 0), (30, 400), (60, 0)])
def test_no_crowd(step: float, rest: float) -> None:
    """Where nobody waits for long, where the loop has time, or where each step is a block of its own, there is no crowd."""
    assert crowds(crowded_loop("sleeping", step=step, rest=rest), THRESHOLD) == []
