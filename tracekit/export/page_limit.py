"""What Perfetto's page can hold: whether a trace is beyond that, and which part of it is not. Knows sizes, and no browser."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tracekit.model.coarse import least_of
from tracekit.model.trace import Trace
from tracekit.units import say_duration

# Measured with Chromium on two cores: 4.6 million slices in 1.1 GB of JSON are drawn after a minute; 9.1 million in 2.3 GB were
# not after seven.
MOST_BYTES = {b"\x0a": 400 << 20}  # by the first byte: protobuf takes a fifth of what JSON does
MOST_JSON_BYTES = 1500 << 20
COMFORTABLE = 1_000_000  # slices: some ten seconds until the page has drawn them

_CHUNK = 1 << 20
_LEAST_RATIO = 40  # gzip makes a trace at most so much smaller; what is smaller than that is not unpacked to find out


class Fit(NamedTuple):
    """What of a trace fits into the page well: up to which time (ns), or what is no shorter than `least` (ns)."""

    slices: int
    duration: int
    end: int
    least: int


def too_large(path: Path) -> int:
    """The bytes of a trace that is more than the page can hold, unpacked; 0 for one that is not.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        first = file.read(2)
    size = os.path.getsize(path)
    if first != b"\x1f\x8b":
        return size if size > MOST_BYTES.get(first[:1], MOST_JSON_BYTES) else 0
    if size * _LEAST_RATIO < min(*MOST_BYTES.values(), MOST_JSON_BYTES):
        return 0
    return _unpacked(path)


def _unpacked(path: Path) -> int:
    """The size of what is in a gzipped file, where that is too much; nothing of it is kept."""
    size = 0
    most = MOST_JSON_BYTES
    try:
        with gzip.open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                if not size:
                    most = MOST_BYTES.get(chunk[:1], MOST_JSON_BYTES)
                size += len(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile):  # what it is worth Perfetto will say
        return 0
    return size if size > most else 0


def fit(trace: Trace) -> Fit:
    """What of a trace fits into the page well: it may be cut in time, or made coarser."""
    slices = trace.slices
    end = trace.duration
    if len(slices) > COMFORTABLE:
        end = int(np.partition(slices.start, COMFORTABLE)[COMFORTABLE])
    return Fit(len(slices), trace.duration, end, least_of(trace, COMFORTABLE))


def say_fit(name: str, size: int, found: Fit | None) -> str:
    """The sentence that offers it.

    Args:
        name: of the trace, as it is to be written in a command.
        size: its bytes, unpacked.
        found: None where no part of it can be made.
    """
    held = f"{name} holds {size / 1e9:.1f} GB unpacked"
    beyond = "which is more than Perfetto's page can hold"
    if found is None:
        return f"{held}, {beyond}; --whole opens it nevertheless"
    return (
        f"{held}, {found.slices / 1e6:.1f} million slices in {say_duration(found.duration)}, {beyond}. Open a part: "
        f"tracekit open {name} --from 0s --to {_written(found.end)}; or leave out what is short: "
        f"tracekit open {name} --least {_written(found.least)}; --whole opens it nevertheless"
    )


def _written(ns: int) -> str:
    """A duration as a command line takes it, with three digits."""
    for unit, length in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if ns >= length:
            return f"{ns / length:.3g}{unit}" if ns < 1000 * length else f"{ns / length:.0f}{unit}"
    return f"{ns}ns"
