"""What the trace of the deadlock must show, and what is said while it lasts. Compares no times."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from tracekit.analyze import analyze
from tracekit.analyze.finding import Finding
from tracekit.load import load

Workload = Callable[..., Any]

PROGRAM = Path(__file__).parents[2] / "workloads" / "deadlock.py"
TAKEN, WAITED_FOR = "with first.lock:", "with second.lock:"


def line_of(place: dict[str, Any] | None) -> str:
    """The line of the program that a place is."""
    assert place is not None
    assert place["file"] == str(PROGRAM)
    return PROGRAM.read_text().splitlines()[place["line"] - 1].strip()


def is_the_deadlock(findings: list[Finding]) -> bool:
    """Whether they tell of both threads, what each holds and waits for, and where."""
    (finding,) = [finding for finding in findings if finding.slug == "deadlock"]
    threads = {row["name"]: row for row in finding.details["threads"]}
    assert (finding.severity, finding.details["kind"], finding.details["outcome"]) == ("error", "circle", "unfinished")
    assert threads.keys() == {"there", "back"}
    assert {row["held_by"] for row in threads.values()} == {"there", "back"}
    assert len({row["lock"] for row in threads.values()}) == 2
    assert all(row["held_by"] != name for name, row in threads.items())
    assert all(line_of(row["held_at"]) == TAKEN for row in threads.values())
    assert all(line_of(row["waits_at"]) == WAITED_FOR for row in threads.values())
    return True


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the program under `tracekit run`, to hang until it is killed, and ends it with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> subprocess.Popen[str]:
        path = os.pathsep.join(filter(None, (str(PROGRAM.parents[1]), os.environ.get("PYTHONPATH", ""))))
        command = [sys.executable, "-m", "tracekit", "run", "-q", "--locks", "-o", str(tmp_path / "out.json"), *options]
        child = subprocess.Popen(
            [*command, str(PROGRAM), "--seconds", "100"],
            env={**os.environ, "PYTHONPATH": path},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def said(stream: IO[str] | None, words: str) -> str:
    """The next line that holds these words."""
    assert stream is not None
    return next(line for line in stream if words in line)


def test_the_finding(workload: Workload) -> None:
    """Both threads, both locks, and the lines where each was taken and is waited for."""
    run = workload("deadlock", "--seconds", "1")
    assert run.status == 1
    assert is_the_deadlock(run.findings)
    assert next(finding.slug for finding in run.findings) == "deadlock"
    assert not run.found("lock-contention")


def test_in_order(workload: Workload) -> None:
    """Where both lock in the same order there is none."""
    run = workload("deadlock", "--ordered")
    assert (run.status, run.found("deadlock")) == (0, [])


def test_while_it_hangs(hanging: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    """It is said on stderr while the program hangs; a dump made then tells it, and so does the trace once it was killed."""
    child = hanging()
    line = said(child.stderr, "a deadlock in process ")
    pid = int(line.partition("process ")[2].partition(":")[0])
    assert "there waits in transfer" in line
    assert "back waits in transfer" in line
    dump = tmp_path / "dump.json"
    command = [sys.executable, "-m", "tracekit", "dump", "-q", "-o", str(dump), str(tmp_path / "out.tracekit")]
    subprocess.run(command, check=True, timeout=100)
    assert is_the_deadlock(analyze(load(dump)))

    os.kill(pid, signal.SIGKILL)
    assert child.wait(100) == -signal.SIGKILL
    assert is_the_deadlock(analyze(load(tmp_path / "out.json")))


def test_a_flight_recorder_dumps(hanging: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    """A flight recorder writes out what it holds when a deadlock has come up."""
    child = hanging("--flight", "1MB")
    assert "a deadlock (process " in said(child.stderr, "wrote ")
    (dump,) = tmp_path.glob("out-dump-*.json*")
    assert is_the_deadlock(analyze(load(dump)))


@pytest.mark.parametrize(("arguments", "status"), [(("--seconds", "0.2"), 1), (("--ordered",), 0)])
def test_with_plain_python(plain: Callable[..., Any], arguments: tuple[str, ...], status: int) -> None:
    """Without tracekit the program does the same."""
    assert plain("deadlock", *arguments)[::2] == (status, "")
