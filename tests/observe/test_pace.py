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
    """Looks that cost nearly nothing follow each other as was asked for."""
    assert Pace(5.0).pause() == 5.0


def test_dear() -> None:
    """Looks that cost much are far apart, but not for ever."""
    pace = Pace(0.001)
    work(0.05)
    once = pace.pause()
    assert once > 0.1
    for _ in range(20):
        work(0.07)
        pace.pause()
    assert once < pace.pause() <= 1.0
