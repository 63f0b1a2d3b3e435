"""The table of a report about where threads were most often. Knows rows, no sample."""

from __future__ import annotations

from rich.console import Console

from tracekit.analyze import words
from tracekit.analyze.watched import WatchedRow, watched
from tracekit.export.page import table
from tracekit.model.trace import Trace


def places(trace: Trace, console: Console, most: int) -> None:
    """Prints where each thread was seen most often; nothing where no stack was read."""
    rows = sorted(watched(trace), key=lambda row: -row.samples)
    several = len({row.pid for row in rows}) > 1
    left_out = len(rows) - most
    table(
        console,
        "Where threads were most often",
        ("thread", "pid", "seen there", "where", "in what it called"),
        (_row(row, several) for row in rows[:most]),
        left=2,
        right=2,
        rest=f"and {words.count(left_out, 'more thread')}" if left_out > 0 else "",
    )


def _row(row: WatchedRow, several: bool) -> tuple[str, ...]:
    return (
        row.thread,
        str(row.pid) if several else "",
        f"{row.agreeing} of {row.samples}",
        str(row.place),
        "" if row.inside is None else str(row.inside),
    )
