"""`tracekit report --html`: the page, written by the real command line. Knows no browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tracekit.export.chrome_json import write
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, TrackKind


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """A small trace file."""
    builder = Builder("app.py")
    thread = builder.thread(builder.process(10, "app.py"), 10, "MainThread", started=0, ended=1_000_000, main=True)
    builder.slice(builder.track(TrackKind.THREAD, thread), 0, 1_000_000, "MainThread", Category.THREAD)
    write(builder.build(), [], tmp_path / "app.json")
    return tmp_path / "app.json"


def test_page(tracekit: Run, trace: Path, tmp_path: Path) -> None:
    """It writes the page, says where on stderr, and prints nothing else."""
    result = tracekit("report", str(trace), "--html", str(tmp_path / "app.html"))
    assert result.returncode == 0
    assert result.stdout == ""
    assert str(tmp_path / "app.html") in result.stderr
    assert "app.py" in (tmp_path / "app.html").read_text()


def test_page_and_json(tracekit: Run, trace: Path, tmp_path: Path) -> None:
    """With --json stdout is still one JSON object."""
    result = tracekit("report", str(trace), "--html", str(tmp_path / "app.html"), "--json")
    assert json.loads(result.stdout)["program"] == "app.py"
    assert (tmp_path / "app.html").exists()


def test_wrong_name(tracekit: Run, trace: Path, tmp_path: Path) -> None:
    """A name that is no page's is an error of one line, with exit code 2."""
    result = tracekit("report", str(trace), "--html", str(tmp_path / "app.txt"))
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "Let the name end in .html" in result.stderr
