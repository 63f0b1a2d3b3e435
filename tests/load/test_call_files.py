"""viztracer's files, read: whole ones, cut off ones and damaged ones. Knows its format, and no recording."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracekit.load import call_files
from tracekit.load.call_files import CallFile, read_calls

CALL = {"pid": 7, "tid": 8, "ts": 48236725506.717, "ph": "X", "cat": "fee", "dur": 0.09, "name": "builtins.len"}


def event(**changed: Any) -> dict[str, Any]:
    return {**CALL, **changed}


def dumped(*events: dict[str, Any], overflow: bool = False) -> bytes:
    """As viztracer dumps it."""
    text = ",".join(json.dumps(each, separators=(",", ":"), ensure_ascii=False) for each in events)
    end = f'], "viztracer_metadata": {{"overflow":{json.dumps(overflow)}}}}}'
    return ('{"traceEvents":[' + text + end).encode()


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Reads bytes as a file of viztracer's."""

    def from_bytes(data: bytes) -> CallFile:
        path = tmp_path / "1-calls-1.json"
        path.write_bytes(data)
        return read_calls(str(path))

    return from_bytes


def rows(file: CallFile) -> list[tuple[int, int, int, str]]:
    columns = (file.tid.tolist(), file.start.tolist(), file.end.tolist(), [file.names[at] for at in file.name.tolist()])
    return list(zip(*columns))


def test_what_there_is(read: Any) -> None:
    """Calls to the nanosecond, those that had not returned, their arguments, and what the program told viztracer."""
    file = read(
        dumped(
            {"ph": "M", "pid": 7, "tid": 8, "name": "thread_name", "args": {"name": "x"}},
            CALL,
            event(ts=48236725507.0, dur=1.5, name="f (a.py:1)", args={"func_args": {"x": "1"}}),
            event(ph="B", dur=0.0),
            event(ph="i", ts=1.25, name="here", s="t", args={"a": 1}),
            event(ph="C", name="counted", args={"a": 1}),
            overflow=True,
        )
    )

    assert rows(file) == [
        (8, 48236725506717, 48236725506807, "builtins.len"),
        (8, 48236725507000, 48236725508500, "f (a.py:1)"),
        (8, 48236725506717, -1, "builtins.len"),
    ]
    assert file.args == {1: {"func_args": {"x": "1"}}}
    assert file.instants == [(8, 1250, "here", {"a": 1})]
    assert (file.whole, file.overflow, file.damaged) == (True, True, 0)


@pytest.mark.parametrize("size", [1, 7, 100, 1 << 20])
def test_in_parts(read: Any, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """However little is read at a time, every call is there, also one whose name looks like the border between two."""
    monkeypatch.setattr(call_files, "_AT_A_TIME", size)
    names = ["a", '"},{"', "},{", "é\n", "b" * 300, '\\"},{\\"ph\\":']

    file = read(dumped(*(event(name=name) for name in names * 3)))

    assert [name for *_, name in rows(file)] == names * 3
    assert (file.whole, file.damaged) == (True, 0)


def test_cut_off_anywhere(read: Any) -> None:
    """A file of a process that was killed gives what was written, whole calls only, and says that it has no end."""
    whole = dumped(*(event(name=f"f{at}") for at in range(3)))
    for length in range(len(whole)):
        file = read(whole[:length])
        found = [name for *_, name in rows(file)]
        assert found == ["f0", "f1", "f2"][: len(found)]
        assert whole[:length].count(b'},{"p') <= len(found)
        assert not file.whole


STRANGE = [
    {"ts": None}, {"ts": "1"}, {"ts": -1.0}, {"ts": 1e300}, {"ts": float("nan")}, {"ts": True, "tid": None}, {"tid": 0},
    {"tid": 1 << 40}, {"tid": "x"}, {"name": 5}, {"name": None}, {"dur": None}, {"dur": 1e300}, {"dur": float("inf")},
    {"ph": 5, "ts": []}, {"dur": "1"},
]  # fmt: skip


@pytest.mark.parametrize("strange", STRANGE)
def test_damaged_events_are_counted(read: Any, strange: dict[str, Any]) -> None:
    """An event of impossible values is left out and counted; those beside it are not."""
    file = read(dumped(CALL, event(**strange), CALL))

    assert len(rows(file)) == 2
    assert file.damaged == 1
    assert file.whole


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"\x00" * 50, b'{"traceEvents":[', b'{"traceEvents":[[[[[', b'{"traceEvents":[1,2']
)
def test_nothing_to_be_read(read: Any, data: bytes) -> None:
    """What is no such file has no calls."""
    assert rows(read(data)) == []


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 400), junk=st.binary(max_size=12), cut=st.integers(0, 40))
def test_any_damage(read: Any, at: int, junk: bytes, cut: int) -> None:
    """Whatever bytes are put in place of others, it is read to its end."""
    whole = dumped(*(event(name=f"f{number}") for number in range(4)))

    file = read(whole[:at] + junk + whole[at + cut :])

    assert len(rows(file)) <= 8


def test_deep_nesting(read: Any) -> None:
    """Arguments that nest too deeply are damage, and no crash."""
    deep = (
        b'{"pid":7,"tid":8,"ts":1.0,"ph":"X","dur":1.0,"name":"f","args":{"a":'
        + b"[" * 200_000
        + b"]" * 200_000
        + b"}}"
    )

    file = read(dumped(CALL, CALL).replace(b"},{", b"}," + deep + b",{", 1))

    assert len(rows(file)) == 2
    assert file.damaged == 1
