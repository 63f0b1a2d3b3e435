"""What the trace of the service under load must show, seen in a real run. Compares times only within one trace.

Knows the service's routes and functions, and nothing of how a trace is made.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests_support import Row, rows_of, spans_of

from tracekit.analyze import analyze
from tracekit.analyze.finding import Finding
from tracekit.export.report_json import report
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import FlowKind, Trace
from tracekit.spool.core import core

if importlib.util.find_spec("aiohttp") is None:
    pytest.skip("aiohttp is not installed", allow_module_level=True)

SERVICE = Path(__file__).parents[2] / "workloads" / "service.py"
VISITS = 3
ROUTES = {"GET /order/{number}", "GET /checksum", "GET /sessions"}


class Run(NamedTuple):
    """A run of the service: what it printed, its trace, and what is found in that."""

    stdout: str
    trace: Trace
    findings: list[Finding]

    @property
    def blocked(self) -> list[Finding]:
        """Those about the mistake, the longest block first."""
        about = [finding for finding in self.findings if finding.function == "restore_sessions"]
        assert about, [finding.sentence for finding in self.findings]
        return sorted(about, key=lambda finding: -finding.duration_s)

    @property
    def loop(self) -> dict[str, Any]:
        """What the report says of the server's loop."""
        loops: list[dict[str, Any]] = report(self.trace, self.findings)["loops"]
        (row,) = [row for row in loops if row["pid"] == self.trace.processes[0].pid]
        return row


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run of it under `tracekit run`."""
    out = tmp_path_factory.mktemp("service") / "service.json"
    command = [sys.executable, "-m", "tracekit", "run", "-q", "-o", str(out), str(SERVICE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd=out.parent)
    assert (done.returncode, done.stderr) == (0, "")
    trace = load(out)
    assert check(trace) == []
    return Run(done.stdout, trace, analyze(trace))


def steps_of(trace: Trace, span: Row) -> list[Row]:
    """The steps of a span's task that ran during it."""
    return [
        step
        for step in rows_of(trace, "RUNNING")
        if step.track == span.track and step.start < span.end and step.end > span.start
    ]


def test_two_processes(service: Run) -> None:
    """The server and its clients are a process each, the clients the server's child."""
    server, clients = service.trace.processes
    assert clients.parent == 0
    assert clients.pid != server.pid


def test_a_span_for_each_request(service: Run) -> None:
    """As many requests as the clients count have a span under their route's name, finished and on a task's track."""
    spans = spans_of(service.trace)
    counted = re.match(r"(\d+) requests served while (\d+) others", service.stdout)
    assert counted is not None

    assert {span.name for span in spans} == ROUTES
    assert len([span for span in spans if span.name != "GET /sessions"]) == int(counted[1])
    assert len([span for span in spans if span.name == "GET /sessions"]) == int(counted[2]) == VISITS
    assert {span.kind for span in spans} == {"TASK"}
    assert not [span for span in spans if span.unfinished or span.error]


def test_a_request_crosses_awaits(service: Run) -> None:
    """A request that waits for a worker is one span over several steps; one that blocks lies in a single step."""
    by_name = {span.name: span for span in spans_of(service.trace)}

    # Since 3.12 aiohttp starts its handlers eagerly and without a task factory: the core in Python does not see the first step
    # of such a task, and what begins in it lies on the task of the connection.
    least = 2 if sys.version_info < (3, 12) or core.fast is not None else 1
    assert len(steps_of(service.trace, by_name["GET /order/{number}"])) >= least
    assert len(steps_of(service.trace, by_name["GET /sessions"])) == 1


def test_jobs_on_worker_threads(service: Run) -> None:
    """What the database and the hash take is on workers' threads, with an arrow there, and one back to who waited."""
    trace = service.trace
    jobs = [job for job in rows_of(trace, "JOB") if job.name in ("find_order", "sha256_of")]
    kinds = trace.flows.kind.tolist()
    others = sum(span.name != "GET /sessions" for span in spans_of(trace))

    assert len(jobs) == others
    assert all(not trace.threads[trace.tracks[job.track].owner].main for job in jobs)
    assert kinds.count(FlowKind.SUBMIT) >= others
    assert kinds.count(FlowKind.RESULT) > 0


def test_the_culprit(service: Run) -> None:
    """loop-blocked names the program's function, and the library that it called, by name, version and place."""
    # A block is sampled a few times: where most of one of them fell on the function's own lines, the others tell.
    found = [finding for finding in service.blocked if finding.library is not None]
    assert found, [finding.details["stack"] for finding in service.blocked]
    finding = found[0]
    library = finding.library
    assert library is not None

    assert finding.slug == "loop-blocked"
    assert finding.file == str(SERVICE)
    assert "jar.load(profile)" in SERVICE.read_text().splitlines()[finding.line - 1]
    assert (library["name"], library["version"]) == ("aiohttp", importlib.metadata.version("aiohttp"))
    assert "/aiohttp/" in library["file"]
    assert f"aiohttp {library['version']}" in finding.sentence


def test_every_block_is_found(service: Run) -> None:
    """The mistake was made a few times, and each time is found: in a step of a request for sessions."""
    spans = [span for span in spans_of(service.trace) if span.name == "GET /sessions"]
    inside = [
        span
        for span in spans
        for finding in service.blocked
        if finding.start_s * 1e9 <= span.start < span.end <= (finding.start_s + finding.duration_s) * 1e9 + 1
    ]

    assert sum(finding.details["count"] for finding in service.blocked) == VISITS
    assert len(inside) == len(service.blocked)


def test_whom_it_delayed(service: Run) -> None:
    """Other tasks waited, none longer than the block took, and the longest for most of it.

    When a request came in while nobody could listen is not recorded, and said so.
    """
    delays = [
        (delay["by_s"], finding.duration_s) for finding in service.blocked for delay in finding.details["delayed"]
    ]
    known = [(by, block) for by, block in delays if by is not None]

    assert known
    assert all(by <= block for by, block in known)
    assert any(by > block / 2 for by, block in known)


def test_ready_latency(service: Run) -> None:
    """Half of the waits for the loop are short, and the longest is one behind a block."""
    loop = service.loop
    shortest = service.blocked[-1].duration_s

    assert 0 < loop["ready_p50_s"] <= loop["ready_p99_s"] <= loop["ready_max_s"]
    assert loop["ready_p50_s"] < shortest / 10
    assert loop["ready_max_s"] > shortest / 2


def test_nobody_else_is_accused(service: Run) -> None:
    """No other function of the program is said to compute, or to wait, while the loop cannot go on."""
    accused = [
        finding.function
        for finding in service.findings
        if finding.slug == "loop-blocked" and finding.details["verdict"] in ("cpu", "syscall", "gil")
    ]

    assert {function for function in accused if function} <= {"restore_sessions"}


def test_runs_without_tracekit(tmp_path: Path) -> None:
    """Where tracekit cannot be imported the service runs as well."""
    hidden = "import sys, runpy; del sys.argv[0]; sys.modules['tracekit'] = None; "
    hidden += "runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-c", hidden, str(SERVICE), "--scale", "0.1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert " requests served while " in done.stdout
