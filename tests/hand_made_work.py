"""Work laid out by hand, and a machine on which nothing costs anything. Knows no trace; times are in ms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tracekit.predict.machine import Machine
from tracekit.predict.parts import Kind, Outcome, Piece, StepOf, Strand, Work
from tracekit.predict.simulate import simulate

MS = 1_000_000
GIL, FREE, IO, TIMER = Kind.GIL, Kind.FREE, Kind.IO, Kind.TIMER
_STEPS = {
    GIL: StepOf("reckon", kind="compute"),
    FREE: StepOf("hash", kind="compute"),
    IO: StepOf("fetch", kind="io", awaitable=True),
    TIMER: StepOf("sleep", kind="sleep", awaitable=True),
}
FREE_OF_CHARGE = Machine(
    cores=2,
    thread_start_ns=0,
    fork_ns=0,
    process_start_ns=0,
    copy_ns_per_mb=0,
    switch_ns=0,
    pool_start_ns=0,
    job_ns=0,
    pickle_ns_per_kb=0,
    send_ns_per_kb=0,
    receive_ns_per_kb=0,
    step_ns=0,
    interpreter_start_ns=0,
    together=(1.0, 1.0),
    unlocked=(1.0, 1.0),
)


def strand(*pieces: tuple[Kind, float], after: tuple[int, ...] = (), twinless: bool = False) -> Strand:
    """A strand with a step for each piece.

    Args:
        pieces: kind and ms.
        twinless: its I/O cannot be awaited.
    """
    steps = tuple(replace(_STEPS[kind], awaitable=False) if twinless else _STEPS[kind] for kind, _ in pieces)
    return Strand(
        "strand", tuple(Piece(kind, round(ms * MS), at) for at, (kind, ms) in enumerate(pieces)), after, steps=steps
    )


def poll(every: float, turn: float = 0) -> Strand:
    """A poll, due every so many ms."""
    return Strand("poll", (Piece(GIL, round(turn * MS)),) if turn else (), every_ns=round(every * MS))


def work(*strands: Strand, **more: Any) -> Work:
    """Work of some strands."""
    return Work("hand-made", strands, **more)


def ran(model: str, *strands: Strand, **machine: Any) -> Outcome:
    """These strands under a model, on a machine that differs in what is given from one where nothing costs anything."""
    return simulate(work(*strands), model, replace(FREE_OF_CHARGE, **machine))


def wall(model: str, *strands: Strand, **machine: Any) -> float:
    """How long they take, in ms, to a hundredth."""
    return round(ran(model, *strands, **machine).wall_ns / MS, 2)
