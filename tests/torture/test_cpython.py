"""CPython's own tests of what we hook, in a session: what passes without us passes with us. Knows nothing of what is in them."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from interpreters import pythons

from tracekit import sessions
from tracekit.load import load
from tracekit.model.check import check
from tracekit.options import HOOKS, ON_REQUEST

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
    "test_os",
    "test_posix",
    "test_pty",
    "test_queue",
    "test_runpy",
    "test_signal",
    "test_subprocess",
    "test_thread",
    "test_threading",
]
# Those that are run with the waits for locks recorded as well.
LOCKED = [
    "test_concurrent_futures",
    "test_multiprocessing_fork",
    "test_multiprocessing_forkserver",
    "test_multiprocessing_spawn",
    "test_queue",
    "test_subprocess",
    "test_thread",
    "test_threading",
]
RUNS = [
    *(pytest.param(suite, HOOKS, id=suite) for suite in SUITES),
    *(pytest.param(suite, HOOKS + ON_REQUEST, id=f"{suite}-locks") for suite in LOCKED),
]
VERSIONS = [version for version in sorted(pythons()) if version >= (3, 10)]

# Tests that look at what must differ in a session: (version, suite, test) -> the reason. There are none.
UNAVOIDABLE: dict[tuple[tuple[int, int], str, str], str] = {}

# Some installations leave these out, but not what is in them.
_STAND_INS = {f"test_multiprocessing_{method}": method for method in ("fork", "forkserver", "spawn")}
_STAND_IN = """
from test import _test_multiprocessing

_test_multiprocessing.install_tests_in_module_dict(globals(), {method!r})
"""

_HOURS = 1800  # seconds for one suite
_TOTAL = re.compile(r"Total tests: run=([\d,]+)|^Ran (\d+) tests?", re.MULTILINE)
_FAILED = re.compile(r"^(?:FAIL|ERROR): (.+)$", re.MULTILINE)


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A directory whose path is short enough for the sockets that some of these tests make below it."""
    with tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@pytest.mark.parametrize(("suite", "hooks"), RUNS)
@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: ".".join(map(str, version)))
def test_suite(tmp_path: Path, scratch: Path, version: tuple[int, int], suite: str, hooks: tuple[str, ...]) -> None:
    """A suite has no failure in a session that it does not have without one, and the trace of it is sound."""
    python = pythons()[version]
    has_suite, has_common = _has(python, suite), _has(python, "_test_multiprocessing")
    if not has_suite and not (has_common and suite in _STAND_INS):
        pytest.skip(f"the `test` package of this Python has no {suite}")
    command = ["-m", "test", "-v", "--timeout", "300", suite] if has_suite else ["-m", "unittest", "-v", suite]
    if not has_suite:
        (scratch / f"{suite}.py").write_text(_STAND_IN.format(method=_STAND_INS[suite]))
    directory = tmp_path / "s.tracekit"
    directory.mkdir(mode=0o700)
    env = sessions.environment(str(directory), sessions.Options(hooks=hooks), os.environ)

    count, failed, output = _run([python, *command], env, scratch)

    assert count > 0, output
    assert "hook failed" not in output
    unexpected = {test for test in failed if (version, suite, test) not in UNAVOIDABLE}
    if unexpected:
        # Some of these tests fail now and then, some on some machines: what counts fails twice with us and not without us.
        unexpected &= _run([python, *command], env, scratch)[1]
        unexpected -= _run([python, *command], dict(os.environ), scratch)[1]
    assert unexpected == set()
    trace = load(str(directory))
    assert check(trace) == []
    assert [note for note in trace.notes if "hook failed" in note] == []
    assert len(trace.processes) > 0


def _has(python: str, suite: str) -> bool:
    ask = f"import os, test; print(any(os.path.exists(os.path.join(test.__path__[0], {suite!r} + end)) for end in ('', '.py')))"
    return (
        subprocess.run([python, "-c", ask], capture_output=True, text=True, timeout=60, check=False).stdout == "True\n"
    )


def _run(command: list[str], env: dict[str, str], scratch: Path) -> tuple[int, set[str], str]:
    """How many tests ran, which failed, and all that was printed."""
    result = subprocess.run(
        command,
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
