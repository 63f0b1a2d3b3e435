"""convert: one trace in another format, several as one. Runs the real command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tracekit.cli.aligning import aligned
from tracekit.errors import UsageError
from tracekit.export.chrome_json import write
from tracekit.load import load
from tracekit.model.builder import Builder
from tracekit.model.check import check
from tracekit.model.trace import Category, Trace, TrackKind

Run = Callable[..., "subprocess.CompletedProcess[str]"]

MS = 1_000_000
WALL = 1_700_000_000_000_000_000


def _made(pid: int, wall: int = WALL, length: int = 100 * MS, python: str = "3.11.7") -> Trace:
    builder = Builder(f"p{pid}.py", wall_start=wall)
    process = builder.process(pid, f"p{pid}.py", python=python)
    track = builder.track(TrackKind.THREAD, builder.thread(process, pid, "MainThread", main=True))
    builder.slice(track, 0, length, "MainThread", Category.THREAD)
    builder.slice(track, 10 * MS, 20 * MS, "work", Category.SPAN)
    return builder.build()


@pytest.fixture
def two(tmp_path: Path) -> None:
    """Two traces: b begins 40 ms after a."""
    write(_made(7), [], tmp_path / "a.json")
    write(_made(8, WALL + 40 * MS), [], tmp_path / "b.json.gz")


@pytest.mark.usefixtures("two")
def test_several_become_one(tracekit: Run, tmp_path: Path) -> None:
    """Traces that know their wall time are laid by it; what became of them is said, and stands in the trace."""
    result = tracekit("convert", "a.json", "b.json.gz", "-o", "both.json")
    assert (result.returncode, result.stdout) == (0, "")
    assert "note: b.json.gz begins 40 ms after a.json, by the wall clock" in result.stderr
    merged = load(tmp_path / "both.json")
    assert check(merged) == []
    assert ([row.pid for row in merged.processes], merged.duration) == ([7, 8], 140 * MS)
    assert any("by the wall clock" in note for note in merged.notes)


@pytest.mark.usefixtures("two")
def test_part_of_a_trace(tracekit: Run, tmp_path: Path) -> None:
    """--from and --to take a window, which is a trace of its own."""
    assert tracekit("convert", "-q", "a.json", "-o", "part.json", "--from", "15ms", "--to", "50ms").returncode == 0
    part = load(tmp_path / "part.json")
    assert check(part) == []
    assert (part.duration, part.wall_start) == (35 * MS, WALL + 15 * MS)
    late = tracekit("convert", "a.json", "-o", "part.json", "--from", "2s")
    assert (late.returncode, late.stderr.count("\n")) == (2, 1)
    assert "the trace is 100 ms long" in late.stderr


def test_a_session_is_read(tracekit: Run, tmp_path: Path) -> None:
    """A session's directory converts like a trace, and stays."""
    assert tracekit("run", "-q", "--keep-session", "-o", "out.json", "-c", "pass").returncode == 0
    assert tracekit("convert", "-q", "out.tracekit", "-o", "again.json").returncode == 0
    assert (tmp_path / "out.tracekit").is_dir()
    assert [row.pid for row in load(tmp_path / "again.json").processes] == [
        row.pid for row in load(tmp_path / "out.json").processes
    ]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.json", "-o", "a.txt"), "names no format"),
        (("a.json", "-o", "a.json"), "is one of the traces to read"),
        (("a.json", "-o", "nowhere/x.json"), "cannot be written"),
        (("none.json", "-o", "x.json"), "cannot be read"),
        (("a.json", "b.json.gz", "-o", "x.json", "--align", "soon"), "--align takes first, wall or an offset"),
        (("a.json", "b.json.gz", "-o", "x.json", "--align", "1s,2s"), "has 2 offsets"),
        (("a.json", "-o", "x.json", "--from", "2s", "--to", "1s"), "there is no time"),
    ],
)
def test_what_cannot_be(tracekit: Run, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """A wrong name, time or offset takes one line and exit code 2, and writes nothing."""
    before = sorted(tmp_path.iterdir())
    result = tracekit("convert", *words)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert said in result.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_a_clock_that_nobody_knows(tracekit: Run, tmp_path: Path) -> None:
    """A trace without a wall time is not laid by guessing: it takes --align, and then its processes are not taken for others."""
    write(_made(7), [], tmp_path / "a.json")
    write(_made(7, wall=0, python=""), [], tmp_path / "b.json")
    refused = tracekit("convert", "a.json", "b.json", "-o", "both.json")
    assert refused.returncode == 2
    assert "b.json does not say at what time of day it was recorded" in refused.stderr
    assert tracekit("convert", "-q", "a.json", "b.json", "-o", "first.json", "--align", "first").returncode == 0
    assert len(load(tmp_path / "first.json").processes) == 2
    assert tracekit("convert", "-q", "a.json", "b.json", "-o", "later.json", "--align", "-20ms").returncode == 0
    later = load(tmp_path / "later.json")
    assert (len(later.processes), later.duration) == (1, 120 * MS)
    assert tracekit("convert", "-q", "a.json", "b.json", "-o", "x.json", "--align", "1ms", "--apart").returncode == 0
    assert len(load(tmp_path / "x.json").processes) == 2


def test_alignments() -> None:
    """Each further trace begins where it was said, one time for all or one each."""
    traces = [_made(7), _made(8, WALL - 5 * MS), _made(9)]
    names = ["a", "b", "c"]
    assert aligned(traces, names, None).offsets == [0, -5 * MS, 0]
    assert aligned(traces, names, "first").offsets == [0, 0, 0]
    assert aligned(traces, names, "3ms").offsets == [0, 3 * MS, 3 * MS]
    assert aligned(traces, names, "3ms, -1s").offsets == [0, 3 * MS, -1000 * MS]
    assert aligned(traces[:1], names[:1], "nonsense").offsets == [0]
    for nonsense in ("--5ms-", "", ",", "2000h"):
        with pytest.raises(UsageError):
            aligned(traces, names, nonsense)
    with pytest.raises(UsageError, match="too far for one timeline"):
        aligned([_made(7), _made(8, wall=2**61)], names[:2], "wall")


def test_foreign_trace_is_read(tracekit: Run, tmp_path: Path) -> None:
    """What another tool wrote becomes a trace of tracekit."""
    events = [{"ph": "X", "name": "f", "pid": 5, "tid": 5, "ts": 1.5, "dur": 2}]
    (tmp_path / "other.json").write_text(json.dumps({"traceEvents": events}))
    result = tracekit("convert", "other.json", "-o", "ours.json")
    assert result.returncode == 0
    trace = load(tmp_path / "ours.json")
    assert check(trace) == []
    assert "f" in {trace.strings[name] for name in trace.slices.name}
