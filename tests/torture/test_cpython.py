"""CPython's own tests of what we hook, in a session: what passes without us passes with us. Knows nothing of what is in them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from interpreters import pythons

from tracekit import sessions
from tracekit.load import load
from tracekit.model.check import check

pytestmark = [pytest.mark.torture]

SUITES = [
    "test_asyncio",
    "test_concurrent_futures",
    "test_fork1",
    "test_gc",
    "test_multiprocessing_fork",
    "test_multiprocessing_forkserver",
    "test_multiprocessing_main_handling",
    "test_multiprocessing_spawn",
    "test_posix",
    "test_queue",
    "test_runpy",
    "test_signal",
    "test_subprocess",
    "test_thread",
    "test_threading",
]
VERSIONS = [version for version in sorted(pythons()) if version >= (3, 10)]

# Tests that look at what must differ in a session: (version, suite, test) -> the reason. There are none.
UNAVOIDABLE: dict[tuple[tuple[int, int], str, str], str] = {}

_HOURS = 1800  # seconds for one suite
_TOTAL = re.compile(r"Total tests: run=([\d,]+)|^Ran (\d+) tests?", re.MULTILINE)
_FAILED = re.compile(r"^(?:FAIL|ERROR): (.+)$", re.MULTILINE)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: ".".join(map(str, version)))
def test_suite(tmp_path: Path, version: tuple[int, int], suite: str) -> None:
    """A suite has no failure in a session that it does not have without one, and the trace of it is sound."""
    python = pythons()[version]
    ask = f"import os, test; print(any(os.path.exists(os.path.join(test.__path__[0], {suite!r} + end)) for end in ('', '.py')))"
    if subprocess.run([python, "-c", ask], capture_output=True, text=True, timeout=60, check=False).stdout != "True\n":
        pytest.skip(f"the `test` package of this Python has no {suite}")
    directory = tmp_path / "s.tracekit"
    directory.mkdir(mode=0o700)
    env = sessions.environment(str(directory), sessions.Options(), os.environ)

    count, failed, output = _run(python, suite, env, tmp_path)

    assert count > 0, output
    assert "hook failed" not in output
    unexpected = {test for test in failed if (version, suite, test) not in UNAVOIDABLE}
    if unexpected:
        # Some of these tests fail now and then, some on some machines: what counts fails twice with us and not without us.
        unexpected &= _run(python, suite, env, tmp_path)[1]
        unexpected -= _run(python, suite, dict(os.environ), tmp_path)[1]
    assert unexpected == set()
    trace = load(str(directory))
    assert check(trace) == []
    assert len(trace.processes) > 0


def _run(python: str, suite: str, env: dict[str, str], directory: Path) -> tuple[int, set[str], str]:
    """How many tests ran, which failed, and all that was printed."""
    scratch = directory / "scratch"
    scratch.mkdir(exist_ok=True)
    result = subprocess.run(
        [python, "-m", "test", "-v", "--timeout", "300", suite],
        env={**env, "TMPDIR": str(scratch)},
        cwd=scratch,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=_HOURS,
        check=False,
    )
    counts = [int((total or ran).replace(",", "")) for total, ran in _TOTAL.findall(result.stdout)]
    failed = set(_FAILED.findall(result.stdout))
    if result.returncode and not failed:
        failed = {f"exit code {result.returncode}"}
    return sum(counts), failed, result.stdout
