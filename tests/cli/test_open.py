"""open: traces and parts of them, as the page gets them. Runs the real command line, and is its browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tracekit.export.chrome_json import write
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, TrackKind

Run = Callable[..., "subprocess.CompletedProcess[str]"]

MS = 1_000_000


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """A trace of a tenth of a second with two spans, of 20 ms and of 1 ms."""
    builder = Builder("program.py")
    track = builder.track(TrackKind.THREAD, builder.thread(builder.process(7, "program"), 7, "MainThread", main=True))
    builder.slice(track, 0, 100 * MS, "MainThread", Category.THREAD)
    builder.slice(track, 10 * MS, 30 * MS, "long", Category.SPAN)
    builder.slice(track, 60 * MS, 61 * MS, "short", Category.SPAN)
    write(builder.build(), [], tmp_path / "trace.json")
    return tmp_path / "trace.json"


def _served(folder: Path, *words: str) -> tuple[str, dict[str, Any]]:
    """What `tracekit open` serves: the name that the page shows, and the trace. It leaves nothing behind, also when killed."""
    command = [sys.executable, "-m", "tracekit", "open", "--no-browser", *words]
    (temporary := folder / "temporary").mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            (address,) = (word for word in process.stderr.readline().split() if word.startswith("http"))
            (url,) = parse_qs(urlsplit(address).fragment.partition("?")[2])["url"]
            with urllib.request.urlopen(url, timeout=60) as response:
                return unquote(url.rpartition("/")[2]), json.load(response)
        finally:
            process.terminate()
            process.wait(60)
            assert list(temporary.iterdir()) == []


def _names(document: dict[str, Any]) -> list[str]:
    return [event["name"] for event in document["traceEvents"] if event["ph"] == "X"]


def test_a_trace_is_served_as_it_is(trace: Path) -> None:
    """Without a wish for a part the page gets the file itself."""
    assert _served(trace.parent, "trace.json") == ("trace.json", json.loads(trace.read_text()))


def test_a_window(trace: Path) -> None:
    """--from and --to show what was there then, under a name that says so."""
    name, document = _served(trace.parent, "trace.json", "--from", "20ms", "--to", "50ms")
    assert name == "trace from 20ms to 50ms.json"
    assert _names(document) == ["MainThread", "long"]
    (long,) = (event for event in document["traceEvents"] if event["name"] == "long")
    assert (long["ts"], long["dur"]) == (0, 10_000)
    assert "before the window" in str(long["args"])


def test_without_what_is_short(trace: Path) -> None:
    """--least leaves out what is shorter."""
    name, document = _served(trace.parent, "trace.json", "--least", "5ms")
    assert name == "trace, 5ms and longer.json"
    assert _names(document) == ["MainThread", "long"]


def test_a_session(tracekit: Run, tmp_path: Path) -> None:
    """A session can be looked at as it is."""
    assert tracekit("run", "-q", "--keep-session", "-o", "out.json", "-c", "pass").returncode == 0
    name, document = _served(tmp_path, "out.tracekit")
    assert name == "out.json"
    assert "MainThread" in _names(document)


@pytest.mark.usefixtures("trace")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("trace.json", "--from", "soon"), "is no duration"),
        (("trace.json", "--from", "2s"), "the trace is 100 ms long"),
        (("none.json", "--to", "2s"), "cannot be read"),
        (("none.json",), "cannot be read"),
    ],
)
def test_what_cannot_be_opened(tracekit: Run, words: tuple[str, ...], said: str) -> None:
    """A wrong time or file takes one line and exit code 2."""
    result = tracekit("open", "--no-browser", *words)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert said in result.stderr


def test_more_than_the_page_can_hold(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too large a trace is not opened: the error offers a window and a length, and --whole opens it all the same."""
    from tracekit.cli.open import command
    from tracekit.errors import TracekitError
    from tracekit.export import page_limit, viewer

    served: list[list[Path]] = []
    monkeypatch.setattr(page_limit, "MOST_JSON_BYTES", 100)
    monkeypatch.setattr(page_limit, "COMFORTABLE", 2)
    monkeypatch.setattr(viewer, "serve", lambda files, **_: served.append(files))
    with pytest.raises(TracekitError, match=r"--from 0s --to 60ms; .* --least 2ms; --whole opens it"):
        command.main([str(trace)], standalone_mode=False)
    command.main([str(trace), "--whole"], standalone_mode=False)
    command.main([str(trace), "--to", "5ms"], standalone_mode=False)
    assert [len(files) for files in served] == [1, 1]
