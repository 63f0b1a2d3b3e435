"""Rows: columns of texts and times become the bytes of many lines at once. Knows neither JSON nor a trace.

`rows` is the C core's where there is one; the one here, of numpy, writes the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit.model.columns import numbered
from tracekit.model.trace import Int32, Int64
from tracekit.spool.core import core

_WIDEST = 1 << 11  # bytes of a line, where all are made as wide as the widest
_DIGITS = 3


class Texts(NamedTuple):
    """A column of texts: `which` of them stands in each line. None of them holds a NUL."""

    texts: Sequence[bytes]
    which: Int32


# What a line is made of: what is the same in all, a text of a few, or nanoseconds, which become microseconds with a point.
Piece = bytes | Texts | Int64


def rows_of_numpy(count: int, pieces: Sequence[Piece]) -> bytes:
    """Lines, one after the other, of pieces that follow each other.

    Args:
        count: of lines; so long is each column.
        pieces: of each line, in their order. Times are not negative.
    """
    if not count:
        return b""
    fields = [field for piece in pieces for field in _fields(piece)]
    width = sum(len(field) if isinstance(field, bytes) else field.dtype.itemsize for field in fields)
    if width > _WIDEST and count > 1:
        half = count // 2
        return rows_of_numpy(half, _part(pieces, slice(0, half))) + rows_of_numpy(
            count - half, _part(pieces, slice(half, count))
        )
    layout = [f"S{len(field)}" if isinstance(field, bytes) else field.dtype for field in fields]
    lines = np.empty(count, [(f"f{at}", dtype) for at, dtype in enumerate(layout)])
    for at, field in enumerate(fields):
        lines[f"f{at}"] = field
    # Texts of one column are as wide as the widest, filled up with NULs.
    return lines.tobytes().translate(None, b"\0")


def _part(pieces: Sequence[Piece], own: slice) -> list[Piece]:
    parts: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            parts.append(piece)
        elif isinstance(piece, Texts):
            parts.append(Texts(piece.texts, piece.which[own]))
        else:
            parts.append(piece[own])
    return parts


def _fields(piece: Piece) -> Iterator[bytes | NDArray[Any]]:
    if isinstance(piece, bytes):
        if piece:
            yield piece
    elif isinstance(piece, Texts):
        used, which = numbered(piece.which)
        yield np.array([piece.texts[at] for at in used.tolist()])[which]
    else:
        yield from _microseconds(piece)


def _microseconds(times: Int64) -> Iterator[bytes | NDArray[Any]]:
    """The digits of each time, three by three, without zeros in front."""
    rest, last = np.divmod(times, 1000)
    groups = []
    while True:
        rest, group = np.divmod(rest, 1000)
        groups.append((group, rest == 0))
        if not rest.any():
            break
    filled, leading, only = 0, 1000, 2000  # where in the table such texts begin
    for place in reversed(range(len(groups))):
        group, nothing_before = groups[place]
        yield _digits()[group + np.where(nothing_before, leading if place else only, filled)]
    yield b"."
    yield _digits()[last]


@lru_cache(maxsize=1)
def _digits() -> NDArray[Any]:
    """The numbers to 999: with three digits; as the first ones of a number, where 0 is none; and alone."""
    plain = [b"%d" % number for number in range(1000)]
    return np.array([*(text.rjust(_DIGITS, b"0") for text in plain), b"", *plain[1:], *plain])


rows = rows_of_numpy if core.fast is None else core.fast.rows
