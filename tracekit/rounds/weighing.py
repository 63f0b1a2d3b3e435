"""Weighing: the runs of a model become its row. Knows numbers that were measured, and not how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracekit.rounds.comparison import BASE, Gain, Row
from tracekit.rounds.lanes import lanes, parallelism
from tracekit.rounds.order import disorder, same_order, sequence
from tracekit.rounds.run import Run
from tracekit.rounds.statistics import interval, median, percentile


def row(model: str, runs: Sequence[Run], base: Sequence[Run]) -> Row:
    """A model's row.

    Args:
        runs: of the model, in the order of the rounds; at least one.
        base: of the sequential model in the same rounds; empty if it did not run.
    """
    walls = [run.wall_s for run in runs]
    wall = median(walls)
    cpu = median([run.cpu_s for run in runs])
    sequences = [sequence(run) for run in runs]
    found = Row(
        model=model,
        wall_s=wall,
        walls=walls,
        cpu_s=cpu,
        parallelism=median([parallelism(run) for run in runs]),
        cores_used=cpu / wall if wall else None,
        peak_pss_bytes=max((run.peak_pss_bytes for run in runs if run.peak_pss_bytes is not None), default=None),
        startup_s=median([run.started_s for run in runs]),
        switches=round(median([run.switches for run in runs])),
        preemptions=round(median([run.preemptions for run in runs])),
        same_order=same_order(sequences),
        disorder=disorder(sequences),
        lanes=lanes(middle(runs)),
    )
    _set_lateness(found, [late for run in runs for late in run.lateness_s])
    _set_speedup(found, walls, [run.wall_s for run in base])
    _set_same_results(found, {run.results for run in runs}, {run.results for run in base})
    return found


def middle(runs: Sequence[Run]) -> Run:
    """The run whose wall time is the median; of two in the middle the faster one."""
    return sorted(runs, key=lambda run: run.wall_s)[(len(runs) - 1) // 2]


def ratios(walls: Sequence[float], others: Sequence[float]) -> list[float]:
    """How many times as long the others took, round by round: what slows a round down slows down both."""
    return [other / wall for wall, other in zip(walls, others) if wall]


def alike(runs: Mapping[str, Sequence[Run]]) -> bool | None:
    """Whether all models returned the same; None where fewer than two did."""
    results = {model: {run.results for run in of} for model, of in runs.items()}
    return len(set.union(*results.values())) == 1 if len(results) > 1 else None


def speedup_over(base: str, walls: Mapping[str, Sequence[float]]) -> dict[str, Gain]:
    """The speed-up of each model against one of them: the median, and how little and how much it may be."""
    against = walls.get(base, ())
    return {model: _gain(of, of if model == base else against) for model, of in walls.items() if against and of}


def _gain(walls: Sequence[float], against: Sequence[float]) -> Gain:
    """Two rounds agree by chance, so that each run is held against each; only a model against itself is always 1."""
    told = median(ratios(walls, against))
    if walls is against:
        return Gain(told, told, told)
    return Gain(told, min(against) / max(walls), max(against) / min(walls))


def _set_lateness(found: Row, late: Sequence[float]) -> None:
    if late:
        found.poll_p50_s, found.poll_p99_s = percentile(late, 0.5), percentile(late, 0.99)
        found.poll_worst_s = max(late)


def _set_same_results(found: Row, own: set[str], base: set[str]) -> None:
    if found.model == BASE:
        found.same_results = len(own) == 1
    elif len(base) == 1:
        found.same_results = own == base


def _set_speedup(found: Row, walls: Sequence[float], base: Sequence[float]) -> None:
    against = [1.0] * len(walls) if found.model == BASE else ratios(walls, base)
    if against:
        found.speedup = median(against)
        found.speedup_low, found.speedup_high = interval(against) or (None, None)
