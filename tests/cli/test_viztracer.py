"""`tracekit run --viztracer`: how it is asked for, and what is kept. Runs the real command."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Category, Trace

Run = Callable[..., "subprocess.CompletedProcess[str]"]

PROGRAM = "import sys\ndef known(): return len(sys.argv)\nprint(known())\n"


@pytest.fixture
def program(tmp_path: Path) -> str:
    """A script in the test's directory."""
    (tmp_path / "program.py").write_text(PROGRAM)
    return "program.py"


def calls(trace: Trace) -> list[str]:
    """The names of all calls."""
    assert check(trace) == []
    return [trace.strings[name] for name in trace.slices.name[trace.slices.category == Category.CALL]]


@pytest.mark.parametrize("output", ["out.json", "out.json.gz", "out.pftrace"])
def test_calls_are_in_the_trace(tracekit: Run, program: str, tmp_path: Path, output: str) -> None:
    """The option takes a value only after "=", so that the script that follows is run; nothing but the trace is left."""
    result = tracekit("run", "-q", "-o", output, "--viztracer", program, "word")

    assert (result.stdout, result.stderr, result.returncode) == ("2\n", "", 0)
    assert any(name.startswith("known (") for name in calls(load(tmp_path / output)))
    assert sorted(path.name for path in tmp_path.iterdir()) == [output, program]


def test_asked_for_less(tracekit: Run, program: str, tmp_path: Path) -> None:
    """What viztracer is asked for follows "="; its own file is kept beside the trace on request, for its own viewer."""
    asked = "--viztracer=ignore_c_function,max-stack-depth=50"
    result = tracekit("run", "-q", "-o", "out.json", asked, "--keep-viztracer", program)

    assert (result.stdout, result.stderr, result.returncode) == ("1\n", "", 0)
    names = calls(load(tmp_path / "out.json"))
    assert any(name.startswith("known (") for name in names)
    assert "builtins.len" not in names
    (kept,) = tmp_path.glob("out-viztracer-*.json")
    assert b"known (" in kept.read_bytes()


def test_what_does_not_read(tracekit: Run, program: str, tmp_path: Path) -> None:
    """A mistake is one line, nothing is run, and nothing is left."""
    result = tracekit("run", "-q", "--viztracer=entries=5", program)

    assert (result.stdout, result.returncode) == ("", 2)
    assert "tracer_entries" in result.stderr
    assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [program]


def test_flight_recorder(tracekit: Run, program: str, tmp_path: Path) -> None:
    """Of a flight recorder's last part the calls are there as well."""
    result = tracekit("run", "-q", "-o", "out.json", "--flight", "10s", "--viztracer", program)

    assert (result.stdout, result.stderr, result.returncode) == ("1\n", "", 0)
    assert any(name.startswith("known (") for name in calls(load(tmp_path / "out.json")))
