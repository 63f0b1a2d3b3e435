"""process-died: children that were killed or failed. Knows no recording."""

from __future__ import annotations

import signal

import pytest

from tracekit.analyze import process_died
from tracekit.model.builder import Builder
from tracekit.model.trace import Trace

MS = 1_000_000


def family(*statuses: int | None, untraced: str = "", program: int | None = 0) -> Trace:
    """A program with children that ended so, each after 5 ms of life, 10 ms apart."""
    builder = Builder("app.py")
    parent = builder.process(10, "app.py", started=MS, ended=1000 * MS, status=program)
    for at, status in enumerate(statuses, 1):
        builder.process(
            10 + at, f"worker-{at}", command="python app.py", parent=parent, started=(at * 10 + 1) * MS,
            ended=(at * 10 + 6) * MS, status=status, untraced=untraced,
        )  # fmt: skip
    return builder.build()


def test_all_is_well() -> None:
    """Whoever ended with 0, or whose end nobody saw, is no finding; neither is the program itself."""
    assert process_died.find(family(0, None, program=3), 0) == []


def test_a_kill() -> None:
    """Who was killed by what, after how long, and who had started it."""
    (finding,) = process_died.find(family(0, -signal.SIGKILL), 0)
    assert finding.sentence == (
        "worker-2 (pid 12) was killed by SIGKILL after 5.00 ms; app.py (pid 10) had started it."
    )
    assert "memory" in finding.advice
    assert (finding.slug, finding.severity, finding.start_s, finding.track) == (
        "process-died",
        "warning",
        0.025,
        "worker-2",
    )
    assert finding.details == {
        "pid": 12,
        "process": "worker-2",
        "command": "python app.py",
        "status": -9,
        "signal": "SIGKILL",
        "parent": 10,
        "count": 1,
    }


def test_many_alike() -> None:
    """Children of one parent that ended alike are one finding, which names a few."""
    (finding,) = process_died.find(family(1, 1, 1, 1), 0)
    assert finding.sentence == (
        "4 processes (worker-1, worker-2, worker-3 and others) ended with exit code 1, the first after 5.00 ms; "
        "app.py (pid 10) had started them."
    )
    assert finding.details["count"] == 4


@pytest.mark.parametrize(
    ("status", "untraced", "severity", "advice"),
    [
        (-signal.SIGSEGV, "", "warning", "faulthandler"),
        (-signal.SIGSEGV, "it is no Python", "warning", "faulthandler"),
        (-signal.SIGTERM, "", "info", "asked it to end"),
        (1, "", "warning", "stderr"),
        (1, "it is no Python", "info", "stderr"),
    ],
)
def test_how_bad_it_is(status: int, untraced: str, severity: str, advice: str) -> None:
    """A crash is worse than a request to end; what is no Python says by its exit code what it has found."""
    (finding,) = process_died.find(family(status, untraced=untraced), 0)
    assert finding.severity == severity
    assert advice in finding.advice


def test_a_worker_that_its_pool_ended() -> None:
    """That a pool ends its workers when it is over is no finding."""
    trace = family(-signal.SIGTERM, -signal.SIGTERM)
    trace.processes[1].dismissed = True
    (finding,) = process_died.find(trace, 0)
    assert finding.details["pid"] == 12
