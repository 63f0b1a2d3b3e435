"""What the trace of the starved pool must show: jobs that wait for a worker. Compares times only within one trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests_support import rows_of

from tracekit.model.trace import FlowKind

Workload = Callable[..., Any]

REQUESTS = 40


@pytest.fixture
def run(workload: Workload) -> Any:
    """The run."""
    return workload("starved_pool")


def test_the_jobs(run: Any) -> None:
    """A job for each request, on two workers, none submitted by anybody else than the main thread."""
    trace, flows = run.trace, run.trace.flows
    jobs = [row for row in rows_of(trace, "JOB") if row.name == "fetch"]
    submits = flows.track[flows.kind == FlowKind.SUBMIT].tolist()
    assert (len(jobs), len({job.track for job in jobs})) == (REQUESTS, 2)
    assert len(submits) == REQUESTS
    assert all(trace.threads[trace.tracks[track].owner].main for track in submits)


def test_longer_and_longer(run: Any) -> None:
    """The queue grows as long as requests come: the last ones wait several times as long as they run."""
    jobs = [row for row in rows_of(run.trace, "JOB") if row.name == "fetch"]
    queued = [job.args["queued_ns"] for job in jobs]
    assert sum(queued[:10]) < sum(queued[10:20]) < sum(queued[20:30]) < sum(queued[30:])
    assert queued[-1] > 2 * (jobs[-1].end - jobs[-1].start)


def test_the_finding(run: Any) -> None:
    """pool-starved says how many workers it has, that they were busy, and that more would be enough."""
    (finding,) = run.found("pool-starved")
    assert (finding.details["workers"], finding.details["jobs"]) == (2, REQUESTS)
    assert finding.details["queued_p95_s"] > finding.details["ran_p50_s"]
    assert finding.details["wanted"] > 2


def test_enough_workers(workload: Workload) -> None:
    """With as many workers as requests come while one is answered nobody is starved."""
    assert workload("starved_pool", "--workers", "20").found("pool-starved") == []


def test_with_plain_python(plain: Callable[..., Any]) -> None:
    """Without tracekit the program does the same."""
    status, stdout, stderr = plain("starved_pool", "--scale", "0.1")
    assert (status, stderr) == (0, "")
    assert stdout.startswith(f"{REQUESTS} answers in ")
