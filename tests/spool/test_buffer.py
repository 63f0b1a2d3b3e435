"""Buffer: records that go into blocks, on both cores. Knows no recorder: the blocks come from a spool or from memory."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tracekit import events
from tracekit.spool import layout
from tracekit.spool.buffer import LAST_WORDS, MOST_DETAILS, scratch
from tracekit.spool.file import SpoolFile
from tracekit.spool.reader import Spool, read_spool

RECORDS = layout.BLOCK_SLOTS - layout.BLOCK_HEAD_SLOTS - LAST_WORDS // 2


class Writer:
    """A buffer whose threads get their blocks from a spool, each with the next serial."""

    def __init__(self, core: Any, directory: Path) -> None:
        self.spool = SpoolFile(str(directory))
        self.serials: dict[int, int] = {}
        self.time = 0
        self.buffer = core.Buffer(self.refill, self.tick)
        self.handles: dict[int, object] = {}

    def tick(self) -> int:
        self.time += 1
        return self.time

    def refill(self, full: object) -> None:
        thread = threading.get_ident()
        serial = self.serials.setdefault(thread, len(self.serials) + 1)
        room = self.spool.take_block(layout.BLOCK_RECORDS, serial | 77 << 32)
        self.handles[thread] = self.buffer.give(*room, full)

    def read(self) -> Spool:
        return read_spool(self.spool.path)


def test_fields(made_by: Any, tmp_path: Path) -> None:
    """A record's fields come back as they were, with its time, its thread, and under the slot number that write returned."""
    writer = Writer(made_by, tmp_path)

    slots = [
        writer.buffer.write(events.INSTANT),
        writer.buffer.write(events.SPAN_BEGIN, layout.A_MAX, layout.B_MAX),
        writer.buffer.write(events.SPAN_END, 1, 2, [(events.ERROR | 5 << 8, (1 << 64) - 1)]),
    ]

    (thread,) = writer.read().threads
    assert (thread.serial, thread.tid) == (1, 77)
    assert thread.kind.tolist() == [events.INSTANT, events.SPAN_BEGIN, events.SPAN_END, events.ERROR]
    assert thread.a.tolist() == [0, layout.A_MAX, 1, 5]
    assert thread.b.tolist() == [0, layout.B_MAX, 2, 0]
    assert thread.time.tolist() == [1, 2, 3, (1 << 64) - 1]
    assert thread.slot.tolist()[:3] == slots


def test_blocks_turn(made_by: Any, tmp_path: Path) -> None:
    """More records than fit into a block are all there, in order, each under its own slot number."""
    writer = Writer(made_by, tmp_path)

    slots = [writer.buffer.write(events.INSTANT, 0, number) for number in range(3 * RECORDS + 5)]

    (thread,) = writer.read().threads
    assert thread.b.tolist() == list(range(3 * RECORDS + 5))
    assert thread.slot.tolist() == slots
    assert len(set(slots)) == len(slots)


def test_details_stay_with_their_record(made_by: Any, tmp_path: Path) -> None:
    """A record that does not fit with its details goes to the next block as a whole."""
    writer = Writer(made_by, tmp_path)
    details = [(events.ARG_INT | 1 << 8, number) for number in range(10)]

    slots = [writer.buffer.write(events.INSTANT, 0, 0, list(details)) for _ in range(200)]

    (thread,) = writer.read().threads
    heads = [at for at, kind in enumerate(thread.kind.tolist()) if kind == events.INSTANT]
    assert heads == list(range(0, 200 * 11, 11))
    assert thread.slot[heads].tolist() == slots
    assert all(int(thread.slot[at + 10] - thread.slot[at]) == 10 for at in heads)


def test_most_details(made_by: Any, tmp_path: Path) -> None:
    """Of too many details only the first are kept, and the record is whole."""
    writer = Writer(made_by, tmp_path)

    writer.buffer.write(events.INSTANT, 0, 0, [(events.ARG_INT, number) for number in range(MOST_DETAILS + 50)])
    writer.buffer.write(events.GC_BEGIN)

    (thread,) = writer.read().threads
    assert len(thread) == MOST_DETAILS + 2
    assert thread.time.tolist()[1:-1] == list(range(MOST_DETAILS))
    assert thread.kind.tolist()[-1] == events.GC_BEGIN


def test_threads_have_blocks_of_their_own(made_by: Any, tmp_path: Path) -> None:
    """What threads write at once does not mix, and what each wrote is in its order."""
    writer = Writer(made_by, tmp_path)
    gate = threading.Barrier(4)

    def work() -> None:
        gate.wait()
        for number in range(2000):
            writer.buffer.write(events.INSTANT, 0, number)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    read = writer.read().threads
    assert len(read) == 4
    assert all(records.b.tolist() == list(range(2000)) for records in read)


def test_a_block_that_was_turned_already_stays(made_by: Any, tmp_path: Path) -> None:
    """Of two that turn the same full block (a signal handler came between) only the first gives the thread its room."""
    writer = Writer(made_by, tmp_path)
    writer.buffer.write(events.INSTANT, 0, 1)
    full = writer.handles[threading.get_ident()]
    first = writer.buffer.give(*writer.spool.take_block(layout.BLOCK_RECORDS, 1 | 77 << 32), full)
    second = writer.buffer.give(*writer.spool.take_block(layout.BLOCK_RECORDS, 1 | 77 << 32), full)

    writer.buffer.write(events.INSTANT, 0, 2)

    assert first == second != full
    (thread,) = writer.read().threads
    assert thread.b.tolist() == [1, 2]
    assert thread.slot.tolist() == [2, layout.BLOCK_SLOTS + 2]


def test_last_words(made_by: Any, tmp_path: Path) -> None:
    """What a going thread writes by its handle stands behind what it wrote before; there is room for it, but no more."""
    writer = Writer(made_by, tmp_path)
    for number in range(RECORDS):
        writer.buffer.write(events.INSTANT, 0, number)
    handle = writer.handles[threading.get_ident()]

    for number in range(4):
        writer.buffer.write_last(handle, events.THREAD_END, 0, number)
    writer.buffer.leave()

    (thread,) = writer.read().threads
    assert thread.kind.tolist()[-3:] == [events.INSTANT, events.THREAD_END, events.THREAD_END]
    assert thread.b.tolist()[-2:] == [0, 1]
    assert thread.slot.tolist()[-1] == layout.BLOCK_SLOTS - 1


def test_closed(made_by: Any, tmp_path: Path) -> None:
    """Once it is closed nothing that any thread writes reaches the file, and nobody fails."""
    writer = Writer(made_by, tmp_path)
    writer.buffer.write(events.INSTANT)
    before = Path(writer.spool.path).read_bytes()
    writer.buffer.close()
    writer.spool = SpoolFile(str(tmp_path))  # where a refill would lead now
    other = threading.Thread(target=lambda: writer.buffer.write(events.INSTANT))

    for _ in range(5):
        writer.buffer.write(events.INSTANT, 1, 2, [(events.ARG_INT, 3)])
    other.start()
    other.join()

    (old,) = [path for path in tmp_path.iterdir() if str(path) != writer.spool.path]
    assert old.read_bytes() == before


def test_a_refill_that_fails(made_by: Any) -> None:
    """A refill that gives nothing costs the record, and no more."""
    buffer = made_by.Buffer(lambda _full: None)

    buffer.write(events.INSTANT)

    assert buffer.clock in (layout.CLOCK_MONOTONIC_NS, layout.CLOCK_TSC)


def test_scratch() -> None:
    """A scratch block holds as much as a real one, and the most details that one record may have."""
    words, index, limit, _ = scratch()

    words[limit - 1] = 1
    assert limit - index == 2 * RECORDS + LAST_WORDS > 2 + 2 * MOST_DETAILS


def test_what_is_raised_in_a_refill(made_by: Any) -> None:
    """A signal handler that comes while a block is fetched, and raises, interrupts the program as it would without us."""

    class Timeout(Exception):
        pass

    timeout = Timeout("of the program")

    def refill(_full: object) -> None:
        raise timeout  # as a handler would, which runs within our own code

    buffer = made_by.Buffer(refill)

    def write() -> None:
        for _ in range(3):
            buffer.write(events.INSTANT)

    with pytest.raises(Timeout) as caught:
        write()
    assert caught.value is timeout
