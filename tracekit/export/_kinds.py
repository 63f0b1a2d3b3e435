"""The table of a report about kinds of work: where the time of spans, tasks, jobs and functions goes. Knows rows, no slice."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from tracekit.analyze import words
from tracekit.analyze.work_kinds import KindRow, kinds
from tracekit.export.page import paragraph, table
from tracekit.model.trace import Trace

_COLUMNS = ("of", "", "times", "took", "sure", "kind of work", "of which")
_LEGEND = (
    "took: all of them together; sure: how far this is to be trusted; of which: computing under or without the GIL, "
    "and what was waited for"
)
_SAID = {
    "gil": "under the GIL",
    "native": "without the GIL",
    "cpu": "computing",
    "gil wait": "for the GIL",
    "core": "for a core",
    "io": "I/O",
    "timer": "timers",
    "lock": "locks",
    "other": "something else",
    "loop": "for the loop",
    "task": "tasks",
    "job": "jobs",
    "unseen": "not seen",
}
_SHARES = 3  # of a row are shown, the largest
_LEAST = 0.05
_SHORT = 0.01  # of the longest of all: what took less is not shown


def where_time_goes(trace: Trace, console: Console, most: int) -> None:
    """Prints it, what took longest first; threads, of which other tables tell, only where there is nothing else."""
    rows = kinds(trace)
    rows = [row for row in rows if row.what != "thread"] or rows
    rows = [row for row in rows if row.total_ns >= _SHORT * rows[0].total_ns]
    left_out = len(rows) - most
    table(
        console,
        "Where the time of spans, tasks, jobs and functions goes",
        _COLUMNS,
        (_cells(row) for row in rows[:most]),
        left=2,
        right=2,
        rest=f"and {left_out} more" if left_out > 0 else "",
    )
    if rows:
        paragraph(console, _LEGEND, style="dim", indent=2)


def kinds_as_objects(trace: Trace) -> list[dict[str, Any]]:
    """The rows for scripts."""
    return [
        {
            "what": row.what,
            "name": row.name,
            "file": row.file or None,
            "line": row.line or None,
            "count": row.count,
            "total_s": row.total_ns / 1e9,
            "shares": {kind.replace(" ", "_"): share for kind, share in row.shares.items()},
            "kind": row.kind,
            "confidence": row.confidence,
            "samples": row.samples,
        }
        for row in kinds(trace)
    ]


def _cells(row: KindRow) -> tuple[str, ...]:
    shares = [f"{share:.0%} {_SAID[kind]}" for kind, share in row.shares.items() if share >= _LEAST]
    return (
        words.place(row.name, row.file, row.line) if row.what == "function" else words.short_function(row.name),
        row.what,
        str(row.count),
        words.duration(row.total_ns),
        f"{row.confidence:.0%}",
        row.kind,
        ", ".join(shares[:_SHARES]),
    )
