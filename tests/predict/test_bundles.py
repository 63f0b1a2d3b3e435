"""Very many strands as fewer, on works made by hand. Knows no trace."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hand_made_work import FREE_OF_CHARGE, GIL, IO, strand, work

from tracekit.predict.bundles import bundled
from tracekit.predict.parts import Kind, Passing, Piece, StepOf, Strand, Work
from tracekit.predict.predict import predict
from tracekit.predict.simulate import simulate

MANY = 1500
MACHINE = replace(FREE_OF_CHARGE, thread_start_ns=30_000, job_ns=100_000, step_ns=10_000)


def jobs(count: int = MANY, **given: int) -> list[Strand]:
    """Alike jobs, each of which computes, waits and computes."""
    pieces = tuple(Piece(kind, 200_000) for kind in (GIL, IO, GIL))
    return [Strand("job", pieces, steps=(StepOf("job", awaitable=True, given=Passing(**given)),), group="job")] * count


def needs(some: Work) -> dict[Kind, int]:
    """What all strands need together."""
    pieces = [piece for each in some.strands for piece in each.pieces]
    return {kind: sum(piece.ns for piece in pieces if piece.kind == kind) for kind in Kind}


def test_few_stay_as_they_are() -> None:
    """Where a simulation is short anyway, work and machine are what they were."""
    some = work(*jobs(500))

    assert bundled(some, "threads", MACHINE) == (some, MACHINE)


def test_many_become_hundreds() -> None:
    """Of thousands some hundreds are left, which need as much, and to which as much is passed."""
    some = work(*jobs(bytes=100, pack_ns=7, unpack_ns=-1))
    fewer, _ = bundled(some, "process-pool", MACHINE)

    assert 100 < len(fewer.strands) < 1000
    assert needs(fewer) == pytest.approx(needs(some), rel=0.01)
    given = [each.steps[0].given for each in fewer.strands]
    assert (sum(one.bytes for one in given), sum(one.pack_ns for one in given)) == (100 * MANY, 7 * MANY)
    assert {one.unpack_ns for one in given} == {-1}


@pytest.mark.parametrize("model", ["sequential", "threads", "thread-pool", "process-pool", "asyncio"])
def test_the_same_time(model: str) -> None:
    """Under any model, with what starting and passing cost, they take about as long as all of them do."""
    some = work(*jobs())
    whole = simulate(some, model, MACHINE).wall_ns
    fewer, machine = bundled(some, model, MACHINE)

    assert simulate(fewer, model, machine).wall_ns == pytest.approx(whole, rel=0.05)


def test_who_waits_for_others_stays_alone() -> None:
    """What comes after another, and what another comes after, is one strand still, with the others' new numbers."""
    first = strand((GIL, 3))
    some = work(*jobs(), first, replace(strand((GIL, 1)), after=(MANY,)))
    fewer, _ = bundled(some, "threads", MACHINE)

    *_, one, other = fewer.strands
    assert one == first
    assert other.after == (len(fewer.strands) - 2,)


def test_a_long_one_stays_alone() -> None:
    """Two long jobs among thousands of short ones still go on side by side."""
    long = replace(jobs(1)[0], pieces=(Piece(IO, 2_000_000_000),))
    some = work(*jobs(), long, long, *jobs())
    fewer, machine = bundled(some, "threads", FREE_OF_CHARGE)

    assert simulate(fewer, "threads", machine).wall_ns < 3_500_000_000


def test_predictions_tell_of_all() -> None:
    """What is predicted of very many strands is about what each of them would have come to."""
    some = work(*jobs())
    (found,) = predict(some, ["process-pool"], MACHINE)

    assert found.wall_s == pytest.approx(simulate(some, "process-pool", MACHINE).wall_ns / 1e9, rel=0.05)
