"""The tables of a trace as JSON text: what load/tables.py reads back. Knows no event and no file.

A line holds one column, so that load/table_text.py can read one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from tracekit.export._plain import clean, plain
from tracekit.load.packed import ROWS as ROWS_OF_A_TEXT
from tracekit.load.packed import pack
from tracekit.load.tables import DIFFERENCES, SCHEMA
from tracekit.model.kinds import COLUMNS, ROWS
from tracekit.model.trace import Trace

_CHUNK = 1 << 16
_LIMIT = 1 << 63


def encode(trace: Trace, findings: Sequence[dict[str, Any]], notes: Sequence[str]) -> Iterator[bytes]:
    """The object under the key "tracekit", piece by piece.

    Args:
        notes: in place of the trace's own.
    """
    single = {
        "schema": SCHEMA,
        "program": clean(trace.program),
        "wall_start": trace.wall_start,
        "duration": trace.duration,
        "exit_status": trace.exit_status,
        "cores": trace.cores,
        "notes": plain(list(notes)),
        "findings": plain(list(findings)),
    }
    yield orjson.dumps(single)[:-1]
    for name, row in ROWS.items():
        rows = getattr(trace, name)
        yield from _table(
            name, ((field.name, _items([getattr(one, field.name) for one in rows])) for field in fields(row))
        )
    for name, kind in COLUMNS.items():
        columns = getattr(trace, name)
        yield from _table(name, ((field.name, _column(columns, field.name)) for field in fields(kind)))
    for name in ("strings", "args"):
        yield b'\n,"%s":[' % name.encode()
        yield from _joined(_items(getattr(trace, name)))
        yield b"]"
    yield b"\n}"


def _table(name: str, columns: Iterator[tuple[str, Iterator[bytes]]]) -> Iterator[bytes]:
    yield b'\n,"%s":{\n' % name.encode()
    for index, (field, chunks) in enumerate(columns):
        yield b'%s"%s":[' % (b"," if index else b"", field.encode())
        yield from _joined(chunks)
        yield b"]\n"
    yield b"}"


def _joined(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Arrays in JSON become the inside of one array."""
    between = b""
    for chunk in chunks:
        yield between + chunk[1:-1]
        between = b","


def _items(values: list[Any]) -> Iterator[bytes]:
    for begin in range(0, len(values), _CHUNK):
        yield _chunk(values[begin : begin + _CHUNK])


def _chunk(values: list[Any]) -> bytes:
    kinds = set(map(type, values))
    if kinds == {str}:  # of which many are often alike
        texts = {text: clean(text) for text in set(values)}
        return orjson.dumps([texts[text] for text in values])
    if kinds <= {int, bool, type(None)} and all(-_LIMIT <= value < _LIMIT for value in values if value is not None):
        return orjson.dumps(values)
    return orjson.dumps([plain(value) for value in values])


def _column(columns: Any, name: str) -> Iterator[bytes]:
    column: NDArray[Any] = getattr(columns, name)
    for begin in range(0, len(column), ROWS_OF_A_TEXT):
        own = slice(begin, begin + ROWS_OF_A_TEXT)
        part = column[own]
        if name in DIFFERENCES:
            part = np.diff(part, prepend=column[begin - 1 : begin] if begin else part.dtype.type(0))
        elif name == "end":
            part = part - columns.start[own]
        yield b"[%b]" % pack(part)
