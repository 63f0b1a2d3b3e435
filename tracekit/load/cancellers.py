"""Cancellers: who cancelled tasks. Knows waits and what ended them, no record.

A task that awaits other ones is cancelled by having those cancelled first, and wakes once they have ended: then who cancelled
them is who cancelled it.
"""

from __future__ import annotations

import numpy as np

from tracekit.load.awaits import GATHER
from tracekit.load.phases import Waits
from tracekit.load.tasks import Tasks
from tracekit.load.wakes import STEP, Causes

_CANCELLED = "cancelled"


class Cancellers:
    """Who cancelled the tasks of an image.

    Args:
        tasks: with their outcomes.
        waits, causes: of these tasks.
    """

    def __init__(self, tasks: Tasks, waits: Waits, causes: Causes) -> None:
        self._tasks = tasks.builder.tasks
        self._first = tasks.first
        self._awaited = tasks.step_awaits
        self._wakes = tasks.wakes
        self._causes = causes
        self._after = waits.after
        # What ended the wait before the last step of each task, and where that wait is.
        count = len(waits.steps)
        self._last = np.full(len(waits.task) - count, -1, np.int64)
        self._last[waits.task[:count]] = np.arange(count)
        self._cause = np.where(self._last >= 0, np.append(waits.cause, -1)[self._last], -1)

    def tell(self) -> None:
        """Sets `cancelled_by` of all tasks of which it can be seen."""
        told = (np.array(self._wakes.cancelled, np.int64) != 0) | (np.array(self._wakes.ended, np.int64) >= 0)
        woken = np.flatnonzero(self._cause >= 0)
        for row in (self._first + woken[told[self._cause[woken]]]).tolist():
            if self._tasks[row].outcome == _CANCELLED:
                self._tasks[row].cancelled_by = self._canceller(row)

    def _canceller(self, row: int) -> str:
        """Who cancelled a task; "" where that was not seen: nobody is told of a task that is ready already."""
        of = row
        while True:
            wake = int(self._cause[of - self._first])
            if wake < 0 or self._wakes.track[wake] < 0:
                return ""
            before = self._ended_before(of, wake)
            if before < 0:
                break
            of = before
        agent, by = self._wakes.agent[wake], self._wakes.by[wake]
        # Whoever cancels what it then awaits may do so because it is being cancelled: by whom is not known.
        is_seen = self._wakes.cancelled[wake] and not (agent == STEP and by == row)
        return self._causes.of(wake, of, agent, by, True, "").who if is_seen else ""

    def _ended_before(self, row: int, wake: int) -> int:
        """The row of the task that ended cancelled, and so woke this one, which awaited it; -1 where it was not so."""
        step = int(self._after[self._last[row - self._first]])
        if self._wakes.agent[wake] == STEP:
            before = self._wakes.by[wake] if step >= 0 and self._awaited[step] == self._wakes.by[wake] else -1
        else:
            told = self._causes.told(wake)
            before = self._wakes.ended[wake] if told is not None and told.what == GATHER else -1
        is_cancelled = before >= self._first and before != row and self._tasks[before].outcome == _CANCELLED
        return before if is_cancelled else -1
