"""Predictions: their intervals and reasons, of work laid out by hand. Times of work are in ms, of predictions in seconds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hand_made_work import FREE, FREE_OF_CHARGE, GIL, IO, MS, TIMER, poll, strand, work

from tracekit.predict.machine import Machine, measure, middle, usual
from tracekit.predict.parts import BOUNDS
from tracekit.predict.predict import MODELS, predict


def test_the_same_trace_gives_the_same_prediction() -> None:
    """What is left to chance comes from a seed."""
    some = work(strand((IO, 50), (GIL, 20)), strand((GIL, 30)), poll(10))

    assert predict(some, machine=usual(2)) == predict(some, machine=usual(2))


@pytest.mark.parametrize("model", MODELS)
def test_the_interval_is_around_the_prediction(model: str) -> None:
    """The lower bound is below and the higher one above, also of the lateness."""
    some = work(*[strand((IO, 50), (GIL, 20), (FREE, 10))] * 4, poll(10))

    (found,) = predict(some, [model], usual(2))

    assert found.model == model
    assert found.low_s < found.wall_s < found.high_s
    assert found.worst_late_s is not None
    assert found.late_low_s is not None
    assert found.late_high_s is not None
    assert found.late_low_s <= found.worst_late_s <= found.late_high_s
    assert sum(found.bound.values()) == pytest.approx(found.wall_s, abs=1e-6)
    assert set(found.bound) <= set(BOUNDS)


def test_what_is_less_sure_has_a_wider_interval() -> None:
    """The interval grows with the spread of the work, and with that of the machine."""

    def width(spread: float, machine: Machine) -> float:
        (found,) = predict(work(strand((GIL, 100)), spread=spread), ["sequential"], machine)
        return found.high_s - found.low_s

    narrow = replace(FREE_OF_CHARGE, spread=0.01)
    assert width(0.01, narrow) < width(0.2, narrow)
    assert width(0.01, narrow) < width(0.01, replace(narrow, spread=0.2))


def test_no_polls_no_lateness() -> None:
    """Without a poll nothing is late."""
    (found,) = predict(work(strand((GIL, 10))), ["threads"])

    assert (found.worst_late_s, found.late_low_s, found.late_high_s) == (None, None, None)


def test_jobs_cost_no_more_than_was_traced() -> None:
    """Where jobs of a pool of processes followed each other faster than a usual one costs, they are simulated so fast."""
    some = work(
        *[strand((GIL, 0.01))] * 400, traced_model="process-pool", wall_ns=30 * MS, head_ns=5 * MS, tail_ns=5 * MS
    )
    machine = replace(FREE_OF_CHARGE, job_ns=1_000_000)
    (found,) = predict(some, ["process-pool"], machine)
    (slower,) = predict(replace(some, traced_model="sequential"), ["process-pool"], machine)

    assert found.wall_s == pytest.approx(0.03, rel=0.2)
    assert slower.wall_s > 0.2


def test_why() -> None:
    """One sentence says what the longest chain consists of."""
    (found,) = predict(work(strand((TIMER, 75), (GIL, 25))), ["sequential"], FREE_OF_CHARGE)

    assert found.why == "Its longest chain is 75% a timer, 25% computing under the GIL."


def test_nothing_to_do() -> None:
    """Work without strands takes nothing."""
    (found,) = predict(work(), ["threads"])

    assert (found.wall_s, found.bound) == (0, {})


def test_the_machine_is_measured() -> None:
    """What is measured is there for each core, and nothing is free."""
    machine = measure()

    for speeds in (machine.together, machine.unlocked):
        assert len(speeds) == machine.cores == usual().cores
        assert speeds[0] == 1
        assert all(0 < speed <= 1 for speed in speeds)
    costs = (
        "thread_start_ns",
        "fork_ns",
        "process_start_ns",
        "job_ns",
        "pickle_ns_per_kb",
        "send_ns_per_kb",
        "receive_ns_per_kb",
        "step_ns",
    )
    assert all(getattr(machine, cost) > 0 for cost in costs)
    assert 0 < machine.spread <= 0.2
    assert 0 <= machine.switch_ns < machine.switch_interval_ns


def test_a_machine_as_it_mostly_was() -> None:
    """Of several measurements each figure is the one in the middle, that of each number of cores for itself."""
    seen = [Machine(2, job_ns=ns, together=(1.0, speed)) for ns, speed in ((90, 0.5), (10, 0.9), (20, 1.0))]

    assert middle(seen) == Machine(2, job_ns=20, together=(1.0, 0.9))
    assert middle(seen[:1]) == seen[0]


def test_a_machine_whose_pace_changes() -> None:
    """What the same computing takes at several times widens the spread that was measured at each."""
    seen = [Machine(2, computing_ns=ns, spread=0.02) for ns in (100, 110, 100, 160, 150)]

    assert middle(seen).spread == pytest.approx((150 - 100) / 110 / 1.35)
    assert middle(seen[:1]).spread == 0.02
