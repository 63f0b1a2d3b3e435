"""Phases: what each task did, in columns: ready, running, awaiting. Knows no loop and no question.

On a task's track a phase is cut wherever a span begins or ends; here ready and awaiting are whole again (a step is not).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracekit.model.trace import Category, Int8, Int32, Int64, Trace

_CATEGORIES = (Category.READY, Category.RUNNING, Category.AWAITING)


@dataclass(frozen=True, slots=True)
class Phases:
    """Columns of phases: those of a task stand together, in the order of time.

    `row` is the slice that a phase begins with; what its `args` say is true for all of it.
    """

    task: Int32
    category: Int8
    start: Int64
    end: Int64
    row: Int64

    def __len__(self) -> int:
        return len(self.task)

    def where(self, which: NDArray[np.bool_]) -> Phases:
        """Those for which a column of truth values says so."""
        return Phases(self.task[which], self.category[which], self.start[which], self.end[which], self.row[which])


def phases(trace: Trace) -> Phases:
    """The phases of all tasks."""
    slices = trace.slices
    rows = np.flatnonzero(np.isin(slices.category, _CATEGORIES) & (slices.task >= 0)).astype(np.int64)
    rows = rows[np.lexsort((slices.end[rows], slices.start[rows], slices.task[rows]))]
    task, category = slices.task[rows], slices.category[rows]
    start, end, name = slices.start[rows], slices.end[rows], slices.name[rows]
    goes_on = (task[1:] == task[:-1]) & (name[1:] == name[:-1]) & (start[1:] == end[:-1])
    # Two steps without a moment between them are two.
    goes_on &= (category[1:] == category[:-1]) & (category[1:] != Category.RUNNING)
    first = np.concatenate((np.ones(min(len(rows), 1), np.bool_), ~goes_on))
    last = np.concatenate((~goes_on, np.ones(min(len(rows), 1), np.bool_)))
    return Phases(task[first], category[first], start[first], end[last], rows[first])
