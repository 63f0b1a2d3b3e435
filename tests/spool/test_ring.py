"""Carried: what is kept of the blocks that a flight recorder lets go of. Knows no file: it folds blocks that it makes itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracekit import events
from tracekit.spool import layout
from tracekit.spool.carried import read_carried
from tracekit.spool.ring import Carried

_BLOCK_WORDS = layout.BLOCK_BYTES // 8


class Blocks:
    """Room for what is carried: blocks in one piece of memory."""

    def __init__(self, most: int = 64) -> None:
        self.memory = np.zeros(most * _BLOCK_WORDS, np.uint64)
        self._words = memoryview(self.memory)  # type: ignore[arg-type]
        self._most = most
        self._next = 0
        self._number = 0

    def lay_out(self) -> tuple[memoryview, int]:
        place = self._words, self._next * _BLOCK_WORDS
        self._next += 1
        return place

    def label(self, place: tuple[memoryview, int]) -> None:
        assert not any(place[0][place[1] : place[1] + _BLOCK_WORDS])
        place[0][place[1]] = layout.BLOCK_CARRIED | self._number << 32
        self._number += 1

    def clear(self, place: tuple[memoryview, int]) -> None:
        self.memory[place[1] : place[1] + _BLOCK_WORDS] = 0

    def most(self) -> int:
        return self._most

    def slots(self) -> dict[int, list[int]]:
        """The marks of each record that is carried and of its details, by its slot number."""
        rows = self.memory.reshape(-1, _BLOCK_WORDS)
        rows = rows[rows[:, 0] & np.uint64(0xFFFFFFFF) == layout.BLOCK_CARRIED]
        threads, damaged = read_carried(rows)
        assert not damaged
        found: dict[int, list[int]] = {}
        for thread in threads:
            last = 0
            for kind, slot in zip(thread.kind.tolist(), thread.slot.tolist()):
                last = slot if kind < events.FIRST_DETAIL else last
                found.setdefault(last, []).append(kind)
        return found


@dataclass
class Record:
    """One record of a made-up program; `slot` and `block` are given when it is put into a block."""

    kind: int
    b: int = 0
    begin: Record | None = None
    details: list[tuple[int, int]] = field(default_factory=list)
    slot: int = 0
    block: int = 0
    step: Record | None = None  # of a task's end: the begin of its step that goes on


class Thread:
    """A thread of a made-up program, and the blocks that it fills."""

    def __init__(self, serial: int) -> None:
        self.owner = serial | (1000 + serial) << 32
        self.records: list[Record] = []
        self.stack: list[Record] = []

    def write(self, kind: int, b: int = 0, begin: Record | None = None, *details: tuple[int, int]) -> Record:
        self.records.append(Record(kind, b, begin, list(details)))
        return self.records[-1]


_TURNS = {
    events.STEP_BEGIN: events.STEP_END,
    events.CALLBACK_BEGIN: events.CALLBACK_END,
    events.GC_BEGIN: events.GC_END,
    events.JOB_BEGIN: 0,  # its end is that of its submit, too
}
_ACTIONS = ("span", "span", "end", "end", "say", "suspend", "enter", "enter", "leave", "leave", "instant",
            "task", "done", "ready", "finish", "submit", "work", "fork")  # fmt: skip


class Program:
    """Random events on several threads, each as some thread could have written it."""

    def __init__(self, choices: list[tuple[str, int, int]]) -> None:
        self.threads = [Thread(serial) for serial in (1, 2, 3)]
        self.order: list[Record] = []
        self.spans: list[Record] = []
        self.tasks: list[Record] = []
        self.jobs: list[Record] = []
        self.serial = 0
        for thread in self.threads:
            self._put(thread, events.THREAD_BEGIN, thread.owner & 0xFFFFFFFF)
        for action, which, who in choices:
            getattr(self, f"_{action}")(self.threads[who], which)

    def _put(
        self, thread: Thread, kind: int, b: int = 0, begin: Record | None = None, *details: tuple[int, int]
    ) -> Record:
        record = thread.write(kind, b, begin, *details)
        self.order.append(record)
        return record

    def _next(self) -> int:
        self.serial += 1
        return self.serial

    def _span(self, thread: Thread, which: int) -> None:
        details = [(events.ARG_INT, which)] * (which % 3)
        self.spans.append(self._put(thread, events.SPAN_BEGIN, 0, None, *details))

    def _end(self, thread: Thread, which: int) -> None:
        if self.spans:
            span = self.spans.pop(which % len(self.spans))
            self._put(thread, events.SPAN_END, 0, span)

    def _say(self, thread: Thread, which: int) -> None:
        if self.spans:
            self._put(thread, events.SPAN_ARGS, 0, self.spans[which % len(self.spans)], (events.ARG_INT, 1))

    def _suspend(self, thread: Thread, which: int) -> None:
        if self.spans:
            kind = events.SPAN_SUSPEND if which % 2 else events.SPAN_RESUME
            self._put(thread, kind, 0, self.spans[which % len(self.spans)])

    def _enter(self, thread: Thread, which: int) -> None:
        kind = (events.CALLBACK_BEGIN, events.GC_BEGIN)[which % 2]
        thread.stack.append(self._put(thread, kind))

    def _leave(self, thread: Thread, _which: int) -> None:
        if thread.stack:
            begin = thread.stack.pop()
            self._put(thread, events.JOB_END if begin.kind == events.JOB_BEGIN else _TURNS[begin.kind], begin.b, begin)

    def _instant(self, thread: Thread, _which: int) -> None:
        self._put(thread, events.INSTANT, 0, None, (events.ARG_INT, 1))

    def _task(self, thread: Thread, _which: int) -> None:
        self.tasks.append(self._put(thread, events.TASK_CREATED, self._next(), None, (events.LOOP, 1)))

    def _done(self, thread: Thread, which: int) -> None:
        if self.tasks:
            task = self.tasks.pop(which % len(self.tasks))
            self._put(thread, events.TASK_NAME, task.b, task)
            done = self._put(thread, events.TASK_DONE, task.b, task)
            steps = (record for record in thread.stack if record.kind == events.STEP_BEGIN)
            done.step = next((step for step in steps if step.b == task.b), None)

    def _ready(self, _thread: Thread, _which: int) -> None:
        """A task of the first thread's own: ready, step."""
        thread = self.threads[0]
        task = self._put(thread, events.TASK_CREATED, self._next())
        self.tasks.append(task)
        self._put(thread, events.TASK_READY, task.b, task)
        thread.stack.append(self._put(thread, events.STEP_BEGIN, task.b))

    def _finish(self, thread: Thread, _which: int) -> None:
        """The task whose step runs is done in it."""
        step = next((record for record in reversed(thread.stack) if record.kind == events.STEP_BEGIN), None)
        places = [at for at, task in enumerate(self.tasks) if step is not None and task.b == step.b]
        if places:
            self._done(thread, places[0])

    def _submit(self, thread: Thread, _which: int) -> None:
        self.jobs.append(self._put(thread, events.JOB_SUBMIT, self._next(), None, (events.EXECUTOR, 1)))

    def _work(self, thread: Thread, which: int) -> None:
        if self.jobs:
            job = self.jobs.pop(which % len(self.jobs))
            thread.stack.append(self._put(thread, events.JOB_BEGIN, job.b, job))

    def _fork(self, thread: Thread, _which: int) -> None:
        self._put(thread, events.PROCESS_FORK, self._next())


def blocks_of(program: Program, sizes: Iterator[int]) -> list[tuple[Thread, list[Record]]]:
    """The records in blocks, numbered in the order in which they were taken; each thread has its own."""
    blocks: list[tuple[Thread, list[Record]]] = []
    current: dict[int, tuple[int, int]] = {}  # thread -> block, slots left
    owner = {id(record): thread for thread in program.threads for record in thread.records}
    for record in program.order:
        thread = owner[id(record)]
        need = 1 + len(record.details)
        number, left = current.get(thread.owner, (0, 0))
        if left < need:
            number, left = len(blocks), max(next(sizes), need)
            blocks.append((thread, []))
        record.block = number
        record.slot = number * layout.BLOCK_SLOTS + layout.BLOCK_HEAD_SLOTS + sum(
            1 + len(earlier.details) for earlier in blocks[number][1]
        )  # fmt: skip
        blocks[number][1].append(record)
        current[thread.owner] = number, left - need
    return blocks


def words_of(owner: int, number: int, records: list[Record], times: dict[int, int]) -> memoryview:
    """A block as memory."""
    words = [layout.BLOCK_RECORDS | number << 32, owner, 0, 0]
    for record in records:
        by_slot = record.kind in (events.SPAN_END, events.SPAN_ARGS, events.SPAN_SUSPEND, events.SPAN_RESUME)
        b = record.begin.slot if by_slot and record.begin is not None else record.b
        words += [times[id(record)], layout.pack_word(record.kind, 1, b)]
        for kind, payload in record.details:
            words += [payload, layout.pack_word(kind)]
    return memoryview(np.array([*words, 0, 0], np.uint64))  # type: ignore[arg-type]


_ENDS = {events.SPAN_BEGIN: events.SPAN_END, events.TASK_CREATED: events.TASK_DONE, events.JOB_SUBMIT: events.JOB_END}


def expected(program: Program, folded: set[int]) -> tuple[set[int], set[int]]:
    """Slots that must be carried, and those that may be."""
    must, may = set(), set()
    ends: dict[int, Record] = {}
    for record in program.order:
        begin = record.begin
        if begin is not None and record.kind in (*_ENDS.values(), *_TURNS.values()):
            ends[id(begin)] = record
            if begin.kind == events.JOB_BEGIN and begin.begin is not None:
                ends[id(begin.begin)] = record
    for record in program.order:  # a task that is done in a step ends with it
        if record.kind == events.TASK_DONE and record.step is not None:
            ends.pop(id(record.begin))
            if id(record.step) in ends:
                ends[id(record.begin)] = ends[id(record.step)]
    gone = lambda record: record is not None and record.block in folded  # noqa: E731
    latest: dict[tuple[int, bool], int] = {}
    for record in program.order:
        if not gone(record):
            continue
        end, begin = ends.get(id(record)), record.begin
        if record.kind in (events.PROCESS_FORK, events.THREAD_BEGIN):
            must.add(record.slot)
        elif record.kind == events.TASK_READY:
            step = program.order[program.order.index(record) + 1]
            if not gone(step):
                (may if gone(ends.get(id(begin))) else must).add(record.slot)
        elif record.kind in (*_ENDS, *_TURNS):
            if not gone(end):
                must.add(record.slot)
        elif begin is not None and record.kind in _ENDS.values():
            first = begin.begin if record.kind == events.JOB_END else begin
            if not gone(first) or (record.step is not None and not gone(ends.get(id(record.step)))):
                must.add(record.slot)
        elif begin is not None and record.kind in (events.SPAN_ARGS, events.TASK_NAME):
            if not gone(ends.get(id(begin))):
                must.add(record.slot)
            elif not gone(begin):
                may.add(record.slot)
        elif begin is not None and record.kind in (events.SPAN_SUSPEND, events.SPAN_RESUME):
            (may if gone(ends.get(id(begin))) and not gone(begin) else must).add(record.slot)
            if gone(ends.get(id(begin))):
                must.discard(record.slot)
            else:
                must.discard(latest.get((id(begin), True), -1))
                latest[id(begin), True] = record.slot
    return must, may


@settings(max_examples=150, deadline=None)
@given(
    choices=st.lists(
        st.tuples(st.sampled_from(_ACTIONS), st.integers(0, 99), st.integers(0, 2)), min_size=30, max_size=150
    ),
    sizes=st.lists(st.integers(3, 12), min_size=1, max_size=10),
    data=st.data(),
)
def test_what_is_open_is_carried(choices: list[tuple[str, int, int]], sizes: list[int], data: st.DataObject) -> None:
    """Whatever threads do and in whichever order their blocks go: what is open is carried, with what was said of it, no more."""
    program = Program(choices)
    # Arguments of one span beyond the latest few are not carried: no program here says so much.
    said: dict[int, int] = {}
    for record in program.order:
        if record.kind == events.SPAN_ARGS:
            said[id(record.begin)] = said.get(id(record.begin), 0) + 1
    if max(said.values(), default=0) > 8:
        return
    blocks = blocks_of(program, (sizes[at % len(sizes)] for at in range(10**6)))
    times = {id(record): at for at, record in enumerate(program.order, 1)}
    room = Blocks()
    lost: list[int] = []
    carried = Carried(room, lost.append)
    waiting = {
        thread.owner: [n for n, (whose, _) in enumerate(blocks) if whose is thread] for thread in program.threads
    }
    folded: set[int] = set()
    there = set(range(len(blocks)))
    while any(waiting.values()):
        owner = data.draw(st.sampled_from([owner for owner, left in waiting.items() if left]))
        number = waiting[owner].pop(0)
        folded.add(number)
        there.discard(number)
        carried.fold(words_of(owner, number, blocks[number][1], times), number, there)

        found = room.slots()
        must, may = expected(program, folded)
        assert must <= set(found) <= must | may
        details = {record.slot: [kind for kind, _ in record.details] for record in program.order}
        assert all(kinds[1:] == details[slot] for slot, kinds in found.items())
    assert lost == []


def one(owner: int, number: int, *records: tuple[int, int]) -> memoryview:
    """A block of records without details: kind and `b` of each; time and place count up."""
    words = [layout.BLOCK_RECORDS | number << 32, owner, 0, 0]
    for at, (kind, b) in enumerate(records):
        words += [number * 100 + at, layout.pack_word(kind, 1, b)]
    return memoryview(np.array(words, np.uint64))  # type: ignore[arg-type]


def test_ready() -> None:
    """A task that waits for its step is carried as ready since the latest time; from its step on no more."""
    room = Blocks()
    carried = Carried(room, print)
    carried.fold(one(1, 0, (events.TASK_CREATED, 5), (events.TASK_READY, 5), (events.TASK_READY, 5)), 0, {1, 2})
    assert [kinds for _, kinds in sorted(room.slots().items())] == [[events.TASK_CREATED], [events.TASK_READY]]
    carried.fold(one(1, 1, (events.STEP_BEGIN, 5), (events.STEP_END, 5)), 1, {2})
    assert [kinds for _, kinds in sorted(room.slots().items())] == [[events.TASK_CREATED]]


def test_a_slow_thread_s_word_is_not_news() -> None:
    """A task was made ready by a thread whose block goes late: its step has long been."""
    room = Blocks()
    carried = Carried(room, print)
    carried.fold(one(1, 1, (events.TASK_CREATED, 5), (events.STEP_BEGIN, 5), (events.STEP_END, 5)), 1, {0})
    carried.fold(one(2, 0, (events.TASK_READY, 5)), 0, set())
    assert [kinds for _, kinds in sorted(room.slots().items())] == [[events.TASK_CREATED]]


def test_a_task_is_known_to_its_last_step_s_end() -> None:
    """A task that is done is carried, done as it is, while the step goes on that says so; then nothing of it."""
    room = Blocks()
    carried = Carried(room, print)
    begin = [(events.TASK_CREATED, 5), (events.TASK_NAME, 5), (events.STEP_BEGIN, 5)]
    carried.fold(one(1, 0, *begin, (events.GC_BEGIN, 0), (events.TASK_DONE, 5)), 0, {1, 2})
    assert sorted(kinds[0] for kinds in room.slots().values()) == sorted(
        [events.TASK_CREATED, events.TASK_NAME, events.STEP_BEGIN, events.GC_BEGIN, events.TASK_DONE]
    )
    carried.fold(one(1, 1, (events.GC_END, 0), (events.INSTANT, 0)), 1, {2})
    assert len(room.slots()) == 4
    carried.fold(one(1, 2, (events.STEP_END, 5)), 2, set())
    assert room.slots() == {}


def test_a_task_that_ends_in_another_s_step() -> None:
    """A task that is done without a step of its own is gone at once, whatever runs there."""
    room = Blocks()
    carried = Carried(room, print)
    carried.fold(one(1, 0, (events.STEP_BEGIN, 6), (events.TASK_CREATED, 5), (events.TASK_DONE, 5)), 0, {1})
    assert list(room.slots().values()) == [[events.STEP_BEGIN]]


def test_a_thread_s_end_ends_all_that_ran_there() -> None:
    """Of a thread that has ended nothing is carried, though the hooks missed an end."""
    room = Blocks()
    carried = Carried(room, print)
    carried.fold(one(1, 0, (events.THREAD_BEGIN, 1), (events.THREAD_NAME, 1), (events.STEP_BEGIN, 3)), 0, {1})
    assert len(room.slots()) == 3
    carried.fold(one(1, 1, (events.GC_BEGIN, 0), (events.THREAD_END, 1)), 1, set())
    assert room.slots() == {}


def test_what_never_ends_does_not_fill_memory() -> None:
    """Spans that never end are dropped, oldest first, and counted; the thread that they are on, and the latest, stay."""
    room = Blocks(most=4)
    lost: list[int] = []
    carried = Carried(room, lost.append)
    for number in range(40):
        begin = [(events.THREAD_BEGIN, 1)] if number == 0 else []
        carried.fold(one(1, number, *begin, *[(events.SPAN_BEGIN, 0)] * 200), number, set())

    found = room.slots()
    assert found[layout.BLOCK_HEAD_SLOTS] == [events.THREAD_BEGIN]
    assert max(found) // layout.BLOCK_SLOTS == 39
    assert sum(lost) + len(found) == 40 * 200 + 1
    assert len(found) > 300


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_jobs_that_end_elsewhere(order: tuple[int, int]) -> None:
    """A process pool's job is carried until a thread tells how it ended, which ends nothing that runs on that thread."""
    room = Blocks()
    carried = Carried(room, print)
    submitted = [(events.JOB_SUBMIT, 5), (events.JOB_SUBMIT, 6)]
    told = [(events.JOB_BEGIN, 7), (events.JOB_TOLD, 5)]
    blocks = [one(1, 0, *submitted), one(2, 1, *told)]
    for number, left in zip(order, ({order[1]}, set())):
        carried.fold(blocks[number], number, left)
    assert sorted(room.slots().values()) == [[events.JOB_SUBMIT], [events.JOB_BEGIN]]


@pytest.mark.parametrize(
    "kinds", [(events.SPAN_SUSPEND, events.SPAN_RESUME), (events.SPAN_RESUME, events.SPAN_SUSPEND)]
)
def test_of_a_generator_s_turns_the_latest_counts(kinds: tuple[int, int]) -> None:
    """Of a generator's span it is carried whether it is suspended, whichever thread said so."""
    room = Blocks()
    carried = Carried(room, print)
    first = layout.BLOCK_HEAD_SLOTS
    carried.fold(one(1, 0, (events.SPAN_BEGIN, 0)), 0, {1, 2})
    carried.fold(one(3, 2, (kinds[1], first)), 2, {1})
    carried.fold(one(2, 1, (kinds[0], first)), 1, set())
    assert sorted(kinds for found in room.slots().values() for kinds in found) == sorted([events.SPAN_BEGIN, kinds[1]])
