"""Lines made of columns: both cores write what a loop over the rows would. Knows no trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracekit.export import _rows
from tracekit.export._rows import Piece, Texts, rows_of_numpy
from tracekit.spool.core import core

WRITERS = [rows_of_numpy, *([core.fast.rows] if core.fast is not None else [])]

texts = st.lists(st.binary(max_size=9).filter(lambda text: b"\0" not in text), min_size=1, max_size=4)
times = st.integers(0, 2**62) | st.integers(0, 2000) | st.sampled_from((999, 1000, 999_999, 1_000_000, 10**9, 10**15))


@st.composite
def lines(draw: Any) -> tuple[int, list[Piece]]:
    """Some lines, and what they are made of."""
    count = draw(st.integers(0, 5))
    pieces: list[Piece] = []
    for kind in draw(st.lists(st.sampled_from("atn"), max_size=6)):
        if kind == "a":
            pieces.append(draw(texts)[0])
        elif kind == "n":
            pieces.append(np.array(draw(st.lists(times, min_size=count, max_size=count)), np.int64))
        else:
            choice = draw(texts)
            which = draw(st.lists(st.integers(0, len(choice) - 1), min_size=count, max_size=count))
            pieces.append(Texts(choice, np.array(which, np.int32)))
    return count, pieces


def one_by_one(count: int, pieces: list[Piece]) -> bytes:
    """The same by a loop."""
    out = b""
    for row in range(count):
        for piece in pieces:
            if isinstance(piece, bytes):
                out += piece
            elif isinstance(piece, Texts):
                out += piece.texts[piece.which[row]]
            else:
                out += b"%d.%03d" % divmod(int(piece[row]), 1000)
    return out


@pytest.mark.parametrize("write", WRITERS)
@settings(deadline=None)
@given(lines())
@example((2, [b"x" * 5000, np.array([0, 1], np.int64)]))
@example((3, [Texts([b"y" * 3000, b""], np.array([1, 0, 1], np.int32)), b"\n"]))
def test_any_lines(write: Any, made: tuple[int, list[Piece]]) -> None:
    """What is written is each piece of each line in its order, whatever is empty, long or has many digits."""
    assert write(*made) == one_by_one(*made)


@pytest.mark.parametrize("write", WRITERS)
def test_a_text_that_is_not_there(write: Any) -> None:
    """A line whose text is not there is an error, not what lies beside the texts."""
    with pytest.raises(IndexError):
        write(1, [Texts([b"a"], np.array([1], np.int32))])


@pytest.mark.skipif(core.fast is None, reason="there is no core in C")
@pytest.mark.parametrize(
    "piece",
    [
        np.zeros(2, np.int32),
        np.zeros(3, np.int64),
        (["a"], np.zeros(2, np.int32)),
        ([b"a"], np.zeros(2, np.int64)),
        ([b"a"],),
        (7, np.zeros(2, np.int32)),
        7,
        "a",
        ([b"a"], np.array([0, -1], np.int32)),
    ],
)
def test_pieces_that_are_none(piece: Any) -> None:
    """The core in C takes no column of another type or length, and no text but bytes."""
    with pytest.raises((TypeError, ValueError, IndexError)):
        core.fast.rows(2, [piece])
    with pytest.raises((TypeError, ValueError)):
        core.fast.rows(2, [b"a"] * 33)
    with pytest.raises((TypeError, ValueError)):
        core.fast.rows(-1, [])


def test_which_writes() -> None:
    """The core in C writes where there is one."""
    assert _rows.rows is WRITERS[-1]
