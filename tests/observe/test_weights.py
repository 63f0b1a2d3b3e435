"""Weights: what processes weigh, and how often that is asked. Weighs this very process."""

from __future__ import annotations

import os
import subprocess

import pytest
from observing import Start, Writing

from tracekit import events
from tracekit.observe.weights import Weights, weigh

_SECOND = 1_000_000_000
_LARGE = 40_000_000


def test_a_large_object() -> None:
    """What a process takes more is there, and is its own."""
    before = weigh(os.getpid())
    held = bytearray(b"x") * _LARGE
    after = weigh(os.getpid())

    assert len(held) == _LARGE
    assert after.rss - before.rss > _LARGE * 0.5  # something else may have been let go of
    assert before.pss is not None
    assert after.pss is not None
    assert after.pss - before.pss > _LARGE * 0.5
    assert after.shared is not None
    assert after.pss <= after.rss
    assert after.shared < after.rss


def test_what_is_gone_again(program: Start) -> None:
    """What a process held between two looks is in its peak, though not in what it weighs."""
    child = program(f"""
        import mmap, sys
        held = mmap.mmap(-1, {_LARGE})
        held.write(b"x" * {_LARGE})
        held.close()
        print(flush=True)
        sys.stdin.read()
    """)
    weight = weigh(child.pid)

    assert weight.peak is not None
    assert weight.peak - weight.rss > _LARGE * 0.9


def test_shared_with_a_fork(program: Start) -> None:
    """What a process has in common with its fork is shared, and counts half for each."""
    child = program(f"""
        import os, sys
        held = bytearray(b"x") * {_LARGE}
        if os.fork() == 0:
            print(flush=True)
        sys.stdin.read()
    """)
    weight = weigh(child.pid)

    assert weight.shared is not None
    assert weight.pss is not None
    assert weight.shared > _LARGE * 0.9
    assert weight.rss - weight.pss > _LARGE * 0.4


def test_once_a_second(written: Writing) -> None:
    """A process is weighed as soon as it is seen, then once a second at most, and written where it has changed."""
    weights = Weights(written.journal)
    processes = {"a": os.getpid()}
    weights.look(processes, _SECOND)
    held = bytearray(b"x") * _LARGE
    for tenth in range(10):
        weights.look(processes, _SECOND + tenth * _SECOND // 10)
    assert len(written.of_kind(events.WEIGHT)) == 1
    weights._rest_until = 0
    weights.look(processes, 2 * _SECOND)
    first, second = written.of_kind(events.WEIGHT)
    del held

    assert first.tid == second.tid == os.getpid()
    assert second.details[events.RSS] - first.details[events.RSS] > _LARGE * 0.9
    assert first.details.keys() == {events.RSS, events.PSS, events.SHARED, events.PEAK}


def test_another_program_with_the_same_pid(written: Writing) -> None:
    """What has taken the place of another program is weighed at once."""
    weights = Weights(written.journal)
    for key in ("a", "b"):
        weights._rest_until = 0
        weights.look({key: os.getpid()}, _SECOND)

    assert len(written.of_kind(events.WEIGHT)) == 2


def test_gone(written: Writing) -> None:
    """What has ended weighs nothing, whether anybody has asked how it ended or not."""
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises((OSError, ValueError)):
            weigh(child.pid)
        Weights(written.journal).look({1: child.pid}, _SECOND)
    with pytest.raises(OSError):
        weigh(child.pid)

    assert written.of_kind(events.WEIGHT) == []
