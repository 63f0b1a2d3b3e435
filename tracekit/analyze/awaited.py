"""Awaited: what tasks waited for, and how long for each. Knows how a trace names it, not what it means.

A slice "awaiting queue.get" says what was awaited; a plain "awaiting" does not, and neither do we.
"""

from __future__ import annotations

import numpy as np

from tracekit.analyze.phases import phases
from tracekit.model.trace import Category, Trace

_AWAITING = "awaiting "


def awaited(trace: Trace) -> dict[int, dict[str, int]]:
    """By the index of a task: how long (ns) it awaited each thing, the longest first. What is not known is left out."""
    found = phases(trace)
    found = found.where(found.category == Category.AWAITING)
    task, name = found.task.astype(np.int64), trace.slices.name[found.row].astype(np.int64)
    order = np.lexsort((name, task))
    task, name, length = task[order], name[order], (found.end - found.start)[order]
    if not len(task):
        return {}
    first = np.flatnonzero(np.concatenate(([True], (task[1:] != task[:-1]) | (name[1:] != name[:-1]))))
    totals = np.add.reduceat(length, first)
    times: dict[int, dict[str, int]] = {}
    longest_first = np.lexsort((-totals, task[first]))
    columns = (task[first], name[first], totals)
    for index, text, total in zip(*(column[longest_first].tolist() for column in columns)):
        what = said(trace.strings[text])
        if what:
            times.setdefault(index, {})[what] = total
    return times


def said(name: str) -> str:
    """What the name of a slice says was awaited, or ""."""
    return name.removeprefix(_AWAITING) if name.startswith(_AWAITING) else ""
