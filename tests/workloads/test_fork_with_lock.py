"""What the trace of a fork with a lock held must show: who held it, and that the child waits in vain. Compares no times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests_support import rows_of

Workload = Callable[..., Any]

PROGRAM = Path(__file__).parents[2] / "workloads" / "fork_with_lock.py"


@pytest.fixture
def run(workload: Workload) -> Any:
    """The run."""
    return workload("fork_with_lock", "--seconds", "0.5")


def test_the_finding(run: Any) -> None:
    """The child waits for a lock that the parent's thread took; both places are told, and what to do instead."""
    (finding,) = run.found("deadlock")
    (row,) = finding.details["threads"]
    parent, child = run.trace.processes
    lines = PROGRAM.read_text().splitlines()
    assert (finding.details["kind"], finding.details["outcome"]) == ("forked", "given up")
    assert (row["name"], row["pid"], row["held_by"]) == ("MainThread", child.pid, "refresher")
    assert "with self.lock" in lines[row["held_at"]["line"] - 1]
    assert "acquire(timeout=" in lines[row["waits_at"]["line"] - 1]
    assert f"refresher of process {parent.pid} held in" in finding.sentence
    assert "spawn" in finding.advice


def test_the_child(run: Any) -> None:
    """The child is the parent's, ends with 1, and its wait is there whole, given up and without an arrow."""
    parent, child = run.trace.processes
    assert (child.parent, run.status, run.stdout) == (0, 1, "the child waited in vain\n")
    (wait,) = [wait for wait in rows_of(run.trace, "WAIT") if wait.args.get("inherited")]
    assert (wait.args["outcome"], wait.args["held_by"], wait.args["held_by_pid"]) == (
        "given up",
        "refresher",
        parent.pid,
    )
    assert (wait.track, wait.end) not in {(row.track, row.end) for row in rows_of(run.trace, "ACQUIRED")}


def test_spawned_instead(workload: Workload) -> None:
    """A child that is started as a new process has a lock of its own."""
    run = workload("fork_with_lock", "--spawn")
    assert (run.status, run.found("deadlock")) == (0, [])
    assert run.stdout == "the child says hello\n"


def test_with_plain_python(plain: Callable[..., Any]) -> None:
    """Without tracekit the program does the same."""
    assert plain("fork_with_lock", "--seconds", "0.2") == (1, "the child waited in vain\n", "")
