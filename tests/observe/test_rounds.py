"""Rounds: whose stacks are read, and what is said of those that have none. Reads real processes with py-spy."""

from __future__ import annotations

import subprocess

import pytest
from observing import Writing
from waiting import until

from tracekit.clock import monotonic_ns
from tracekit.observe import pyspy
from tracekit.observe.rounds import Rounds


@pytest.mark.skipif(pyspy.executable() is None, reason="py-spy is not installed")
@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (1, "process {} is not Python: no stacks of its threads are known"),
        (2, "2 processes are not Python: no stacks of theirs are known"),
    ],
)
def test_not_python(written: Writing, count: int, sentence: str) -> None:
    """Of all processes that are not Python one sentence is said."""
    children = [subprocess.Popen(["cat"], stdin=subprocess.PIPE) for _ in range(count)]
    rounds = Rounds(written.journal, lambda *_: None)

    def looked() -> bool:
        rounds.look({child.pid: child.pid for child in children}, monotonic_ns())
        return len(rounds._failures) == count

    until(looked)
    said = rounds.close()
    for child in children:
        child.communicate()

    assert said == [sentence.format(children[0].pid)]
