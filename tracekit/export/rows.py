"""Rows of an answer as text: a table to look at, JSON and CSV for programs. Knows no trace and no SQL."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator

import orjson

from tracekit.export.processor import Answer, Cell

_TYPES_RIGHT = (int, float)


def json_lines(answers: Iterable[Answer]) -> Iterator[bytes]:
    """One array of objects, a row a line. A blob is text in hexadecimal digits; what is no finite number is null."""
    between = b"[\n"
    for columns, rows in answers:
        keys = _distinct(columns)
        for row in rows:
            yield between + orjson.dumps(dict(zip(keys, map(_plain, row))))
            between = b",\n"
    yield b"[]\n" if between == b"[\n" else b"\n]\n"


def csv_lines(answers: Iterable[Answer]) -> Iterator[bytes]:
    """A line of names, then a line a row, as RFC 4180 has it but for the ends of lines, which are plain; null is empty."""
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    first = True
    for columns, rows in answers:
        if first:
            write(columns)
            first = False
        for row in rows:
            write("" if cell is None else _hex(cell) if isinstance(cell, bytes) else cell for cell in row)
        yield text.getvalue().encode("utf-8", "replace")
        text.seek(0)
        text.truncate()


def table(answers: Iterable[Answer]) -> tuple[list[list[str]], list[bool]]:
    """The names and all rows as texts, and which columns hold numbers alone."""
    lines: list[list[str]] = []
    right: list[bool] = []
    for columns, rows in answers:
        if not lines:
            lines.append(list(columns))
            right = [True] * len(columns)
        for row in rows:
            lines.append([_text(cell) for cell in row])
            for at, cell in enumerate(row):
                right[at] = right[at] and (cell is None or isinstance(cell, _TYPES_RIGHT))
    return lines, right


def aligned(lines: list[list[str]], right: list[bool]) -> Iterator[str]:
    """The lines of a table, its columns under each other, and a rule below the names."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    for number, line in enumerate(lines):
        cells = zip(line, widths, right)
        yield "  ".join(cell.rjust(width) if numbers else cell.ljust(width) for cell, width, numbers in cells).rstrip()
        if not number:
            yield "  ".join("-" * width for width in widths)


def _distinct(columns: list[str]) -> list[str]:
    """Names, each once: a second "name" is "name_2"."""
    seen: dict[str, int] = {}
    keys = []
    for name in columns:
        seen[name] = seen.get(name, 0) + 1
        keys.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return keys


def _plain(cell: Cell) -> Cell:
    if isinstance(cell, bytes):
        return _hex(cell)
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def _text(cell: Cell) -> str:
    if cell is None:
        return "NULL"
    return _hex(cell) if isinstance(cell, bytes) else str(cell)


def _hex(blob: bytes) -> str:
    return f"0x{blob.hex()}"
