"""Looks up in a trace what became of a row. Knows how the model words things, and no row in particular."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from asyncio_matrix.rows import Row
from tests_support import Row as Slice
from tests_support import rows_of

from tracekit.model.trace import Task, Trace, TrackKind


class Reading:
    """One trace, asked about many rows."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._phases: defaultdict[tuple[str, str], list[Slice]] = defaultdict(list)
        for category in ("AWAITING", "READY"):
            for found in rows_of(trace, category):
                self._phases[category, found.task].append(found)
        self._on_threads = rows_of(trace, "STEP", "CALLBACK", "JOB", "THREAD")

    def task(self, row: Row) -> Task:
        """The row's task."""
        return self.trace.tasks[self._index(row)]

    def wait(self, row: Row) -> Slice:
        """The time that the row's line made its task wait, the first one if there are several."""
        waits = self._phases["AWAITING", row.name]
        here = [wait for wait in waits if place(wait)[:2] == row.here()]
        assert here, f"nothing waits at {row.here()}, but {[(wait.name, wait.args) for wait in waits]}"
        return here[0]

    def ready(self, row: Row) -> Slice:
        """The time right after that wait, in which the task was ready."""
        end = self.wait(row).end
        (found,) = [ready for ready in self._phases["READY", row.name] if ready.start == end]
        return found

    def first_ready(self, row: Row) -> Slice:
        """The time before its first step."""
        return self._phases["READY", row.name][0]

    def origins(self, row: Row) -> list[str]:
        """Where the arrows to the step after the wait come from, worded as causes.

        Each is a step, a callback or a job, and its thread. A callback that another thread scheduled only hands on, so where the
        arrows to that come from is among them.
        """
        begin = self.ready(row).end
        (step,) = [slice for slice in self._on_threads if slice.task == row.name and slice.start == begin]
        found = self._before(step)
        return found + [cause for slice in self._agents(step) for cause in self._before(slice)]

    def _before(self, target: Slice) -> list[str]:
        """Those that the arrows to a slice come from."""
        causes = []
        for agent in self._agents(target):
            thread = self.trace.threads[self.trace.tracks[agent.track].owner].name
            causes += [f"task {agent.task}" if agent.task else f"callback {agent.name}", f"thread {thread}"]
        return causes

    def _agents(self, target: Slice) -> list[Slice]:
        """What ran where the arrows to a slice begin."""
        slices, flows = self.trace.slices, self.trace.flows
        rows = np.flatnonzero((slices.track == target.track) & (slices.start == target.start))
        arrows = np.flatnonzero(np.isin(flows.target, rows)).tolist()
        return [self._running(int(flows.track[arrow]), int(flows.time[arrow])) for arrow in arrows]

    def _running(self, track: int, time: int) -> Slice:
        assert self.trace.tracks[track].kind == TrackKind.THREAD
        running = [row for row in self._on_threads if row.track == track and row.start <= time <= row.end]
        return max(running, key=lambda row: row.depth)

    def _index(self, row: Row) -> int:
        (index,) = [index for index, task in enumerate(self.trace.tasks) if task.name == row.name]
        return index


def place(row: Slice) -> tuple[str, int, str]:
    """Function, line and file that a slice names."""
    function = str(row.args.get("function", ""))
    return function.rpartition(".")[2], row.args.get("line", 0), str(row.args.get("file", ""))
