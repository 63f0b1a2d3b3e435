"""Coarse: a Trace without what is too short to be seen. Knows the model only; for pictures, since no times add up any more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tracekit.model.kinds import COLUMNS, ROWS
from tracekit.model.left import drop
from tracekit.model.nesting import lying_in
from tracekit.model.trace import Category, Flows, Int64, Slices, Trace


def coarse(trace: Trace, least_ns: int) -> Trace:
    """The trace without the slices that are shorter, but for the lives of threads, and without the arrows from or to them alone.

    What lies in a slice is no longer than it, so that all others keep their places. Tasks, loops and states keep their times.
    """
    slices, flows = trace.slices, trace.flows
    is_kept = (slices.end - slices.start >= least_ns) | (slices.category == Category.THREAD)
    place = np.where(is_kept, np.cumsum(is_kept) - 1, -1)
    left = Slices(*(getattr(slices, name)[is_kept] for name in Slices.__slots__))
    target = place[flows.target]
    # An arrow that began in one that is left out begins in the one around it.
    sound = (target >= 0) & lying_in(flows.track, flows.time, left.track, left.start, left.end)
    arrows = Flows(flows.kind[sound], flows.track[sound], flows.time[sound], target[sound].astype(np.int32))
    tables = {name: replace(getattr(trace, name)) for name in COLUMNS} | {"slices": left, "flows": arrows}
    part = replace(
        trace,
        args=list(trace.args),
        notes=list(trace.notes),
        **tables,
        **{name: [replace(row) for row in getattr(trace, name)] for name in ROWS},  # type: ignore[arg-type]
    )
    drop(part)
    return part


def least_of(trace: Trace, most: int) -> int:
    """How long, in ns, slices must be for so many at most to be as long: one digit and zeros. 0 where all are few enough."""
    length: Int64 = trace.slices.end - trace.slices.start
    if len(length) <= most:
        return 0
    at = len(length) - most - 1
    left_out = int(np.partition(length, at)[at])
    digits: int = 10 ** (len(str(left_out)) - 1)
    return (left_out // digits + 1) * digits
