"""The table of a report about what the program logged. Knows rows, no instant."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from tracekit.analyze import words
from tracekit.analyze.logs import LogRow, logged
from tracekit.export.page import table
from tracekit.model.trace import Trace

_LONGEST = 60  # characters of a text that are shown


def logs(trace: Trace, console: Console) -> None:
    """Prints how much was logged at each level; nothing where no log was recorded."""
    table(
        console,
        "Logged, the worst first",
        ("level", "lines", "first at", "most often", "where"),
        (_row(row) for row in logged(trace)),
        left=1,
        right=2,
    )


def logs_as_objects(trace: Trace) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {
            "level": row.level,
            "count": row.count,
            "most_often": row.text,
            "times": row.times,
            "first_s": row.first / 1e9,
            "function": row.function or None,
            "file": row.file or None,
            "line": row.line or None,
        }
        for row in logged(trace)
    ]


def _row(row: LogRow) -> tuple[str, ...]:
    text = row.text if len(row.text) <= _LONGEST else row.text[: _LONGEST - 1] + "…"
    times = f" ({row.times} times)" if row.times > 1 else ""
    where = words.place(row.function, row.file, row.line)
    return row.level, str(row.count), words.duration(row.first), text + times, where
