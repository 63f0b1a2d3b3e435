"""Compare: runs a workload under several models in turn, and weighs them. Knows how to start a run, and nothing of a terminal."""

from __future__ import annotations

import os
import platform
import random
import sys
import tempfile
from collections.abc import Sequence
from functools import partial

from tracekit.analyze.questions import THRESHOLD_NS
from tracekit.compare.models import MODELS, get
from tracekit.errors import UsageError
from tracekit.rounds import weighing
from tracekit.rounds.comparison import BASE, Bound, Comparison, Row
from tracekit.rounds.others import Others
from tracekit.rounds.predicted import Foretelling
from tracekit.rounds.series import TRACED, Say, Series
from tracekit.rounds.subject import look
from tracekit.rounds.traced import figures, side_by_side

REPEAT = 5
TIMEOUT_S = 600.0
CONTROLS = {"sleeping": 0.2, "computing": 0.5}  # and their scales: long enough to be measured
_CONTROL_REPEAT = 3
_QUIET = 0.25  # processors that others may use before it matters


def compare(
    spec: str,
    models: Sequence[str] = (),
    scale: float = 1.0,
    repeat: int = REPEAT,
    seed: int = 0,
    say: Say = lambda _done, _total, _what: None,
    controls: bool = True,
    traced: bool = True,
    predicted_from: str | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Comparison:
    """Run a workload under models, each run in a fresh process, and weigh what they took.

    Args:
        spec: names the workload, as `compare.find.find` takes it.
        models: names out of `compare.models.MODELS`; none: all of them.
        scale: what the workload is called with.
        repeat: rounds; each runs every model once, in an order of its own.
        seed: of that order.
        say: called before each run with the number of runs that are done, of all, and which one it is.
        controls: whether to run pure sleep and pure computing as well.
        traced: whether to run each model once more, traced.
        predicted_from: the model from a traced run of which all are predicted; "": sequential if it ran, else the first that
            did; None: no prediction. It is traced in every round, and the run that is in the middle is taken.
        timeout_s: a run that takes longer is ended, and its model has failed; so is an import.

    Raises:
        UsageError: there is no such workload or model, or a number makes no sense.
        TracekitError: the workload's module cannot be imported.
    """
    names = _models(models)
    _check(scale, repeat, predicted_from, names)
    traced = traced or predicted_from is not None
    with tempfile.TemporaryDirectory(prefix="tracekit-compare-") as directory:
        found = look(spec, timeout_s, directory)
        series = Series(names, timeout_s, say, directory, random.Random(seed))
        series.total = len(names) * (repeat + traced + controls * len(CONTROLS) * _CONTROL_REPEAT)
        _rule_out_missing(series, found.name)
        told = None if predicted_from is None else Foretelling(predicted_from, _able(series, found.name))
        series.total += repeat - 1 if told else 0

        others = Others()
        trace = partial(series.trace, spec, scale, found.name)
        # Within the rounds, so that what is foretold is of a machine as it was in most of them.
        series.repeat(spec, scale, repeat, found.name, [told.look, partial(trace, [told.model])] if told else [])
        if traced:
            trace([name for name in names if told is None or name != told.model])
        if controls:
            _run_controls(series, found.name)
        say(series.total, series.total, "weighing")
        comparison = Comparison(found.name, found.doc, cores(), _python(), scale, repeat)
        comparison.notes += _disturbance(others.cores())
        return _weigh(series, comparison, told)


def cores() -> int:
    """How many processors the runs may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _disturbance(others: float | None) -> list[str]:
    if others is None or others < _QUIET:
        return []
    return [
        f"other programs kept {others:.1f} processors busy meanwhile, so everything took longer than it would have alone; "
        "compare again when the machine is quiet"
    ]


def _python() -> str:
    return platform.python_version() + ("t" if not getattr(sys, "_is_gil_enabled", lambda: True)() else "")


def _models(asked: Sequence[str]) -> list[str]:
    for name in asked:
        get(name)  # complains where there is none
    return [name for name in MODELS if name in asked] if asked else list(MODELS)


def _able(series: Series, name: str) -> list[str]:
    return [model for model in series.models if (name, model) not in series.failed] or list(series.models)


def _rule_out_missing(series: Series, name: str) -> None:
    for model in series.models:
        why = get(model).missing()
        if why:
            series.failed.update({(each, model): why for each in (name, *map(_control, CONTROLS))})


def _check(scale: float, repeat: int, predicted_from: str | None, models: Sequence[str]) -> None:
    if not 0 < scale < float("inf"):
        raise UsageError(f"a scale of {scale:g} makes no workload; give a number above 0, as --scale 0.5")
    if repeat < 1:
        raise UsageError(f"{repeat} rounds measure nothing; give 1 or more, as --repeat 5")
    if predicted_from and predicted_from not in models:
        raise UsageError(f"{predicted_from} is not among the models that run ({', '.join(models)}); add it to --models")


def _run_controls(series: Series, name: str) -> None:
    if {(name, model) for model in series.models} <= series.failed.keys():
        return
    for control, scale in CONTROLS.items():
        series.repeat(control, scale, _CONTROL_REPEAT, _control(control))


def _control(name: str) -> str:
    return f"control {name}"  # which may as well be the workload that is compared


def _weigh(series: Series, comparison: Comparison, told: Foretelling | None) -> Comparison:
    name = comparison.workload
    ran = {model: series.runs[name, model] for model in series.models if (name, model) not in series.failed}
    for model in series.models:
        why = series.failed.get((name, model))
        row = Row(model, failed=why) if why is not None else weighing.row(model, ran[model], ran.get(BASE, ()))
        comparison.rows.append(row)
    if ran and BASE not in ran:
        comparison.notes.append(f"there are no speed-ups, because {BASE} did not run; it is one of --models")
    comparison.polls_every_s = next((run.polls_every for of in ran.values() for run in of), {})
    comparison.results_alike = weighing.alike(ran)
    comparison.controls = _bounds(series)
    _add_traces(series, comparison)
    if told is not None:
        told.predict(comparison)
    return comparison


def _bounds(series: Series) -> list[Bound]:
    found = []
    for control in map(_control, CONTROLS):
        walls = {model: [run.wall_s for run in series.runs.get((control, model), ())] for model in series.models}
        found.append(weighing.speedup_over(BASE, walls) if walls.get(BASE) else {})
    ran = [model for model in series.models if any(model in speedups for speedups in found)]
    return [Bound(model, *(speedups.get(model) for speedups in found)) for model in ran]


def _add_traces(series: Series, comparison: Comparison) -> None:
    for row in comparison.rows:
        why = series.failed.get((TRACED, row.model))
        if why and not row.failed:
            comparison.notes.append(f"{row.model} could not be traced, so its blocks and waits are not known: {why}")
        row.trace = series.traces.get(row.model)
        if row.trace is not None:
            told = figures(row.trace, THRESHOLD_NS)
            row.blocks, row.block_worst_s, row.gil_wait_s = told.blocks, told.block_worst_s, told.gil_wait_s
    if series.traces:
        comparison.trace = side_by_side(series.traces)
