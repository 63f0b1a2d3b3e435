"""Several `tracekit run` and one session: pipelines, one inside of another, and those that the user joins by name.

Runs the real command.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tracekit.cli.joining import Turn
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Process, Trace

Run = Callable[..., "subprocess.CompletedProcess[str]"]

TRACEKIT = f"{shlex.quote(sys.executable)} -m tracekit run -q"
PRODUCER = "import tracekit as tk; tk.instant('produced'); print('a line')"
CONSUMER = "import sys, tracekit as tk; tk.instant('consumed'); print(sys.stdin.read().strip().upper()); sys.exit(3)"


def python(code: str) -> str:
    """A Python that runs some code, as a shell reads it."""
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def sound(path: Path) -> Trace:
    """The trace in a file."""
    trace = load(path)
    assert check(trace) == []
    return trace


def by_command(trace: Trace, part: str) -> Process:
    """The one process of a trace whose command line ends so."""
    (found,) = (process for process in trace.processes if process.command.endswith(part))
    return found


def instants(trace: Trace) -> set[str]:
    """The names of all points in time."""
    return {trace.strings[name] for name in trace.instants.name}


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a line of shell in an empty directory, with more variables."""

    def run(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, **variables}
        return subprocess.run(
            ["sh", "-c", line], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def test_a_pipeline(tracekit: Run, tmp_path: Path) -> None:
    """A pipeline of a shell is one trace: both programs, and the shell that nobody looked into as their parent."""
    line = f"{python(PRODUCER)} | {python(CONSUMER)}"

    result = tracekit("run", "-q", "-o", "out.json", "--", "sh", "-c", line)

    assert (result.stdout, result.stderr, result.returncode) == ("A LINE\n", "", 3)
    trace = sound(tmp_path / "out.json")
    shell = by_command(trace, line)
    assert (shell.name, shell.status, bool(shell.untraced)) == ("sh", 3, True)
    parents = [process.parent for process in trace.processes if process is not shell]
    assert [trace.processes[parent or 0] for parent in parents] == [shell, shell]
    assert instants(trace) == {"produced", "consumed"}
    assert trace.exit_status == 3


def test_a_run_inside_of_a_run(tracekit: Run, tmp_path: Path) -> None:
    """It records into the outer one's session, is as transparent as ever, and says that its own trace is not written."""
    inner = f"{TRACEKIT.removesuffix(' -q')} -o inner.json -c {shlex.quote(CONSUMER)}"

    result = tracekit("run", "-q", "-o", "out.json", "--", "sh", "-c", f"{python(PRODUCER)} | {inner}")

    assert (result.stdout, result.returncode) == ("A LINE\n", 3)
    assert len(result.stderr.splitlines()) == 1
    assert "inner.json is not written" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json"]
    assert instants(sound(tmp_path / "out.json")) == {"produced", "consumed"}


def test_what_a_run_inside_of_a_run_leaves_to_its_program(tracekit: Run, tmp_path: Path) -> None:
    """Signals, open files and arguments of an inner program are those that it would have without."""
    code = (
        "import os, signal, sys; print(sys.argv, signal.getsignal(signal.SIGPIPE), os.listdir('/proc/self/fd'), "
        "signal.getsignal(signal.SIGINT))"
    )
    words = [sys.executable, "-c", code, "-x"]
    plain = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)

    result = tracekit("run", "-q", "--", sys.executable, "-m", "tracekit", "run", "-q", "--", *words)

    assert (result.stdout, result.stderr) == (plain.stdout, "")


def test_runs_that_are_joined_by_name(shell: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    """Two runs in one pipe that find the same session write one trace, when the last of them ends."""
    line = f"{TRACEKIT} -c {shlex.quote(PRODUCER)} | {TRACEKIT} -c {shlex.quote(CONSUMER)}"

    result = shell(line, TRACEKIT_SESSION="both.tracekit")

    assert (result.stdout, result.stderr, result.returncode) == ("A LINE\n", "", 3)
    assert [path.name for path in tmp_path.iterdir()] == ["both.json.gz"]
    trace = sound(tmp_path / "both.json.gz")
    assert instants(trace) == {"produced", "consumed"}
    assert by_command(trace, PRODUCER).status == 0
    assert by_command(trace, CONSUMER).status == 3
    assert trace.exit_status == 3
    assert trace.program == "code and code"


def test_the_last_one_writes(tmp_path: Path) -> None:
    """Whoever ends first leaves the session to who goes on; a third one that comes then still joins."""
    env = {**os.environ, "TRACEKIT_SESSION": str(tmp_path / "all.tracekit")}
    command = [sys.executable, "-m", "tracekit", "run", "-q", "-c"]
    waiting = subprocess.Popen(
        [*command, "import tracekit as tk; print('ready', flush=True); input(); tk.instant('first')"],
        cwd=tmp_path, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert waiting.stdout is not None
    assert waiting.stdout.readline() == "ready\n"
    for name in ("second", "third"):
        code = f"import tracekit as tk; tk.instant({name!r})"
        subprocess.run([*command, code], cwd=tmp_path, env=env, check=True, timeout=60)
        assert not (tmp_path / "all.json.gz").exists()

    waiting.communicate("\n", timeout=60)

    assert instants(sound(tmp_path / "all.json.gz")) == {"first", "second", "third"}
    assert [path.name for path in tmp_path.iterdir()] == ["all.json.gz"]


def test_a_member_that_is_killed(tmp_path: Path) -> None:
    """The kill of a run does not keep the others from writing the trace, with what its program recorded."""
    env = {**os.environ, "TRACEKIT_SESSION": str(tmp_path / "all.tracekit")}
    command = [sys.executable, "-m", "tracekit", "run", "-q", "-c"]
    code = "import tracekit as tk, os, signal; tk.instant('first'); os.kill(os.getppid(), signal.SIGKILL)"
    holding = subprocess.Popen(
        [*command, "print('ready', flush=True); input()"],
        cwd=tmp_path, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holding.stdout is not None
    assert holding.stdout.readline() == "ready\n"
    assert subprocess.run([*command, code], cwd=tmp_path, env=env, check=False, timeout=60).returncode == -9

    holding.communicate("\n", timeout=60)

    assert instants(sound(tmp_path / "all.json.gz")) == {"first"}


def test_a_session_that_nobody_finished(shell: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    """What a named session holds that nobody finished is not taken for one to join."""
    (tmp_path / "both.tracekit").mkdir()
    (tmp_path / "both.tracekit" / "session.json").write_text('{"schema": 1}')

    result = shell(f"{TRACEKIT} -c 'print(1)'", TRACEKIT_SESSION="both.tracekit")

    assert result.returncode == 2
    assert "tracekit recover" in result.stderr
    assert result.stdout == ""


def test_an_earlier_trace_is_not_overwritten(
    shell: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """A run that comes when the trace of its session has been written begins anew, under a name of its own."""
    for _ in range(2):
        assert shell(f"{TRACEKIT} -c 'pass'", TRACEKIT_SESSION="both.tracekit").returncode == 0

    assert sorted(path.name for path in tmp_path.iterdir()) == ["both-2.json.gz", "both.json.gz"]


def test_a_turn(tmp_path: Path) -> None:
    """One member at a time watches; whoever gives it back leaves it to the next, also where nobody had a turn before."""
    first, second = Turn(str(tmp_path)), Turn(str(tmp_path))
    assert first.take()
    assert first.take()
    assert not second.take()

    first.close()

    assert second.take()
    second.close()
    assert not Turn(str(tmp_path / "gone")).take()
