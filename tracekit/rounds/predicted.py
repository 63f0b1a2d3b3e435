"""Predicted: what the traced run of one model foretells of all, beside what was measured. Knows no run and no simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracekit.errors import TracekitError
from tracekit.predict import machine
from tracekit.predict.predict import MODELS, predict
from tracekit.predict.work import work_of
from tracekit.rounds.comparison import BASE, Comparison, Row
from tracekit.rounds.statistics import median, percentile

TIE = 0.05  # of the wall time: who is no slower than that is as good as the best
_ALIKE = 0.01  # likewise, of predictions


@dataclass(frozen=True)
class Accuracy:
    """How far predictions were from what was measured.

    Attributes:
        errors: predicted / measured - 1, by model.
        median_error, p90_error: of their absolute values.
        best_named: whether the model that was predicted to be the fastest was, or was slower by no more than TIE.
        named: the model that was predicted to be the fastest; of those that were predicted alike, the one under which polls
            were predicted to be the least late.
        best: the model that was the fastest.
    """

    errors: dict[str, float]
    median_error: float
    p90_error: float
    best_named: bool
    named: str
    best: str


def predict_rows(comparison: Comparison, asked: str = "") -> None:
    """Fill in what each row that was measured was predicted to take; where that cannot be told, a note says so.

    Args:
        asked: the model whose trace is to tell; "": sequential if it was traced, else the first that was.
    """
    traced = {row.model: row.trace for row in comparison.measured if row.trace is not None}
    name = asked or next((row.model for row in comparison.rows if row.model in traced), "")
    name = BASE if BASE in traced and not asked else name
    trace = traced.get(name)
    if trace is None:
        comparison.notes.append(f"nothing is predicted: there is no traced run of {name or 'any model'}")
        return
    rows = {row.model: row for row in comparison.measured if row.model in MODELS}
    try:
        work = work_of(trace)
        predictions = predict(work, list(rows), machine.measure())
    except Exception as error:  # minutes of measuring are not lost for it
        why = str(error) if isinstance(error, TracekitError) else f"{type(error).__name__}: {error}"
        comparison.notes.append(f"nothing is predicted: {why}")
        return
    comparison.traced_model = name
    comparison.notes += work.notes
    for prediction in predictions:
        rows[prediction.model].predicted = prediction


def error_of(row: Row) -> float | None:
    """Predicted / measured - 1; None where one of them is missing."""
    if row.predicted is None or not row.wall_s:
        return None
    return row.predicted.wall_s / row.wall_s - 1


def accuracy(rows: Sequence[Row]) -> Accuracy | None:
    """How far the predictions of some rows were off; None where there are none."""
    told = {row.model: error for row in rows if (error := error_of(row)) is not None}
    walls = {row.model: row.wall_s or 0.0 for row in rows if row.model in told}
    if not told:
        return None
    sizes = [abs(error) for error in told.values()]
    named = _named([row for row in rows if row.model in told])
    best = min(walls, key=lambda model: walls[model])
    right = walls[named] <= walls[best] * (1 + TIE)
    return Accuracy(told, median(sizes), percentile(sizes, 0.9), right, named, best)


def _named(rows: Sequence[Row]) -> str:
    told = {row.model: row.predicted for row in rows if row.predicted is not None}
    least = min(prediction.wall_s for prediction in told.values())
    alike = [model for model, prediction in told.items() if prediction.wall_s <= least * (1 + _ALIKE)]
    return min(alike, key=lambda model: told[model].worst_late_s or 0.0)
