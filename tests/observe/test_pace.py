"""Pauses between looks: as long as asked for, and longer where looking costs too much. Knows no look."""

from __future__ import annotations

import time

from tracekit.observe.pace import Pace


def work(seconds: float) -> None:
    """Takes a processor for so long."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_cheap() -> None:
    """Looks that cost nearly nothing follow each other to the beat that was asked for, however long a pause becomes."""
    began = time.monotonic()
    pace = Pace(1000.0)
    first = pace.pause()
    assert 1000.0 - (time.monotonic() - began) <= first <= 1000.0
    second = pace.pause()
    assert 2000.0 - (time.monotonic() - began) <= second <= 2000.0


def test_dear() -> None:
    """Looks that cost much are far apart, but not for ever."""
    pace = Pace(0.01)
    for _ in range(8):
        work(0.02)
        pace.pause()
    work(0.02)
    assert 0.1 < pace.pause() < 2.0


def test_dear_once() -> None:
    """What costs much once or twice, as the first look does, keeps nobody from looking again soon."""
    pace = Pace(0.01)
    for _ in range(2):
        work(0.1)
        assert pace.pause() <= 0.01
    assert pace.pause() <= 0.02
