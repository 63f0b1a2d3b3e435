"""Lifelines: draws the life of each task, its phases with what it awaited and who woke it, and its arrows. Knows no record.

What many phases have in common is said once: they share their arguments.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import numpy as np

from tracekit.load.awaits import AS_COMPLETED, EXECUTOR_JOB, FUTURE
from tracekit.load.cancellers import Cancellers
from tracekit.load.jobs import Jobs
from tracekit.load.phases import CREATED, Wakes, find_waits, split
from tracekit.load.tasks import Tasks
from tracekit.load.wakes import STEP, Told
from tracekit.model.columns import numbers
from tracekit.model.trace import Args, Category, Flag, FlowKind, Int64

_WIDTH = 7  # of a phase: task, start, end, category, flags, name, args
# What the arguments of a life say of its task.
_SAID = ("outcome", "creator", "created_at", "file", "line", "error", "cancelled_by", "awaits")
_about = attrgetter(*_SAID)


class Lifelines:
    """The lives of an image's tasks.

    Args:
        tasks: settled.
        jobs: of the image.
    """

    def __init__(self, tasks: Tasks, jobs: Jobs) -> None:
        self._tasks = tasks
        self._builder = tasks.builder
        self._lives = tasks.lives
        self._steps = tasks.steps()
        task, *columns = tasks.wakes.columns(jobs)
        self._wakes = Wakes(task - tasks.first, *columns)
        self._steps.task = self._steps.task - tasks.first
        self._waits = find_waits(self._lives, self._steps, self._wakes)
        self._causes = tasks.wakes.causes(jobs)

    def lay(self, must: Int64) -> None:
        """Gives the tasks their tracks, as far as they are drawn.

        Args:
            must: those that are, however many there are.
        """
        waits, count = self._waits, len(self._steps.task)
        longest = np.zeros(len(self._lives.begin), np.int64)
        np.maximum.at(longest, waits.task, waits.end - waits.ready)
        np.maximum.at(longest, waits.task[:count], waits.stop - waits.end[:count])
        self._tasks.lay(longest, must)
        self._drawn = self._tasks.tracks >= 0

    def draw(self, cuts: list[tuple[Int64, Int64]]) -> None:
        """Adds everything to the builder.

        Args:
            cuts: pairs of columns, tasks and times: where spans begin and end, which no phase may cross.
        """
        if not len(self._lives.begin):
            return
        self._count()
        self._keep_undrawn()
        self._say_ends()
        self._draw_lives()
        phases = self._phases()
        phases[:, 0] += self._tasks.first
        phases = split(phases, cuts)
        row, start, end, category, flags, name, args = phases.T
        tracks = self._tasks.tracks[row - self._tasks.first]
        self._builder.slices(tracks, start, end, name, category, flags, row, args)
        self._draw_arrows()

    def _phases(self) -> Int64:
        """All phases, with what to call them."""
        waits, builder = self._waits, self._builder
        count = len(self._steps.task)
        unfinished = np.zeros(len(waits.task), np.int64)
        unfinished[count:] = np.where(self._lives.done, 0, int(Flag.UNFINISHED))
        drawn = self._drawn[waits.task]
        awaiting = np.flatnonzero(drawn & (waits.ready > waits.start))
        ready = np.flatnonzero(drawn & (waits.end > waits.ready))
        names, args = self._awaiting(awaiting)
        causes = self._ready(ready)
        flags = np.array(self._tasks.step_flags, np.int64)[waits.steps]
        goes_on = waits.ready[awaiting] == waits.end[awaiting]

        def rows(which: Int64, start: Int64, end: Int64, category: Category, *rest: Int64 | int) -> Int64:
            table = np.empty((len(which), _WIDTH), np.int64)
            for at, column in enumerate((waits.task[which], start, end, int(category), *rest)):
                table[:, at] = column
            return table

        running = np.flatnonzero(drawn[:count])
        return np.concatenate(
            (
                rows(
                    running,
                    waits.end[running],
                    waits.stop[running],
                    Category.RUNNING,
                    flags[running],
                    builder.string("running"),
                    -1,
                ),
                rows(
                    awaiting,
                    waits.start[awaiting],
                    waits.ready[awaiting],
                    Category.AWAITING,
                    np.where(goes_on, unfinished[awaiting], 0),
                    names,
                    args,
                ),
                rows(
                    ready,
                    waits.ready[ready],
                    waits.end[ready],
                    Category.READY,
                    unfinished[ready],
                    builder.string("ready"),
                    causes,
                ),
            )
        )

    # What they awaited.

    def _awaiting(self, which: Int64) -> tuple[Int64, Int64]:
        """Names and arguments of the phases in which a wait awaits something."""
        says, awaited, told = self._said(which)
        names, args = np.empty(len(which), np.int64), np.empty(len(which), np.int64)
        known: dict[tuple[int, int, Told | None], tuple[int, int]] = {}
        for at, key in enumerate(zip(says.tolist(), awaited.tolist(), told)):
            shown = known.get(key)
            if shown is None:
                shown = known[key] = self._name_awaiting(*key)
            names[at], args[at] = shown
        return names, args

    def _said(self, which: Int64) -> tuple[Int64, Int64, list[Told | None]]:
        """What the ends of the steps before these waits say, and what the wake-ups that ended them tell."""
        after, cause = self._waits.after[which], self._waits.cause[which]
        says = np.where(after >= 0, np.append(np.array(self._tasks.step_says, np.int64), -1)[after], -1)
        awaited = np.where(says >= 0, np.append(np.array(self._tasks.step_awaits, np.int64), -1)[after], -1)
        tells = self._causes.told
        told = [tells(wake) if wake >= 0 and said >= 0 else None for wake, said in zip(cause.tolist(), says.tolist())]
        return says, awaited, told

    def _name_awaiting(self, says: int, awaited: int, told: Told | None) -> tuple[int, int]:
        builder = self._builder
        if says < 0:
            return builder.string("awaiting"), -1
        what = self.what(says, awaited, told)
        args: Args = {**self._tasks.awaits[says].args(), "what": what}
        if awaited >= 0:
            args["task"] = builder.tasks[awaited].name
        if told is not None and told.job and what == EXECUTOR_JOB:
            args["job"] = told.job
        return builder.string(f"awaiting {what}"), builder.keep(args)

    def what(self, says: int, awaited: int, told: Told | None = None) -> str:
        """What a task awaited, by what its step's end says; "" where it says nothing.

        Args:
            told: what the wake-up tells of it.
        """
        if says < 0:
            return ""
        what = self._tasks.awaits[says].what
        if what == FUTURE and awaited >= 0:
            return f"task {self._builder.tasks[awaited].name}"
        # A queue within as_completed is its own affair.
        return told.what if told is not None and (what == FUTURE or told.what == AS_COMPLETED) else what

    # Who woke them.

    def _ready(self, which: Int64) -> Int64:
        """Arguments of the phases in which a wait is over: its cause."""
        wakes = self._tasks.wakes
        after, cause, task = self._waits.after[which], self._waits.cause[which], self._waits.task[which]
        says = np.where(after >= 0, np.append(np.array(self._tasks.step_says, np.int64), -1)[after], -1)
        awaited = np.append(np.array(self._tasks.step_awaits, np.int64), -1)[after]
        of_created = self._builder.keep({"cause": "created", "kind": "created"})
        args = np.where(cause == CREATED, of_created, -1)
        known: dict[tuple[int, int, bool, int, bool], int] = {}
        first = self._tasks.first
        seen = np.flatnonzero(cause >= 0)
        columns = (seen, cause[seen], task[seen], says[seen], awaited[seen])
        for at, wake, row, said, other in zip(*(column.tolist() for column in columns)):
            if wakes.track[wake] < 0:
                continue
            agent, by, cancelled = wakes.agent[wake], wakes.by[wake], bool(wakes.cancelled[wake])
            key = agent, -1 if agent == STEP and by == row + first else by, cancelled, said, other >= 0
            shown = -1 if self._causes.is_own(wake, agent, by) else known.get(key, -1)
            if shown < 0:
                what = self.what(said, other, self._causes.told(wake))
                shown = known[key] = self._builder.keep(
                    self._causes.of(wake, row + first, agent, by, cancelled, what).args()
                )
            args[at] = shown
        return args

    # Their lives.

    def _count(self) -> None:
        """Sets the times of the rows."""
        tasks, first, lives, waits = self._builder.tasks, self._tasks.first, self._lives, self._waits
        count, steps = len(lives.begin), len(self._steps.task)
        sums = []
        for own, lengths in (
            (waits.task[:steps], waits.stop - waits.end[:steps]),
            (waits.task, waits.end - waits.ready),
            (waits.task, waits.ready - waits.start),
        ):
            total = np.zeros(count, np.int64)
            np.add.at(total, own, lengths)
            sums.append(total)
        columns = (lives.begin, lives.end, lives.done, np.bincount(self._steps.task, minlength=count), *sums)
        for row, (begin, end, done, number, running, ready, awaiting) in enumerate(numbers(*columns), first):
            task = tasks[row]
            task.created, task.ended, task.steps = begin, end if done else None, number
            task.running, task.ready, task.awaiting = running, ready, awaiting

    def _keep_undrawn(self) -> None:
        """Keeps how long those tasks were ready that are not drawn."""
        waits = self._waits
        which = np.flatnonzero(~self._drawn[waits.task] & (waits.end > waits.ready))
        self._builder.undrawn(waits.task[which] + self._tasks.first, waits.ready[which], waits.end[which])

    def _say_ends(self) -> None:
        """Says of pending tasks what they await, and of cancelled ones who did that."""
        waits, tasks = self._waits, self._builder.tasks
        count, first = len(self._steps.task), self._tasks.first
        tails = count + np.flatnonzero(~self._lives.done & (waits.ready[count:] > waits.start[count:]))
        for wait in tails.tolist():
            step = int(waits.after[wait])
            if step >= 0:
                says, awaited = self._tasks.step_says[step], self._tasks.step_awaits[step]
                tasks[first + int(waits.task[wait])].awaits = self.what(says, awaited)
        Cancellers(self._tasks, waits, self._causes).tell()

    def _draw_lives(self) -> None:
        """Adds the slices of the lives that are drawn."""
        builder, lives, first = self._builder, self._lives, self._tasks.first
        drawn = np.flatnonzero(self._drawn)
        names, flags, args = (np.empty(len(drawn), np.int64) for _ in range(3))
        known: dict[tuple[Any, ...], int] = {}
        for at, (row, done) in enumerate(zip((drawn + first).tolist(), lives.done[drawn].tolist())):
            task = builder.tasks[row]
            names[at] = builder.string(f"{task.name} ({task.coroutine})" if task.coroutine else task.name)
            flag = 0 if done else Flag.UNFINISHED
            flag |= Flag.BEGUN_BEFORE if self._tasks.is_late(row) else 0
            flags[at] = flag | (Flag.ERROR if task.error else 0)
            about = _about(task)
            if about not in known:
                known[about] = builder.keep({name: value for name, value in zip(_SAID, about) if value})
            args[at] = known[about]
        tracks = self._tasks.tracks[drawn]
        builder.slices(tracks, lives.begin[drawn], lives.end[drawn], names, Category.TASK, flags, drawn + first, args)

    def _draw_arrows(self) -> None:
        """Adds the arrows to steps, from who created or woke their tasks."""
        waits, wakes, count = self._waits, self._tasks.wakes, len(self._steps.task)
        drawn = np.flatnonzero(self._drawn[waits.task[:count]])
        cause, task = waits.cause[drawn], waits.task[drawn]
        handles = np.array(self._tasks.step_handle, np.int64)[waits.steps[drawn]]
        source = np.array(self._tasks.source, np.int64)[task]
        created = (cause == CREATED) & (source >= 0)
        self._builder.flows(FlowKind.CREATE, source[created], self._lives.born[task[created]], handles[created])
        track, kind = (np.array(column, np.int64) for column in (wakes.track, wakes.flow))
        woken = np.flatnonzero(cause >= 0)
        woken = woken[track[cause[woken]] >= 0]
        by = cause[woken]
        self._builder.flows(kind[by], track[by], self._wakes.time[by], handles[woken])
