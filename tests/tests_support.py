"""Reading a Trace in tests: loaded from what writers of spools hold, its slices as plain rows. Knows the model and no test."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Category, Flag, Trace


@dataclass
class Row:
    """A slice, spelled out."""

    name: str
    track: int
    kind: str
    start: int
    end: int
    depth: int
    task: str
    unfinished: bool
    error: bool
    moved: bool
    args: dict[str, Any] = field(default_factory=dict)


class Writer(Protocol):
    """What writes a spool into a session."""

    def write(self, directory: Path) -> object: ...


def trace_of(directory: Path, *writers: Writer) -> Trace:
    """The sound trace of some spools.

    Args:
        directory: of the session that they are written into.
    """
    for writer in writers:
        writer.write(directory)
    trace = load(directory)
    assert check(trace) == []
    return trace


def rows_of(trace: Trace, *categories: str) -> list[Row]:
    """The slices of some categories, by start; depth counts slices of the same categories only."""
    wanted = [Category[category] for category in categories]
    rows: list[Row] = []
    slices = trace.slices
    open_ends: dict[int, list[int]] = {}
    for index in range(len(slices)):
        if slices.category[index] not in wanted:
            continue
        track, start, end = int(slices.track[index]), int(slices.start[index]), int(slices.end[index])
        stack = open_ends.setdefault(track, [])
        while stack and stack[-1] <= start and not (stack[-1] == start == end):
            stack.pop()
        flags = Flag(int(slices.flags[index]))
        rows.append(
            Row(
                name=trace.strings[slices.name[index]],
                track=track,
                kind=trace.tracks[track].kind.name,
                start=start,
                end=end,
                depth=len(stack),
                task=trace.tasks[slices.task[index]].name if slices.task[index] >= 0 else "",
                unfinished=Flag.UNFINISHED in flags,
                error=Flag.ERROR in flags,
                moved=Flag.MOVED in flags,
                args=trace.args[slices.args[index]] if slices.args[index] >= 0 else {},
            )
        )
        stack.append(end)
    return sorted(rows, key=lambda row: (row.start, -row.end))


def spans_of(trace: Trace, category: str = "SPAN") -> list[Row]:
    """Whole spans (or PARTs), by start."""
    return rows_of(trace, category)
