"""Packets of a Perfetto trace made of columns: both cores write the same, and what it says is right. Knows the wire, no trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracekit.export._packets import packets_of_numpy
from tracekit.spool.core import core

WRITERS = [packets_of_numpy, *([core.fast.packets] if core.fast is not None else [])]
ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-(2**40), 2**40), st.integers(0, 2**20), st.integers(0, 2**60)), max_size=5
)


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


@pytest.mark.parametrize("write", WRITERS)
@settings(deadline=None)
@given(
    st.lists(st.binary(max_size=5), min_size=3, max_size=3),
    ROWS,
)
def test_any_packets(write: Any, shapes: list[bytes], rows: list[tuple[int, int, int, int]]) -> None:
    """Each packet is its shape, its arrow if it has one, its track and its time, and nothing else."""
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    which, arrow, track, time = columns[0].astype(np.int32), *(column.copy() for column in columns[1:])
    data = write(shapes, which, arrow, track, time, 3, 9)
    at = 0
    for shape, number, on, when in rows:
        assert data[at:].startswith(shapes[shape])
        at += len(shapes[shape])
        if number:
            tag, at = varint(data, at)
            assert tag == ((48 if number > 0 else 47) << 3 | 1)
            assert int.from_bytes(data[at : at + 8], "little") == abs(number)
            at += 8
        for field, value, width in ((11, on, 3), (8, when, 9)):
            tag, at = varint(data, at)
            assert tag == field << 3
            assert varint(data, at) == (value, at + width)
            at += width
    assert at == len(data)


@pytest.mark.skipif(core.fast is None, reason="there is no core in C")
def test_columns_that_are_none() -> None:
    """The core in C takes no column of another type or length, no shape that is not there, and no width that no number has."""
    which, wide = np.zeros(2, np.int32), np.zeros(2, np.int64)
    for given_ in (
        ([b"a"], wide, wide, wide, wide, 1, 1),
        ([b"a"], which, wide[1:], wide, wide, 1, 1),
        ([b"a"], which, wide, wide, which, 1, 1),
        ([b"a"], which + 1, wide, wide, wide, 1, 1),
        ([b"a"], which - 1, wide, wide, wide, 1, 1),
        (["a"], which, wide, wide, wide, 1, 1),
        (7, which, wide, wide, wide, 1, 1),
        ([b"a"], which, wide, wide, wide, 0, 1),
        ([b"a"], which, wide, wide, wide, 1, 11),
    ):
        with pytest.raises((TypeError, ValueError, IndexError)):
            core.fast.packets(*given_)
