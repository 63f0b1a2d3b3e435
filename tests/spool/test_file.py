"""SpoolFile: how it begins, grows, and what it does when it cannot. Knows blocks, and no record."""

from __future__ import annotations

import os
import resource
import stat
import threading
from pathlib import Path

import pytest

from tracekit.spool import layout
from tracekit.spool.file import SpoolFile
from tracekit.spool.limits import Limits, NoRoom
from tracekit.spool.reader import read_spool

_FIRST_BLOCKS = 16


def _take(spool: SpoolFile, blocks: int, serial: int = 1) -> list[int]:
    """Takes blocks and puts a record into each; returns the records' slots."""
    slots = []
    for number in range(blocks):
        words, index, _, base = spool.take_block(layout.BLOCK_RECORDS, serial)
        words[index] = number
        words[index + 1] = layout.pack_word(1, 2, 3)
        slots.append(base + index // 2)
    return slots


def test_header(tmp_path: Path) -> None:
    """A new spool says whose it is, is private, and ends as nothing until it is told how."""
    spool = SpoolFile(str(tmp_path), fork=7)

    header = read_spool(spool.path).header
    assert (header.pid, header.ppid, header.fork, header.ended) == (os.getpid(), os.getppid(), 7, layout.ENDED_NOT)
    assert Path(spool.path).name == f"{os.getpid()}-{header.start_monotonic:x}.spool"
    assert stat.S_IMODE(os.stat(spool.path).st_mode) == 0o600
    spool.finish(layout.ENDED_NORMALLY)
    header = read_spool(spool.path).header
    assert header.ended == layout.ENDED_NORMALLY
    assert header.start_monotonic < header.end_monotonic
    assert header.start_wall < header.end_wall


def test_growth(tmp_path: Path) -> None:
    """Over many segments every block is there once, in order, at the slot that its taker was told."""
    spool = SpoolFile(str(tmp_path))

    slots = _take(spool, 20 * _FIRST_BLOCKS)

    (thread,) = read_spool(spool.path).threads
    assert thread.time.tolist() == list(range(20 * _FIRST_BLOCKS))
    assert thread.slot.tolist() == slots


def test_threads(tmp_path: Path) -> None:
    """Blocks that many threads take at once are each thread's own, and keep its order."""
    spool = SpoolFile(str(tmp_path))
    slots: dict[int, list[int]] = {}

    def work(serial: int) -> None:
        slots[serial] = _take(spool, 100, serial)

    threads = [threading.Thread(target=work, args=(serial,)) for serial in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    read = read_spool(spool.path).threads
    assert {thread.serial: thread.slot.tolist() for thread in read} == slots
    assert all(thread.time.tolist() == list(range(100)) for thread in read)


@pytest.mark.parametrize("cap", [1, 100_000, 4096 + 21 * layout.BLOCK_BYTES, 1_000_000])
def test_cap(tmp_path: Path, cap: int) -> None:
    """A cap is kept to within the smallest file there can be, and what was recorded before it is whole."""
    spool = SpoolFile(str(tmp_path), limits=Limits(cap))
    slots: list[int] = []

    with pytest.raises(NoRoom) as reason:
        slots.extend(_take(spool, 1)[0] for _ in range(1000))

    assert reason.value.args[0] == layout.ENDED_MAX_SIZE
    assert str(cap) in reason.value.args[1]
    smallest = layout.HEADER_BYTES + 2 * layout.BLOCK_BYTES
    assert max(cap, smallest) - layout.BLOCK_BYTES < os.path.getsize(spool.path) <= max(cap, smallest)
    assert read_spool(spool.path).threads[0].slot.tolist() == slots


def test_no_room_is_for_good(tmp_path: Path) -> None:
    """A spool that found no room does not try again: a trace has no gap in its middle that could be avoided."""
    spool = SpoolFile(str(tmp_path))
    os.rename(spool.path, spool.path + ".away")
    with pytest.raises(NoRoom) as reason:
        _take(spool, _FIRST_BLOCKS + 1)
    assert reason.value.args[0] == layout.ENDED_NO_SPACE

    os.rename(spool.path + ".away", spool.path)

    with pytest.raises(NoRoom) as again:
        _take(spool, 1)
    assert again.value.args == reason.value.args
    assert len(read_spool(spool.path).threads[0]) == _FIRST_BLOCKS


def test_no_descriptor_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a free descriptor there is no room for now; it is tried again, though not at every turn."""
    now = [10**12]
    spool = SpoolFile(str(tmp_path))
    monkeypatch.setattr("tracekit.clock.monotonic_ns", lambda: now[0])
    slots = _take(spool, _FIRST_BLOCKS)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(NoRoom, match="Too many open files") as reason:
            _take(spool, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert reason.value.args[0] == layout.ENDED_NOT
    assert "Too many open files" in spool.stuck
    with pytest.raises(NoRoom):
        _take(spool, 1)
    now[0] += 10_000_000

    slots += _take(spool, _FIRST_BLOCKS)

    assert spool.stuck == ""
    assert read_spool(spool.path).threads[0].slot.tolist() == slots


def test_spool_that_cannot_be_made(tmp_path: Path) -> None:
    """Where there is no directory the error is the system's own, and nothing is left."""
    with pytest.raises(FileNotFoundError):
        SpoolFile(str(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_s_file_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that has the name already is no spool to write into."""
    monkeypatch.setattr("tracekit.clock.anchor", lambda: (10, 20))
    path = tmp_path / f"{os.getpid()}-a.spool"
    path.write_text("mine")

    with pytest.raises(FileExistsError):
        SpoolFile(str(tmp_path))
    assert path.read_text() == "mine"
