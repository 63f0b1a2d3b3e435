"""The text of a trace's tables, read a line at a time, so that of all its numbers never more than one column is held in Python's
own objects. Knows the layout of lines that export/_tables.py writes, and no table.

What is laid out in another way (by an older tracekit, or by whoever has rewritten the file) is read as one piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

_PIECE = 1 << 20  # bytes; so much of a column is decoded at once
_INT32 = np.iinfo(np.int32)


def read(lines: Iterator[bytes]) -> Iterator[tuple[str, Any]]:
    """The names and values of the object that the lines hold, which another object ends with.

    A table is a dictionary, a column in it a list, or an array where it holds numbers only.

    Args:
        lines: without their ends.

    Raises:
        ValueError: they hold no such object, or only its beginning.
    """
    first = next(lines, b"")
    single = _object(first + b"}")
    if single is not None:
        yield from single.items()
        yield from _tables(lines)
        return
    whole = _object(b"\n".join((first, *lines)).rstrip().removesuffix(b"}"))
    if whole is None:
        raise ValueError("no object")
    yield from whole.items()


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _tables(lines: Iterator[bytes]) -> Iterator[tuple[str, Any]]:
    name = ""
    table: dict[str, Any] | None = None
    for line in lines:
        if line == b"}" and table is not None:
            yield name, table
            table = None
            continue
        if line == b"}}" and table is None:
            if any(map(bytes.strip, lines)):
                raise ValueError("more than an object")
            return
        key, _, value = line.removeprefix(b",").partition(b":")
        del line  # a column of millions is long
        field = orjson.loads(key)
        if not isinstance(field, str):
            raise ValueError("a key is no text")
        if table is not None:
            table[field] = _column(value)
        elif value == b"{":
            name, table = field, {}
        else:
            yield field, orjson.loads(value)
    raise ValueError("no end")


def _column(text: bytes) -> Any:
    """A column: numbers as an array, others as a list in which what is alike is one object."""
    numbers = _numbers(text)
    if numbers is not None:
        return numbers
    values = orjson.loads(text)
    if isinstance(values, list) and b'"' in text and all(type(value) is str for value in values):
        known: dict[str, str] = {}
        return [known.setdefault(value, value) for value in values]
    return values


def _numbers(text: bytes) -> NDArray[Any] | None:
    if not (text.startswith(b"[") and text.endswith(b"]")) or len(text) == len(b"[]"):
        return None
    if any(
        other in text for other in (b'"', b"u", b"s")
    ):  # texts, true and null, false: numpy would make numbers of some
        return None
    pieces = []
    for piece in _pieces(text):
        try:
            numbers = np.array(orjson.loads(piece))
        except ValueError:
            return None
        if numbers.ndim != 1 or numbers.dtype not in (np.int64, np.float64):
            return None
        pieces.append(_smaller(numbers))
    return np.concatenate(pieces)


def _pieces(text: bytes) -> Iterator[bytes]:
    """An array in JSON, as several."""
    begin, end = 1, len(text) - 1
    while begin < end:
        cut = text.find(b",", begin + _PIECE, end)
        cut = end if cut < 0 else cut
        yield b"[%b]" % text[begin:cut]
        begin = cut + 1


def _smaller(numbers: NDArray[Any]) -> NDArray[Any]:
    """In half of the room, where that is enough."""
    if numbers.dtype != np.int64 or numbers.min() < _INT32.min or numbers.max() > _INT32.max:
        return numbers
    return numbers.astype(np.int32)
