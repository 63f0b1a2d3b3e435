"""Predictions held to account: each built-in workload predicted from one traced run, then measured, under every model.

    python tests/bench/predictions.py [--workloads a,b] [--models a,b] [--scale X] [--repeat N] [--from MODEL] [--json PATH]

Prints a table in Markdown, misses included. Knows `tracekit compare --check-advice`, and predicts nothing itself.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tracekit.compare.find import builtins
from tracekit.export.comparison_json import as_object
from tracekit.rounds.compare import compare
from tracekit.rounds.comparison import Comparison
from tracekit.rounds.level import TIE
from tracekit.rounds.predicted import Accuracy, accuracy, error_of
from tracekit.rounds.statistics import median, percentile

_GOAL = (
    "Aimed at: a median error of 10 % at most, a 90th percentile of 25 % at most, and the best model named for 90 %."
)


def main() -> None:
    """Measure, and print the table."""
    asked = _arguments()
    comparisons = []
    for name in asked.workloads or builtins():
        comparison = compare(
            name,
            asked.models,
            asked.scale,
            asked.repeat,
            controls=False,
            predicted_from=asked.traced,
            say=_progress,
        )
        comparisons.append(comparison)
        if asked.json:
            asked.json.write_text(json.dumps([_bare(each) for each in comparisons], indent=1))
    print("\n".join(table(comparisons)))


def _progress(done: int, total: int, what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what} ({done}/{total})", end="", file=sys.stderr, flush=True)


def table(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """The lines: a row a workload, a column a model, each with the error of the wall time; then what all of it comes to."""
    models = list(dict.fromkeys(row.model for each in comparisons for row in each.rows if error_of(row) is not None))
    yield f"| workload | {' | '.join(models)} | named | best |"
    yield f"|---|{'--:|' * len(models)}---|---|"
    told = [(each, accuracy(each.rows)) for each in comparisons]
    for comparison, found in told:
        if found is None:
            yield f"| {comparison.workload} | {' | '.join('-' for _ in models)} | - | - |"
        else:
            cells = [f"{found.errors[model]:+.0%}" if model in found.errors else "-" for model in models]
            yield f"| {comparison.workload} | {' | '.join(cells)} | {_named(found)} | {found.best} |"
    yield ""
    yield from _summary([found for _, found in told if found is not None])
    yield from _inside(comparisons)
    yield ""
    yield from (f"{each.workload}: {note}" for each in comparisons for note in each.notes)


def _named(found: Accuracy) -> str:
    return f"{found.named}{'' if found.best_named else ' (level)' if found.level_named else ' (wrong)'}"


def _summary(found: Sequence[Accuracy]) -> Iterator[str]:
    sizes = [abs(error) for each in found for error in each.errors.values()]
    if not sizes:
        yield "Nothing was predicted."
        return
    right = sum(each.best_named for each in found)
    yield (
        f"Errors are predicted / measured wall time - 1, of {len(sizes)} predictions: median {median(sizes):.1%}, 90th "
        f"percentile {percentile(sizes, 0.9):.1%}, largest {max(sizes):.0%}."
    )
    level = sum(each.level_named for each in found)
    yield (
        f"The best model was named for {right} of {len(found)} workloads, up to {TIE:.0%} slower counted as right; for {level} "
        "of them with those that the rounds do not tell from the best."
    )
    yield _GOAL


def _inside(comparisons: Sequence[Comparison]) -> Iterator[str]:
    told = [
        (row.predicted, row.wall_s or 0.0) for each in comparisons for row in each.rows if error_of(row) is not None
    ]
    inside = sum(predicted is not None and predicted.low_s <= wall <= predicted.high_s for predicted, wall in told)
    if told:
        yield f"Within the interval that was predicted lie {inside / len(told):.0%} of what was measured (aimed at: 90 %)."


def _bare(comparison: Comparison) -> dict[str, object]:
    told = as_object(comparison)
    for model in told["models"]:
        del model["lanes"]
    return told


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workloads", type=lambda text: text.split(","), default=[])
    parser.add_argument("--models", type=lambda text: text.split(","), default=[])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument(
        "--from", dest="traced", default="", help="the model whose traced run foretells; default: sequential"
    )
    parser.add_argument("--json", type=Path, help="where to keep all figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
