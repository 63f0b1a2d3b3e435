"""Prediction: what each model would give for the work of a trace, and how sure that is. Knows not how it is simulated.

How sure: the simulation is repeated with every length and every cost moved at random, as far as the work's and the machine's
spread go. The numbers come from a seed, so that the same trace gives the same prediction.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from tracekit.model.trace import Trace
from tracekit.predict.bundles import bundled
from tracekit.predict.machine import Machine, costs_of, usual
from tracekit.predict.parts import Outcome, Prediction, Strand, Work
from tracekit.predict.simulate import MODELS as _SIMULATED
from tracekit.predict.simulate import simulate
from tracekit.predict.work import work_of

MODELS = tuple(_SIMULATED)
_ROUNDS = 20
_MANY = 200_000  # pieces and switches that are simulated in all rounds of a model; with more, fewer rounds
_COST_SPREAD = 0.4  # of what starting and passing on cost, which depends on the program
_MEMORY_SPREAD = 0.1  # of how fast cores are together without the GIL, which depends on the code
_COSTS = (
    "thread_start_ns",
    "fork_ns",
    "process_start_ns",
    "copy_ns_per_mb",
    "switch_ns",
    "pool_start_ns",
    "job_ns",
    "pickle_ns_per_kb",
    "send_ns_per_kb",
    "receive_ns_per_kb",
    "step_ns",
    "interpreter_start_ns",
)
_LEAST = 0.03  # no interval is narrower than this on either side


def predict(subject: Trace | Work, models: Iterable[str] = MODELS, machine: Machine | None = None) -> list[Prediction]:
    """What each model would give.

    Args:
        subject: a trace of the work under any model, or the work.
        models: some of MODELS.
        machine: where it would run; the usual costs on the trace's cores where none is given.

    Raises:
        UsageError: there is no such model.
    """
    work = work_of(subject) if isinstance(subject, Trace) else subject
    machine = machine or usual(work.cores)
    return [_predict(work, model, machine) for model in models]


def _predict(work: Work, model: str, machine: Machine) -> Prediction:
    rounds = _rounds(work)
    work, machine = _prepared(work, model, machine)
    outcome = simulate(work, model, machine)
    others = [simulate(_moved(work, seed), model, _costlier(machine, seed)) for seed in range(rounds)]
    wall = outcome.wall_ns / 1e9
    low, high = _range([other.wall_ns / 1e9 for other in others], wall)
    late = None if outcome.late_ns is None else outcome.late_ns / 1e9
    late_low, late_high = (
        (None, None) if late is None else _range([(other.late_ns or 0) / 1e9 for other in others], late)
    )
    bound = _bound(outcome)
    return Prediction(
        model=model,
        wall_s=wall,
        low_s=low,
        high_s=high,
        worst_late_s=late,
        late_low_s=late_low,
        late_high_s=late_high,
        bound=bound,
        why=_why(bound, wall),
    )


def _prepared(work: Work, model: str, machine: Machine) -> tuple[Work, Machine]:
    """The work, and the machine, as they are simulated."""
    return bundled(work, model, _as_seen(machine, work))


def _as_seen(machine: Machine, work: Work) -> Machine:
    """A job of a pool of processes cannot have cost who sends it, and gets its result, more than its share of the time traced."""
    count = sum(not strand.every_ns for strand in work.strands)
    if work.traced_model != "process-pool" or not count:
        return machine
    passing = sum(
        costs_of(machine, strand.steps[0].given)[0] + costs_of(machine, strand.steps[-1].result)[1]
        for strand in work.strands
        if strand.steps and not strand.every_ns
    )
    each = max(0.0, work.wall_ns - work.head_ns - work.tail_ns - passing) / count
    return replace(machine, job_ns=min(machine.job_ns, round(2 * each)))  # half of it is who gets the job's


def _rounds(work: Work) -> int:
    pieces = sum(len(strand.pieces) for strand in work.strands) + work.wall_ns // 5_000_000
    return max(3, min(_ROUNDS, _MANY // max(1, pieces)))


def _range(values: list[float], middle: float) -> tuple[float, float]:
    values = sorted(values)
    cut = len(values) // 20
    low, high = values[cut], values[-1 - cut]
    return min(low, middle * (1 - _LEAST)), max(high, middle * (1 + _LEAST))


def _moved(work: Work, seed: int) -> Work:
    chance = _Chance("work", seed)
    all_of = chance.factor(work.spread)

    def moved(strand: Strand) -> Strand:
        own = all_of * chance.factor(work.spread)
        return replace(strand, pieces=tuple(replace(piece, ns=round(piece.ns * own)) for piece in strand.pieces))

    return replace(work, strands=tuple(moved(strand) for strand in work.strands))


def _costlier(machine: Machine, seed: int) -> Machine:
    chance = _Chance("machine", seed)
    all_of, of_memory = chance.factor(machine.spread), chance.factor(_MEMORY_SPREAD)
    return replace(
        machine,
        together=tuple(speed * all_of for speed in machine.together),
        unlocked=tuple(speed * all_of * of_memory for speed in machine.unlocked),
        **{cost: round(getattr(machine, cost) * chance.factor(_COST_SPREAD)) for cost in _COSTS},
    )


class _Chance:
    """Factors about 1; of each two seeds one gives the inverse of the other, so that the middle stays where it is."""

    def __init__(self, what: str, seed: int) -> None:
        self._random = random.Random(f"{what} {seed // 2}")
        self._sign = 1 - 2 * (seed % 2)

    def factor(self, spread: float) -> float:
        """As likely to be half as twice where the spread is large."""
        return math.exp(self._sign * self._random.gauss(0.0, spread))


def _bound(outcome: Outcome) -> dict[str, float]:
    sums: Counter[str] = Counter()
    for stretch in outcome.path:
        sums[stretch.waited_for] += stretch.ns
    return {word: ns / 1e9 for word, ns in sums.most_common()}


def _why(bound: dict[str, float], wall: float) -> str:
    parts = [
        f"{share:.0%} {word}" for word, seconds in bound.items() if (share := seconds / wall if wall else 0) >= 0.1
    ]
    return f"Its longest chain is {', '.join(parts)}." if parts else "There is nothing to do."
