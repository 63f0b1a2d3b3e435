"""A comparison as one page for a browser: what it shows in sentences, the lanes of all models, tables. Knows no run.

Like the page of a report it is whole in itself, and nothing on it can run or be fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tracekit.analyze import words
from tracekit.export._html_page import closing, fact, notes, opening, write_page
from tracekit.export._html_table import Column, number, seconds, table, word
from tracekit.export._markup import Markup, each, element
from tracekit.export.lanes import drawing
from tracekit.rounds.comparison import BASE, Comparison, Row
from tracekit.rounds.predicted import error_of
from tracekit.rounds.verdicts import OVERLAPS, overlaps, spread, verdicts

_SCROLLED = {"tabindex": 0, "role": "region", "aria_label": "The lanes of all models"}


def write(comparison: Comparison, out: Path) -> None:
    """Writes the page; `out` appears in one piece or not at all.

    Args:
        out: a name that ends in `.html` or `.htm`; a file of that name is replaced.

    Raises:
        TracekitError: the name ends otherwise, or the file cannot be written.
    """
    write_page(out, page(comparison))


def page(comparison: Comparison) -> Iterator[Markup]:
    """The page, piece by piece."""
    yield opening(f"{comparison.workload}: tracekit compare")
    yield _header(comparison)
    yield _verdicts(comparison)
    picture = element("div", drawing(comparison, headed=False), class_="picture", **_SCROLLED)
    said = "The same work under each model, on one time axis; the panel behind a model ends when it was done."
    yield _section("lanes", "Side by side", element("p", said, class_="note"), picture)
    yield _section("time", "Time", _times(comparison))
    yield _section("waits", "Who waits", _waits(comparison.measured))
    yield _section("price", "At what price", _price(comparison.measured))
    yield _section("controls", "Between two controls", _controls(comparison))
    yield _section("predicted", "Predicted and measured", _predictions(comparison))
    failed = [f"{row.model} did not run: {row.failed}" for row in comparison.rows if row.failed]
    yield notes([*comparison.notes, *failed])
    yield closing()


def _section(anchor: str, name: str, *body: Markup) -> Markup:
    return element("section", element("h2", name), *body, id=anchor) if any(body) else Markup("")


def _header(comparison: Comparison) -> Markup:
    return element(
        "header",
        element("h1", comparison.workload),
        element("p", comparison.about, class_="muted") if comparison.about else None,
        element("dl", *_facts(comparison), class_="facts"),
    )


def _facts(comparison: Comparison) -> Iterator[Markup]:
    best = comparison.measured[:1]
    for row in best:
        yield fact("fastest", row.model)
        yield fact("wall time", seconds(row.wall_s))
        if row.speedup is not None and row.model != BASE:
            yield fact(f"against {BASE}", _ratio(row.speedup))
    yield fact("models", str(len(comparison.measured)), f" of {len(comparison.rows)}")
    yield fact("rounds", str(comparison.repeat))
    yield fact("cores", str(comparison.cores))
    yield fact("Python", comparison.python)
    yield fact("scale", f"{comparison.scale:g}")


def _verdicts(comparison: Comparison) -> Markup:
    said = [element("p", verdict) for verdict in verdicts(comparison)]
    if not said:
        return Markup("")
    return _section("verdicts", "What it shows", element("article", *said, class_="finding is-nothing verdicts"))


def _times(comparison: Comparison) -> Markup:
    rows = comparison.measured
    longest = max((row.wall_s or 0.0 for row in rows), default=0.0)
    columns = (
        _MODEL,
        number("wall", lambda row: seconds(row.wall_s)),
        Column("", "bar", lambda row: _bar(row, longest)),
        number("speed-up", lambda row: _ratio(row.speedup)),
        number("interval", _interval),
        number("CPU", lambda row: _known(row.cpu_s)),
        number("cores", lambda row: _digits(row.cores_used, 2)),
        number("at once", lambda row: _digits(row.parallelism, 1)),
    )
    said = "wall: median of the rounds. speed-up: against sequential in the same round. at once: steps under way on average."
    return _told(columns, rows, said)


def _waits(rows: Sequence[Row]) -> Markup:
    columns = (
        _MODEL,
        number("poll late p50", lambda row: _known(row.poll_p50_s)),
        number("p99", lambda row: _known(row.poll_p99_s)),
        number("worst", lambda row: _known(row.poll_worst_s)),
        number("same order", lambda row: "" if row.same_order is None else f"{row.same_order:.0%}"),
        number("blocks", lambda row: _digits(row.blocks)),
        number("longest", lambda row: _known(row.block_worst_s)),
    )
    return _told(
        columns, rows, "same order: of events, in so many pairs of runs. blocks: steps of a loop over 50 ms, traced."
    )


def _price(rows: Sequence[Row]) -> Markup:
    columns = (
        _MODEL,
        number("memory", lambda row: "" if row.peak_pss_bytes is None else words.size(row.peak_pss_bytes)),
        number("start", lambda row: _known(row.startup_s)),
        number("GIL wait", lambda row: _known(row.gil_wait_s)),
        number("switches", lambda row: _digits(row.switches)),
        number("preempted", lambda row: _digits(row.preemptions)),
    )
    said = "memory: the most that all processes took (PSS). start: until the first step began. GIL wait: of all threads, traced."
    return _told(columns, rows, said)


def _controls(comparison: Comparison) -> Markup:
    here = {row.model: row for row in comparison.measured}
    bounds = [bound for bound in comparison.controls if bound.model in here]
    columns = (
        word("model", lambda bound: bound.model),
        number("here", lambda bound: _ratio(here[bound.model].speedup)),
        number("pure sleep", lambda bound: spread(bound.sleeps)),
        number("pure computing", lambda bound: spread(bound.computes)),
        word("it overlaps", lambda bound: overlaps(bound, comparison.has_gil)),
    )
    said = (
        "Speed-up where there is nothing but sleep, and nothing but computing in Python: what a model can bring at most, "
        f"from the least to the most that it may be. It overlaps what it speeds up {OVERLAPS:g} times at least; "
        "?: the runs do not tell."
    )
    return _told(columns, bounds, said)


def _predictions(comparison: Comparison) -> Markup:
    rows = [row for row in comparison.measured if row.predicted is not None]
    columns = (
        _MODEL,
        number("predicted", lambda row: seconds(row.predicted.wall_s)),
        number("from", lambda row: seconds(row.predicted.low_s)),
        number("to", lambda row: seconds(row.predicted.high_s)),
        number("measured", lambda row: seconds(row.wall_s)),
        number("error", lambda row: f"{error_of(row) or 0.0:+.1%}"),
        number("poll late", lambda row: _known(row.predicted.worst_late_s)),
        number("measured", lambda row: _known(row.poll_worst_s)),
    )
    return _told(columns, rows, f"All of it from one traced run of {comparison.traced_model}.")


def _told(columns: Sequence[Column], rows: Sequence[object], said: str) -> Markup:
    """A table below what its columns mean; nothing where nothing of it was measured."""
    if not any(column.cell(row) for row in rows for column in columns[1:]):
        return Markup("")
    return each((element("p", said, class_="note"), table(columns, rows, len(rows))))


def _bar(row: Row, longest: float) -> Markup:
    if not longest > 0:
        return Markup("")
    width = f"width:{(row.wall_s or 0.0) / longest * 100:.2f}%"
    return element("div", element("i", class_="io", style=width), class_="shares")


def _interval(row: Row) -> str:
    if row.speedup_low is None or row.speedup_high is None or row.model == BASE:
        return ""
    return f"{row.speedup_low:.2f} to {row.speedup_high:.2f}"


def _known(value: float | None) -> str:
    return "" if value is None else seconds(value)


def _digits(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}\N{MULTIPLICATION SIGN}"


_MODEL = word("model", lambda row: row.model)
