"""Comparison as one JSON object, for scripts: stable keys, durations in seconds, null for what is not known. Knows no text.

schema        1; it grows when a key changes its meaning, not when one is added
workload, about (the first line of what it says of itself), cores, python, scale, repeat
polls_every_s period of each poll, by name
models        a list, in the order in which tracekit names them:
    model, failed (why it was not measured; all else is null then), wall_s (the median), walls_s (of each round),
    speedup (against sequential, the median over the rounds; null if that did not run), speedup_low, speedup_high, cpu_s,
    cores_used, parallelism (steps under way on average), peak_pss_bytes, startup_s (until the first step),
    poll_p50_s, poll_p99_s, poll_worst_s (lateness of the polls), same_order (share of pairs of runs whose events came in
    the same order), disorder (share of neighbouring events that another run had the other way round), switches, preemptions,
    same_results (whether all its runs returned what sequential's did; null if those did not run, or differ themselves);
    from a run that was traced: blocks (steps of a loop longer than 50 ms), block_worst_s, gil_wait_s;
    lanes (of the run in the middle): task, parts: begin_s, end_s, kind (compute, io, sleep, poll), step. A poll's part is
    as long as it was late;
    with --check-advice: predicted_s, predicted_low_s, predicted_high_s, predicted_error (predicted / measured - 1),
    predicted_poll_worst_s, predicted_bound (seconds of the critical path by what bounds it), predicted_why
controls      model, sleeping_speedup, computing_speedup: what a model brings to pure sleep and pure Python computing, the
              median; sleeping_low, sleeping_high, computing_low, computing_high: the least and the most that it may be
fastest       the model; null if none could be measured
results_alike whether all models returned the same
traced_model  the one that the predictions are from; null without them
prediction    median_error, p90_error, named (the model that was predicted to be the best), best (the one that was the
              fastest), best_named (they are one, or level within 5 %), level_named (they are, or the rounds do not tell them
              apart); null without predictions
verdicts      what it shows, a sentence or two each
notes         what was not measured, and why
"""

from __future__ import annotations

from typing import Any

import orjson

from tracekit.rounds.comparison import Comparison, Gain, Lane, Row
from tracekit.rounds.predicted import accuracy, error_of
from tracekit.rounds.verdicts import verdicts

SCHEMA = 1

_FIGURES = (
    "wall_s",
    "speedup",
    "speedup_low",
    "speedup_high",
    "cpu_s",
    "cores_used",
    "parallelism",
    "peak_pss_bytes",
    "startup_s",
    "poll_p50_s",
    "poll_p99_s",
    "poll_worst_s",
    "same_order",
    "disorder",
    "switches",
    "preemptions",
    "same_results",
    "blocks",
    "block_worst_s",
    "gil_wait_s",
)


def text(comparison: Comparison) -> bytes:
    """What `compare --json` prints."""
    return orjson.dumps(as_object(comparison), option=orjson.OPT_INDENT_2) + b"\n"


def as_object(comparison: Comparison) -> dict[str, Any]:
    """What `compare --json` prints, ready for json.dumps; its keys are described above."""
    return {
        "schema": SCHEMA,
        "workload": comparison.workload,
        "about": comparison.about,
        "cores": comparison.cores,
        "python": comparison.python,
        "scale": comparison.scale,
        "repeat": comparison.repeat,
        "polls_every_s": dict(comparison.polls_every_s),
        "models": [_model(row) for row in comparison.rows],
        "controls": [
            {"model": bound.model, **_gain("sleeping", bound.sleeps), **_gain("computing", bound.computes)}
            for bound in comparison.controls
        ],
        "fastest": comparison.measured[0].model if comparison.measured else None,
        "results_alike": comparison.results_alike,
        "traced_model": comparison.traced_model or None,
        "prediction": _accuracy(comparison),
        "verdicts": verdicts(comparison),
        "notes": comparison.notes,
    }


def _model(row: Row) -> dict[str, Any]:
    figures = {name: getattr(row, name) for name in _FIGURES}
    return {
        "model": row.model,
        "failed": row.failed or None,
        "walls_s": list(row.walls),
        **figures,
        **_prediction(row),
        "lanes": [_lane(lane) for lane in row.lanes],
    }


def _prediction(row: Row) -> dict[str, Any]:
    told = row.predicted
    return {
        "predicted_s": told and told.wall_s,
        "predicted_low_s": told and told.low_s,
        "predicted_high_s": told and told.high_s,
        "predicted_error": error_of(row),
        "predicted_poll_worst_s": told and told.worst_late_s,
        "predicted_bound": told and dict(told.bound),
        "predicted_why": told and told.why,
    }


def _gain(name: str, gain: Gain | None) -> dict[str, float | None]:
    return {
        f"{name}_speedup": gain.median if gain else None,
        f"{name}_low": gain.least if gain else None,
        f"{name}_high": gain.most if gain else None,
    }


def _lane(lane: Lane) -> dict[str, Any]:
    parts = [{"begin_s": begin, "end_s": end, "kind": kind, "step": step} for begin, end, kind, step in lane.parts]
    return {"task": lane.task, "parts": parts}


def _accuracy(comparison: Comparison) -> dict[str, Any] | None:
    told = accuracy(comparison.rows)
    if told is None:
        return None
    return {
        "median_error": told.median_error,
        "p90_error": told.p90_error,
        "named": told.named,
        "best": told.best,
        "best_named": told.best_named,
        "level_named": told.level_named,
    }
