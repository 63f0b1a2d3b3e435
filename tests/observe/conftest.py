"""What the tests of the observer share: programs that run until a test has seen enough. Knows no part of the observer."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def program() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts Python code, returns when it has printed a line, and ends it with the test; its stdin stays open until then."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(child)
        assert child.stdout is not None
        child.stdout.readline()
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()
