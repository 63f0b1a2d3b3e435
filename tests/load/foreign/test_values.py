"""Times, numbers, names and arguments of any kind. Knows values, and no event."""

from __future__ import annotations

from typing import Any

import pytest
from foreign_events import unhurried
from hypothesis import given
from hypothesis import strategies as st

from tracekit.load.foreign.mended import Mended
from tracekit.load.foreign.values import LATEST, Room, ns, number, whole

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1000),
        (1.5, 1500),
        (123.456789, 123457),
        (-2.25, -2250),
        ("7.125", 7125),
        ("1700000000000000.123", 1700000000000000123),
        ("1e3", 1_000_000),
        (True, None),
        (None, None),
        ("", None),
        ("abc", None),
        ("nan", None),
        ("1e999999999", None),
        ("1e-999999999", 0),
        (1.7e15, 1_700_000_000_000_000_000),
        (float("nan"), None),
        (float("inf"), None),
        (1e300, None),
        (10**30, None),
        ([1], None),
        ("9" * 1000, None),
    ],
)
def test_times(value: Any, expected: int | None) -> None:
    """Microseconds in any form are nanoseconds, and what makes no sense is none."""
    assert ns(value) == expected


@unhurried
@given(value=ANYTHING)
def test_nothing_is_believed(value: Any) -> None:
    """Whatever a value is, it is a number within bounds, or none; and a name and arguments are a text and an object, or none."""
    for found in (ns(value), whole(value)):
        assert found is None or (type(found) is int and abs(found) <= LATEST)
    found = number(value)
    assert found is None or abs(found) < float("inf")
    room = Room(Mended())
    assert isinstance(room.name(value), str)
    assert room.args(value) is None or room.args(value) == value


def test_room_ends() -> None:
    """Of more names and arguments than there is room for, the rest is left out and counted; a name that is known needs none."""
    mended = Mended()
    room = Room(mended, 10)
    names = [room.name(f"name {at}") for at in range(20)]
    assert names[:2] == ["name 0", "name 1"]
    assert room.name("name 0") == "name 0"
    assert names[-1] == "(no name)"
    assert room.args({"a": 1}) is None
    assert mended.notes() == [
        "names were left out, because there are too many: 10",
        "arguments were left out, because they take too much memory: 1",
    ]


def test_long_names_and_deep_arguments() -> None:
    """A name is cut where it is too long, and arguments that lie too deep are left out."""
    mended = Mended()
    room = Room(mended)
    assert len(room.name("x" * 100_000)) == 65536
    deep: list[Any] = []
    for _ in range(30):
        deep = [deep]
    assert room.args({"a": deep}) is None
    assert len(mended.notes()) == 2
