"""Comparison for a person: a table of models, what it shows in sentences, what to type next. Knows no run and no file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from tracekit.analyze.words import count, duration, size
from tracekit.export.page import clean, headline, paragraph, table
from tracekit.rounds.comparison import BASE, Comparison, Row
from tracekit.rounds.predicted import error_of
from tracekit.rounds.verdicts import OVERLAPS, overlaps, spread, verdicts

_NOTHING = "-"  # what was not measured
_GAP = 2
_INDENT = 2


@dataclass(frozen=True)
class _Column:
    name: str
    text: Callable[[Row], str]
    legend: str = ""


def render(comparison: Comparison, console: Console) -> None:
    """Prints the tables, the verdicts and the notes.

    Args:
        console: made by `page.page`.
    """
    paragraph(console, _heading(comparison), style="bold")
    if comparison.about:
        paragraph(console, comparison.about)
    _models(comparison, console)
    _failures(comparison, console)
    console.print()
    for verdict in verdicts(comparison):
        paragraph(console, verdict)
    _controls(comparison, console)
    _predictions(comparison, console)
    if comparison.notes:
        console.print()
    for note in comparison.notes:
        headline(console, "note", note)


def next_steps(comparison: Comparison, console: Console, command: str, outputs: Sequence[str]) -> None:
    """Prints what to type next.

    Args:
        command: what was typed, as `tracekit compare article`.
        outputs: the files that were written.
    """
    console.print()
    for words, why in _next(comparison, command, outputs):
        text = Text(clean(console, f"{why}: {words}"), style="dim")
        console.print(text, soft_wrap=True)  # in one piece, to be copied


def _next(comparison: Comparison, command: str, outputs: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not comparison.measured:
        return
    traces = [path for path in outputs if not path.endswith((".svg", ".png", ".html"))]
    stem = comparison.workload.replace(":", "-")
    if traces:
        yield f"tracekit open {traces[0]}", "All models under each other"
    elif comparison.trace is not None:
        yield f"{command} -o {stem}.json.gz -o {stem}.svg", "A timeline of all models, and a picture"
    if not comparison.traced_model:
        yield f"{command} --check-advice", "Whether one run could have told"


def _heading(comparison: Comparison) -> str:
    told = [count(comparison.cores, "core"), f"Python {comparison.python}", count(comparison.repeat, "round")]
    told += [f"scale {comparison.scale:g}"] if comparison.scale != 1 else []
    return f"{comparison.workload}: {', '.join(told)}"


def _models(comparison: Comparison, console: Console) -> None:
    rows = comparison.measured
    for title, group in _GROUPS.items():
        columns = [column for column in group if any(column.text(row) != _NOTHING for row in rows)]
        for number, shown in enumerate(_fitting(columns, rows, console.width)):
            table(
                console,
                "" if number else title,
                ("model", *(column.name for column in shown)),
                [(row.model, *(column.text(row) for column in shown)) for row in rows],
                left=1,
                right=0,
            )
        legend = [f"{column.name}: {column.legend}" for column in columns if column.legend]
        if legend:
            paragraph(console, "; ".join(legend), style="dim", indent=_INDENT)


def _fitting(columns: Sequence[_Column], rows: Sequence[Row], width: int) -> Iterator[list[_Column]]:
    """As many columns at a time as fit beside the names of the models."""
    names = _INDENT + max((len(row.model) for row in rows), default=0) + _GAP
    shown: list[_Column] = []
    used = names
    for column in columns:
        needs = max(len(column.name), *(len(column.text(row)) for row in rows)) + _GAP
        if shown and used + needs > width:
            yield shown
            shown, used = [], names
        shown.append(column)
        used += needs
    if shown:
        yield shown


def _failures(comparison: Comparison, console: Console) -> None:
    by_reason: dict[str, list[str]] = {}
    for row in comparison.rows:
        if row.failed:
            by_reason.setdefault(row.failed, []).append(row.model)
    console.print() if by_reason else None
    for why, models in by_reason.items():
        headline(console, "not run", f"{', '.join(models)}: {why}")


def _controls(comparison: Comparison, console: Console) -> None:
    here = {row.model: row for row in comparison.measured}
    bounds = [bound for bound in comparison.controls if bound.model in here]
    table(
        console,
        "Speed-up against sequential, between two controls",
        ("model", "here", "pure sleep", "pure computing", "it overlaps"),
        [
            (
                bound.model,
                _times(here[bound.model].speedup),
                spread(bound.sleeps) or _NOTHING,
                spread(bound.computes) or _NOTHING,
                overlaps(bound, comparison.has_gil),
            )
            for bound in bounds
        ],
        left=1,
        rest=f"from the least to the most that it may be; overlaps: from {OVERLAPS:g}x on; ?: the runs do not tell",
    )


def _predictions(comparison: Comparison, console: Console) -> None:
    told = [(row, row.predicted) for row in comparison.measured if row.predicted is not None]
    table(
        console,
        f"Predicted from one traced run of {comparison.traced_model}",
        ("model", "predicted", "from", "to", "measured", "error", "poll late", "measured"),
        [
            (
                row.model,
                _seconds(predicted.wall_s),
                _seconds(predicted.low_s),
                _seconds(predicted.high_s),
                _seconds(row.wall_s),
                f"{error_of(row) or 0.0:+.1%}",
                _seconds(predicted.worst_late_s),
                _seconds(row.poll_worst_s),
            )
            for row, predicted in told
        ],
        left=1,
        right=0,
    )


def _seconds(seconds: float | None) -> str:
    return _NOTHING if seconds is None else duration(round(seconds * 1e9))


def _times(ratio: float | None) -> str:
    return _NOTHING if ratio is None else f"{ratio:.2f}x" if ratio < 9.995 else f"{ratio:.1f}x"


def _number(value: float | None, digits: int = 0) -> str:
    return _NOTHING if value is None else f"{value:.{digits}f}"


def _share(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.0%}"


def _size(value: int | None) -> str:
    return _NOTHING if value is None else size(value)


def _interval(row: Row) -> str:
    if row.speedup_low is None or row.speedup_high is None or row.model == BASE:
        return _NOTHING
    return f"{row.speedup_low:.2f} to {row.speedup_high:.2f}"


_TIME = (
    _Column("wall", lambda row: _seconds(row.wall_s), "median of the rounds"),
    _Column("speed-up", lambda row: _times(row.speedup), "against sequential in the same round, median"),
    _Column("interval", _interval, "of that median; from 6 rounds on 95%, before that all of them"),
    _Column("CPU", lambda row: _seconds(row.cpu_s)),
    _Column("cores", lambda row: _number(row.cores_used, 2), "CPU / wall"),
    _Column("at once", lambda row: _number(row.parallelism, 1), "steps under way on average, waiting ones too"),
)
_TURNS = (
    _Column("poll p50", lambda row: _seconds(row.poll_p50_s), "how late polls came"),
    _Column("p99", lambda row: _seconds(row.poll_p99_s)),
    _Column("worst", lambda row: _seconds(row.poll_worst_s)),
    _Column("same order", lambda row: _share(row.same_order), "of events, in so many pairs of runs"),
    _Column("blocks", lambda row: _number(row.blocks), "steps of a loop over 50 ms, traced"),
    _Column("longest", lambda row: _seconds(row.block_worst_s)),
)
_PRICE = (
    _Column("memory", lambda row: _size(row.peak_pss_bytes), "the most that all processes took (PSS)"),
    _Column("start", lambda row: _seconds(row.startup_s), "until the first step began"),
    _Column("GIL wait", lambda row: _seconds(row.gil_wait_s), "of all threads, traced"),
    _Column("switches", lambda row: _number(row.switches), "of context"),
    _Column("preempted", lambda row: _number(row.preemptions)),
)
_GROUPS = {"Time, the fastest first": _TIME, "Who waits": _TURNS, "At what price": _PRICE}
