"""The table of processes: who they were, what they weighed, how they ended. Knows the rows of analyze/tables.py, and no file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console

from tracekit.analyze import words
from tracekit.analyze.tables import ProcessRow
from tracekit.export.page import paragraph, table
from tracekit.model.status import say_status

# Columns that are there only where somebody has something in them.
_WEIGHTS: tuple[tuple[str, Callable[[ProcessRow], str]], ...] = (
    ("start-up", lambda row: "" if row.starting is None else words.duration(row.starting)),
    ("RSS", lambda row: words.size(row.peak_rss) if row.peak_rss else ""),
    ("PSS", lambda row: words.size(row.pss) if row.pss else ""),
    ("shared", lambda row: words.size(row.shared) if row.shared else ""),
)
_LEGEND = {
    "start-up": "start-up: from when it was asked for until it ran what it was made for",
    "RSS": "RSS: the most of its memory that lay in RAM; PSS: its fair share of it; shared: what of it others map as well; "
    "as far as it was looked at, once a second",
}


def processes(console: Console, rows: Sequence[ProcessRow], most: int, rest: str) -> None:
    """Prints the table.

    Args:
        most: so many rows.
        rest: a line below it, about rows that were left out.
    """
    shown = [(title, say) for title, say in _WEIGHTS if any(say(row) for row in rows[:most])]
    table(
        console,
        "Processes",
        ("pid", "name", "parent", "wall", *(title for title, _ in shown), "threads", "ended", "traced"),
        (
            (
                str(row.pid) if row.pid else "?",
                row.name or row.command,
                "" if row.parent is None else str(row.parent),
                "" if row.wall is None else words.duration(row.wall),
                *(say(row) for _, say in shown),
                str(row.threads or ""),
                _end(row),
                _traced(row),
            )
            for row in rows[:most]
        ),
        left=2,
        right=2,
        rest=rest,
    )
    for title, _ in shown:
        if title in _LEGEND:
            paragraph(console, _LEGEND[title], style="dim", indent=2)
    for why, names in _reasons(rows[:most]).items():
        paragraph(console, f"not traced: {words.listed(names)}: {why}", style="dim", indent=2)


def _reasons(rows: Sequence[ProcessRow]) -> dict[str, list[str]]:
    """Why processes were not traced, and the names of those, each once: there may be hundreds of a kind."""
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.untraced:
            found.setdefault(row.untraced, {})[row.name or row.command] = None
    return {why: list(names) for why, names in found.items()}


def _traced(row: ProcessRow) -> str:
    if row.untraced:
        return "no"
    return "yes" if row.python else ""


def _end(row: ProcessRow) -> str:
    if row.status is not None:
        return say_status(row.status)
    return "" if row.ended is not None else "its end was not seen"
