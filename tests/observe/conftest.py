"""What the tests of the observer share: programs that run until a test has seen enough. Knows no part of the observer."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from observing import Start, Writing

from tracekit.spool.limits import Limits

Started = Callable[..., "tuple[subprocess.Popen[str], str]"]


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Writing]:
    """A journal, and what is in it."""
    folder = tmp_path / "s.tracekit"
    folder.mkdir()
    found = Writing(folder, Limits())
    yield found
    found.journal.close()


@pytest.fixture
def program(started: Started) -> Start:
    """Starts Python code, returns when it has printed a line, and ends it with the test; its stdin stays open until then."""

    def start(code: str, python: str = sys.executable) -> subprocess.Popen[str]:
        return started(code, python)[0]

    return start


@pytest.fixture
def started() -> Iterator[Started]:
    """Likewise, and returns the line as well."""
    children: list[subprocess.Popen[str]] = []

    def start(code: str, python: str = sys.executable) -> tuple[subprocess.Popen[str], str]:
        child = subprocess.Popen(
            [python, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        children.append(child)
        assert child.stdout is not None
        return child, child.stdout.readline()

    yield start
    for child in children:
        child.kill()
        child.communicate()
