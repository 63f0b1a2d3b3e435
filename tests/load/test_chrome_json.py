"""Files that are no trace, or no longer one: each is one clear error. Knows what can go wrong with a file, not why."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_made_states import lay_states
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracekit.errors import TracekitError
from tracekit.export.chrome_json import write
from tracekit.load import chrome_json, own_file
from tracekit.load.chrome_json import load
from tracekit.load.packed import pack, unpack
from tracekit.load.tables import COLUMNS
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, FlowKind, Trace, TrackKind

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def _trace() -> Trace:
    builder = Builder("program.py")
    process = builder.process(7, "program")
    thread = builder.thread(process, 7, "MainThread", main=True)
    loop = builder.loop(process, thread, "Loop")
    task = builder.task(process, loop, "Task-1", coroutine="main")
    on_thread, on_task = builder.track(TrackKind.THREAD, thread), builder.track(TrackKind.TASK, task)
    builder.slice(on_thread, 0, 1000, "MainThread", Category.THREAD)
    step = builder.slice(on_thread, 10, 90, "Task-1", Category.STEP, task=task, args={"rows": [1, 2.5, None]})
    builder.slice(on_task, 5, 90, "Task-1 (main)", Category.TASK, task=task)
    builder.flow(FlowKind.CREATE, on_thread, 5, step)
    builder.instant(on_thread, 20, "point", {"key": "value"})
    builder.counter(process, 30, "queue", "depth", 4)
    lay_states(builder, thread, (20e-6, "running"), (30e-6, "waiting for the GIL"), start=10e-6, switches=2)
    builder.cores = 2
    return builder.build(3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(_trace(), [], tmp_path / "trace.json")
    return tmp_path / "trace.json"


def test_every_cut(path: Path) -> None:
    """A plain file that was cut at any byte is refused, in words."""
    whole = path.read_bytes().rstrip()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(TracekitError, match=r"no trace of tracekit|not complete"):
            load(path)


def test_every_cut_of_gzip(path: Path) -> None:
    """A gzipped file that was cut at any byte is refused, in words."""
    whole = gzip.compress(path.read_bytes())
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(TracekitError, match=r"no trace of tracekit|not complete|cut off|damaged"):
            load(path)


@in_one_folder
@given(position=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), packed=st.booleans())
def test_flipped_byte(position: float, byte: int, packed: bool, tmp_path: Path) -> None:
    """One wrong byte anywhere gives a trace or a clear error, and nothing else."""
    path = tmp_path / "trace.json"
    write(_trace(), [], path)
    data = bytearray(gzip.compress(path.read_bytes(), mtime=0) if packed else path.read_bytes())
    data[int(position * len(data))] = byte
    path.write_bytes(data)
    with suppress(TracekitError):
        load(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 5000, b'{"traceEvents":[]}', b"[]", b"\x1f\x8b", b"\x1f\x8bgarbage in place of a gzip", b"\xff" * 99],
)
def test_no_trace_of_ours(path: Path, content: bytes) -> None:
    """What tracekit never wrote is refused, in words."""
    path.write_bytes(content)
    with pytest.raises(TracekitError, match=r"no trace of tracekit|cut off|damaged"):
        load(path)


def test_not_there(tmp_path: Path) -> None:
    """A path without a readable file is refused, in words."""
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(TracekitError, match="cannot be read"):
            load(path)


@pytest.mark.parametrize("where", ["events", "tables"])
def test_gzip_bomb(path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """A small file that unpacks to a huge one is given up at a bound, wherever the bulk of it stands."""
    monkeypatch.setattr(chrome_json, "_MOST_BYTES", 1 << 22)
    monkeypatch.setattr(own_file, "_MOST_TABLE_BYTES", 1 << 22)
    start = chrome_json.HEAD + (chrome_json.TABLES if where == "tables" else b"")
    path.write_bytes(gzip.compress(start + b" " * (64 << 20)))
    with pytest.raises(TracekitError, match="holds more than"):
        load(path)


def _leaves(value: Any, where: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [where, *(leaf for key, item in items for leaf in _leaves(item, (*where, key)))]


@pytest.mark.parametrize(
    "wrong", [None, -1, -2, 2**40, 2**63, 2**70, 1.5, True, "text", "1", [], [1], {}, {"schema": 1}, float(2**80)]
)
def test_hostile_tables(path: Path, wrong: Any) -> None:
    """Whatever stands in place of any value in the tables gives a trace that can be written again, or a clear error."""
    head, _, tail = path.read_bytes().partition(chrome_json.TABLES)
    for where in _leaves(json.loads(tail[:-2])):
        tables = json.loads(tail[:-2])
        if where:
            owner = tables
            for key in where[:-1]:
                owner = owner[key]
            owner[where[-1]] = wrong
        else:
            tables = wrong
        path.write_bytes(head + chrome_json.TABLES + json.dumps(tables).encode() + b"}\n")
        with suppress(TracekitError):
            write(load(path), [], path)


@pytest.mark.parametrize("wrong", [-1, 2**30, 2**40, 2**62, -(2**63), 2**63 - 1, 1.5, float("nan"), "less", "more"])
def test_hostile_columns(path: Path, wrong: Any) -> None:
    """Whatever numbers a column holds, or how many, that is a trace that can be written again, or a clear error."""
    head, _, tail = path.read_bytes().partition(chrome_json.TABLES)
    whole = json.loads(tail[:-2])
    for table in COLUMNS:
        for field, texts in whole[table].items():
            column = np.atleast_1d(unpack(texts) if texts else np.zeros(0, np.int64))
            if wrong == "less":
                column = column[1:]
            elif wrong == "more":
                column = np.append(column, column[-1:])
            else:
                column = np.full(len(column), wrong)
            tables = json.loads(tail[:-2])
            tables[table][field] = [json.loads(pack(column))]
            path.write_bytes(head + chrome_json.TABLES + json.dumps(tables).encode() + b"}\n")
            with suppress(TracekitError):
                write(load(path), [], path)


def test_columns_as_digits(path: Path) -> None:
    """A file in which columns of numbers are written as digits, as they once were, is read the same."""
    head, _, tail = path.read_bytes().partition(chrome_json.TABLES)
    expected, tables = load(path), json.loads(tail[:-2])
    for name in COLUMNS:
        tables[name] = {key: unpack(texts).tolist() if texts else [] for key, texts in tables[name].items()}
    tables["schema"] = 1
    path.write_bytes(head + chrome_json.TABLES + json.dumps(tables).encode() + b"}\n")
    found = load(path)
    for name, kind in COLUMNS.items():
        for field in fields(kind):
            one, other = (getattr(getattr(trace, name), field.name) for trace in (expected, found))
            assert one.dtype == other.dtype
            assert one.tolist() == other.tolist()


def test_fields_may_be_missing(path: Path) -> None:
    """A file from before a field was added is read with the field's default."""
    head, _, tail = path.read_bytes().partition(chrome_json.TABLES)
    tables = json.loads(tail[:-2])
    del tables["tasks"]["creator"]
    del tables["states"], tables["cores"]
    path.write_bytes(head + chrome_json.TABLES + json.dumps(tables).encode() + b"}\n")
    assert load(path).tasks == _trace().tasks
    assert load(path).states == []


def test_states_from_before_the_gil_was_looked_at(path: Path) -> None:
    """A file whose rows of states do not say what ran without the GIL is read, and tells nothing of it."""
    head, _, tail = path.read_bytes().partition(chrome_json.TABLES)
    tables = json.loads(tail[:-2])
    del tables["states"]["unlocked"]
    path.write_bytes(head + chrome_json.TABLES + json.dumps(tables).encode() + b"}\n")
    assert [(row.running, row.unlocked) for row in load(path).states] == [(20, -1)]
