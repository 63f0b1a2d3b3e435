"""Tasks: what the records say of tasks and their steps, collected in columns. Knows no bytes, and draws nothing.

A recording may hold a million tasks: what is known of each one is a number in each of a few columns, and its row.
"""

from __future__ import annotations

from array import array

import numpy as np

from tracekit import events
from tracekit.load.awaits import Await, read
from tracekit.load.image import Image, Log
from tracekit.load.lanes import tracks_of
from tracekit.load.phases import Lives, Steps
from tracekit.load.wakes import Wakes
from tracekit.model.trace import Category, Int64
from tracekit.spool.layout import parse_code

_ID = (1 << 32) - 1
_NOT_DONE = -1


class Tasks:
    """The tasks and event loops of one image. A task is known by its row; those of one image are in one run from `first` on.

    `step_says` is the number of what a step's end says of what is awaited (`awaits`), or -1, and `step_awaits` the row of the
    task that is, or -1.
    """

    def __init__(self, image: Image) -> None:
        self.image = image
        self.builder = image.builder
        self.first = len(image.builder.tasks)
        self.wakes = Wakes(image)
        self.step_task, self.step_start, self.step_end = array("q"), array("q"), array("q")
        self.step_flags, self.step_handle = array("q"), array("q")
        self.step_log, self.step_position = array("q"), array("q")
        self.step_says, self.step_awaits = array("q"), array("q")
        self.awaits: list[Await] = []
        self._numbers: dict[tuple[int, int], int] = {}  # of awaits, by what the recorder says
        self._rows: dict[int, int] = {}  # by serial
        self._loops: dict[int, int] = {}
        self._places: dict[int, str] = {}
        self.source = array("q")  # track of the creator, or -1
        self._born, self._done = array("q"), array("q")
        self._late = array("b")
        self._carried = array(
            "b"
        )  # a flight recorder has let go of its first time: what came before a step is not known
        self._seen_log, self._seen_at = array("q"), array("q")  # where its TASK_CREATED stands

    def enroll(self, log: Log) -> None:
        """Adds the tasks that this thread created, and the names it gave them. All threads come before any step."""
        which = np.flatnonzero(np.isin(log.kind, (events.TASK_CREATED, events.TASK_NAME)))
        columns = (which, log.time[which], log.kind[which], log.a[which], log.b[which], log.slot[which])
        for position, time, kind, a, b, slot in zip(*(column.tolist() for column in columns)):
            if kind == events.TASK_NAME:
                self.builder.tasks[self.row(b, time)].name = self.image.name(a)
            elif b not in self._rows:
                self._create(log, position, time, a, b, slot)

    def loop(self, serial: int, log: Log, name: str = "") -> int:
        """The row of a loop."""
        row = self._loops.get(serial)
        if row is None:
            row = self._loops[serial] = self.builder.loop(self.image.process, log.thread, name or "event loop")
        elif name:
            self.builder.loops[row].thread = log.thread
            self.builder.loops[row].name = name
        return row

    def row(self, serial: int, time: int) -> int:
        """The row of a task; one whose creation was not recorded is taken for older than the recording."""
        row = self._rows.get(serial)
        if row is None:
            time = min(time, self.image.header.let_go or time)
            row = self.builder.task(self.image.process, None, f"task {serial}", created=time, begun_before=True)
            self._keep(serial, row, time, is_late=True, source=-1)
        return row

    def created_by(self, serial: int, creator: str) -> None:
        """Says in whose step, or on which thread, a task was created."""
        row = self._rows[serial]
        if not self._late[row - self.first]:
            self.builder.tasks[row].creator = creator

    def wake(
        self, serial: int, time: int, log: Log, position: int, agent: int, by: int, due: int, is_cancelled: bool
    ) -> None:
        """A task was made ready; `agent`, `by` and `due` as in `Wakes.add`."""
        row = self.row(serial, time)
        at, track = row - self.first, log.track
        if self._late[at] and (self._seen_log[at], self._seen_at[at]) == (log.index, position - 1):
            # Found ready when the recording began: who had made it ready was not seen.
            track = -1
        self.wakes.add(row, time, due, log.index, position, track, agent, by, is_cancelled)

    def begin_step(
        self, serial: int, log: Log, time: int, position: int, loop: int | None, flags: int = 0
    ) -> tuple[int, int]:
        """Returns the number of the step and the handle of its slice."""
        row = self.row(serial, time)
        task = self.builder.tasks[row]
        if task.loop is None:
            task.loop = loop
        handle = self.builder.slice(log.track, time, time, task.name, Category.STEP, flags, row)
        self.step_task.append(row)
        self.step_start.append(time)
        self.step_end.append(time)
        self.step_flags.append(flags)
        self.step_handle.append(handle)
        self.step_log.append(log.index)
        self.step_position.append(position)
        self.step_says.append(-1)
        self.step_awaits.append(-1)
        return len(self.step_task) - 1, handle

    def end_step(self, number: int, time: int, flags: int = 0) -> None:
        """The step with that number ended, or is not known to have (UNFINISHED)."""
        self.step_end[number] = time
        self.step_flags[number] |= flags
        self.builder.end(self.step_handle[number], time, flags)

    def stopped(self, number: int, slot: int) -> None:
        """What the end of that step, the record at `slot`, says of what its task awaits now."""
        said, kind, row = -1, 0, -1
        for detail in self.image.details.of(slot):
            if detail.kind == events.AWAITS:
                said = detail.payload
            elif detail.kind == events.AWAITED:
                kind = detail.payload
            elif detail.kind == events.AWAITED_TASK:
                row = self._rows.get(detail.payload, -1)
        if said >= 0:
            self.step_says[number] = self._number(said, kind)
            self.step_awaits[number] = row

    def done(self, serial: int, time: int, outcome: int, error: str) -> None:
        """The task is done."""
        row = self.row(serial, time)
        self._done[row - self.first] = time
        task = self.builder.tasks[row]
        task.outcome, task.error = events.OUTCOMES.get(outcome, "done"), error

    def settle(self) -> None:
        """Finds out where the lives of all tasks lie, once all threads have been walked; sets `lives` and `tracks`."""
        born, done = np.array(self._born, np.int64), np.array(self._done, np.int64)
        task, start = self._column(self.step_task) - self.first, self._column(self.step_start)
        begin, latest = born.copy(), np.full(len(born), -1, np.int64)
        np.minimum.at(begin, task, start)
        np.maximum.at(latest, task, self._column(self.step_end))
        latest = np.where(latest < 0, born, latest)
        finished = done != _NOT_DONE
        # It ends with its last step, though it is done a moment before; else where it was last seen.
        end = np.maximum(np.where(finished, done, self.image.last), latest)
        fresh = (np.array(self._late, np.int64) == 0) & (np.array(self._carried, np.int64) == 0)
        self.lives = Lives(begin, born, end, finished, fresh)
        self.tracks = tracks_of(self.builder, self.image.process, self.first, begin, end)

    def steps(self) -> Steps:
        """All steps, in the order in which they were read."""
        columns = (self.step_task, self.step_start, self.step_end, self.step_log, self.step_position)
        return Steps(*(self._column(column) for column in columns))

    def is_late(self, row: int) -> bool:
        """Whether the task was there before it was first seen."""
        return bool(self._late[row - self.first])

    def _column(self, flat: array[int]) -> Int64:
        return np.array(flat, np.int64)

    def _create(self, log: Log, position: int, time: int, name: int, serial: int, slot: int) -> None:
        image = self.image
        loop, code, created_at, is_late = None, "", "", slot in image.late
        for detail in image.details.of(slot):
            if detail.kind == events.CODE:
                code = image.name(detail.payload)
            elif detail.kind == events.LOOP:
                loop = self.loop(detail.payload, log)
            elif detail.kind == events.CREATED_AT:
                created_at = self._place(detail.payload)
            elif detail.kind == events.LATE:
                is_late = True
        function, file, line = parse_code(code)
        row = self.builder.task(
            image.process,
            loop,
            image.name(name),
            coroutine=function,
            file=file,
            line=line,
            created=time,
            begun_before=is_late,
            created_at=created_at,
        )
        self._keep(serial, row, time, is_late, -1 if is_late else log.track)
        self._carried[-1] = position < log.carried
        self._seen_log[-1], self._seen_at[-1] = log.index, position

    def _keep(self, serial: int, row: int, time: int, is_late: bool, source: int) -> None:
        self._rows[serial] = row
        self._born.append(time)
        self._done.append(_NOT_DONE)
        self._late.append(is_late)
        self._carried.append(False)
        self.source.append(source)
        self._seen_log.append(-1)
        self._seen_at.append(-1)

    def _place(self, number: int) -> str:
        """The place that a name tells, for people."""
        place = self._places.get(number)
        if place is None:
            function, file, line = parse_code(self.image.name(number))
            place = self._places[number] = f"{function} ({file}:{line})" if function else ""
        return place

    def _number(self, said: int, kind: int) -> int:
        """The number of what a step's end says of what is awaited: payload of its AWAITS, and of its AWAITED or 0."""
        number = self._numbers.get((said, kind))
        if number is None:
            where, what, awaited = (self.image.name(part) if part else "" for part in (said & _ID, said >> 32, kind))
            number = self._numbers[said, kind] = len(self.awaits)
            self.awaits.append(read(where, what, awaited))
        return number
