"""Subjects: workloads that are there, and modules that do not even import. Knows no run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tracekit.errors import TracekitError, UsageError
from tracekit.rounds.subject import Subject, look

Looked = Callable[..., Subject]


@pytest.fixture
def looked(tmp_path: Path) -> Looked:
    """Looks at a workload in a file of that code."""

    def look_at(code: str, timeout_s: float = 60, name: str = "") -> Subject:
        path = tmp_path / "jobs.py"
        path.write_text(code)
        return look(f"{path}{name}", timeout_s, str(tmp_path))

    return look_at


def test_a_workload(looked: Looked) -> None:
    """It is told by its short name and the first line of what it says; what its module prints is no matter of ours."""
    found = looked('print("here")\ndef workload(scale):\n    """Two pages.\n\n    More."""\n')
    assert found == Subject("jobs", "Two pages.")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os; os._exit(0)", "ends the program when it is imported; put"),
        ("import os; os._exit(3)", "cannot be imported: it ended with exit code 3 and said nothing"),
        ("import os; os.abort()", "cannot be imported: it was killed by SIGABRT"),
        ("raise SystemExit(0)", r"ends the program when it is imported \(exit 0\)"),
        ("1 / 0", "cannot be imported: ZeroDivisionError"),
    ],
)
def test_a_module_that_cannot_be_imported(looked: Looked, code: str, why: str) -> None:
    """However it fails, it does so in a process of its own, and there is one line that says how."""
    with pytest.raises(TracekitError, match=why) as failed:
        looked(code)
    assert not isinstance(failed.value, UsageError)
    assert "\n" not in str(failed.value)


def test_a_module_that_hangs(looked: Looked) -> None:
    """An import is under the same patience as a run."""
    with pytest.raises(TracekitError, match=r"cannot be imported: it was not done after 5 s, and was ended"):
        looked("import time; time.sleep(600)", timeout_s=5)


def test_no_such_workload(looked: Looked) -> None:
    """A mistake in how it was named is told as one."""
    with pytest.raises(UsageError, match="has no function other"):
        looked("def workload(scale): ...\n", name=":other")
