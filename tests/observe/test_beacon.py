"""Beacon: a process that beats, and tells when. Runs the real one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from waiting import until

from tracekit.clock import monotonic_ns
from tracekit.observe.beacon import Beacon


def test_beats(tmp_path: Path) -> None:
    """Its file has its pid and the times of all beats, in order, until it was stopped; then it is gone."""
    path = tmp_path / "beats"
    before = monotonic_ns()
    beacon = Beacon(str(path))
    until(lambda: path.exists() and path.stat().st_size >= 8 * 1000)
    beacon.stop()
    pid, *times = np.fromfile(path, np.int64).tolist()

    assert not os.path.exists(f"/proc/{pid}")
    assert len(times) > 1000
    assert all(before < time < monotonic_ns() for time in times)
    assert times == sorted(times)


def test_nowhere_to_write(tmp_path: Path) -> None:
    """Without room for its times it ends by itself, in silence."""
    beacon = Beacon(str(tmp_path / "none" / "beats"))
    until(lambda: beacon._process.poll() is not None)
    beacon.stop()
    assert beacon._process.returncode == 0
