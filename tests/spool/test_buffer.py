"""Blocks: where they begin and end, and that a scratch block is nobody's. Knows no recorder."""

from __future__ import annotations

from pathlib import Path

from tracekit.spool import buffer, layout
from tracekit.spool.file import SpoolFile
from tracekit.spool.reader import read_spool


def test_block(tmp_path: Path) -> None:
    """A block that is filled to its last word is read back whole, with its thread; slots count from the file's start."""
    spool = SpoolFile(str(tmp_path))
    spool.take_block(layout.BLOCK_NAMES)

    block = buffer.take(spool, 9, 1234)
    records = (block.limit - block.index) // 2
    slots = []
    for number in range(records):
        block.words[block.index] = number
        block.words[block.index + 1] = layout.pack_word(1)
        slots.append(block.base + block.index // 2)
        block.index += 2

    (thread,) = read_spool(spool.path).threads
    assert records == layout.BLOCK_SLOTS - layout.BLOCK_HEAD_SLOTS
    assert (thread.serial, thread.tid) == (9, 1234)
    assert thread.time.tolist() == list(range(records))
    assert thread.slot.tolist() == slots
    assert slots[0] == (layout.HEADER_BYTES + layout.BLOCK_BYTES) // layout.SLOT_BYTES + layout.BLOCK_HEAD_SLOTS


def test_scratch() -> None:
    """A scratch block holds as much as a real one, and the most details that one record may have."""
    block = buffer.scratch()

    block.words[block.limit - 1] = 1
    assert not block.real
    assert block.limit - block.index == buffer.BLOCK_WORDS > 2 + 2 * buffer.MOST_DETAILS
