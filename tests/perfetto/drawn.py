"""Drawn: what of a trace must be seen in Perfetto, by simple means in place of the exporters' own. Knows columns, and no SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tracekit.model.trace import Trace


def drawn_slices(trace: Trace, text: Callable[[str], str]) -> Counter[tuple[str, int, int, int]]:
    """Name, start, length and depth of each slice, by a stack.

    Args:
        text: what Perfetto shows of a name.
    """
    rows: Counter[tuple[str, int, int, int]] = Counter()
    slices = trace.slices
    stack: list[tuple[int, int]] = []
    track_before = -1
    for track, start, end, name in zip(*(c.tolist() for c in (slices.track, slices.start, slices.end, slices.name))):
        if track != track_before:
            stack, track_before = [], track
        while stack and (stack[-1][1] < start or stack[-1][0] < stack[-1][1] == start):
            stack.pop()
        rows[text(trace.strings[name]), start, end - start, len(stack)] += 1
        stack.append((start, end))
    return rows
