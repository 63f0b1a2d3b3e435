"""Whether a spool may hold a turn that was too long, told at once; beside a reading that takes its time. Knows no trace."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spool_writer import SpoolWriter

from tracekit import events
from tracekit.spool import layout
from tracekit.spool.turns import may_exceed

BEGIN, END = events.STEP_BEGIN, events.STEP_END
CLOSED = {"end_monotonic": 10**9}


def exceeds(tmp_path: Path, spool: SpoolWriter, limit: int) -> bool:
    """Whether a turn in this spool may be longer than `limit`."""
    path = tmp_path / "some.spool"
    path.write_bytes(spool.data())
    return may_exceed(str(path), limit)


def spool_of(*records: tuple[int, ...], **header: int) -> SpoolWriter:
    """A spool with records of these times and kinds, on thread 1 unless a third number says otherwise."""
    spool = SpoolWriter(**{**CLOSED, **header})
    for time, kind, *thread in records:
        spool.record(time, kind, thread=thread[0] if thread else 1)
    return spool


def test_a_long_turn(tmp_path: Path) -> None:
    """A step or a callback that is longer than the limit is seen; one that is just as long is not too long."""
    for begin, end in ((BEGIN, END), (events.CALLBACK_BEGIN, events.CALLBACK_END)):
        spool = spool_of((10, begin), (110, end))
        assert exceeds(tmp_path, spool, 99)
        assert not exceeds(tmp_path, spool, 100)


def test_the_time_between_turns_is_none(tmp_path: Path) -> None:
    """A loop that rests for long, and a thread that runs none, have no long turn."""
    assert not exceeds(tmp_path, spool_of((10, BEGIN), (20, END), (900, BEGIN), (910, END)), 50)
    assert not exceeds(tmp_path, spool_of((10, events.GC_BEGIN), (900, events.GC_END)), 50)


def test_threads_are_apart(tmp_path: Path) -> None:
    """The turns of two threads that run at the same time are not one."""
    assert not exceeds(tmp_path, spool_of((10, BEGIN, 1), (30, BEGIN, 2), (50, END, 1), (70, END, 2)), 50)


def test_a_turn_within_a_turn(tmp_path: Path) -> None:
    """The outermost turn counts: many short ones within it do not hide it."""
    inner = [(20 + number, kind) for number, kind in enumerate((BEGIN, END) * 20)]
    assert exceeds(tmp_path, spool_of((10, BEGIN), *inner, (100, END)), 50)


def test_a_turn_without_an_end(tmp_path: Path) -> None:
    """Of a turn that has no end nobody knows how long it was."""
    assert exceeds(tmp_path, spool_of((10, BEGIN)), 50)
    assert not exceeds(tmp_path, spool_of((10, END)), 50)


def test_across_blocks(tmp_path: Path) -> None:
    """A turn that begins in one block and ends in another is as long as it is."""
    filler = [(20, events.GC_BEGIN)] * (2 * layout.BLOCK_SLOTS)
    assert exceeds(tmp_path, spool_of((10, BEGIN), *filler, (110, END)), 99)
    assert not exceeds(tmp_path, spool_of((10, BEGIN), *filler, (110, END)), 100)


def test_details_are_no_turns(tmp_path: Path) -> None:
    """What a detail carries is not taken for the time of a record."""
    spool = SpoolWriter(**CLOSED)
    spool.record(10, BEGIN, 0, 1)
    spool.record(20, END, 0, 1, (events.CODE, 0, 10**12))
    assert not exceeds(tmp_path, spool, 50)


def test_ticks(tmp_path: Path) -> None:
    """Where records count ticks, the header tells how long one is."""
    header = {"clock": layout.CLOCK_TSC, "start_monotonic": 1_000, "end_monotonic": 2_000}
    spool = spool_of((5_000, BEGIN), (5_300, END), start_reading=4_000, end_reading=7_000, **header)
    assert exceeds(tmp_path, spool, 90)
    assert not exceeds(tmp_path, spool, 110)


@pytest.mark.parametrize("header", [{"end_monotonic": 0}, {"dropped": 3}, {"flight_ns": 5}])
def test_what_cannot_be_told(tmp_path: Path, header) -> None:
    """A spool that was not closed, or that lacks records, may hold anything."""
    assert exceeds(tmp_path, spool_of(**header), 50)


def test_an_empty_file(tmp_path: Path) -> None:
    """A process that was killed while it made its spool ran no loop; a file that is gone is an error."""
    path = tmp_path / "empty.spool"
    path.write_bytes(b"")
    assert not may_exceed(str(path), 50)
    with pytest.raises(FileNotFoundError):
        may_exceed(str(tmp_path / "none.spool"), 50)


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans(), st.integers(0, 60)), max_size=30))
def test_nothing_is_overlooked(tmp_path_factory: pytest.TempPathFactory, turns) -> None:
    """Of any turns, nested and not, the longest is found, and no limit beyond it is exceeded."""
    time, longest = 100, 0
    spool = SpoolWriter(**CLOSED)
    for thread, nested, length in turns:
        spool.record(time, BEGIN, thread=thread)
        if nested:
            spool.record(time, BEGIN, thread=thread)
            spool.record(time + length // 2, END, thread=thread)
        time += length
        spool.record(time, END, thread=thread)
        longest = max(longest, length)
    path = tmp_path_factory.mktemp("spools") / "some.spool"
    path.write_bytes(spool.data())
    assert not may_exceed(str(path), longest)
    assert may_exceed(str(path), longest - 1) == bool(turns)
