"""Clocks: how far the records' clock, once converted, is from CLOCK_MONOTONIC, in a real session. Knows no probe's cost.

Both clocks are read together again and again while a session records; afterwards those ticks are converted by the loader,
with the anchors that the session wrote.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from recorded import recording

import tracekit as tk
from tracekit import events
from tracekit.load.clock import convert
from tracekit.spool.core import pair
from tracekit.spool.reader import read_spool
from tracekit.spool.records import ThreadRecords, Words

_PAUSE_S = 0.002


@dataclass(frozen=True)
class Error:
    """ns between the two clocks, over so many readings of both."""

    readings: int
    p50: float
    p99: float
    worst: float


def measure(seconds: float) -> Error | None:
    """The error of the conversion; None where records are timed with CLOCK_MONOTONIC itself.

    Args:
        seconds: how long to go on reading the clocks.
    """
    ticks, ns = pair()
    if ticks == ns:
        return None
    pairs = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        with recording(folder):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                tk.instant("tick")
                pairs.append(pair())
                time.sleep(_PAUSE_S)
        readings, truth = np.array(pairs, np.uint64).T
        found = _converted(next(Path(folder).glob("*.spool")), readings)
    apart = np.abs(found.astype(np.int64) - truth.astype(np.int64))
    p50, p99 = np.percentile(apart, (50, 99))
    return Error(len(pairs), float(p50), float(p99), float(apart.max()))


def _converted(path: Path, readings: Words) -> Words:
    """Readings of the spool's clock in ns, as if one more of its threads had recorded then."""
    spool = read_spool(path)
    nothing = np.zeros(len(readings), np.uint32)
    kind = np.full(len(readings), events.INSTANT, np.uint8)
    extra = ThreadRecords(0, 0, readings.copy(), kind, nothing, nothing, nothing.astype(np.int64))
    spool.threads.append(extra)
    convert([spool])
    return extra.time
