"""How far predictions were off, and where there are none. Runs nothing and simulates nothing."""

from __future__ import annotations

import pytest
from hand_made_comparison import article

from tracekit.predict.parts import Prediction
from tracekit.rounds.predicted import Foretelling, accuracy, error_of


def test_accuracy() -> None:
    """Errors are shares of what was measured; a choice within 5 % of the best is right."""
    comparison = article()
    for row, factor in zip(comparison.rows, (1.0, 1.2, 0.9, 1.1)):
        wall = (row.wall_s or 0) * factor
        row.predicted = Prediction(row.model, wall, wall, wall, None, None, None)
    told = accuracy(comparison.rows)
    assert told is not None
    assert told.errors == pytest.approx({"sequential": 0, "threads": 0.2, "asyncio": -0.1, "asyncio+processes": 0.1})
    assert told.median_error == pytest.approx(0.1)
    assert (told.named, told.best, told.best_named) == ("asyncio", "asyncio+processes", False)
    comparison.rows[2].wall_s = 3.1
    again = accuracy(comparison.rows)
    assert again is not None
    assert again.best_named


def test_alike_in_time() -> None:
    """Of models that were predicted to take the same time, the one with the poll in time is named."""
    comparison = article()
    for row in comparison.rows[1:4]:
        row.predicted = Prediction(row.model, 3.0, 3.0, 3.0, row.poll_worst_s, None, None)
    told = accuracy(comparison.rows)
    assert told is not None
    assert told.named == "asyncio+processes"


def test_simplest() -> None:
    """Of models that were predicted alike in time and in how late polls are, the simplest is named, whichever comes first."""
    comparison = article()
    for row, wall in zip(comparison.rows, (9.0, 3.1, 9.0, 3.0)):
        row.predicted = Prediction(row.model, wall, wall, wall, 0.001, None, None)
    told = accuracy(comparison.rows)
    assert told is not None
    assert told.named == "threads"


def test_level() -> None:
    """A model that was slower, but not in every round, is named no worse than the rounds tell; one that was in each, wrongly."""
    comparison = article()
    threads, best = comparison.rows[1], comparison.rows[3]
    for row, wall in ((threads, 1.0), (best, 2.0)):
        row.predicted = Prediction(row.model, wall, wall, wall, None, None, None)
    best.walls, threads.walls = [3.0, 3.0, 3.0], [4.0, 4.0, 2.9]
    best.wall_s, threads.wall_s = 3.0, 4.0
    told = accuracy(comparison.rows)
    assert told is not None
    assert (told.named, told.best, told.best_named, told.level_named) == ("threads", best.model, False, True)
    threads.walls = [4.0, 4.0, 3.9]
    again = accuracy(comparison.rows)
    assert again is not None
    assert not again.level_named


def test_nothing_predicted() -> None:
    """Without predictions there is no error, and no accuracy."""
    assert error_of(article().rows[0]) is None
    assert accuracy(article().rows) is None


def test_nothing_was_traced() -> None:
    """A note says why nothing is predicted."""
    comparison = article()
    Foretelling("threads", ["sequential", "threads"]).predict(comparison)
    assert comparison.notes == ["nothing is predicted: there is no traced run of threads"]
