"""Arguments: any value given to a probe comes out as itself or in a short form, and none can hurt the program."""

from __future__ import annotations

import enum
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracekit import events
from tracekit.record.arguments import encode
from tracekit.spool import layout, texts
from tracekit.spool.file import SpoolFile
from tracekit.spool.names import Names
from tracekit.spool.reader import read_spool

SCALARS = st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats() | st.text(max_size=500)


class _Encoded:
    """Arguments encoded into a spool and read back by hand."""

    def __init__(self, directory: Path) -> None:
        self._spool = SpoolFile(str(directory))
        self._names = Names(self._spool, lambda *_: None)

    def __call__(self, arguments: dict[str, Any]) -> dict[str, Any]:
        details = encode(arguments, self._names.intern)
        names = read_spool(self._spool.path).names
        found = {}
        while details:
            word, payload = details.pop(0)
            kind, a, b = layout.unpack_word(word)
            more = []
            while details and details[0][0] & 0xFF == events.MORE:
                more.append(details.pop(0))
            found[names[a]] = texts.decode(b, payload, more) if kind == events.ARG_TEXT else self._value(kind, payload)
        return found

    @staticmethod
    def _value(kind: int, payload: int) -> Any:
        if kind == events.ARG_INT:
            return struct.unpack("<q", struct.pack("<Q", payload))[0]
        if kind == events.ARG_FLOAT:
            return struct.unpack("<d", struct.pack("<Q", payload))[0]
        return {events.ARG_TRUE: True, events.ARG_FALSE: False, events.ARG_NONE: None}[kind]


@pytest.fixture
def encoded(tmp_path: Path) -> _Encoded:
    """Encodes arguments, and reads back what was written."""
    return _Encoded(tmp_path)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arguments=st.dictionaries(st.text(max_size=20), SCALARS, max_size=5))
def test_scalars_come_back(encoded: _Encoded, arguments: dict[str, Any]) -> None:
    """Integers, floats, truth values, None and texts keep value and type."""
    found = encoded(arguments)

    assert list(found) == list(arguments)
    for name, value in arguments.items():
        assert type(found[name]) is type(value)
        assert found[name] == value or (math.isnan(value) and math.isnan(found[name]))


def test_large_integers(encoded: _Encoded) -> None:
    """An integer that 64 bits cannot hold is shown as text."""
    assert encoded({"a": 1 << 63, "b": -(1 << 63) - 1}) == {"a": str(1 << 63), "b": str(-(1 << 63) - 1)}


@pytest.mark.parametrize(
    "value",
    [
        10**5000,
        "x" * 100_000,
        b"y" * 100_000,
        list(range(100_000)),
        {n: n for n in range(10_000)},
        {"a": [[[[[[[]]]]]]]},
    ],
    ids=["int", "text", "bytes", "list", "dict", "deep"],
)
def test_large_values(encoded: _Encoded, value: object) -> None:
    """However large a value is, what is kept of it is short."""
    (text,) = encoded({"value": value}).values()

    assert 0 < len(text) <= 500


def test_values_that_fail(encoded: _Encoded) -> None:
    """A value whose repr raises, recurs or answers nonsense is shown by its class's name; the program hears nothing of it."""

    class Raising:
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    class Endless:
        def __repr__(self) -> str:
            return repr(self)

    class Nonsense:
        def __repr__(self) -> str:
            return 5  # type: ignore[return-value]

    found = encoded({"raising": Raising(), "endless": Endless(), "nonsense": Nonsense()})

    assert "Raising" in found["raising"]
    assert "Endless" in found["endless"]
    assert "Nonsense" in found["nonsense"]


def test_interrupts_pass(encoded: _Encoded) -> None:
    """An interrupt that comes while a value is looked at is the program's: it is not swallowed."""

    class Interrupting:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encoded({"value": Interrupting()})


def test_values_of_classes_of_their_own(encoded: _Encoded) -> None:
    """Subclasses of numbers and texts, whose methods may do anything, are shown by their repr; truth is not a number."""

    class Color(enum.IntEnum):
        RED = 1

    class Text(str):
        __slots__ = ()

        def __getitem__(self, _: object) -> str:
            raise RuntimeError("never called")

    found = encoded({"color": Color.RED, "text": Text("a"), "truth": True})

    assert found == {"color": repr(Color.RED), "text": "'a'", "truth": True}


def test_a_list_that_holds_itself(encoded: _Encoded) -> None:
    """A value that contains itself ends somewhere."""
    value: list[Any] = []
    value.append(value)

    assert len(encoded({"value": value})["value"]) <= 500


def test_too_many(encoded: _Encoded) -> None:
    """Of more arguments than one record can have the first are kept, each whole."""
    found = encoded({f"argument {number}": "x" * 500 for number in range(100)})

    assert 5 < len(found) < 100
    assert set(found.values()) == {"x" * 500}
