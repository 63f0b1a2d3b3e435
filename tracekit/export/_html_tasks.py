"""The tables of tasks on the page of a report: the worst of them, and all by coroutine. Knows rows as objects, and no trace."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tracekit.analyze import words
from tracekit.export._html_table import MOST, Column, Kind, Row, legend, number, seconds, shares, table, word
from tracekit.export._markup import Markup, each, element

_PHASES = (
    Kind("running_s", "compute", "running"),
    Kind("ready_s", "loop", "ready, waiting for the loop"),
    Kind("awaiting_s", "sleep", "awaiting"),
)
# Of one task, or of all of a coroutine.
_TIMES = (
    number("steps", lambda row: f"{row['steps']:,}"),
    number("longest step", lambda row: seconds(row["longest_step_s"])),
    number("running", lambda row: seconds(row["running_s"])),
    number("ready", lambda row: seconds(row["ready_s"])),
    number("awaiting", lambda row: seconds(row["awaiting_s"])),
)
_SUMMED = ("count", "steps", "longest_step_s", "failed", "pending", *(kind.key for kind in _PHASES))


def tasks(rows: Iterable[Row]) -> Markup:
    """Those with the longest step, and where there are more, the sums of each coroutine; nothing where there is no task.

    Of millions, only those that are shown are held.

    Args:
        rows: as `report --json` has them, one after another.
    """
    total = 0
    sums: defaultdict[str, dict[str, Any]] = defaultdict(lambda: dict.fromkeys(_SUMMED, 0))

    def counted() -> Iterator[Row]:
        nonlocal total
        for row in rows:
            total += 1
            _add(sums[row["coroutine"]], row)
            yield row

    worst = heapq.nlargest(MOST, counted(), key=lambda row: row["longest_step_s"])
    if not worst:
        return Markup("")
    columns = (
        word("task", lambda row: words.task_label(row["name"], row["coroutine"])),
        *_TIMES,
        _lives("its life"),
        word("mostly awaited", lambda row: row["awaiting_what"] or ""),
        word("outcome", lambda row: f"{row['outcome']}: {row['error']}" if row["error"] else row["outcome"]),
    )
    note = element(
        "p", "Those with the longest step come first: while a step runs, its loop runs nothing else.", class_="note"
    )
    shown = (note, legend(_PHASES), table(columns, worst, total))
    return each(shown) if total <= MOST else each((*shown, _coroutines(sums)))


def _lives(head: str) -> Column:
    return Column(head, "bar", lambda row: shares(_PHASES, row, sum(row[kind.key] for kind in _PHASES)))


def _add(added: dict[str, Any], row: Row) -> None:
    added["count"] += 1
    for key in ("steps", *(kind.key for kind in _PHASES)):
        added[key] += row[key]
    added["longest_step_s"] = max(added["longest_step_s"], row["longest_step_s"])
    added["failed"] += row["outcome"] == "failed"
    added["pending"] += row["outcome"] == "pending"


def _coroutines(sums: Mapping[str, dict[str, Any]]) -> Markup:
    """All tasks of a coroutine in one row: of thousands, nobody reads more."""
    rows = [{"name": name, **added} for name, added in sums.items()]
    columns = (
        word("coroutine", lambda row: words.short_function(row["name"]) or "(not known)"),
        number("tasks", lambda row: f"{row['count']:,}"),
        *_TIMES,
        _lives("their lives"),
        number("failed", lambda row: f"{row['failed']:,}" if row["failed"] else ""),
        number("pending", lambda row: f"{row['pending']:,}" if row["pending"] else ""),
    )
    worst = sorted(rows, key=lambda row: -row["running_s"])
    return each((element("h3", "All tasks, by coroutine"), table(columns, worst[:MOST], len(worst))))
