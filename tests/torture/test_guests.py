"""The test suites of asynchronous libraries, in a session: what passes without us passes with us. Knows nothing of them.

They come with the libraries' sources, which `nox -s guests` gets, and installs what they need.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tracekit import sessions
from tracekit.load import load
from tracekit.model.check import check

pytestmark = pytest.mark.torture

# Where each library's sources lie unpacked, as NAME-VERSION.
VARIABLE = "TRACEKIT_GUESTS"
# They give a Python that starts pytest three seconds.
_HURRIED = ("test_dynamic_async_fixture_access_does_not_hang", "test_keyboardinterrupt_during_test")
# What the suites' own settings ask for that has no part in the result, or takes hours.
SUITES = {
    "aiohttp": ["-o", "addopts=", "-m", "not dev_mode and not autobahn and not internal"],
    "anyio": [f"--deselect=tests/test_pytest_plugin.py::{test}" for test in _HURRIED],
}

_HOURS = 5400  # seconds for one run
_PASSED = re.compile(r"(\d+) passed")


@pytest.mark.parametrize("library", SUITES)
def test_suite(tmp_path: Path, library: str) -> None:
    """A suite has no failure in a session that it does not have without one, and the trace of it is sound."""
    if VARIABLE not in os.environ:
        pytest.skip("run `nox -s guests`, which gets their sources")
    (sources,) = [path for path in Path(os.environ[VARIABLE]).glob(f"{library}-*") if path.is_dir()]
    directory = tmp_path / "s.tracekit"
    directory.mkdir(mode=0o700)
    env = sessions.environment(str(directory), sessions.Options(), os.environ)

    failed, output = _run(library, sources, env, tmp_path)

    assert _PASSED.search(output), output
    assert "hook failed" not in output
    if failed:
        # Some of these tests fail now and then, some on some machines: what counts fails twice with us and not without us.
        failed, _ = _run(library, sources, env, tmp_path, "--last-failed", "--last-failed-no-failures=none")
        failed -= _run(library, sources, dict(os.environ), tmp_path, "--last-failed", "--last-failed-no-failures=none")[
            0
        ]
    assert failed == set()
    trace = load(str(directory))
    assert check(trace) == []
    assert [note for note in trace.notes if "hook failed" in note] == []
    assert len(trace.tasks) > 0


def _run(library: str, sources: Path, env: dict[str, str], directory: Path, *which: str) -> tuple[set[str], str]:
    """Which tests failed, and all that was printed. What ran once is kept, so that the same may run again."""
    scratch = directory / "scratch"
    scratch.mkdir(exist_ok=True)
    # What a failed test leaves behind, and is collected some time later, would fail whichever test runs then.
    plugins = ["-p", "no:randomly", "-p", "no:unraisableexception"]
    options = ["-q", "--tb=native", "--timeout=300", *plugins, "-o", f"cache_dir={directory / 'cache'}"]
    result = subprocess.run(
        # As a module that would find the library's sources, which are not what is installed.
        [Path(sys.executable).with_name("pytest"), *SUITES[library], *options, *which, "tests"],
        env={**env, "TMPDIR": str(scratch)},
        cwd=sources,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=_HOURS,
        check=False,
    )
    told = directory / "cache" / "v" / "cache" / "lastfailed"
    return set(json.loads(told.read_text())) if told.exists() else set(), result.stdout
