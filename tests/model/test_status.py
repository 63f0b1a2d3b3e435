"""A process's status in words."""

from __future__ import annotations

import pytest

from tracekit.model.status import say_status


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (-9, "killed by SIGKILL"),
        (-64, "killed by SIGRTMAX"),
        (-50, "killed by signal 50"),
    ],
)
def test_say_status(status: int, words: str) -> None:
    """An exit code, or the name of a signal, or its number where it has no name."""
    assert say_status(status) == words
