"""What the tests of the workloads share: one run of each under `tracekit run`, with its trace. Knows no workload."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tracekit.analyze import analyze
from tracekit.analyze.finding import Finding
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Trace

ROOT = Path(__file__).parents[2]


class Run(NamedTuple):
    """A run of a workload: how it ended, what was said, its trace as the file has it, and what is found in that."""

    status: int
    stdout: str
    stderr: str
    trace: Trace
    findings: list[Finding]

    def found(self, slug: str) -> list[Finding]:
        """The findings of a kind."""
        return [finding for finding in self.findings if finding.slug == slug]


@pytest.fixture(scope="session")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """Runs a workload with all that can be recorded; each with the same arguments once."""

    @cache
    def run(program: str, *arguments: str) -> Run:
        out = tmp_path_factory.mktemp(program) / f"{program}.json"
        command = [sys.executable, "-m", "tracekit", "run", "-q", "--locks", "-o", str(out)]
        command += [str(ROOT / "workloads" / f"{program}.py"), *arguments]
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
        environment = {**os.environ, "PYTHONPATH": path}
        done = subprocess.run(
            command, env=environment, cwd=out.parent, capture_output=True, text=True, timeout=100, check=False
        )
        assert out.exists(), done.stderr
        trace = load(out)
        assert check(trace) == []
        return Run(done.returncode, done.stdout, done.stderr, trace, analyze(trace))

    return run


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[int, str, str]]:
    """Runs a workload without tracekit: its status, and what it says on stdout and stderr."""

    def run(program: str, *arguments: str) -> tuple[int, str, str]:
        command = [sys.executable, "-I", "-S", str(ROOT / "workloads" / f"{program}.py"), *arguments]
        folder = tmp_path_factory.mktemp("plain")
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
        return done.returncode, done.stdout, done.stderr

    return run
