"""Tables for other programs: what stands in them, and what the directory replaces. Knows pyarrow, and no file of Perfetto."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from tests.export.traces import traces
from tracekit.analyze.finding import Finding
from tracekit.errors import TracekitError
from tracekit.export.write import write
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Flag, FlowKind, SampleSource, SampleState, Trace, TrackKind

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)


@pytest.fixture
def parquet() -> Any:
    """pyarrow's reader; the extra may not be installed."""
    return pytest.importorskip("pyarrow.parquet")


def _small() -> Trace:
    builder = Builder("program.py", wall_start=1_700_000_000_123_456_789)
    process = builder.process(7, "program")
    thread = builder.thread(process, 7, "MainThread", main=True)
    task = builder.task(process, builder.loop(process, thread, "Loop"), "t", coroutine="f")
    track, on_task = builder.track(TrackKind.THREAD, thread), builder.track(TrackKind.TASK, task)
    builder.slice(track, 0, 900, "MainThread", Category.THREAD)
    step = builder.slice(track, 100, 200, "t", Category.STEP, task=task, args={"big": 2**70, "text": "\ud800"})
    builder.slice(track, 120, 130, "load", Category.SPAN, Flag.ERROR, args={"rows": 3})
    builder.slice(on_task, 50, 900, "t (f)", Category.TASK, Flag.UNFINISHED, task)
    builder.flow(FlowKind.CREATE, track, 10, step)
    builder.instant(track, 5, "tick")
    builder.counter(process, 6, "queue", "depth", 1.5)
    main = builder.frame(-1, "main", "program.py", 3)
    builder.sample(thread, 7, builder.frame(main, "load", "program.py", 9), SampleState.GIL, SampleSource.SAMPLER)
    builder.note("something is missing")
    return builder.build(3)


def _rows(table: Any) -> list[dict[str, Any]]:
    """The rows of a table; a time of day as its nanoseconds, for which Python itself has no type."""
    if "wall_start" in table.column_names:
        at = table.column_names.index("wall_start")
        table = table.set_column(at, "wall_start", table.column(at).cast("int64"))
    return list(table.to_pylist())


def test_tables_say_what_the_trace_says(parquet: Any, tmp_path: Path) -> None:
    """Names, categories and kinds are texts, rows are found by their ids, arguments are JSON, and no index leads nowhere."""
    finding = Finding("loop-blocked", "error", 0.0, 2.0, "MainThread", "held", "use a thread")
    write(_small(), [finding], tmp_path / "out.parquet")

    def rows(table: str) -> list[dict[str, Any]]:
        return _rows(parquet.read_table(tmp_path / "out.parquet" / f"{table}.parquet"))

    life, step, load, task = rows("slices")
    assert (life["name"], life["category"], life["start"], life["duration"]) == ("MainThread", "thread", 0, 900)
    assert (life["depth"], step["depth"], load["depth"], task["depth"]) == (0, 1, 2, 0)
    assert (load["error"], load["unfinished"], task["unfinished"]) == (True, False, True)
    assert (step["thread"], step["task"], life["task"], task["thread"], task["task"]) == (0, 0, None, None, 0)
    assert (json.loads(load["args"]), life["args"]) == ({"rows": 3}, None)
    assert set(json.loads(step["args"])) == {"big", "text"}
    (arrow,) = rows("flows")
    assert (arrow["kind"], arrow["time"], rows("slices")[arrow["target"]]["id"]) == ("create", 10, step["id"])
    (sample,) = rows("samples")
    frames = rows("frames")
    assert (sample["state"], sample["source"], frames[sample["frame"]]["function"]) == ("gil", "sampler", "load")
    assert (frames[1]["parent"], frames[0]["parent"]) == (0, None)
    (tick,), (depth,), (row,) = rows("instants"), rows("counters"), rows("tasks")
    assert (tick["name"], tick["thread"], depth["series"], depth["value"]) == ("tick", 0, "depth", 1.5)
    assert (row["coroutine"], row["ended"], rows("tracks")[1]["kind"]) == ("f", None, "task")
    (whole,), (found,) = rows("trace"), rows("findings")
    assert whole["wall_start"] == 1_700_000_000_123_456_789
    assert (whole["duration"], whole["exit_status"], whole["notes"]) == (900, 3, ["something is missing"])
    assert found["slug"] == "loop-blocked"


@in_one_folder
@given(trace=traces())
def test_any_trace(trace: Trace, parquet: Any, tmp_path: Path) -> None:
    """Whatever the Builder makes is written, each slice and each row once, to the nanosecond."""
    write(trace, [], tmp_path / "any.parquet")

    def column(table: str, name: str) -> list[Any]:
        return list(parquet.read_table(tmp_path / "any.parquet" / f"{table}.parquet").column(name).to_pylist())

    assert column("slices", "start") == trace.slices.start.tolist()
    assert column("slices", "duration") == (trace.slices.end - trace.slices.start).tolist()
    assert column("threads", "tid") == [row.tid for row in trace.threads]
    assert len(column("slices", "args")) == len(trace.slices)
    np.testing.assert_array_equal(column("counters", "value"), trace.counters.value)


def test_arrow_holds_the_same(parquet: Any, tmp_path: Path) -> None:
    """`.arrow` gives the same tables as files of Arrow's own."""
    import pyarrow

    for ending in (".parquet", ".arrow"):
        write(_small(), [], tmp_path / f"out{ending}")
    tables = sorted(path.stem for path in (tmp_path / "out.arrow").iterdir())
    assert tables == sorted(path.stem for path in (tmp_path / "out.parquet").iterdir())
    for table in tables:
        with pyarrow.OSFile(str(tmp_path / "out.arrow" / f"{table}.arrow")) as file:
            arrow = _rows(pyarrow.ipc.open_file(file).read_all())
        assert arrow == _rows(parquet.read_table(tmp_path / "out.parquet" / f"{table}.parquet"))


def test_many_rows_are_written_in_parts(parquet: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of more rows than are made at a time is whole, and its ids go on."""
    monkeypatch.setattr("tracekit.export.parquet._AT_A_TIME", 2)
    write(_small(), [], tmp_path / "out.parquet")
    assert parquet.read_table(tmp_path / "out.parquet" / "slices.parquet").column("id").to_pylist() == [0, 1, 2, 3]


@pytest.mark.usefixtures("parquet")
def test_only_tables_are_replaced(tmp_path: Path) -> None:
    """Tables that were there are replaced as a whole; a directory with anything else in it stays as it is."""
    out = tmp_path / "out.parquet"
    write(_small(), [], out)
    (out / "older.parquet").touch()
    write(_small(), [], out)
    assert not (out / "older.parquet").exists()
    (out / "mine.txt").touch()
    with pytest.raises(TracekitError, match="holds other things than tables"):
        write(_small(), [], out)
    assert (out / "mine.txt").exists()
    with pytest.raises(TracekitError, match="cannot be written"):
        write(_small(), [], tmp_path / "nowhere" / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


def test_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is not installed, one line says which it is."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TracekitError, match=r"pip install 'tracekit\[parquet\]'"):
        write(_small(), [], tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []
