"""Predicted: what the traced run of one model foretells of all, beside what was measured. Knows no run and no simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracekit.errors import TracekitError
from tracekit.predict import machine
from tracekit.predict.model_advice import SIMPLEST
from tracekit.predict.predict import MODELS, predict
from tracekit.predict.work import work_of
from tracekit.rounds.comparison import BASE, Comparison, Row
from tracekit.rounds.level import TIE, is_level, is_within
from tracekit.rounds.statistics import median, percentile

_IN_TIME_S = 0.002  # so much later a poll may be than at best, and is still in time


@dataclass(frozen=True)
class Accuracy:
    """How far predictions were from what was measured.

    Attributes:
        errors: predicted / measured - 1, by model.
        median_error, p90_error: of their absolute values.
        named: the model that was predicted to be the best: of those within TIE of the shortest wall time those under which polls
            are in time, of these the simplest, as advice has it.
        best: the model that was the fastest.
        best_named: whether the named model was that one, or slower by no more than TIE.
        level_named: whether it was, or the rounds do not tell it from that one.
    """

    errors: dict[str, float]
    median_error: float
    p90_error: float
    named: str
    best: str
    best_named: bool
    level_named: bool


class Foretelling:
    """What one model's traced run, and the machine as it was meanwhile, foretell of all models.

    Args:
        asked: the one whose trace is to tell; "": sequential, or whichever of those that can run is the first.
        able: the models that can run here; at least one.

    Attributes:
        model: the one that is meant to tell.
    """

    def __init__(self, asked: str, able: Sequence[str]) -> None:
        self.model = asked or (BASE if BASE in able else able[0])
        self._asked = asked
        self._machines: list[machine.Machine] = []
        self._why = ""

    def look(self) -> None:
        """Measure what starting, passing on and sharing cost on the machine at this time."""
        if self._why:
            return
        try:
            self._machines.append(machine.measure())
        except TracekitError as error:  # minutes of measuring are not lost for it
            self._why = str(error)

    def predict(self, comparison: Comparison) -> None:
        """Fill in what each row that was measured was predicted to take; where that cannot be told, a note says so."""
        traced = {row.model: row.trace for row in comparison.rows if row.trace is not None and not row.failed}
        if not self._asked and traced and self.model not in traced:  # it failed
            self.model = next(iter(traced))
        trace = traced.get(self.model)
        if trace is None:
            comparison.notes.append(f"nothing is predicted: there is no traced run of {self.model}")
            return
        rows = {row.model: row for row in comparison.measured if row.model in MODELS}
        try:
            found = machine.middle(self._machines) if self._machines else machine.usual()
            work = work_of(trace)
            predictions = predict(work, list(rows), found)
        except Exception as error:  # likewise
            why = str(error) if isinstance(error, TracekitError) else f"{type(error).__name__}: {error}"
            comparison.notes.append(f"nothing is predicted: {why}")
            return
        comparison.traced_model = self.model
        comparison.notes += [*work.notes, *([f"usual costs are taken: {self._why}"] if self._why else [])]
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
    ran = {row.model: row for row in rows if row.model in told}
    named, best = ran[_named(list(ran.values()))], ran[min(walls, key=lambda model: walls[model])]
    right = is_within(best, named)
    return Accuracy(
        errors=told,
        median_error=median(sizes),
        p90_error=percentile(sizes, 0.9),
        named=named.model,
        best=best.model,
        best_named=right,
        level_named=right or is_level(best, named),
    )


def _named(rows: Sequence[Row]) -> str:
    told = {row.model: row.predicted for row in rows if row.predicted is not None}
    least = min(prediction.wall_s for prediction in told.values())
    level = {model: row.worst_late_s or 0.0 for model, row in told.items() if row.wall_s <= least * (1 + TIE)}
    in_time = [model for model, late in level.items() if late <= min(level.values()) + _IN_TIME_S]
    return next((model for model in (BASE, *SIMPLEST) if model in in_time), in_time[0])
