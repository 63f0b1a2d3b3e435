"""The tables of a trace in a file of tracekit, and a Trace made of them. Opens no file, and trusts nothing in one.

Writer and reader share the layout: one column for each field of the rows and columns of model/trace.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tracekit.load.packed import unpack
from tracekit.model.kinds import COLUMNS, ROWS
from tracekit.model.trace import (
    Category,
    FlowKind,
    SampleSource,
    SampleState,
    States,
    Trace,
    TrackKind,
)

SCHEMA = 2  # in 1 columns of numbers were written as digits
# Tables that files from before they were added do not have.
_LATER = frozenset({"states", "pools", "undrawn", "frames", "samples"})
# Columns that are written as differences to the row before; the end of a slice is written as its length.
DIFFERENCES = frozenset({"track", "start", "time", "process", "target", "thread"})

_DTYPES: dict[str, type] = {"Int8": np.uint8, "Int32": np.int32, "Int64": np.int64, "Float64": np.float64}
_LATEST = 2**62
_CHUNK = 1 << 16

_Values = list[Any] | NDArray[Any]  # a column, as it was read

Row = TypeVar("Row")


class Unsound(Exception):
    """The tables are not what tracekit writes; the text says where."""


def decode(tables: Iterable[tuple[str, Any]]) -> Trace:
    """The trace that the tables hold.

    Args:
        tables: their names and values, and those of what stands beside them; a table is let go of before the next one is taken.
            A column of numbers may be an array.

    Raises:
        Unsound: something is missing, of the wrong type, or refers to what is not there.
    """
    found: dict[str, Any] = {}
    for name, value in tables:
        if name == "schema":
            _check_schema(value)
        found[name] = _table(name, value)
        del value
    _check_schema(found.get("schema"))
    missing = [name for name in (*ROWS, *COLUMNS) if name not in found and name not in _LATER]
    if missing:
        raise Unsound(f'"{missing[0]}" is missing')
    exit_status = found.get("exit_status")
    trace = Trace(
        program=_get(found, "program", str),
        wall_start=_get(found, "wall_start", int),
        duration=_get(found, "duration", int),
        strings=_list(found, "strings", str),
        args=_list(found, "args", dict),
        notes=_list(found, "notes", str),
        exit_status=None if exit_status is None else _get(found, "exit_status", int),
        cores=_get(found, "cores", int) if "cores" in found else 0,
        **{name: found[name] for name in (*ROWS, *COLUMNS) if name in found},
    )
    _check_rows(trace)
    _check_columns(trace)
    return trace


def _check_schema(schema: Any) -> None:
    if schema not in (1, SCHEMA):
        raise Unsound(f"its tables have schema {schema!r}, and this tracekit reads {SCHEMA}")


def _table(name: str, value: Any) -> Any:
    """What a trace has under that name."""
    if (name in ROWS or name in COLUMNS) and not isinstance(value, dict):
        raise Unsound(f'"{name}" is not of type dict')
    if name in ROWS:
        return _rows(value, name, ROWS[name])
    return _columns(value, name, COLUMNS[name]) if name in COLUMNS else value


def _get(table: dict[str, Any], key: str, kind: type[Row]) -> Row:
    value = table.get(key)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Unsound(f'"{key}" is not of type {kind.__name__}')
    return value


def _list(table: dict[str, Any], key: str, kind: type[Row]) -> list[Row]:
    values = _get(table, key, list)
    if not all(isinstance(value, kind) for value in values):
        raise Unsound(f'"{key}" holds other things than {kind.__name__}')
    return values


# Rows: a column for each field. One that is missing takes its default, so that fields can be added.

_FIELD_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "int | None": (int, type(None)),
    "str": (str,),
    "bool": (bool,),
    "TrackKind": (int,),
}


def _rows(table: dict[str, Any], name: str, row: type[Row]) -> list[Row]:
    columns: dict[str, _Values] = {}
    for field in fields(row):  # type: ignore[arg-type]
        if field.name not in table and field.default is not MISSING:
            continue
        values = columns[field.name] = _values(table, field.name)
        if not _belong(values, _FIELD_TYPES[str(field.type)]):
            raise Unsound(f'"{field.name}" in "{name}" holds something that does not belong there')
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        raise Unsound(f'the columns of "{name}" differ in length')
    rows: list[Row] = []
    for begin in range(0, lengths.pop(), _CHUNK):
        parts = [_part(column, begin) for column in columns.values()]
        rows += [row(**dict(zip(columns, values))) for values in zip(*parts)]
    return rows


def _values(table: dict[str, Any], name: str) -> _Values:
    values = table.get(name)
    return values if isinstance(values, np.ndarray) else _get(table, name, list)


def _belong(values: _Values, kinds: tuple[type, ...]) -> bool:
    if isinstance(values, np.ndarray):
        return int in kinds and values.dtype.kind == "i" and _fits(values, 1 - _LATEST, _LATEST - 1)
    types = set(map(type, values))
    if int in types and not all(abs(value) < _LATEST for value in values if type(value) is int):
        return False
    return types <= set(kinds)


def _part(values: _Values, begin: int) -> list[Any]:
    part = values[begin : begin + _CHUNK]
    return part.tolist() if isinstance(part, np.ndarray) else part


def _columns(table: dict[str, Any], name: str, kind: type[Row]) -> Row:
    columns: dict[str, NDArray[Any]] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        dtype = _DTYPES[str(field.type)]
        values = _values(table, field.name)
        if isinstance(values, list) and values and isinstance(values[0], str) and ":" in values[0]:
            values = unpack(values)
        column = _floats(values) if dtype is np.float64 else _integers(values)
        if column is None:
            raise Unsound(f'"{field.name}" in "{name}" is no column of numbers')
        if columns and len(column) != len(next(iter(columns.values()))):
            raise Unsound(f'the columns of "{name}" differ in length')
        if field.name in DIFFERENCES:
            column = np.cumsum(column, dtype=np.int64)
        elif field.name == "end":
            column = columns["start"] + column
        if dtype is not np.float64 and not _fits(column, np.iinfo(dtype).min, np.iinfo(dtype).max):
            raise Unsound(f'"{field.name}" in "{name}" holds a number that is too large')
        columns[field.name] = column.astype(dtype, copy=False)
        del table[field.name]
    return kind(**columns)


def _integers(values: _Values) -> NDArray[Any] | None:
    if isinstance(values, np.ndarray):
        return values if values.dtype.kind == "i" else None
    if not values:
        return np.zeros(0, np.int64)
    try:
        column = np.array(values)
    except ValueError:
        return None
    return column if column.dtype == np.int64 and column.ndim == 1 else None


def _floats(values: _Values) -> NDArray[np.float64] | None:
    try:
        column = np.array(values, np.float64)
    except (ValueError, TypeError, OverflowError):
        return None
    return column if column.ndim == 1 else None


# What refers to something must find it there: nobody who works on a trace checks that again.


def _fits(column: NDArray[Any], low: int, high: int) -> bool:
    return not len(column) or (int(column.min()) >= low and int(column.max()) <= high)


def _check_rows(trace: Trace) -> None:
    processes, threads = len(trace.processes), len(trace.threads)
    references: tuple[tuple[str, list[int | None], int], ...] = (
        ("a process's parent", [row.parent for row in trace.processes], processes),
        ("a thread's process", [row.process for row in trace.threads], processes),
        ("a thread's starter", [row.starter for row in trace.threads], threads),
        ("a loop's process", [row.process for row in trace.loops], processes),
        ("a loop's thread", [row.thread for row in trace.loops], threads),
        ("a task's process", [row.process for row in trace.tasks], processes),
        ("a task's loop", [row.loop for row in trace.tasks], len(trace.loops)),
        ("a track's process", [row.process for row in trace.tracks], processes),
        ("a thread's states", [row.thread for row in trace.states], threads),
        ("a pool's process", [row.process for row in trace.pools], len(trace.processes)),
    )
    for what, indices, count in references:
        if not all(index is None or 0 <= index < count for index in indices):
            raise Unsound(f"{what} is not there")
    figures = [getattr(row, field.name) for row in trace.states for field in fields(States) if field.name != "unlocked"]
    is_odd = any(not -1 <= row.unlocked <= row.running for row in trace.states)
    if is_odd or any(figure < 0 for figure in figures) or trace.cores < 0:
        raise Unsound("a time or a number is negative")
    owners = {
        TrackKind.THREAD: threads,
        TrackKind.TASK: len(trace.tasks),
        TrackKind.LANE: threads,
        TrackKind.PROCESS: processes,
        TrackKind.TASKS: processes,
        TrackKind.STATES: threads,
        TrackKind.NAMED: processes,
    }
    for track in trace.tracks:
        if track.kind not in owners or not 0 <= track.owner < owners[track.kind]:
            raise Unsound("a track's owner is not there")
        track.kind = TrackKind(track.kind)


def _check_columns(trace: Trace) -> None:
    tracks, strings, args = len(trace.tracks) - 1, len(trace.strings) - 1, len(trace.args) - 1
    slices, instants, counters, flows = trace.slices, trace.instants, trace.counters, trace.flows
    frames, samples = trace.frames, trace.samples
    ranges: tuple[tuple[str, NDArray[Any], int, int], ...] = (
        ("a slice's track", slices.track, 0, tracks),
        ("a slice's start", slices.start, 0, _LATEST),
        ("a slice's end", slices.end, 0, _LATEST),
        ("a slice's length", slices.end - slices.start, 0, _LATEST),
        ("a slice's name", slices.name, 0, strings),
        ("a slice's category", slices.category, min(Category), max(Category)),
        ("a slice's task", slices.task, -1, len(trace.tasks) - 1),
        ("a slice's args", slices.args, -1, args),
        ("an instant's track", instants.track, 0, tracks),
        ("an instant's time", instants.time, 0, _LATEST),
        ("an instant's name", instants.name, 0, strings),
        ("an instant's args", instants.args, -1, args),
        ("a counter's process", counters.process, 0, len(trace.processes) - 1),
        ("a counter's time", counters.time, 0, _LATEST),
        ("a counter's name", counters.name, 0, strings),
        ("a counter's series", counters.series, 0, strings),
        ("an arrow's kind", flows.kind, min(FlowKind), max(FlowKind)),
        ("an arrow's track", flows.track, 0, tracks),
        ("an arrow's time", flows.time, 0, _LATEST),
        ("an arrow's target", flows.target, 0, len(slices) - 1),
        ("the task of a time that is not drawn", trace.undrawn.task, 0, len(trace.tasks) - 1),
        ("the start of a time that is not drawn", trace.undrawn.start, 0, _LATEST),
        ("the length of a time that is not drawn", trace.undrawn.end - trace.undrawn.start, 0, _LATEST),
        ("a frame's caller", frames.parent, -1, len(frames) - 1),
        ("the place of a frame's caller", np.arange(len(frames)) - frames.parent, 1, _LATEST),
        ("a frame's function", frames.function, 0, strings),
        ("a frame's file", frames.file, 0, strings),
        ("a frame's line", frames.line, 0, _LATEST),
        ("a sample's thread", samples.thread, 0, len(trace.threads) - 1),
        ("a sample's time", samples.time, 0, _LATEST),
        ("a sample's frame", samples.frame, -1, len(frames) - 1),
        ("a sample's state", samples.state, min(SampleState), max(SampleState)),
        ("a sample's source", samples.source, min(SampleSource), max(SampleSource)),
    )
    for what, column, low, high in ranges:
        if not _fits(column, low, high):
            raise Unsound(f"{what} is out of range")
