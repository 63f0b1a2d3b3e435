"""Columns of numbers as texts: what is packed comes back, and what was not is refused. Knows no table."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracekit.load.packed import pack, unpack


def back(*parts: Any) -> Any:
    """What unpack makes of what pack made of some parts."""
    return unpack([orjson.loads(pack(part)) for part in parts])


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200), max_size=5), min_size=1, max_size=4)
)
def test_any_integers(parts: list[list[int]]) -> None:
    """Integers come back in their order, however wide those of each part are."""
    found = back(*(np.array(part, np.int64) for part in parts))
    assert found.dtype.kind == "i"
    assert found.tolist() == [number for part in parts for number in part]


@settings(deadline=None)
@given(st.lists(st.floats(), max_size=5))
def test_any_floats(numbers: list[float]) -> None:
    """Floats come back down to their last bit, also those that are no numbers."""
    column = np.array(numbers, np.float64)
    assert back(column).tobytes() == column.tobytes()


def test_the_narrowest_type() -> None:
    """A part takes as much room as its widest number does."""
    sizes = [len(pack(np.full(300, number, np.int64))) for number in (-128, 128, 2**15, 2**31)]
    assert sizes == [405, 805, 1605, 3205]


@pytest.mark.parametrize(
    "texts",
    [
        ["i4:AAAA"],
        ["i3:AAAA"],
        ["i1:A"],
        ["i1:AA*A"],
        ["i1:AAAA", "f8:AAAAAAAAAAA="],
        ["i1"],
        ["i1:AAAA", 7],
        ["u8:AAAAAAAAAAA="],
        ["i1:é"],
        ["i1:" + "A" * (1 << 21)],
    ],
)
def test_texts_that_are_none(texts: list[Any]) -> None:
    """What `pack` did not write is given back as it is: of another type, cut off, or longer than any."""
    assert unpack(texts) is texts
