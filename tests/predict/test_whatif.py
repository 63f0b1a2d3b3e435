"""What a change of some work would bring, on works made by hand. Knows no trace."""

from __future__ import annotations

import pytest

from tracekit.predict import whatif
from tracekit.predict.machine import Machine
from tracekit.predict.parts import Kind, Piece, StepOf, Strand, Work

MS = 1_000_000
MACHINE = Machine(2, together=(1.0, 1.0))


def task(name: str, *pieces: tuple[Kind, float], job: bool = False) -> Strand:
    """A task of a loop whose computing is its second step; or a job."""
    steps = (StepOf(name, kind="compute"),) if job else (StepOf(name, awaitable=True), StepOf(name, kind="compute"))
    own = 0 if job else 1
    return Strand(
        name,
        tuple(Piece(kind, round(ms * MS), own if kind in (Kind.GIL, Kind.FREE) else 0) for kind, ms in pieces),
        steps=steps,
        group=name,
    )


def work(*strands: Strand, model: str = "asyncio") -> Work:
    return Work("app", strands, 2, model, sum(piece.ns for strand in strands for piece in strand.pieces))


def hot(strand: Strand, step: int) -> bool:
    return strand.group == "hot" and step == 1


@pytest.mark.parametrize("where", [whatif.THREADS, whatif.PROCESSES])
def test_only_what_is_moved_is_elsewhere(where: str) -> None:
    """Of two that compute, the one that is moved goes on beside the other one, which stays on the loop."""
    both = work(task("hot", (Kind.FREE, 300)), task("cold", (Kind.FREE, 300)))

    gained = whatif.gain(whatif.as_it_is(both), whatif.moved_out(both, hot, where), MACHINE)

    assert gained.before == pytest.approx(600 * MS, rel=0.05)
    assert gained.after == pytest.approx(300 * MS, rel=0.1)
    assert 0 < gained.low <= gained.gain <= gained.high


def test_a_thread_shares_the_gil() -> None:
    """What computes with the GIL gains next to nothing in a thread, and all in a process."""
    both = work(task("hot", (Kind.GIL, 300)), task("cold", (Kind.GIL, 300)))
    gains = {
        where: whatif.gain(whatif.as_it_is(both), whatif.moved_out(both, hot, where), MACHINE).gain
        for where in (whatif.THREADS, whatif.PROCESSES)
    }

    assert gains[whatif.THREADS] < 30 * MS
    assert gains[whatif.PROCESSES] > 250 * MS


def test_who_is_due_waits_less() -> None:
    """A loop that is blocked once makes others wait for as long; with that elsewhere nobody waits."""
    alone = work(task("cold", (Kind.TIMER, 600)), task("hot", (Kind.GIL, 500)))

    gained = whatif.gain(whatif.as_it_is(alone), whatif.moved_out(alone, hot, whatif.PROCESSES), MACHINE)

    assert gained.late_before > 400 * MS
    assert gained.late_after < 50 * MS
    assert abs(gained.gain) < 30 * MS


def test_what_waits_blocks() -> None:
    """A step that waits without awaiting blocks the loop as it is."""
    sleepy = Strand("hot", (Piece(Kind.IO, 300 * MS, 1),), steps=task("hot").steps, group="hot")

    outcome = whatif.gain(
        whatif.as_it_is(work(sleepy, task("cold", (Kind.GIL, 200)))),
        whatif.moved_out(work(sleepy, task("cold", (Kind.GIL, 200))), hot, whatif.THREADS),
        MACHINE,
    )

    assert outcome.before == pytest.approx(500 * MS, rel=0.05)
    assert outcome.after == pytest.approx(300 * MS, rel=0.1)


def test_jobs_stay_where_they_were() -> None:
    """Jobs of a pool of threads stay in one, whatever else is moved."""
    jobs = [task("job", (Kind.FREE, 300), job=True) for _ in range(2)]

    gained = whatif.gain(
        whatif.as_it_is(work(*jobs, model="asyncio+threads")), (work(*jobs), "asyncio+threads"), MACHINE
    )

    assert gained.before == pytest.approx(300 * MS, rel=0.1)


def test_parts() -> None:
    """Work in parts is as much as before, and who came after it comes after all of them."""
    first = Strand("first", (Piece(Kind.IO, 1000 * MS),), steps=(StepOf("first", kind="io"),))
    last = Strand("last", (Piece(Kind.GIL, 10 * MS),), after=(0,), steps=(StepOf("last", kind="compute"),))

    split = whatif.in_parts(work(first, last), [0])

    assert len(split.strands) == whatif.PARTS + 1
    assert sum(piece.ns for strand in split.strands[:-1] for piece in strand.pieces) == 1000 * MS
    assert split.strands[-1].after == tuple(range(whatif.PARTS))


def test_the_same_every_time() -> None:
    """The same question has the same answer."""
    both = work(task("hot", (Kind.GIL, 300)), task("cold", (Kind.GIL, 300)))
    ask = (whatif.as_it_is(both), whatif.moved_out(both, hot, whatif.PROCESSES), MACHINE)

    assert whatif.gain(*ask) == whatif.gain(*ask)
