"""Merge: several Traces laid on one clock, as one Trace. Knows the model only, and neither files nor where a time comes from.

What two traces have of one thread lies on its track together and nests by time; what does not nest goes to lanes of the thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tracekit.model.kinds import COLUMNS, ROWS
from tracekit.model.lay import lay
from tracekit.model.together import Together
from tracekit.model.trace import Int64, Trace

_TIMES = frozenset({"start", "end", "time"})
# Slices are sorted where they are laid.
_SORTED_BY = {
    "instants": ("track", "time"),
    "counters": ("time",),
    "undrawn": ("task", "start"),
    "samples": ("thread", "time"),
}


def merge(traces: Sequence[Trace], offsets: Sequence[int], names: Sequence[str] = (), apart: bool = False) -> Trace:
    """One trace of several, which begins with the earliest of them.

    Args:
        traces: at least one; not changed.
        offsets: ns on the common clock at which each one begins.
        names: what the notes call them; default: their programs.
        apart: no two processes are one, whatever their numbers: the clock is none that they had in common.
    """
    names = list(names) or [trace.program or f"trace {number + 1}" for number, trace in enumerate(traces)]
    # What tracekit recorded itself comes first: it knows most of its processes, and others' slices give way to its own.
    order = sorted(range(len(traces)), key=lambda number: not any(row.python for row in traces[number].processes))
    base = min(offsets)
    traces, names = [traces[at] for at in order], [names[at] for at in order]
    shifts = [offsets[at] - base for at in order]
    together = Together(traces, shifts, names, apart)
    tables = _gathered(traces, together.places, shifts)
    source = np.repeat(np.arange(len(traces)), [len(trace.slices) for trace in traces])
    laid = lay(tables["slices"], source, together.tracks, together.shared)
    tables |= {"slices": laid.slices, "flows": laid.flows(tables["flows"])}
    rows = {name: getattr(together, name) for name in ROWS} | {"tracks": laid.tracks}
    walls = [trace.wall_start - shift for trace, shift in zip(traces, shifts) if trace.wall_start]
    return Trace(
        program=" + ".join(dict.fromkeys(trace.program for trace in traces if trace.program)),
        wall_start=walls[0] if walls else 0,
        duration=max(trace.duration + shift for trace, shift in zip(traces, shifts)),
        strings=together.strings,
        args=together.args,
        notes=[*_notes(traces, names), *together.notes, *laid.notes],
        cores=max(trace.cores for trace in traces),
        exit_status=next((trace.exit_status for trace in traces if trace.exit_status is not None), None),
        **rows,
        **tables,
    )


def _gathered(traces: Sequence[Trace], places: Sequence[Mapping[str, Int64]], shifts: Sequence[int]) -> dict[str, Any]:
    """The columns of all traces by the names of their tables, one trace's behind the other's, and sorted where they are."""
    slices = np.cumsum([0, *(len(trace.slices) for trace in traces)])
    frames = np.cumsum([0, *(len(trace.frames) for trace in traces)])
    where: list[dict[str, Int64]] = []
    for at, own in enumerate(places):
        frame = np.arange(frames[at], frames[at + 1])
        where.append({**own, "target": np.arange(slices[at], slices[at + 1]), "frame": frame, "parent": frame})
    tables = {}
    for table, kind in COLUMNS.items():
        moved = [_moved(getattr(trace, table), own, shift) for trace, own, shift in zip(traces, where, shifts)]
        columns = {name: np.concatenate([one[name] for one in moved]) for name in moved[0]}
        keys = _SORTED_BY.get(table, ())
        order = np.lexsort([columns[key] for key in reversed(keys)]) if keys and len(traces) > 1 else slice(None)
        tables[table] = kind(*(column[order] for column in columns.values()))
    return tables


def _moved(columns: Any, places: Mapping[str, Int64], shift: int) -> dict[str, Any]:
    """The columns of a table by name, with what they refer to where it is now, on the common clock."""
    moved = {}
    for name in columns.__slots__:
        column = getattr(columns, name)
        if name in places and len(places[name]):
            column = np.where(column >= 0, places[name][column], -1).astype(column.dtype)
        elif name in _TIMES:
            column = column + shift
        moved[name] = column
    return moved


def _notes(traces: Sequence[Trace], names: Sequence[str]) -> Iterator[str]:
    for trace, name in zip(traces, names):
        yield from (note if len(traces) == 1 else f"{name}: {note}" for note in trace.notes)
