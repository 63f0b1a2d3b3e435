"""Others who ride into Pythons by a sitecustomize or a .pth of their own: they work under a session, and a session under them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracekit import sessions
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Trace

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """The directory of a session."""
    directory = tmp_path / "s.tracekit"
    directory.mkdir(mode=0o700)
    return directory


@pytest.fixture
def run(tmp_path: Path, session: Path) -> Run:
    """Runs a command in the session, and by `outside` without one."""

    def run(*command: str, outside: bool = False, **variables: str) -> subprocess.CompletedProcess[str]:
        base = {key: value for key, value in os.environ.items() if not key.startswith(("COV_", "PYTEST_"))} | variables
        env = base if outside else sessions.environment(str(session), sessions.Options(), base)
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    return run


def sound(path: Path) -> Trace:
    trace = load(str(path))
    assert check(trace) == []
    return trace


def instants(trace: Trace) -> list[str]:
    return sorted(trace.strings[name] for name in trace.instants.name)


PARENT_AND_CHILD = """
    import subprocess, sys
    import tracekit

    def work(who):
        tracekit.instant(who)

    if len(sys.argv) == 1:
        work("parent")
        subprocess.run([sys.executable, __file__, "child"], check=True)
    else:
        work("child")
"""


def _measured(tmp_path: Path, data: str) -> list[list[int]]:
    """The lines that coverage measured of app.py, in each process."""
    coverage = pytest.importorskip("coverage", reason="coverage is not installed")
    found = []
    for file in sorted(tmp_path.glob(f"{data}*")):
        measured = coverage.CoverageData(str(file))
        measured.read()
        found.append(sorted(measured.lines(str(tmp_path / "app.py")) or []))
    return sorted(found)


def test_coverage_of_child_processes(run: Run, tmp_path: Path, session: Path) -> None:
    """Coverage measures parent and child in a session line for line as it does without one."""
    pytest.importorskip("coverage", reason="coverage is not installed")
    (tmp_path / "app.py").write_text(textwrap.dedent(PARENT_AND_CHILD))
    (tmp_path / "startup").mkdir()
    # coverage's own way for Pythons without its .pth: a sitecustomize.
    (tmp_path / "startup" / "sitecustomize.py").write_text("import coverage\ncoverage.process_startup()\n")
    for data in ("plain", "traced"):
        (tmp_path / f"{data}.rc").write_text(f"[run]\nparallel = true\ndata_file = {tmp_path}/data-{data}\n")

    results = [
        run(
            sys.executable,
            "app.py",
            outside=data == "plain",
            COVERAGE_PROCESS_START=str(tmp_path / f"{data}.rc"),
            PYTHONPATH=str(tmp_path / "startup"),
        )
        for data in ("plain", "traced")
    ]

    assert [(result.returncode, result.stdout, result.stderr) for result in results] == [(0, "", "")] * 2
    plain, traced = _measured(tmp_path, "data-plain"), _measured(tmp_path, "data-traced")
    assert len(plain) == 2
    assert traced == plain
    assert instants(sound(session)) == ["child", "parent"]


def test_session_under_coverage(run: Run, tmp_path: Path) -> None:
    """A program that `coverage run` measures may start a session; it is measured whole, and its trace is whole."""
    pytest.importorskip("coverage", reason="coverage is not installed")
    (tmp_path / "app.py").write_text(
        "import tracekit\ntracekit.start('out.json')\ntracekit.instant('here')\ntracekit.stop()\nprint('done')\n"
    )

    result = run(sys.executable, "-m", "coverage", "run", "--data-file=data", "app.py", outside=True)

    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")
    assert _measured(tmp_path, "data") == [[1, 2, 3, 4, 5]]
    assert instants(sound(tmp_path / "out.json")) == ["here"]


QUIET = {
    "DD_TRACE_ENABLED": "false",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
}


def test_ddtrace_run(run: Run, tmp_path: Path, session: Path) -> None:
    """`ddtrace-run`, which has a sitecustomize too, and the session both get into the program and its children."""
    pytest.importorskip("ddtrace", reason="ddtrace is not installed")
    script = Path(sys.executable).with_name("ddtrace-run")
    if not script.exists():
        pytest.skip("ddtrace-run is not installed beside this Python")
    (tmp_path / "app.py").write_text(
        textwrap.dedent(PARENT_AND_CHILD) + "print('ddtrace' in sys.modules, sys.modules['sitecustomize'].__name__)\n"
    )

    plain = run(str(script), sys.executable, "app.py", outside=True, **QUIET)
    traced = run(str(script), sys.executable, "app.py", **QUIET)

    assert plain.stdout == "True sitecustomize\n" * 2
    assert (traced.returncode, traced.stdout) == (plain.returncode, plain.stdout)
    assert "tracekit" not in traced.stderr
    assert instants(sound(session)) == ["child", "parent"]


def test_run_under_ddtrace(run: Run, tmp_path: Path) -> None:
    """`tracekit run` under `ddtrace-run`: both are in the program."""
    pytest.importorskip("ddtrace", reason="ddtrace is not installed")
    script = Path(sys.executable).with_name("ddtrace-run")
    if not script.exists():
        pytest.skip("ddtrace-run is not installed beside this Python")
    (tmp_path / "app.py").write_text(
        "import sys, tracekit\ntracekit.instant('here')\nprint('ddtrace' in sys.modules)\n"
    )

    result = run(
        str(script), sys.executable, "-m", "tracekit", "run", "-q", "-o", "out.json", "app.py", outside=True, **QUIET
    )

    assert (result.returncode, result.stdout) == (0, "True\n")
    assert instants(sound(tmp_path / "out.json")) == ["here"]


def test_pytest_xdist(run: Run, tmp_path: Path, session: Path) -> None:
    """pytest with two xdist workers: its outcome is the same, and what each worker recorded is in the trace."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    (tmp_path / "test_app.py").write_text(
        "import os, pytest, tracekit\n"
        "@pytest.mark.parametrize('number', range(6))\n"
        "def test(number):\n"
        "    tracekit.instant(f'test {number}')\n"
        "    assert number != 4\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-n", "2", "-p", "no:cacheprovider", "test_app.py"]
    quick = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # other plugins start processes of their own

    results: list[Any] = [run(*command, outside=outside, **quick) for outside in (True, False)]

    assert [result.returncode for result in results] == [1, 1]
    for result in results:
        assert "1 failed, 5 passed" in result.stdout
        assert result.stderr == ""
    trace = sound(session)
    assert instants(trace) == [f"test {number}" for number in range(6)]
    assert len([process for process in trace.processes if not process.untraced]) == 3
