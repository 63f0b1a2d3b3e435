"""What the trace of the lock convoy must show: who stands in line for what. Compares times only within one trace."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests_support import rows_of, spans_of

from tracekit.analyze.finding import Finding
from tracekit.export.report_json import report
from tracekit.model.trace import FlowKind

Workload = Callable[..., Any]

PROGRAM = Path(__file__).parents[2] / "workloads" / "lock_convoy.py"
HANDLERS = {f"handler {number}" for number in range(4)}


@pytest.fixture
def run(workload: Workload) -> Any:
    """The run."""
    return workload("lock_convoy")


@pytest.fixture
def finding(run: Any) -> Finding:
    """The one about the log's lock."""
    found: list[Finding] = [finding for finding in run.found("lock-contention") if finding.function.endswith("write")]
    (finding,) = found
    return finding


def test_one_at_a_time(run: Any) -> None:
    """At no time are two threads in `write`."""
    spans = [span for span in spans_of(run.trace) if span.name == "write"]
    assert len(spans) == 40
    assert all(before.end <= after.start for before, after in pairwise(spans))


def test_the_finding(finding: Finding) -> None:
    """It names all who waited, where the lock was taken, and that it went from hand to hand."""
    details = finding.details
    assert {waiter["name"] for waiter in details["waiters"]} == HANDLERS
    assert {holder["name"] for holder in details["held_by"]} <= HANDLERS
    assert finding.file == str(PROGRAM)
    assert "with self._lock" in PROGRAM.read_text().splitlines()[finding.line - 1]
    assert details["convoy"] is True
    assert details["most_waiting"] >= 2
    assert details["share"] > 0.1
    assert "a convoy" in finding.sentence


def test_arrows(run: Any, finding: Finding) -> None:
    """Each wait that got the lock ends with an arrow from the thread that released it, which is another one."""
    trace, flows = run.trace, run.trace.flows
    waits = [row for row in rows_of(trace, "WAIT") if row.args.get("lock") == finding.details["lock"]]
    ends = {(row.track, row.end) for row in waits if row.args["outcome"] == "taken"}
    arrows = {
        (int(trace.slices.track[target]), int(trace.slices.start[target])): track
        for kind, track, target in zip(flows.kind.tolist(), flows.track.tolist(), flows.target.tolist())
        if kind == FlowKind.RELEASE
    }
    assert len(ends) >= 20
    assert ends <= arrows.keys()
    assert all(arrows[end] != end[0] for end in ends)


def test_the_table(run: Any, finding: Finding) -> None:
    """report --json has the lock, its waits and who held it; waiting at the barrier is nobody's fault."""
    rows = report(run.trace, run.findings)["locks"]
    (row,) = [row for row in rows if row["lock"] == finding.details["lock"]]
    assert (row["contended"], row["waits"], row["waited_s"]) == (True, finding.details["waits"], finding.duration_s)
    (barrier,) = [row for row in rows if row["call"] == "Barrier.wait" and not row["contended"]]
    assert (barrier["lock"], barrier["held_by"]) == (None, [])


def test_with_plain_python(plain: Callable[..., Any]) -> None:
    """Without tracekit the program does the same."""
    status, stdout, stderr = plain("lock_convoy", "--scale", "0.1")
    assert (status, stderr) == (0, "")
    assert stdout.startswith("40 lines in ")
