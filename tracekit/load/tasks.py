"""Tasks: what the records say of tasks and their steps, collected in columns. Knows no bytes, and draws nothing.

A recording may hold a million tasks: what is known of each one is a number in each of a few columns, and its row.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracekit import events
from tracekit.load.awaits import Await, read
from tracekit.load.image import Image, Log
from tracekit.load.lanes import choose, tracks_of
from tracekit.load.phases import Bools, Lives, Steps
from tracekit.load.wakes import Wakes
from tracekit.model.columns import among, distinct, extend, groups, numbers, sorted_places
from tracekit.model.trace import Int8, Int32, Int64, Task
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
        self.step_task, self.step_start, self.step_end = array("i"), array("q"), array("q")
        self.step_flags, self.step_handle = array("b"), array("i")
        self.step_log, self.step_position = array("i"), array("i")
        self.step_says, self.step_awaits = array("i"), array("i")
        self.awaits: list[Await] = []
        self._numbers: dict[tuple[int, int], int] = {}  # of awaits, by what the recorder says
        self._rows = _Rows()
        self._titles = array("q")
        self._loops: dict[int, int] = {}
        self._places: dict[int, str] = {}
        self.source = array("q")  # track of the creator, or -1
        self._born, self._done = array("q"), array("q")
        # The latter: a flight recorder has let go of its first time, and what came before a step is not known.
        self._late, self._carried = array("q"), array("q")
        self._odd = array("q")  # it failed or was cancelled
        self._seen_log, self._seen_at = array("q"), array("q")  # where its TASK_CREATED stands

    def enroll(self, log: Log) -> None:
        """Adds the tasks that this thread created, and the names it gave them. All threads come before any step."""
        created = np.flatnonzero(log.kind == events.TASK_CREATED)
        if len(created):
            self._create(log, created)
        named = np.flatnonzero(log.kind == events.TASK_NAME)
        for time, a, b in zip(*(column[named].tolist() for column in (log.time, log.a, log.b))):
            self.builder.tasks[self.row(b, time)].name = self.image.name(a)

    def meet(self, log: Log, which: Int64) -> Int64:
        """The rows of the tasks of these records, in columns; those that are not known yet get one."""
        serials = log.b[which].astype(np.int64)
        rows = self._rows.of(serials)
        unknown = np.flatnonzero(rows < 0)
        if len(unknown):
            for at in unknown[groups(serials[unknown])[0]].tolist():
                self.row(int(serials[at]), int(log.time[which[at]]))
            rows[unknown] = self._rows.of(serials[unknown])
        return rows

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
        if row < 0:
            time = min(time, self.image.header.let_go or time)
            row = self.builder.task(self.image.process, None, f"task {serial}", created=time, begun_before=True)
            self._rows.add(serial, row)
            self._keep(np.array([time]), np.ones(1, np.bool_), -1)
        return row

    def created_by(self, rows: Int64, creators: Int64, names: Sequence[str]) -> None:
        """Says in whose step, or on which thread, tasks were created: a column of places in `names`."""
        tasks, late, first = self.builder.tasks, self._late, self.first
        for row, creator in numbers(rows, creators):
            if not late[row - first]:
                tasks[row].creator = names[creator]

    def rows(self, serials: NDArray[np.uint64]) -> Int64:
        """The rows of tasks that records refer to; -1 for what is none."""
        return self._rows.of(np.minimum(serials, _ID).astype(np.int64))

    def wake(self, rows: Int64, log: Log, which: Int64, agent: Int64, by: Int64, due: Int64, ended: Int64) -> None:
        """Tasks were made ready by these records; `agent`, `by`, `due` and `ended` as in `Wakes.add`."""
        at = rows - self.first
        late, seen_log, seen_at = (
            np.frombuffer(column, np.int64) for column in (self._late, self._seen_log, self._seen_at)
        )
        # Found ready when the recording began: who had made it ready was not seen.
        unseen = (late[at] != 0) & (seen_log[at] == log.index) & (seen_at[at] == which - 1)
        track = np.where(unseen, -1, log.track)
        cancelled = log.a[which] == events.READY_CANCELLED
        self.wakes.add(rows, log.time[which], due, log.index, which, track, agent, by, cancelled, ended)

    def begin_steps(self, rows: Int64, log: Log, which: Int32, end: Int64, flags: Int8, handles: Int64) -> int:
        """Adds the steps that these records begin; returns the number of the first one, the others follow.

        Args:
            end: when they end, as far as that is known yet.
            handles: of their slices.
        """
        first, none = len(self.step_task), np.full(len(rows), -1, np.int32)
        columns = (
            (self.step_task, rows),
            (self.step_start, log.time[which]),
            (self.step_end, end),
            (self.step_flags, flags),
            (self.step_handle, handles),
            (self.step_log, np.full(len(rows), log.index, np.int32)),
            (self.step_position, which),
            (self.step_says, none),
            (self.step_awaits, none),
        )
        extend(*columns)
        return first

    def titles(self, rows: Int64) -> Int64:
        """What the slices of the steps of tasks are called: numbers of strings."""
        known, tasks, string = self._titles, self.builder.tasks, self.builder.string
        for row in range(self.first + len(known), self.first + len(self._born)):
            known.append(string(tasks[row].name))
        return np.frombuffer(known, np.int64)[rows - self.first]

    def find_loops(self, rows: Int64, loops: Int64) -> None:
        """Steps of these tasks ran on these loops (rows, or -1), in the order of time: of those whose loop is not known."""
        tasks = self.builder.tasks
        homeless = np.array([at for at in distinct(rows).tolist() if tasks[at].loop is None], np.int64)
        which = np.flatnonzero(among(rows, homeless) & (loops >= 0))
        for at in groups(rows[which])[0].tolist() if len(which) else ():
            tasks[int(rows[which[at]])].loop = int(loops[which[at]])

    def end_step(self, number: int, time: int, flags: int = 0) -> None:
        """The step with that number ended, or is not known to have (UNFINISHED)."""
        self.step_end[number] = time
        self.step_flags[number] |= flags
        self.builder.end(self.step_handle[number], time, flags)

    def stopped(self, numbers: Int64, slots: Int64) -> None:
        """What the ends of these steps, the records at `slots`, say of what their tasks await now."""
        details = self.image.details
        said, known = details.payloads(slots, events.AWAITS)
        if not known.any():
            return
        kind, _ = details.payloads(slots, events.AWAITED)
        task, has_task = details.payloads(slots, events.AWAITED_TASK)
        numbers, said, kind = numbers[known], said[known], kind[known]
        first, alike = groups(said, kind)
        says = np.array([self._number(*pair) for pair in zip(said[first].tolist(), kind[first].tolist())], np.int64)
        awaited = np.where(has_task[known], self.rows(task[known]), -1)
        np.frombuffer(self.step_says, np.int32)[numbers] = says[alike]
        np.frombuffer(self.step_awaits, np.int32)[numbers] = awaited

    def done(self, rows: Int64, log: Log, which: Int64) -> None:
        """Tasks are done: what these records say of them."""
        np.frombuffer(self._done, np.int64)[rows - self.first] = log.time[which]
        image, tasks = self.image, self.builder.tasks
        failed = among(log.slot[which], image.details.slots((events.ERROR,)))
        outcomes = events.OUTCOMES
        for row, outcome in numbers(rows, log.a[which]):
            tasks[row].outcome = outcomes.get(outcome, "done")
        np.frombuffer(self._odd, np.int64)[rows - self.first] = log.a[which] != events.OUTCOME_DONE
        for row, slot in zip(rows[failed].tolist(), log.slot[which][failed].tolist()):
            tasks[row].error = image.error(slot)

    def settle(self) -> None:
        """Finds out where the lives of all tasks lie, once all threads have been walked; sets `lives`."""
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

    def lay(self, rank: Int64, must: Int64) -> None:
        """Chooses which tasks are drawn, and where; sets `tracks`, -1 for those that are not.

        Args:
            rank: how long each one waited or ran in one go, at most.
            must: those that are drawn in any case.
        """
        image, lives = self.image, self.lives
        odd = ~lives.done | (np.array(self._odd, np.int64) != 0)
        # A flight recorder's window is cut out of the drawn, and is not that long.
        every = np.ones(len(rank), np.bool_)
        drawn = every if self.builder.since else choose(lives.begin, np.where(odd, np.iinfo(np.int64).max, rank))
        drawn[must - self.first] = True
        image.undrawn_tasks = int((~drawn).sum())
        self.tracks = tracks_of(self.builder, image.process, self.first, lives.begin, lives.end, drawn)

    def steps(self) -> Steps:
        """All steps, in the order in which they were read."""
        columns = (self.step_task, self.step_start, self.step_end, self.step_log, self.step_position)
        return Steps(*(self._column(column) for column in columns))

    def is_late(self, row: int) -> bool:
        """Whether the task was there before it was first seen."""
        return bool(self._late[row - self.first])

    def _column(self, flat: array[int]) -> Int64:
        return np.array(flat, np.int64)

    def _create(self, log: Log, which: Int64) -> None:
        """Adds the tasks that these records create, of those that are new."""
        image, details = self.image, self.image.details
        serials = log.b[which].astype(np.int64)
        firsts = np.sort(groups(serials)[0])
        which = which[firsts[self._rows.of(serials[firsts]) < 0]]
        slots, times = log.slot[which], log.time[which]
        late = image.which_late(slots)
        code, _ = details.payloads(slots, events.CODE)
        created_at, placed = details.payloads(slots, events.CREATED_AT)
        loop, has_loop = details.payloads(slots, events.LOOP)
        codes = {number: parse_code(image.name(number) if number else "") for number in set(code.tolist())}
        places = {number: self._place(number) for number in set(created_at[placed].tolist())}
        firsts, alike = groups(loop, has_loop)
        seen = zip(loop[firsts].tolist(), has_loop[firsts].tolist())
        loop_rows = np.array([self.loop(serial, log) if there else -1 for serial, there in seen], np.int64)[alike]
        first = len(self.builder.tasks)
        columns = (loop_rows, log.a[which], code, times, late, created_at, placed)
        self.builder.tasks.extend(
            Task(
                image.process,
                None if own < 0 else own,
                image.name(name),
                *codes[number],
                time,
                begun_before=is_late,
                created_at=places[place] if has_place else "",
            )
            for own, name, number, time, is_late, place, has_place in numbers(*columns)
        )
        self._rows.add_all(log.b[which].astype(np.int64), first)
        self._keep(times, late, log.track, log.index, which, which < log.carried)

    def _keep(
        self,
        times: Int64,
        late: Bools,
        track: int,
        log: int = -1,
        seen_at: Int64 | None = None,
        carried: Bools | None = None,
    ) -> None:
        """Adds to the columns of all tasks what is known of some new ones."""
        none = np.full(len(times), -1, np.int64)
        columns = (
            (self._born, times),
            (self._done, none),
            (self._odd, np.zeros(len(times), np.int64)),
            (self._late, late),
            (self._carried, np.zeros(len(times), np.int64) if carried is None else carried),
            (self.source, np.where(late, -1, track)),
            (self._seen_log, none if seen_at is None else np.full(len(times), log, np.int64)),
            (self._seen_at, none if seen_at is None else seen_at),
        )
        extend(*columns)

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


class _Rows:
    """The rows of tasks by their serials: in columns those of whole threads, and singly those that came later."""

    def __init__(self) -> None:
        self._serials, self._places = np.empty(0, np.int64), np.empty(0, np.int64)
        self._later: dict[int, int] = {}

    def add_all(self, serials: Int64, first: int) -> None:
        """Tasks that are new; their rows are one after another from `first` on."""
        serials = np.concatenate((self._serials, serials))
        places = np.concatenate((self._places, np.arange(first, first + len(serials) - len(self._serials))))
        order = np.argsort(serials, kind="stable")
        self._serials, self._places = serials[order], places[order]

    def add(self, serial: int, row: int) -> None:
        """A task that is new."""
        self._later[serial] = row

    def get(self, serial: int) -> int:
        """The row of a task, or -1."""
        return int(self.of(np.array([serial]))[0])

    def of(self, serials: Int64) -> Int64:
        """The row of each task, or -1."""
        at, found = sorted_places(self._serials, serials)
        rows = np.full(len(serials), -1, np.int64)
        rows[found] = self._places[at[found]]
        if self._later:
            for missing in np.flatnonzero(~found).tolist():
                rows[missing] = self._later.get(int(serials[missing]), -1)
        return rows
