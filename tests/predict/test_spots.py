"""Culprits of blocked loops, and who waited else, from loops laid out by hand. Knows no advice."""

from __future__ import annotations

import pytest
from laid_out_programs import blocked_loop

from tracekit.model.check import check
from tracekit.predict.spots import spots

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
