"""What the trace of oversubscription must show: processes that are ready to run, and no core for them.

Compares times only within one trace.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from tracekit.export.report_json import report

Workload = Callable[..., Any]

CORES = len(os.sched_getaffinity(0))


@pytest.fixture
def run(workload: Workload) -> Any:
    """The run."""
    return workload("oversubscription")


def test_more_processes_than_cores(run: Any) -> None:
    """Four processes for each core, all children of the first."""
    names = [process.name for process in run.trace.processes if process.parent == 0]
    assert sorted(names) == sorted(f"computing {number}" for number in range(4 * CORES))


def test_ready_without_a_core(run: Any) -> None:
    """Each computed for as long as it was asked to, and could have run for longer than it ran; none waited for a GIL."""
    threads = [row for row in report(run.trace, run.findings)["threads"] if row["pid"] != run.trace.processes[0].pid]
    states = [row["states"] for row in threads]
    assert all(state is not None for state in states)
    ran, ready, gil = (sum(state[name] for state in states) for name in ("running", "runnable", "gil"))
    assert ready > ran
    assert gil < ran / 10
    assert ran <= CORES * run.trace.duration / 1e9


def test_the_finding(run: Any) -> None:
    """core-starved names the processes that wanted a core."""
    (finding,) = run.found("core-starved")
    pids = {process.pid for process in run.trace.processes[1:]}
    assert {row["pid"] for row in finding.details["threads"]} <= {process.pid for process in run.trace.processes}
    assert len({row["pid"] for row in finding.details["threads"]} & pids) > len(pids) / 2
    assert finding.details["cause"] in ("program", "others", "both")  # on a busy machine others took them as well


def test_with_plain_python(plain: Callable[..., Any]) -> None:
    """Without tracekit the program does the same."""
    status, stdout, stderr = plain("oversubscription", "--scale", "0.05", "--processes", "2")
    assert (status, stderr) == (0, "")
    assert stdout.startswith(f"2 processes on {CORES} cores: ")
