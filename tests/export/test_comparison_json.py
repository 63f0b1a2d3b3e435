"""A comparison as programs read it, made by hand. Runs nothing."""

from __future__ import annotations

import json

from hand_made_comparison import article

from tracekit.export.comparison_json import as_object, text
from tracekit.predict.parts import Prediction
from tracekit.rounds.comparison import Comparison


def test_keys() -> None:
    """What is documented is there, in seconds and bytes."""
    told = json.loads(text(article()))
    assert (told["schema"], told["workload"], told["cores"], told["python"]) == (1, "article", 2, "3.11.7")
    assert told["fastest"] == "asyncio+processes"
    assert [model["model"] for model in told["models"]] == [row.model for row in article().rows]
    threads = told["models"][1]
    assert threads["wall_s"] == 3.4
    assert threads["speedup"] == 1.47
    assert threads["poll_worst_s"] == 0.012
    assert threads["peak_pss_bytes"] == 10_000_000
    assert threads["gil_wait_s"] == 0.4
    assert threads["lanes"][0] == {
        "task": "io",
        "parts": [{"begin_s": 0.0, "end_s": 3.0, "kind": "sleep", "step": "sleep"}],
    }
    assert told["controls"][1] == {
        "model": "threads",
        "sleeping_speedup": 8.0,
        "sleeping_low": 7.9,
        "sleeping_high": 8.1,
        "computing_speedup": 1.0,
        "computing_low": 0.9,
        "computing_high": 1.1,
    }
    assert told["verdicts"][0].startswith("asyncio+processes is the fastest")


def test_every_key_is_documented() -> None:
    """The docstring names each key that is printed, of the comparison and of a model."""
    from tracekit.export import comparison_json

    told = as_object(article())
    documented = comparison_json.__doc__ or ""
    for key in (*told, *told["models"][0], *told["controls"][0]):
        assert key in documented


def test_all_models_have_the_same_keys() -> None:
    """One that failed has nothing but the reason."""
    models = as_object(article())["models"]
    assert len({tuple(model) for model in models}) == 1
    failed = models[-1]
    assert {key for key, value in failed.items() if value} == {"model", "failed"}


def test_predictions() -> None:
    """What was predicted stands with the model, and what it came to with the comparison."""
    comparison = article(traced_model="sequential")
    comparison.rows[0].predicted = Prediction("sequential", 5.5, 5.0, 6.0, 3.0, 2.9, 3.1, {"a timer": 5.5}, "Timers.")
    told = as_object(comparison)
    assert told["traced_model"] == "sequential"
    assert told["models"][0]["predicted_s"] == 5.5
    assert told["models"][0]["predicted_bound"] == {"a timer": 5.5}
    assert told["models"][1]["predicted_s"] is None
    assert abs(told["prediction"]["median_error"] - 0.1) < 1e-9
    assert told["prediction"]["best_named"] is True


def test_nothing_ran() -> None:
    """It is an object all the same."""
    told = as_object(Comparison("w", "", 1, "3.13.0", 1.0, 1))
    assert told["fastest"] is None
    assert told["prediction"] is None
