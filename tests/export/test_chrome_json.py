"""Chrome JSON as a file: what is written is plain, and can be read back. Knows nothing of Perfetto itself."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.export.same import assert_same
from tests.export.traces import traces
from tracekit.analyze.finding import Finding
from tracekit.errors import TracekitError
from tracekit.export.chrome_json import write
from tracekit.load.chrome_json import load
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Trace, TrackKind

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def _small() -> Trace:
    builder = Builder("program.py")
    thread = builder.thread(builder.process(7, "program"), 7, "MainThread", main=True)
    builder.slice(builder.track(TrackKind.THREAD, thread), 5, 1_234_567, "MainThread", Category.THREAD)
    return builder.build()


@in_one_folder
@given(trace=traces())
def test_round_trip(trace: Trace, tmp_path: Path) -> None:
    """Whatever the Builder makes comes back from the file to the nanosecond."""
    write(trace, [], tmp_path / "trace.json")
    assert_same(load(tmp_path / "trace.json"), trace)


@in_one_folder
@given(trace=traces())
def test_plain_strings(trace: Trace, tmp_path: Path) -> None:
    """The file is strict JSON in UTF-8, and nothing in it is escaped but the quote."""
    write(trace, [], tmp_path / "trace.json")
    text = (tmp_path / "trace.json").read_bytes().decode("utf-8")

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    document = json.loads(text, parse_constant=refuse)
    assert text.startswith('{"traceEvents":[')
    assert "\\" not in text.replace('\\"', "")
    assert all(event.get("ts", 0) >= 0 and 1 <= event["pid"] < 2**31 for event in document["traceEvents"])


def test_gzip_is_the_same(tmp_path: Path) -> None:
    """`.json.gz` holds the very bytes of `.json`, and the same trace always gives the same file."""
    for name in ("a.json", "a.json.gz", "b.json.gz"):
        write(_small(), [], tmp_path / name)
    assert gzip.decompress((tmp_path / "a.json.gz").read_bytes()) == (tmp_path / "a.json").read_bytes()
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()


def test_findings_are_in_the_file(tmp_path: Path) -> None:
    """What was found can be read in the file, in the words of the report."""
    finding = Finding("loop-blocked", "error", 0.0, 2.0, "MainThread", 'held by "step"\n', "use a thread")
    write(_small(), [finding], tmp_path / "trace.json")
    (found,) = json.loads((tmp_path / "trace.json").read_text("utf-8"))["tracekit"]["findings"]
    assert (found["slug"], found["sentence"]) == ("loop-blocked", 'held by "step" ')


def test_too_deep_is_noted(tmp_path: Path) -> None:
    """Slices deeper than Perfetto draws are left out of the events, counted in a note, and still read back."""
    builder = Builder()
    track = builder.track(TrackKind.THREAD, builder.thread(builder.process(7, "p"), 7, "t", main=True))
    for level in range(600):
        builder.slice(track, level, 2000 - level, "frame", Category.SPAN)
    trace = builder.build()
    write(trace, [], tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text("utf-8"))["traceEvents"]
    assert sum(event["ph"] == "X" for event in events) == 510
    read = load(tmp_path / "trace.json")
    assert_same(read, trace)
    assert [note for note in read.notes if "90" in note]
    write(read, [], tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "trace.json").read_bytes()


def test_too_many_lanes_are_noted(tmp_path: Path) -> None:
    """Of lanes of tasks only so many are drawn; the tasks on the others are counted in a note, and read back."""
    builder = Builder()
    process = builder.process(7, "p")
    for number in range(310):
        task = builder.task(process, None, f"Task-{number}", ended=9, ready=9)
        builder.slice(
            builder.track(TrackKind.TASKS, process, number + 1), 0, 9, f"Task-{number}", Category.TASK, task=task
        )
    trace = builder.build()
    write(trace, [], tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text("utf-8"))["traceEvents"]
    assert sum(event["ph"] == "b" for event in events) == 300
    read = load(tmp_path / "trace.json")
    assert_same(read, trace)
    assert [note for note in read.notes if note.endswith(": 10")]


def test_many_tasks_share_rows(tmp_path: Path) -> None:
    """Above 200 tasks in a process their rows are named after the coroutine, and the arguments still name the task."""
    builder = Builder()
    process = builder.process(7, "p")
    for number in range(201):
        task = builder.task(process, None, f"Task-{number}", coroutine="work")
        builder.slice(builder.track(TrackKind.TASK, task), 0, 9, f"Task-{number} (work)", Category.TASK, task=task)
    write(builder.build(), [], tmp_path / "trace.json")
    begins = [e for e in json.loads((tmp_path / "trace.json").read_text())["traceEvents"] if e["ph"] == "b"]
    assert {event["name"] for event in begins} == {"work"}
    assert {event["args"]["task"] for event in begins} == {f"Task-{number}" for number in range(201)}


@pytest.mark.parametrize("name", ["trace.txt", "none/trace.json", "folder.json"])
def test_bad_path(name: str, tmp_path: Path) -> None:
    """A path that cannot be written is one clear error, and leaves nothing behind."""
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(TracekitError, match=r"folder|names no format|cannot be written"):
        write(_small(), [], tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.json"]


def test_interrupted_leaves_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stops the writing half-way, the old file stays and no part of the new one."""
    out = tmp_path / "trace.json"
    out.write_text("old")

    def stop(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("tracekit.export.chrome_json.encode", stop)
    with pytest.raises(KeyboardInterrupt):
        write(_small(), [], out)
    assert [path.name for path in tmp_path.iterdir()] == ["trace.json"]
    assert out.read_text() == "old"


def test_none_is_shown(tmp_path: Path) -> None:
    """An argument that is None is one in what Perfetto reads as well, which leaves out what is null; read back, it is None."""
    builder = Builder("program.py")
    thread = builder.thread(builder.process(7, "program"), 7, "MainThread", main=True)
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 5, 10, "load", Category.SPAN, args={"limit": None, "rows": 3})
    builder.instant(track, 6, "miss", {"key": None})
    path = tmp_path / "out.json"
    write(builder.build(), [], path)

    shown = {event["name"]: event.get("args") for event in json.loads(path.read_bytes())["traceEvents"]}
    assert shown["load"] == {"limit": "None", "rows": 3}
    assert shown["miss"] == {"key": "None"}
    assert {"limit": None, "rows": 3} in load(path).args
