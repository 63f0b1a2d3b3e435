"""Values made plain for JSON: what becomes of each kind. Knows no file."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.export._plain import clean, dump, plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, "9223372036854775808"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
        ((1, True, None), [1, True, None]),
        ({1: {"a\n": "b\\"}}, {"1": {"a ": "b/"}}),
        (b"x", "b'x'"),
        ("\ud83d", "?"),
    ],
)
def test_plain(value: Any, expected: Any) -> None:
    """What JSON or Perfetto cannot hold becomes a string that can be read."""
    assert plain(value) == expected


def test_huge_integer() -> None:
    """An integer of more digits than Python prints does not stop the export."""
    assert plain(10**5000).startswith("0x")


def test_bottomless() -> None:
    """A value that holds itself ends somewhere."""
    value: list[Any] = []
    value.append(value)
    assert len(dump(value)) < 200


@given(text=st.text(alphabet=st.characters()))
def test_clean(text: str) -> None:
    """A clean string keeps its length, needs no escape but that of the quote, and stays as it is when cleaned again."""
    cleaned = clean(text)
    assert len(cleaned) == len(text)
    assert clean(cleaned) == cleaned
    assert "\\" not in dump(text).replace('\\"', "")
    assert not any(ord(character) < 0x20 for character in cleaned)
