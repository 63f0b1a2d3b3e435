"""The table of locks in a report: what threads waited for, and who held it. Knows rows of waits, and no slice."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from tracekit.analyze import words
from tracekit.analyze.lock_table import LockRow, locks
from tracekit.analyze.lock_waits import who
from tracekit.analyze.place import Place
from tracekit.export.page import paragraph, table
from tracekit.model.trace import Trace


def waits_for_locks(trace: Trace, console: Console, most: int) -> None:
    """Prints it; nothing where no wait was recorded."""
    rows = locks(trace)
    rest = len(rows) - most
    table(
        console,
        "Waits for locks",
        ("for", "waits", "waited", "longest", "in line", "share", "held by", "where"),
        (_cells(row) for row in rows[:most]),
        left=1,
        right=2,
        rest=f"and {words.count(rest, 'more row')}" if rest > 0 else "",
    )
    if rows:
        paragraph(
            console,
            "share: of the lives of the threads that waited; where: it was taken, or waited for where nobody held it (a word, "
            "work, a thread's end)",
            style="dim",
            indent=2,
        )


def waits_as_objects(trace: Trace) -> list[dict[str, Any]]:
    """The rows for scripts."""
    return [_object(trace, row) for row in locks(trace)]


def _cells(row: LockRow) -> tuple[str, ...]:
    return (
        f"{row.lock} ({row.name})" if row.lock else row.name,
        str(row.times),
        words.duration(row.waited),
        words.duration(row.longest),
        str(row.most_waiting),
        f"{row.share:.0%}",
        _first([name for name, _ in row.holders]),
        _where(row),
    )


def _where(row: LockRow) -> str:
    """Where it was taken, of what somebody held; else where it was waited for."""
    places = row.held_at if row.is_contended and row.held_at else row.where
    return _first([str(place) for place, _ in places if place.function])


def _first(names: list[str]) -> str:
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else next(iter(names), "")


def _object(trace: Trace, row: LockRow) -> dict[str, Any]:
    return {
        "lock": row.lock or None,
        "call": row.name,
        "pid": row.pid,
        "shared": row.is_shared,
        "contended": row.is_contended,
        "waits": row.times,
        "taken": row.taken,
        "waited_s": row.waited / 1e9,
        "longest_s": row.longest / 1e9,
        "share": row.share,
        "most_waiting": row.most_waiting,
        "waiters": [
            {
                "name": who(trace, waiter.thread, row.is_shared),
                "tid": trace.threads[waiter.thread].tid,
                "waited_s": waiter.waited / 1e9,
            }
            for waiter in row.waiters
        ],
        "held_by": [{"name": name, "waited_s": waited / 1e9} for name, waited in row.holders],
        "held_at": [_place(place, waited) for place, waited in row.held_at],
        "waits_at": [_place(place, waited) for place, waited in row.where if place.function],
    }


def _place(place: Place, waited: int) -> dict[str, Any]:
    return {**place._asdict(), "waited_s": waited / 1e9}
