"""Flight: blocks that are lent again and again, what is there of them at any moment, also after a kill. Knows no recorder."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tracekit import events
from tracekit.spool import layout
from tracekit.spool.buffer import Buffer
from tracekit.spool.file import SpoolFile
from tracekit.spool.flight import Flight
from tracekit.spool.limits import Limits, NoRoom
from tracekit.spool.reader import Spool, read_spool
from tracekit.spool.shelf import Shelf

_RECORDS = layout.BLOCK_SLOTS - layout.BLOCK_HEAD_SLOTS
_BYTES = 1_000_000
_OWNER = 7 | 9 << 32


class Writer:
    """One thread's records in a flight recorder: their time counts up from 1."""

    def __init__(self, directory: Path, limits: Limits, buffer: Any = Buffer) -> None:
        self.spool = SpoolFile(str(directory), limits=limits)
        self.written = 0
        self.buffer = buffer(self._refill, lambda: self.written)

    def _refill(self, full: object) -> None:
        self.buffer.give(*self.spool.take_block(layout.BLOCK_RECORDS, _OWNER), full)

    def write(self, kind: int, b: int = 0) -> int:
        self.written += 1
        slot: int = self.buffer.write(kind, 0, b)
        return slot

    def read(self) -> Spool:
        """What somebody else sees."""
        return read_spool(self.spool.path)


def times(spool: Spool) -> list[int]:
    """The times of the records of the one thread, carried ones left out."""
    (thread,) = spool.threads
    return [int(time) for time in thread.time[thread.carried :]]


def test_size(tmp_path: Path, made_by: Any) -> None:
    """A file of a given size stays at it, and holds what was recorded last without a gap; how much is let go of is known."""
    writer = Writer(tmp_path, Limits(flight_bytes=_BYTES), made_by.Buffer)
    for _ in range(200 * _RECORDS):
        writer.write(events.INSTANT)

    assert _BYTES - layout.BLOCK_BYTES < os.path.getsize(writer.spool.path) <= _BYTES
    spool = writer.read()
    there = times(spool)
    assert there == list(range(there[0], 200 * _RECORDS + 1))
    assert spool.header.let_go == there[0] - 1
    assert len(there) > _BYTES / layout.SLOT_BYTES * 0.9


def test_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a window in time a block goes when it was full so long ago; the file grows only as far as that needs."""
    now = [10**12]
    monkeypatch.setattr("tracekit.spool.flight.monotonic_ns", lambda: now[0])
    writer = Writer(tmp_path, Limits(flight_ns=100))
    for _ in range(300):
        for _ in range(_RECORDS):
            writer.write(events.INSTANT)
        now[0] += 10

    there = times(writer.read())
    assert 10 * _RECORDS <= len(there) < 14 * _RECORDS
    assert there[-1] == 300 * _RECORDS
    assert writer.spool.blocks == 16
    assert not writer.spool.flight.is_short  # type: ignore[union-attr]


def test_time_within_a_size(tmp_path: Path) -> None:
    """A window that does not fit into the largest size is shorter than was asked for, and that is known."""
    writer = Writer(tmp_path, Limits(max_bytes=_BYTES, flight_ns=10**15))
    for _ in range(100 * _RECORDS):
        writer.write(events.INSTANT)

    assert os.path.getsize(writer.spool.path) <= _BYTES
    assert writer.spool.flight.is_short  # type: ignore[union-attr]
    assert times(writer.read())[-1] == 100 * _RECORDS


def test_what_is_open_is_there(tmp_path: Path, made_by: Any) -> None:
    """A span that began long before is there as it was written, under its slot number; one that ended before is not."""
    writer = Writer(tmp_path, Limits(flight_bytes=_BYTES), made_by.Buffer)
    writer.write(events.THREAD_BEGIN, 7)
    outer, other = writer.write(events.SPAN_BEGIN), writer.write(events.SPAN_BEGIN)
    for _ in range(100 * _RECORDS):
        writer.write(events.INSTANT)
    writer.write(events.SPAN_END, other)
    (thread,) = writer.read().threads
    assert thread.time[: thread.carried].tolist() == [1, 2, 3]
    assert thread.slot[: thread.carried].tolist()[1:] == [outer, other]
    for _ in range(100 * _RECORDS):
        writer.write(events.INSTANT)
    (thread,) = writer.read().threads
    assert thread.time[: thread.carried].tolist() == [1, 2]


def test_the_clock_can_be_told(tmp_path: Path, made_by: Any) -> None:
    """Of what tells how fast the clock runs the latest is there, however long ago all of it was let go of."""
    writer = Writer(tmp_path, Limits(flight_bytes=_BYTES), made_by.Buffer)
    writer.write(events.THREAD_BEGIN, 7)
    for _ in range(5):
        latest = writer.write(events.CLOCK)
        for _ in range(_RECORDS):
            writer.write(events.INSTANT)
    for _ in range(100 * _RECORDS):
        writer.write(events.INSTANT)
    (thread,) = writer.read().threads
    assert thread.slot[: thread.carried][1:].tolist() == [latest]


def test_blocks_of_threads_that_live_are_theirs(tmp_path: Path) -> None:
    """Each thread keeps its block however long it is silent, past the size if there must be; one that has ended gives it back."""
    spool = SpoolFile(str(tmp_path), limits=Limits(flight_bytes=_BYTES))
    rooms = [spool.take_block(layout.BLOCK_RECORDS, owner) for owner in range(1, 101)]
    for words, index, _, base in rooms:
        words[index], words[index + 1] = base & layout.SLOT_MASK, events.INSTANT
    assert os.path.getsize(spool.path) < 1.2 * 100 * layout.BLOCK_BYTES
    assert sorted(thread.serial for thread in read_spool(spool.path).threads) == list(range(1, 101))

    del words, rooms
    for _ in range(100):
        spool.take_block(layout.BLOCK_RECORDS, 101)
    assert os.path.getsize(spool.path) < 1.3 * 100 * layout.BLOCK_BYTES


def test_a_view_that_somebody_still_has(tmp_path: Path) -> None:
    """A block is not handed out again while anybody could write into it: here a record that a signal handler interrupted."""
    spool = SpoolFile(str(tmp_path), limits=Limits(flight_bytes=_BYTES))
    interrupted = spool.take_block(layout.BLOCK_RECORDS, 1)[0]
    interrupted[layout.BLOCK_HEAD_WORDS + 1] = events.INSTANT
    for _ in range(1000):
        spool.take_block(layout.BLOCK_RECORDS, 1)
    assert interrupted[layout.BLOCK_HEAD_WORDS + 1] == events.INSTANT
    assert interrupted[1] == 1


@pytest.mark.parametrize("every", [1, 2, 7])
def test_a_record_in_the_middle_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int) -> None:
    """What is recorded while a block is let go of (a garbage collection) finds room, and the file stays as large as it was."""
    writer = Writer(tmp_path, Limits(flight_bytes=_BYTES))
    keep = Shelf.keep
    calls = iter(range(10**9))

    def interrupted(*args: Any) -> None:
        if next(calls) % every == 0:
            writer.write(events.INSTANT, writer.written)
        keep(*args)
        writer.write(events.INSTANT, writer.written)

    monkeypatch.setattr(Shelf, "keep", interrupted)
    writer.write(events.SPAN_BEGIN)
    for at in range(100 * _RECORDS):
        writer.write(events.SPAN_BEGIN if at % 5000 == 0 else events.INSTANT, writer.written)

    assert os.path.getsize(writer.spool.path) <= _BYTES
    spool = writer.read()
    (thread,) = spool.threads
    assert thread.time[0] == 1
    there = sorted(int(b) for b, time in zip(thread.b, thread.time) if time > spool.header.let_go)
    assert there == list(range(there[0], writer.written))


def test_disk_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file cannot grow any more, what there is of it is enough."""
    writer = Writer(tmp_path, Limits(flight_ns=10**15))
    for _ in range(12 * _RECORDS):
        writer.write(events.INSTANT)

    def full(*_args: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tracekit.spool.file.reserve", full)
    for _ in range(100 * _RECORDS):
        writer.write(events.INSTANT)
    assert times(writer.read())[-1] == 112 * _RECORDS


def test_a_record_in_the_middle_of_it_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the first time that a block is let go of, when nothing is empty yet, what interrupts it finds room."""
    writer = Writer(tmp_path, Limits(flight_ns=10**15))
    writer.write(events.INSTANT, 0)

    def full(*_args: int) -> None:
        raise OSError(28, "No space left on device")

    def interrupted(*args: Any) -> None:
        clear(*args)
        writer.write(events.INSTANT, writer.written)

    clear = Flight.clear
    monkeypatch.setattr(Flight, "clear", interrupted)
    monkeypatch.setattr("tracekit.spool.file.reserve", full)
    for _ in range(50 * _RECORDS):
        writer.write(events.INSTANT, writer.written)
    spool = writer.read()
    (thread,) = spool.threads
    there = sorted(int(b) for b, time in zip(thread.b, thread.time) if time > spool.header.let_go)
    assert there == list(range(there[0], writer.written))


def test_no_room_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk is full and living threads have all blocks, the next one is refused."""
    spool = SpoolFile(str(tmp_path), limits=Limits(flight_bytes=_BYTES))

    def full(*_args: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tracekit.spool.file.reserve", full)
    with pytest.raises(NoRoom) as reason:
        _ = [spool.take_block(layout.BLOCK_RECORDS, owner) for owner in range(1, 101)]
    assert reason.value.args[0] == layout.ENDED_NO_SPACE


_SMALL = Limits(flight_bytes=_BYTES // 4)


def story(write: Callable[[int, int], int]) -> Iterator[tuple[int, int, int]]:
    """Time, slot and begin (0: it is one) of spans of all lengths: a few are open at any time, some for long."""
    opened: list[tuple[int, int]] = []  # ends at, slot
    for time in range(1, 60 * _RECORDS):
        if opened and opened[0][0] <= time:
            begin = opened.pop(0)[1]
            yield time, write(events.SPAN_END, begin), begin
        else:
            slot = write(events.SPAN_BEGIN, 0)
            length = 20_000 if time % 997 == 0 else time % 50
            opened.append((time + length, slot))
            opened.sort()
            yield time, slot, 0


_MOMENTS = (
    [(Shelf, "keep", at) for at in (1, 2, 3, 10, 50, 120)]
    + [(Shelf, "drop", at) for at in (1, 2, 3, 10, 50)]
    + [(Flight, "clear", at) for at in (1, 2, 3, 10, 20)]
    + [(Flight, "label", at) for at in (1, 2)]
    + [(SpoolFile, "hand_out", at) for at in (30, 61, 62, 63, 64, 70)]
    + [(Shelf, "_copy", at) for at in (1, 2)]
)


@pytest.fixture(scope="module")
def whole_story(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, int, int]]:
    """All of it, as it is written when nothing is killed."""
    return list(story(Writer(tmp_path_factory.mktemp("whole"), _SMALL).write))


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("owner", "name", "count"), _MOMENTS)
def test_kill(
    tmp_path: Path, whole_story: list[tuple[int, int, int]], owner: Any, name: str, count: int, late: bool
) -> None:
    """Killed in the middle of letting go of a block: the window is whole, and of what was open in it each begin is there."""
    child = os.fork()
    if not child:
        original = getattr(owner, name)
        calls = iter(range(1, 10**9))

        def kill(*args: Any) -> Any:
            at = next(calls)
            if at == count and not late:
                os.kill(os.getpid(), signal.SIGKILL)
            result = original(*args)
            if at == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        try:
            setattr(owner, name, kill)
            writer = Writer(tmp_path, _SMALL)
            for _ in story(writer.write):
                pass
        finally:
            os._exit(0)
    os.waitpid(child, 0)

    (path,) = tmp_path.glob("*.spool")
    spool = read_spool(path)
    assert spool.notes == []
    (thread,) = spool.threads
    records = {int(slot): (int(time), int(b)) for slot, time, b in zip(thread.slot, thread.time, thread.b)}
    start, last = spool.header.let_go + 1, max(time for time, _ in records.values())
    assert start > 1
    began, ended = {}, {}
    for time, slot, begin in whole_story[:last]:
        (ended if begin else began)[begin or slot] = time
        assert slot not in records or records[slot] == (time, begin)
        assert slot in records or time < start
    assert {slot for slot in began if ended.get(slot, last) >= start} <= set(records)
    # Of what ended before the window nothing looks as if it were open.
    ends = {begin for _, begin in records.values()}
    assert [slot for slot in records if ended.get(slot, last) < start and slot not in ends] == []
