"""The text of tables comes out as it went in, however it is laid out in lines. Knows JSON, and no trace."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tracekit.load import table_text

columns = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1)),
    st.lists(st.integers(-9, 9), min_size=1, max_size=50),
    st.lists(st.floats(allow_nan=False, allow_infinity=False)),
    st.lists(st.sampled_from(("", "a", '"', "[1]", "\n"))),
    st.lists(st.one_of(st.none(), st.booleans(), st.integers(0, 9), st.text(max_size=3))),
)


def laid_out(tables: dict[str, Any]) -> list[bytes]:
    """The lines of a file: a column each."""
    lines = [b'{"schema":1']
    for name, table in tables.items():
        lines.append(b',"%s":{' % name.encode())
        fields = (b'"%s":%s' % (field.encode(), orjson.dumps(column)) for field, column in table.items())
        lines += [b"," * bool(at) + field for at, field in enumerate(fields)]
        lines.append(b"}")
    return [*lines, b',"strings":["a"]', b"}}", b""]


def plain(value: Any) -> Any:
    """Without arrays."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


@given(st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.sampled_from("xyz"), columns)))
@example({"a": {"x": [1, 2, 3], "y": [2**63 - 1, 0, 1]}, "b": {}})
@example({"a": {"x": [0, False]}})
def test_any_layout(tables: dict[str, Any]) -> None:
    """Column by column or in one piece, what is read is what was written, down to the last bit of a number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_text, "_PIECE", 4)
        read = dict(table_text.read(iter(laid_out(tables))))
    expected = {"schema": 1, **tables, "strings": ["a"]}
    assert json.dumps(plain(read)) == json.dumps(expected)
    whole = b'{"schema": 1,' + orjson.dumps(expected, option=orjson.OPT_INDENT_2).partition(b",")[2] + b"}\n"
    assert dict(table_text.read(iter(whole.split(b"\n")))) == expected


def test_numbers_become_arrays() -> None:
    """Of a column of numbers no list is made, of alike texts one object."""
    read = dict(table_text.read(iter(laid_out({"t": {"n": [1, 2], "f": [1.5], "s": ["alike", "alike"]}}))))
    assert isinstance(read["t"]["n"], np.ndarray)
    assert isinstance(read["t"]["f"], np.ndarray)
    first, second = read["t"]["s"]
    assert first is second


@pytest.mark.parametrize("line", [b"[1]:[2]", b'"x":[1', b'"x"', b"{", b"]", b"}}", b'"x":[1],"y":2'])
def test_a_wrong_line(line: bytes) -> None:
    """A line that is not a column, or not a whole one, is no table."""
    lines = [b'{"schema":1', b',"t":{', line, b"}", b"}}"]
    with pytest.raises(ValueError, match=r"\w"):
        dict(table_text.read(iter(lines)))


def test_nothing_behind_the_end() -> None:
    """What stands behind the end of the object is not passed over."""
    assert dict(table_text.read(iter([b'{"schema":1', b"}}", b" "]))) == {"schema": 1}
    with pytest.raises(ValueError, match="more"):
        dict(table_text.read(iter([b'{"schema":1', b"}}", b"}"])))
