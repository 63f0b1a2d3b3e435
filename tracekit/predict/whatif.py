"""What if: what some change of some work, or of its model, would bring. Knows works and the simulation, no trace and no word.

Before and after are simulated with the same chances, so that the difference is surer than either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from tracekit.predict.machine import Machine
from tracekit.predict.parts import Kind, Outcome, Piece, StepOf, Strand, Work
from tracekit.predict.predict import _costlier, _moved, _prepared, _rounds
from tracekit.predict.simulate import simulate

THREADS, PROCESSES = "threads", "processes"

_ROUNDS = 10
_PROBE_NS = 20_000
_PROBES = 300
PARTS = 10  # that work is imagined to be made of


@dataclass(frozen=True, slots=True)
class Gain:
    """What a change brings, ns; `low` and `high` are where that likely lies. `late_` is how late a poll would be at worst."""

    before: int
    after: int
    low: int
    high: int
    late_before: int
    late_after: int
    path: dict[str, int]

    @property
    def gain(self) -> int:
        """How much less time it takes."""
        return self.before - self.after

    def is_worth(self, least_ns: float) -> bool:
        """Whether it is likely to bring that much at least."""
        return self.gain >= least_ns and self.low > 0


def gain(before: tuple[Work, str], after: tuple[Work, str], machine: Machine) -> Gain:
    """What it brings to go from one work under a model to another one."""
    sides = [(model, *_prepared(probed(work), model, machine)) for work, model in (before, after)]
    first, second = (simulate(work, model, own) for model, work, own in sides)
    pairs = [
        tuple(simulate(_moved(work, seed), model, _costlier(own, seed)).wall_ns for model, work, own in sides)
        for seed in range(min(_ROUNDS, _rounds(before[0])))
    ]
    gains = sorted(one - other for one, other in pairs)
    found = first.wall_ns - second.wall_ns
    return Gain(
        before=first.wall_ns,
        after=second.wall_ns,
        low=min(found, gains[0]),
        high=max(found, gains[-1]),
        late_before=first.late_ns or 0,
        late_after=second.late_ns or 0,
        path=bound(second),
    )


def bound(outcome: Outcome) -> dict[str, int]:
    """What bounds a run: ns of its longest chain by what they went into, the most first."""
    sums: dict[str, int] = {}
    for stretch in outcome.path:
        sums[stretch.waited_for] = sums.get(stretch.waited_for, 0) + stretch.ns
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


def probed(work: Work) -> Work:
    """The work with a poll that hardly computes: how late it is shows how long others wait."""
    if any(strand.every_ns for strand in work.strands):
        return work
    every = max(10_000_000, work.wall_ns // _PROBES)
    probe = Strand("probe", (Piece(Kind.GIL, _PROBE_NS),), every_ns=every, steps=(StepOf("probe", kind="poll"),))
    return replace(work, strands=(*work.strands, probe))


def moved_out(work: Work, is_hot: Callable[[Strand, int], bool], where: str) -> tuple[Work, str]:
    """The work of a loop with some of its steps in threads or processes, all others as they were; and the model that runs it so.

    Args:
        is_hot: which steps, by their strand and index.
        where: THREADS or PROCESSES.
    """
    of_jobs = "compute" if work.traced_model == "asyncio+processes" else "io"
    of_hot = "compute" if where == PROCESSES else "io"
    strands = [
        _relabelled(strand, lambda strand, at: of_hot if is_hot(strand, at) else "", of_jobs) for strand in work.strands
    ]
    return replace(work, strands=tuple(strands)), "asyncio+processes"


def as_it_is(work: Work) -> tuple[Work, str]:
    """The work of a loop with everything where it was."""
    return moved_out(work, lambda _strand, _at: False, THREADS)


def _relabelled(strand: Strand, elsewhere: Callable[[Strand, int], str], of_jobs: str) -> Strand:
    kinds = [elsewhere(strand, at) or (of_jobs if is_job(strand, at) else "") for at in range(len(strand.steps))]
    steps = tuple(replace(step, kind=kind or step.kind, awaitable=not kind) for step, kind in zip(strand.steps, kinds))
    pieces = tuple(_blocking(piece, strand.steps, kinds) for piece in strand.pieces)
    return replace(strand, steps=steps, pieces=pieces)


def _blocking(piece: Piece, steps: tuple[StepOf, ...], kinds: list[str]) -> Piece:
    """Waiting that blocks the loop's thread is to the loop as if it computed."""
    waits = piece.kind in (Kind.IO, Kind.TIMER)
    if waits and piece.step < len(steps) and not steps[piece.step].awaitable and not kinds[piece.step]:
        return replace(piece, kind=Kind.FREE)
    return piece


def is_job(strand: Strand, step: int) -> bool:
    """Whether a step of a loop's work ran in a pool: what a task does itself are its first two."""
    return len(strand.steps) == 1 or step >= 2


def in_parts(work: Work, strands: Iterable[int]) -> Work:
    """The work, were some of its strands made of parts that need not wait for each other."""
    chosen = set(strands)
    found: list[Strand] = []
    numbers: dict[int, list[int]] = {}
    for index, strand in enumerate(work.strands):
        parts = [strand] if index not in chosen else _parts(strand)
        numbers[index] = list(range(len(found), len(found) + len(parts)))
        found += parts
    linked = [
        replace(strand, after=tuple(part for other in strand.after for part in numbers[other])) for strand in found
    ]
    return replace(work, strands=tuple(linked))


def _parts(strand: Strand) -> list[Strand]:
    pieces = tuple(replace(piece, ns=piece.ns // PARTS) for piece in strand.pieces)
    return [replace(strand, name=f"{strand.name} {number}", pieces=pieces) for number in range(1, PARTS + 1)]
