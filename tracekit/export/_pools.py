"""The table of pools in a report: how long jobs queued and ran, and how many workers were busy. Knows no slice."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from tracekit.analyze import words
from tracekit.analyze.pools import PoolRow, Spread, pools
from tracekit.export.page import paragraph, table
from tracekit.model.trace import Trace

_COLUMNS = ("pool", "workers", "jobs", "queued p50", "p95", "ran p50", "p95", "on its way", "pickled", "busy")


def pools_of_workers(trace: Trace, console: Console, most: int) -> None:
    """Prints it; nothing where no executor ran a job."""
    rows = pools(trace)
    rest = len(rows) - most
    table(
        console,
        "Pools",
        _COLUMNS,
        (_cells(row) for row in rows[:most]),
        left=1,
        rest=f"and {words.count(rest, 'more pool')}" if rest > 0 else "",
    )
    if rows:
        said = "workers: those that ran a job, of those there may be; busy: how many of them did at a time"
        paragraph(console, said, style="dim", indent=2)
    if any(row.travel for row in rows):
        said = "on its way: pickled, transferred and unpickled, with results (p50); pickled: all of it"
        paragraph(console, said, style="dim", indent=2)


def pools_as_objects(trace: Trace) -> list[dict[str, Any]]:
    """The rows for scripts."""
    return [_object(row) for row in pools(trace)]


def _cells(row: PoolRow) -> tuple[str, ...]:
    pickled = [size.total for size in (row.sent, row.received) if size is not None]
    return (
        row.name,
        f"{row.pool.used} of {row.pool.limit or '?'}",
        str(row.ran),
        *_percentiles(row.queued),
        *_percentiles(row.run),
        "" if row.travel is None else words.duration(row.travel.p50),
        words.size(sum(pickled)) if pickled else "",
        f"{row.busy_mean:.1f}, {row.busy_peak} at most",
    )


def _percentiles(spread: Spread | None) -> tuple[str, str]:
    return ("?", "?") if spread is None else (words.duration(spread.p50), words.duration(spread.p95))


def _object(row: PoolRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "pid": row.pid,
        "workers": row.pool.limit or None,
        "started": row.pool.started or None,
        "used": row.pool.used,
        "submitted": row.pool.submitted,
        "jobs": row.ran,
        "waiting": row.pool.waiting,
        "nested": row.started_by + row.pool.nested,
        **_times("queued", row.queued),
        **_times("ran", row.run),
        **_times("travel", row.travel),
        "sent_bytes": None if row.sent is None else row.sent.total,
        "received_bytes": None if row.received is None else row.received.total,
        "busy_mean": row.busy_mean,
        "busy_peak": row.busy_peak,
        "wanted": row.wanted,
    }


def _times(name: str, spread: Spread | None) -> dict[str, float | None]:
    keys = {"p50": "p50", "p95": "p95", "max": "longest", "total": "total"}
    return {f"{name}_{key}_s": None if spread is None else getattr(spread, field) / 1e9 for key, field in keys.items()}
