"""A trace as tables for DuckDB, pandas and others: a directory of Parquet or of Arrow files. Knows pyarrow, and no picture.

One file a table, named as in model/trace.py; `id` is the number of a row, by which the others refer to it (slices.thread is
an id of threads), and what stands as a number there stands here as its text: name, category, kind. Times are nanoseconds since
the start of the trace, whose wall time is in the table `trace`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from tracekit.analyze.finding import Finding
from tracekit.errors import TracekitError
from tracekit.export._events import depths
from tracekit.export._plain import plain
from tracekit.model.kinds import ROWS
from tracekit.model.trace import (
    Category,
    Flag,
    FlowKind,
    SampleSource,
    SampleState,
    Trace,
    TrackKind,
)

_AT_A_TIME = 1 << 18  # rows that are made and written at a time

_OF_TRACKS = {"thread": (TrackKind.THREAD, TrackKind.LANE, TrackKind.STATES), "task": (TrackKind.TASK,)}

Columns = dict[str, Any]  # of one table, by name; numbers, texts, or arrays of pyarrow


def write(trace: Trace, findings: Sequence[Finding], out: Path) -> None:
    """Writes the tables into the directory `out`, which appears in one piece or not at all.

    Args:
        out: a name that ends in `.parquet` or `.arrow`. Tables that were written there before are replaced.

    Raises:
        TracekitError: pyarrow is not installed, something else is there, or the directory cannot be written.
    """
    _arrow(out)
    ending = out.suffix
    _check_replaceable(out, ending)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
            tables = Path(folder) / "tables"
            tables.mkdir()
            for name, parts in _tables(trace, findings):
                _WRITERS[ending](tables / f"{name}{ending}", parts)
            if out.exists():
                os.rename(out, Path(folder) / "before")
            os.rename(tables, out)
    except OSError as error:
        raise TracekitError(
            f"{out} cannot be written: {error.strerror or error}. Choose another path or make room there."
        ) from None


def _arrow(out: Path) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise TracekitError(f"{out} takes pyarrow, which is not installed: pip install 'tracekit[parquet]'") from None
    return pyarrow


def _check_replaceable(out: Path, ending: str) -> None:
    """Whoever gives the name of a directory with something else in it does not want to lose that."""
    if not os.path.lexists(out):
        return
    if not out.is_dir() or any(path.suffix != ending for path in out.iterdir()):
        raise TracekitError(f"{out} is there already and holds other things than tables: choose another name")


def _write_parquet(path: Path, parts: Iterator[Any]) -> None:
    import pyarrow.parquet

    first = next(parts)
    with pyarrow.parquet.ParquetWriter(path, first.schema, compression="zstd") as writer:
        writer.write_batch(first)
        for part in parts:
            writer.write_batch(part)


def _write_arrow(path: Path, parts: Iterator[Any]) -> None:
    import pyarrow

    first = next(parts)
    with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_file(file, first.schema) as writer:
        writer.write_batch(first)
        for part in parts:
            writer.write_batch(part)


_WRITERS: dict[str, Callable[[Path, Iterator[Any]], None]] = {".parquet": _write_parquet, ".arrow": _write_arrow}


def _tables(trace: Trace, findings: Sequence[Finding]) -> Iterator[tuple[str, Iterator[Any]]]:
    """Each table's name, and its parts as record batches: at least one, also where it has no row."""
    for name, kind in ROWS.items():
        rows = getattr(trace, name)
        yield name, _batches(len(rows), partial(_of_rows, rows, kind))
    texts = _texts(trace.strings)
    slices = trace.slices
    depth = depths(slices.track, slices.start, slices.end)
    owners = _owners(trace)
    yield "slices", _batches(len(slices), lambda part: _of_slices(trace, part, texts, depth, owners))
    yield "instants", _batches(len(trace.instants), lambda part: _of_instants(trace, part, texts, owners))
    for name in ("counters", "flows", "undrawn", "frames", "samples"):
        columns = getattr(trace, name)
        yield name, _batches(len(columns), partial(_of_columns, columns, texts))
    said = [finding.to_dict() for finding in findings]
    yield "findings", _batches(len(said), lambda part: _of_findings(said[part]))
    yield "trace", _batches(1, lambda _: _of_trace(trace))


def _batches(count: int, columns: Callable[[slice], Columns]) -> Iterator[Any]:
    import pyarrow

    for begin in range(0, max(count, 1), _AT_A_TIME):
        part = columns(slice(begin, begin + _AT_A_TIME))
        ids = np.arange(begin, min(begin + _AT_A_TIME, count), dtype=np.int64)
        arrays = {"id": pyarrow.array(ids), **part}
        yield pyarrow.record_batch(list(arrays.values()), names=list(arrays))


# Rows.

_TYPES = {
    "int": "int64",
    "int | None": "int64",
    "str": "string",
    "bool": "bool",
    "TrackKind": "string",
}


def _of_rows(rows: list[Any], kind: type, part: slice) -> Columns:
    import pyarrow

    columns: Columns = {}
    for field in fields(kind):
        values = [getattr(row, field.name) for row in rows[part]]
        if field.type == "TrackKind":
            values = [TrackKind(value).name.lower() for value in values]
        elif field.type == "str":
            values = [_clean(value) for value in values]
        columns[field.name] = pyarrow.array(values, pyarrow.type_for_alias(_TYPES[str(field.type)]))
    return columns


def _of_findings(found: list[dict[str, Any]]) -> Columns:
    import pyarrow

    texts = ("slug", "severity", "track", "sentence", "advice", "function", "file")
    numbers = {"start_s": pyarrow.float64(), "duration_s": pyarrow.float64(), "line": pyarrow.int64()}
    columns = {
        name: pyarrow.array([_clean(str(row.get(name) or "")) for row in found], pyarrow.string()) for name in texts
    }
    columns |= {name: pyarrow.array([row.get(name) for row in found], kind) for name, kind in numbers.items()}
    return columns | {"more": pyarrow.array([_json(row) for row in found], pyarrow.string())}


def _of_trace(trace: Trace) -> Columns:
    import pyarrow

    one: dict[str, tuple[Any, Any]] = {
        "program": (_clean(trace.program), pyarrow.string()),
        "wall_start": (trace.wall_start or None, pyarrow.timestamp("ns", "UTC")),
        "duration": (trace.duration, pyarrow.int64()),
        "exit_status": (trace.exit_status, pyarrow.int64()),
        "cores": (trace.cores or None, pyarrow.int64()),
        "notes": ([_clean(note) for note in trace.notes], pyarrow.list_(pyarrow.string())),
    }
    return {name: pyarrow.array([value], kind) for name, (value, kind) in one.items()}


# Columns of numbers.


def _of_slices(
    trace: Trace, part: slice, texts: Any, depth: NDArray[Any], owners: Mapping[str, NDArray[Any]]
) -> Columns:
    import pyarrow

    slices = trace.slices
    track, flags = slices.track[part], slices.flags[part]
    task = np.where(slices.task[part] >= 0, slices.task[part], owners["task"][track])
    return {
        "track": pyarrow.array(track),
        "process": pyarrow.array(owners["process"][track]),
        "thread": _optional(owners["thread"][track]),
        "task": _optional(task),
        "start": pyarrow.array(slices.start[part]),
        "duration": pyarrow.array(slices.end[part] - slices.start[part]),
        "depth": pyarrow.array(depth[part].astype(np.int32)),
        "name": _chosen(slices.name[part], texts),
        "category": _named(slices.category[part], Category),
        **{str(flag.name).lower(): pyarrow.array((flags & flag.value) > 0) for flag in Flag},
        "args": _args(trace, slices.args[part]),
    }


def _of_instants(trace: Trace, part: slice, texts: Any, owners: Mapping[str, NDArray[Any]]) -> Columns:
    import pyarrow

    instants = trace.instants
    track = instants.track[part]
    return {
        "track": pyarrow.array(track),
        "process": pyarrow.array(owners["process"][track]),
        "thread": _optional(owners["thread"][track]),
        "task": _optional(owners["task"][track]),
        "time": pyarrow.array(instants.time[part]),
        "name": _chosen(instants.name[part], texts),
        "args": _args(trace, instants.args[part]),
    }


def _of_columns(columns: Any, texts: Any, part: slice) -> Columns:
    """The columns of a table as they are, strings and kinds as texts."""
    import pyarrow

    kinds = {"kind": FlowKind, "state": SampleState, "source": SampleSource}
    made: Columns = {}
    for name in columns.__slots__:
        column = getattr(columns, name)[part]
        if name in ("name", "series", "function", "file"):
            made[name] = _chosen(column, texts)
        elif name in kinds:
            made[name] = _named(column, kinds[name])
        elif name in ("frame", "parent"):
            made[name] = _optional(column)
        else:
            made[name] = pyarrow.array(column)
    return made


def _owners(trace: Trace) -> dict[str, NDArray[Any]]:
    """For each track its process, and its thread and task where it has one."""
    owners = {"process": np.array([track.process for track in trace.tracks], np.int32)}
    for name, kinds in _OF_TRACKS.items():
        owners[name] = np.array([track.owner if track.kind in kinds else -1 for track in trace.tracks], np.int32)
    return owners


def _optional(column: NDArray[Any]) -> Any:
    """Indexes, of which those below 0 are none."""
    import pyarrow

    return pyarrow.array(column, mask=column < 0)


def _texts(strings: Sequence[str]) -> Any:
    import pyarrow

    return pyarrow.array([_clean(text) for text in strings], pyarrow.string())


def _chosen(indexes: NDArray[Any], texts: Any) -> Any:
    import pyarrow

    return pyarrow.DictionaryArray.from_arrays(pyarrow.array(indexes), texts)


def _named(values: NDArray[Any], kind: Any) -> Any:
    """The names of an enumeration's values."""
    import pyarrow

    names = [""] * (max(kind) + 1)
    for value in kind:
        names[value] = value.name.lower()
    return pyarrow.DictionaryArray.from_arrays(pyarrow.array(values.astype(np.int32)), pyarrow.array(names))


def _args(trace: Trace, numbers: NDArray[Any]) -> Any:
    """Arguments as JSON."""
    import pyarrow

    known: dict[int, str | None] = {-1: None}
    for number in np.unique(numbers[numbers >= 0]).tolist():
        known[number] = _json(trace.args[number])
    return pyarrow.array([known[number] for number in numbers.tolist()], pyarrow.string())


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # a number or a text that JSON has no place for
        return orjson.dumps(plain(value)).decode()


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
