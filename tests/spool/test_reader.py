"""The reader of spools: every record back as it was written, every damage in words. Knows no meaning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spool_writer import SpoolWriter

from tracekit import events
from tracekit.errors import TracekitError
from tracekit.spool import layout
from tracekit.spool.reader import Spool, read_spool

RECORDS = layout.BLOCK_SLOTS - layout.BLOCK_HEAD_SLOTS


@pytest.fixture
def writer() -> SpoolWriter:
    """A spool with two threads, names and a detail; the last thing in its file is a name."""
    spool = SpoolWriter(pid=7, ppid=3, fork=2, dropped=5, end_monotonic=99)
    spool.record(10, events.INSTANT, "hello", 0, spool.arg("answer", 42))
    spool.record(11, events.GC_BEGIN, 2, thread=2)
    spool.record(12, events.TASK_READY, 0, layout.B_MAX)
    spool.name("goodbye")
    return spool


def read(tmp_path: Path, data: bytes) -> Spool:
    """Reads these bytes as a spool."""
    path = tmp_path / "some.spool"
    path.write_bytes(data)
    return read_spool(path)


def test_every_field_comes_back(tmp_path: Path, writer: SpoolWriter) -> None:
    """Header, names and records are read as they were written, each thread by itself."""
    spool = read_spool(writer.write(tmp_path))
    header = spool.header
    assert (header.pid, header.ppid, header.fork, header.dropped, header.end_monotonic) == (7, 3, 2, 5, 99)
    assert set(spool.names.values()) == {"hello", "answer", "goodbye"}
    main, other = spool.threads
    assert (main.serial, main.tid, other.serial, other.tid) == (1, 7, 2, 8)
    assert main.time.tolist() == [10, 42, 12]
    assert main.kind.tolist() == [events.INSTANT, events.ARG_INT, events.TASK_READY]
    assert main.b.tolist() == [0, 0, layout.B_MAX]
    assert spool.names[int(main.a[0])] == "hello"
    assert other.a.tolist() == [2]
    assert spool.notes == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1 << 62), st.integers(1, 199), st.integers(0, layout.A_MAX), st.integers(0, layout.B_MAX)
        )
    )
)
def test_any_record_comes_back(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[int, int, int, int]]
) -> None:
    """Time, kind, a and b of any record survive, in their order, and the slot is where the writer put it."""
    spool = SpoolWriter()
    slots = [spool.record(*record) for record in records]
    threads = read(tmp_path_factory.mktemp("spool"), spool.data()).threads
    assert len(threads) == bool(records)
    for thread in threads:
        assert list(zip(*(c.tolist() for c in (thread.time, thread.kind, thread.a, thread.b)))) == records
        assert thread.slot.tolist() == slots


def test_blocks_follow_their_numbers(tmp_path: Path) -> None:
    """A thread's blocks are read in the order of their numbers, wherever they lie in the file."""
    spool = SpoolWriter()
    for time in range(3 * RECORDS):
        spool.record(time, events.INSTANT)
    spool.blocks.reverse()
    assert read(tmp_path, spool.data()).threads[0].time.tolist() == list(range(3 * RECORDS))


def test_a_hole_is_no_record(tmp_path: Path) -> None:
    """A slot that was never filled is skipped; what comes after it is there."""
    spool = SpoolWriter()
    spool.record(1, events.GC_BEGIN)
    spool.hole()
    spool.record(2, events.GC_END)
    thread = read(tmp_path, spool.data()).threads[0]
    assert thread.time.tolist() == [1, 2]
    assert (thread.slot[1] - thread.slot[0]) == 2


def test_a_cut_anywhere_keeps_what_is_before_it(tmp_path: Path, writer: SpoolWriter) -> None:
    """Cut at any byte, a spool gives every record that is wholly there, and says that it was cut; or a clear error."""
    data = writer.data()
    whole = read(tmp_path, data)
    slots = [int(slot) for thread in whole.threads for slot in thread.slot]
    ends = sorted(layout.HEADER_BYTES + (slot + 1) * layout.SLOT_BYTES for slot in slots)
    last_block = len(data) - layout.BLOCK_BYTES
    cuts = {
        *range(0, layout.HEADER_BYTES, 7),
        *range(last_block, last_block + 80),
        *range(layout.HEADER_BYTES, 4240),
        len(data) - 1,
    }
    for cut in sorted(cuts):
        if cut < layout.HEADER_WORDS * 8:
            with pytest.raises(TracekitError, match=r"is empty|ends inside its header"):
                read(tmp_path, data[:cut])
            continue
        spool = read(tmp_path, data[:cut])
        assert sum(len(thread) for thread in spool.threads) == sum(end <= cut for end in ends)
        at_boundary = cut >= layout.HEADER_BYTES and (cut - layout.HEADER_BYTES) % layout.BLOCK_BYTES == 0
        assert bool(spool.notes) is not at_boundary


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"x", "ends inside its header"),
        (b"garbage " * 600, "is no spool"),
        (layout.MAGIC.to_bytes(8, "little") + b"\x09".ljust(8, b"\0") + bytes(4080), "spool format 9"),
        (layout.MAGIC.to_bytes(8, "little") + b"\x01".ljust(8, b"\0") + bytes(4080), "spool format 1, .*recorded it"),
    ],
)
def test_what_is_no_spool_gets_a_clear_error(tmp_path: Path, data: bytes, words: str) -> None:
    """An empty file, a piece, garbage and a later format are told apart in one line."""
    with pytest.raises(TracekitError, match=words) as error:
        read(tmp_path, data)
    assert "\n" not in str(error.value)


def test_a_missing_file_gets_a_clear_error(tmp_path: Path) -> None:
    """A path that leads nowhere, or to a directory, is an error in words."""
    for path in (tmp_path / "none.spool", tmp_path):
        with pytest.raises(TracekitError, match="cannot be read"):
            read_spool(path)


def test_a_lying_name_loses_no_record(tmp_path: Path, writer: SpoolWriter) -> None:
    """A name that claims to be longer than its block ends the names there, and that is noted; records stay."""
    names = next(at for at, block in enumerate(writer.blocks) if block[0] == layout.BLOCK_NAMES & 0xFF)
    writer.blocks[names][32:36] = b"\xff\xff\xff\x7f"
    spool = read(tmp_path, writer.data())
    assert spool.names == {}
    assert any("names are missing" in note for note in spool.notes)
    assert sum(len(thread) for thread in spool.threads) == 4


def test_a_damaged_block_loses_no_other(tmp_path: Path, writer: SpoolWriter) -> None:
    """A block of no known type is left out and noted; the others are read."""
    for block in writer.blocks:
        if block[0] == layout.BLOCK_RECORDS & 0xFF and block[16:] != bytes(len(block) - 16):
            block[0:4] = b"what"
            break
    spool = read(tmp_path, writer.data())
    assert any(note.endswith("damaged blocks, left out: 1") for note in spool.notes)
    assert len(spool.threads) == 1


def test_a_slot_number_has_32_bits(tmp_path: Path) -> None:
    """A slot number is its block's number times the slots of a block, and goes round after 32 bits."""
    spool = SpoolWriter()
    spool.record(1, events.INSTANT)
    high = (1 << 22) + 5
    spool.blocks[0][4:8] = high.to_bytes(4, "little")
    thread = read(tmp_path, spool.data()).threads[0]
    assert thread.slot.tolist() == [5 * layout.BLOCK_SLOTS + layout.BLOCK_HEAD_SLOTS]


def test_a_block_that_is_not_handed_out_holds_nothing(tmp_path: Path) -> None:
    """A block whose head is 0 is being made ready for another use; what still stands in it is nobody's."""
    spool = SpoolWriter()
    spool.record(1, events.INSTANT)
    spool.turn()
    spool.record(2, events.INSTANT)
    spool.blocks[0][:8] = bytes(8)
    read_back = read(tmp_path, spool.data())
    assert read_back.threads[0].time.tolist() == [2]
    assert read_back.notes == []


def test_what_is_carried_comes_first(tmp_path: Path) -> None:
    """Carried records stand before their thread's own, by time, with their own slot numbers and details; void ones don't."""
    spool = SpoolWriter(let_go=50)
    late = spool.carry(20, events.STEP_BEGIN, 0, 5, slot=4711)
    early = spool.carry(10, events.SPAN_BEGIN, "load", 0, spool.arg("n", 3), slot=99)
    spool.carry(5, events.SPAN_BEGIN, "ended", slot=12, gone=True)
    spool.carry(7, events.THREAD_BEGIN, "other", 2, slot=20, thread=2)
    spool.turn("carried")
    spool.carry(10, events.SPAN_BEGIN, "load", 0, spool.arg("n", 3), slot=99)
    own = spool.record(60, events.STEP_END, 0, 5)
    main, other = sorted(read(tmp_path, spool.data()).threads, key=lambda thread: thread.serial)
    assert main.time.tolist() == [10, 3, 20, 60]
    assert main.slot.tolist() == [early, early + 1, late, own]
    assert (main.carried, main.tid) == (3, 100)
    assert (other.serial, other.tid, other.time.tolist(), other.carried) == (2, 101, [7], 1)


def test_what_is_there_as_well_is_not_carried(tmp_path: Path) -> None:
    """A record that is carried while its block is still there is one record."""
    spool = SpoolWriter()
    slot = spool.record(10, events.SPAN_BEGIN, "load")
    spool.carry(10, events.SPAN_BEGIN, "load", slot=slot)
    thread = read(tmp_path, spool.data()).threads[0]
    assert (thread.time.tolist(), thread.carried) == ([10], 0)


@pytest.mark.parametrize("word", [b"\x07", b"\xfa\x00\x00\x00", b"\xfa\xff\xff\xff"])
def test_damage_among_the_carried(tmp_path: Path, word: bytes) -> None:
    """An entry that cannot be right ends its block, which is noted; what stands before it is there."""
    spool = SpoolWriter()
    spool.carry(10, events.SPAN_BEGIN, "load", slot=99)
    spool.carry(11, events.SPAN_BEGIN, "load", slot=100)
    block = next(block for block in spool.blocks if block[:2] == layout.BLOCK_CARRIED.to_bytes(2, "little"))
    block[72 : 72 + len(word)] = word
    read_back = read(tmp_path, spool.data())
    assert read_back.threads[0].slot.tolist() == [99]
    assert any("what is carried" in note for note in read_back.notes)


def test_a_block_that_is_handed_out_anew_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that gets another number between two looks at its head is left out: it holds a mixture."""
    spool = SpoolWriter()
    spool.record(1, events.INSTANT)
    spool.turn()
    spool.record(2, events.INSTANT)
    path = spool.write(tmp_path)
    flatnonzero = np.flatnonzero

    def meanwhile(mask: np.ndarray) -> np.ndarray:  # the first thing that is asked once the heads are known
        with path.open("r+b") as file:
            file.seek(layout.HEADER_BYTES + 4)
            file.write((77).to_bytes(4, "little"))
        return flatnonzero(mask)

    monkeypatch.setattr(np, "flatnonzero", meanwhile)
    assert read_spool(path).threads[0].time.tolist() == [2]
