"""What `load` takes, and what it says to what it does not take. Knows no record."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from spool_writer import SpoolWriter
from tests_support import rows_of

from tracekit import events
from tracekit.errors import TracekitError
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Trace
from tracekit.spool import layout

ABOUT = {
    "schema": 1,
    "program": "app.py",
    "command": ["python", "app.py"],
    "child_pid": 100,
    "started_monotonic": 5,
    "started_wall": 1005,
    "ended_monotonic": 95,
    "ended_wall": 1095,
    "exit_status": 3,
    "untraced": "",
}


def spool(pid: int = 100, start: int = 1) -> SpoolWriter:
    """A process with one instant."""
    writer = SpoolWriter(pid, start_monotonic=start, start_wall=start + 1000)
    writer.record(start + 9, events.INSTANT, "tick")
    writer.record(start + 19, events.PROCESS_END)
    return writer


def about(directory: Path, **changes: object) -> None:
    """Writes session.json."""
    (directory / "session.json").write_text(json.dumps(ABOUT | changes))


def test_a_session(tmp_path: Path) -> None:
    """A directory of spools is a session; session.json tells its program and its exit status."""
    spool().write(tmp_path)
    about(tmp_path)
    trace = load(tmp_path)
    assert (trace.program, trace.exit_status, trace.wall_start, trace.notes) == ("app.py", 3, 1001, [])
    assert [row.pid for row in trace.processes] == [100]


def test_one_spool(tmp_path: Path) -> None:
    """A single spool is loaded as well, whatever it is called."""
    path = spool().write(tmp_path)
    renamed = tmp_path / "something"
    path.rename(renamed)
    assert len(load(renamed).instants) == 1


def test_a_session_without_its_description(tmp_path: Path) -> None:
    """Without a readable session.json the rest is there, and a note says what is not known."""
    spool().write(tmp_path)
    assert any("session.json is missing" in note for note in load(tmp_path).notes)
    for text in ("{", "[]", "[" * 100_000, "\0"):
        (tmp_path / "session.json").write_text(text)
        trace = load(tmp_path)
        assert len(trace.instants) == 1
        assert any("session.json cannot be read" in note for note in trace.notes)


@pytest.mark.parametrize("value", [None, "x", 1.5, [], {}, -1, 10**30, True])
def test_a_hostile_description(tmp_path: Path, value: object) -> None:
    """Whatever stands in session.json, the session is loaded."""
    spool().write(tmp_path)
    about(tmp_path, **dict.fromkeys(ABOUT, value))
    assert len(load(tmp_path).instants) == 1


def test_a_child_without_a_recording(tmp_path: Path) -> None:
    """A program that recorded nothing is there as a process that was not traced, with the reason and its command."""
    about(tmp_path, untraced="python -I ignores the environment")
    trace = load(tmp_path)
    (process,) = trace.processes
    assert (process.pid, process.command, process.untraced) == (
        100,
        "python app.py",
        "python -I ignores the environment",
    )
    assert (trace.duration, trace.wall_start) == (90, 1005)
    about(tmp_path)
    assert "environment was cleaned" in load(tmp_path).processes[0].untraced


def test_one_broken_spool_loses_no_other(tmp_path: Path) -> None:
    """A spool that cannot be read is a note, and the others are loaded."""
    spool(100).write(tmp_path)
    (tmp_path / "101-5.spool").write_bytes(b"")
    (tmp_path / "102-5.spool").write_bytes(b"garbage" * 1000)
    trace = load(tmp_path)
    assert [row.pid for row in trace.processes] == [100]
    assert any("101-5.spool is empty" in note for note in trace.notes)
    assert any("102-5.spool is no spool" in note for note in trace.notes)


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    """Progress tells bytes done of bytes to do, up to all of them."""
    sizes = [spool(pid).write(tmp_path).stat().st_size for pid in (100, 101)]
    told: list[tuple[int, int]] = []
    load(tmp_path, lambda done, total: told.append((done, total)))
    assert told == [(sizes[0], sum(sizes)), (sum(sizes), sum(sizes))]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("none", None, "No such file"),
        ("empty.json", b"", "is empty"),
        ("garbage.json", b"\x80\x81 no trace", "neither JSON, gzip nor a session"),
        ("1-1.spool", b"", "is empty"),
        ("1-1.spool", b"x" * 5000, "is no spool"),
        ("a\0b", None, "cannot be read"),
    ],
)
def test_what_cannot_be_loaded(tmp_path: Path, name: str, data: bytes | None, words: str) -> None:
    """Each wrong thing gets one line that says what it is."""
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(TracekitError, match=words) as error:
        load(path)
    assert "\n" not in str(error.value)


def test_directories_that_are_no_session(tmp_path: Path) -> None:
    """A directory without a session says what was expected; one with nothing readable says so."""
    with pytest.raises(TracekitError, match=r"no session of tracekit.*NAME\.tracekit"):
        load(tmp_path)
    (tmp_path / "1-1.spool").write_bytes(b"")
    with pytest.raises(TracekitError, match="no recording that can be read"):
        load(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    """A lack of permission is told as such."""
    path = spool().write(tmp_path)
    path.chmod(0)
    with pytest.raises(TracekitError, match="Permission denied"):
        load(path)


def silent(pid: int = 100, start: int = 1, **header: int) -> SpoolWriter:
    """A process that says nothing more once its second step has begun."""
    writer = SpoolWriter(pid, start_monotonic=start, **{"ended": layout.ENDED_NOT} | header)
    writer.record(start, events.THREAD_BEGIN, "MainThread", 1)
    writer.record(start + 1, events.LOOP_BEGIN, "Loop", 1)
    writer.record(start + 2, events.TASK_CREATED, "t", 5)
    writer.record(start + 3, events.STEP_BEGIN, 0, 5)
    writer.record(start + 4, events.SPAN_BEGIN, "load")
    return writer


def ends(trace: Trace) -> dict[str, tuple[int, bool]]:
    """Where each kind of slice ends at last, and whether that is marked as unfinished."""
    rows = rows_of(trace, "THREAD", "LOOP", "STEP", "SPAN", "RUNNING", "TASK")
    kinds = {row.kind + " " + row.name: (row.end, row.unfinished) for row in rows}
    assert check(trace) == []
    return kinds


def test_a_silent_end_that_was_seen_from_outside(tmp_path: Path) -> None:
    """What was open in a program that was killed reaches to where `tracekit run` saw it end, and is unfinished."""
    silent().write(tmp_path)
    about(tmp_path)
    trace = load(tmp_path)
    assert trace.duration == 94
    assert set(ends(trace).values()) == {(94, True)}
    assert trace.processes[0].ended is None


@pytest.mark.parametrize(
    "header",
    [{"pid": 101}, {"ended": layout.ENDED_NO_SPACE}, {"ended": layout.ENDED_NORMALLY, "end_monotonic": 5}],
)
def test_an_end_that_is_not_its_own(tmp_path: Path, header: dict[str, int]) -> None:
    """Another process, or one that stopped recording for a reason of its own, is drawn to its last record only."""
    silent(**header).write(tmp_path)
    about(tmp_path)
    trace = load(tmp_path)
    assert {row.end for row in rows_of(trace, "STEP", "SPAN", "LOOP")} == {4}


def test_a_silent_end_after_an_exec(tmp_path: Path) -> None:
    """Of a process that went through an exec only the last program reaches to the end that was seen."""
    silent(start=1, start_ticks=7).write(tmp_path)
    silent(start=50, start_ticks=7).write(tmp_path)
    about(tmp_path)
    assert [row.end for row in rows_of(load(tmp_path), "STEP")] == [4, 94]


@pytest.mark.parametrize("name", ["pipe", "1-1.spool", "trace.json"])
def test_a_pipe(tmp_path: Path, name: str) -> None:
    """What is neither a file nor a directory is refused at once, whatever its name, and not waited for."""
    os.mkfifo(tmp_path / name)
    with pytest.raises(TracekitError, match="is a pipe, socket or device"):
        load(tmp_path / name)


def test_a_pipe_for_a_description(tmp_path: Path) -> None:
    """A session whose session.json is a pipe is loaded without it."""
    spool().write(tmp_path)
    os.mkfifo(tmp_path / "session.json")
    assert any("it is no regular file" in note for note in load(tmp_path).notes)
