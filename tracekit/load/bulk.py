"""Bulk: what the records of one thread say of tasks and turns, all at once, in columns. Knows what runs where, and no stack.

It is told twice: `begin` before the thread is walked, so that each turn has its slice, and `finish` afterwards, when for each
record it is known in what it was written.
"""

from __future__ import annotations

from array import array
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit import events
from tracekit.load.image import Image, Log
from tracekit.load.jobs import Jobs
from tracekit.load.plain import Turns
from tracekit.load.tasks import Tasks
from tracekit.load.turns import ReadyQueues, Waiting
from tracekit.load.wakes import CALLBACK, LOOP, STEP
from tracekit.model.columns import distinct, groups
from tracekit.model.trace import Category, Flag, Int32, Int64

# What is read here; of steps and callbacks the plain ones.
READ_IN_BULK = frozenset({events.LOOP_TURN, events.TASK_CREATED, events.TASK_READY, events.TASK_DONE})
# What nobody asks for again, once threads have been walked.
INTERPRETED = READ_IN_BULK | {events.STEP_BEGIN, events.STEP_END, events.CALLBACK_BEGIN, events.CALLBACK_END}
# Of these is asked in what step they were written.
_IN_STEPS = (events.SPAN_BEGIN, events.SPAN_END, events.SPAN_ARGS, events.SPAN_SUSPEND, events.SPAN_RESUME, events.LOG)


class Context(NamedTuple):
    """What runs on a thread: in what a record is written, beside plain turns.

    `agent`, `by` and `due` as in wakes.Wakes, but that `by` is the number of a step and not its task; `loop` is the row of the
    innermost loop, `run` its number in Waiting, and `step` the number of the innermost step; -1 for none.
    """

    agent: int
    by: int
    due: int
    loop: int
    run: int
    step: int


class _Contexts(NamedTuple):
    """The same in columns; each holds from the position `since` on."""

    since: Int64
    agent: Int64
    by: Int64
    due: Int64
    loop: Int64
    run: Int64
    step: Int64

    def at(self, positions: NDArray[Any]) -> Int64:
        """The place in the columns of what holds at each position."""
        return np.searchsorted(self.since, positions, side="right") - 1


class Bulk:
    """The records of one thread.

    Args:
        turns: of the thread.
    """

    def __init__(
        self, image: Image, log: Log, turns: Turns, tasks: Tasks, jobs: Jobs, queues: ReadyQueues, waiting: Waiting
    ) -> None:
        self._image = image
        self._builder = image.builder
        self._log = log
        self._tasks = tasks
        self._jobs = jobs
        self._queues = queues
        self._waiting = waiting
        self._contexts = array("q")
        self._begin, self._end = turns
        self._is_step = log.kind[self._begin] == events.STEP_BEGIN
        self._ended_steps, self._ended_at = array("q"), array("q")  # those that are not plain: where their end stands

    # Before.

    def begin(self) -> None:
        """Adds all steps and callbacks, the plain ones with their ends."""
        log = self._log
        self._rows = self._meet()
        count = len(self._begin)
        slots, plain = log.slot[self._begin], self._end >= 0
        start = log.time[self._begin]
        end = np.where(plain, log.time[self._end], start) if count else start
        late = self._image.which_late(slots) & (~self._is_step | (slots < 0))
        flags = late.astype(np.uint8) * np.uint8(Flag.BEGUN_BEFORE)
        names, args, task = (np.full(count, -1, np.int32) for _ in range(3))
        self._numbers, self._dues = np.full(count, -1, np.int32), np.zeros(count, np.int64)
        self._ended = np.full(count, -1, np.int32)  # of callbacks: the row of the task whose end they are told, or -1
        steps, others = np.flatnonzero(self._is_step), np.flatnonzero(~self._is_step)
        names[steps] = self._tasks.titles(self._rows)
        scheduled = self._read_callbacks(others, names, args)
        task[steps] = self._rows
        category = np.where(self._is_step, np.uint8(Category.STEP), np.uint8(Category.CALLBACK))
        first = self._builder.slices(log.track, start, end, names, category, flags, task, args)
        del names, args, task, category
        self._first = first
        number = self._tasks.begin_steps(self._rows, log, self._begin[steps], end[steps], flags[steps], first + steps)
        self._numbers[steps] = np.arange(number, number + len(steps))
        for at, serial in scheduled:
            self._jobs.callback(serial, first + at)

    def turn(self, position: int) -> tuple[int, int, int]:
        """Of a turn that begins at a position: its handle, its number (a step's or callback's), and when it was due."""
        at = int(np.searchsorted(self._begin, position))
        return self._first + at, int(self._numbers[at]), int(self._dues[at])

    def _meet(self) -> Int64:
        """Gives rows to tasks that nobody created, in the order in which they are seen; returns those of steps."""
        kind = self._log.kind
        which = np.flatnonzero((kind == events.STEP_BEGIN) | (kind == events.TASK_READY) | (kind == events.TASK_DONE))
        rows = self._tasks.meet(self._log, which)
        steps: Int64 = rows[kind[which] == events.STEP_BEGIN]
        return steps

    def _read_callbacks(self, which: Int64, names: Int32, args: Int32) -> list[tuple[int, int]]:
        """Fills the columns of callbacks, which are these turns; returns those that others scheduled, with their serials."""
        if not len(which):
            return []
        image, log, details = self._image, self._log, self._image.details
        at = self._begin[which]
        name, slots = log.a[at].astype(np.int64), log.slot[at]
        code, has_code = details.payloads(slots, events.CODE)
        scheduled, has_serial = details.payloads(slots, events.SCHEDULED)
        due, has_due = details.payloads(slots, events.DUE)
        first, alike = groups(name)
        titles = [self._builder.string(image.name(number)) for number in name[first].tolist()]
        names[which] = np.array(titles, np.int64)[alike]
        first, alike = groups(code)
        places = [
            self._builder.keep(image.place(slot)) if there else -1
            for slot, there in zip(slots[first].tolist(), has_code[first].tolist())
        ]
        args[which] = np.array(places, np.int64)[alike]
        dues = np.where(has_due, np.minimum(due, log.time[at].astype(np.uint64)), 0).astype(np.int64)
        self._dues[which] = dues
        self._numbers[which] = self._tasks.wakes.callbacks(
            name, code.astype(np.int64), dues > 0, scheduled.astype(np.int64)
        )
        ended, has_ended = details.payloads(slots, events.AWAITED_TASK)
        self._ended[which[has_ended]] = self._tasks.rows(ended[has_ended])
        return list(zip(which[has_serial].tolist(), scheduled[has_serial].tolist()))

    # While the thread is walked.

    def enter(self, position: int, context: Context) -> None:
        """From that position on (-1: the beginning) this runs."""
        self._contexts.extend((position, *context))

    def step_ended(self, number: int, position: int) -> None:
        """A step that is not plain has its end there."""
        self._ended_steps.append(number)
        self._ended_at.append(position)

    # Afterwards.

    def finish(self, results: dict[int, str]) -> None:
        """Tells everybody what the records say.

        Args:
            results: the positions of wake-ups that were a job's last work, and the names of those jobs.
        """
        self._around = _Contexts(*np.array(self._contexts, np.int64).reshape(-1, len(_Contexts._fields)).T.copy())
        self._plain = np.flatnonzero(self._end >= 0).astype(np.int32)
        self._plain_begin, self._plain_end = self._begin[self._plain], self._end[self._plain]
        self._tell_creators()
        self._tell_wakes(results)
        which = np.flatnonzero(self._log.kind == events.TASK_DONE)
        self._tasks.done(self._tasks.meet(self._log, which), self._log, which)
        self._tell_ends()
        self._tell_loops()
        if np.isin(self._log.kind, _IN_STEPS).any():
            self._tell_context()

    def _turn(self, positions: NDArray[Any]) -> Int32:
        """In which plain turn (a place among all turns, or -1) records are written."""
        at = np.searchsorted(self._plain_begin, positions, side="right") - 1
        turn = np.full(len(positions), -1, np.int32)
        inside = np.flatnonzero(at >= 0)
        inside = inside[positions[inside] < self._plain_end[at[inside]]]
        turn[inside] = self._plain[at[inside]]
        return turn

    def _tell_creators(self) -> None:
        log, tasks = self._log, self._builder.tasks
        which = np.flatnonzero(log.kind == events.TASK_CREATED)
        if not len(which):
            return
        turn, context = self._turn(which), self._around.at(which)
        step = self._around.step[context]
        inside = np.flatnonzero(turn >= 0)
        inside = inside[self._is_step[turn[inside]]]
        step[inside] = self._numbers[turn[inside]]
        # In a step, or in a callback, that had ended when the window began, nobody knows.
        known = (which >= log.carried) | (self._around.loop[context] < 0) | (step >= 0)
        which, step = which[known], step[known]
        first, alike = groups(step)
        thread, of_step = self._builder.threads[log.thread].name, self._tasks.step_task
        names = [thread if number < 0 else tasks[of_step[number]].name for number in step[first].tolist()]
        self._tasks.created_by(self._tasks.meet(log, which), alike, names)

    def _tell_wakes(self, results: dict[int, str]) -> None:
        which = np.flatnonzero(self._log.kind == events.TASK_READY)
        turn, context = self._turn(which), self._around.at(which)
        agent, by, due = (column[context] for column in (self._around.agent, self._around.by, self._around.due))
        inside = np.flatnonzero(turn >= 0)
        own = turn[inside]
        agent[inside] = np.where(self._is_step[own], STEP, CALLBACK)
        by[inside], due[inside] = self._numbers[own], self._dues[own]
        steps = np.flatnonzero(agent == STEP)
        by[steps] = np.frombuffer(self._tasks.step_task, np.int32)[by[steps]]
        wakes = self._tasks.wakes
        first = len(wakes.task)
        ended = self._told_ends(which, agent, by)
        self._tasks.wake(self._tasks.meet(self._log, which), self._log, which, agent, by, due, ended)
        for position, job in results.items():
            wakes.mark_result(first + int(np.searchsorted(which, position)), job)

    def _told_ends(self, positions: NDArray[Any], agent: Int64, by: Int64) -> Int64:
        """The tasks (rows, or -1) whose ends those callbacks are told in which these records are written."""
        at = np.searchsorted(self._begin, positions, side="right") - 1
        ended = np.full(len(positions), -1, np.int64)
        inside = np.flatnonzero((at >= 0) & (agent == CALLBACK))
        inside = inside[self._numbers[at[inside]] == by[inside]]
        ended[inside] = np.where(self._is_step[at[inside]], -1, self._ended[at[inside]])
        return ended

    def _tell_ends(self) -> None:
        """What the ends of steps say."""
        plain = self._plain[self._is_step[self._plain]]
        numbers = np.concatenate((self._numbers[plain], np.array(self._ended_steps, np.int64)))
        slots = self._log.slot[np.concatenate((self._end[plain], np.array(self._ended_at, np.int64)))]
        self._tasks.stopped(numbers, slots)
        stopped = np.flatnonzero(self._image.details.payloads(slots, events.CODE)[1])
        for number, slot in zip(numbers[stopped].tolist(), slots[stopped].tolist()):
            place = self._image.place(slot)
            if place is not None:
                self._builder.annotate(self._tasks.step_handle[number], place)

    def _tell_loops(self) -> None:
        """What the plain turns take of their loops' time, and how much those had to do."""
        log, around = self._log, self._around
        self._tasks.find_loops(self._rows, around.loop[around.at(self._begin[self._is_step])])
        context = around.at(self._plain_begin)
        own = around.agent[context] == LOOP
        context, position = context[own], self._plain_begin[own]
        start, end = log.time[position], log.time[self._plain_end[own]]
        self._waiting.turns(around.run[context], position, start, end)
        loop, lengths = around.loop[context], np.maximum(0, end - np.maximum(start, self._builder.since))
        for row in distinct(loop).tolist():
            self._builder.loops[row].running += int(lengths[loop == row].sum())
        which = np.flatnonzero(log.kind == events.LOOP_TURN)
        context = around.at(which)
        own = (self._turn(which) < 0) & (around.agent[context] == LOOP)
        which, loop = which[own], around.loop[context[own]]
        self._waiting.looks(around.run[context[own]], which, log.time[which])
        for row in distinct(loop).tolist():
            mine = which[loop == row]
            self._queues.add(row, log.time[mine], log.b[mine])

    def _tell_context(self) -> None:
        """Says where in the log plain steps run, among the others."""
        log, steps = self._log, self._is_step[self._plain]
        begin, end = self._plain_begin[steps], self._plain_end[steps]
        position = np.concatenate((np.array(log.context_at, np.int64), begin, end))
        outer = self._around.step[self._around.at(end)]
        step = np.concatenate((np.array(log.context, np.int64), self._numbers[self._plain[steps]], outer))
        order = np.argsort(position, kind="stable")
        log.context_at, log.context = array("q", position[order].tobytes()), array("q", step[order].tobytes())
