"""Arrows: flow events and bound ids -> arrows between slices. Knows the slices that were drawn, and no JSON.

An arrow begins where its flow event stands, and leads to the slice around the event at its end, or, where the event does not
say so, to the next one that begins on that line. A slice that had begun before the arrow did gets a point on it, which the
arrow leads to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tracekit.load.foreign.collect import ARRIVES, HOP, STARTS
from tracekit.load.foreign.mended import Mended
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, FlowKind, Int64


class Lying(NamedTuple):
    """The slices of one line that nest, in the order of start, the longest first."""

    track: int
    start: Int64
    end: Int64
    handle: Int64


class Bound(NamedTuple):
    """An arrow that is tied to a slice."""

    chain: int
    time: int
    track: int
    handle: int
    comes: bool
    goes: bool


def draw(hops: Int64, lines: dict[int, Lying], builder: Builder, mended: Mended) -> int:
    """Draws the arrows of flow events; how many.

    Args:
        hops: rows of HOP columns.
        lines: the lines that were drawn.
    """
    line, time, which, chain, meant, name = hops.T if len(hops) else np.zeros((HOP, 0), np.int64)
    around, behind = np.full(len(hops), -1, np.int64), np.full(len(hops), -1, np.int64)
    for number in np.unique(line).tolist():
        rows = np.flatnonzero(line == number) if number in lines else np.zeros(0, np.int64)
        rows = rows[np.argsort(time[rows], kind="stable")]
        for row, inner, later in _sweep(rows, time, lines.get(number)):
            around[row], behind[row] = inner, later
    current, source = -1, (-1, -1)
    lost = found = 0
    order = np.lexsort((which, time, chain))
    for row in order.tolist():
        where = int(line[row])
        if where not in lines:
            lost += 1
            continue
        own, kind, when = lines[where], int(which[row]), int(time[row])
        if chain[row] != current:
            current, source = int(chain[row]), (-1, -1)
        if kind != STARTS:
            if source[0] < 0:
                lost += 1
            else:
                target = int(around[row] if meant[row] or behind[row] < 0 else behind[row])
                if target >= 0 and own.start[target] >= source[1]:
                    handle = int(own.handle[target])
                else:
                    columns = ([own.track], [when], [when], [int(name[row])])
                    handle = builder.slices(*columns, int(Category.OTHER))
                builder.flow(FlowKind.OTHER, *source, handle)
                found += 1
        if kind != ARRIVES:
            source = (own.track, when)
    mended.count("ends of arrows without a beginning were left out", lost)
    return found


def draw_bound(bound: list[Bound], builder: Builder, mended: Mended) -> int:
    """Draws the arrows between slices that name them; how many."""
    current, lost, found = -1, 0, 0
    source: tuple[int, int] | None = None
    for row in sorted(bound, key=lambda row: (row.chain, row.time, row.comes)):
        if row.chain != current:
            current, source = row.chain, None
        if row.comes and source is None:
            lost += 1
        elif row.comes and source is not None:
            builder.flow(FlowKind.OTHER, *source, row.handle)
            found += 1
        if row.goes:
            source = (row.track, row.time)
    mended.count("ends of arrows without a beginning were left out", lost)
    return found


def _sweep(rows: Int64, time: Int64, own: Lying | None) -> Iterator[tuple[int, int, int]]:
    """For each row the places of the innermost slice around its time, and of the first that begins no earlier; -1 for none."""
    if own is None:
        return
    starts, ends = own.start.tolist(), own.end.tolist()
    stack: list[int] = []
    at = 0
    for row in rows.tolist():
        when = int(time[row])
        later = int(np.searchsorted(own.start, when))
        while at < len(starts) and starts[at] <= when:
            while stack and ends[stack[-1]] <= starts[at]:
                stack.pop()
            stack.append(at)
            at += 1
        while stack and ends[stack[-1]] < when:
            stack.pop()
        yield row, stack[-1] if stack else -1, later if later < len(starts) else -1
