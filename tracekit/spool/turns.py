"""Turns: whether a loop's turn in a spool may have lasted longer than a limit, told at once and without numpy. Knows of the
events no more than which begin and end a turn.

It may say yes where a careful reading says no, but not the other way round. What it reads must have been closed.
"""

from __future__ import annotations

import mmap
import os
import re
from collections import defaultdict

from tracekit import events
from tracekit.spool import layout

_BEGINS = bytes((events.STEP_BEGIN, events.CALLBACK_BEGIN))
_TURN = re.compile(b"[" + re.escape(_BEGINS + bytes((events.STEP_END, events.CALLBACK_END))) + b"]")
_HEAD = layout.BLOCK_HEAD_SLOTS * layout.SLOT_BYTES


def may_exceed(path: str, limit: int) -> bool:
    """Whether a step or callback longer than `limit` (ns) may be in a spool, or something that cannot be told from one.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size < layout.HEADER_BYTES:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            header = [int.from_bytes(data[at : at + 8], "little") for at in range(0, layout.HEADER_WORDS * 8, 8)]
            if not header[layout.H_END_MONOTONIC] or header[layout.H_DROPPED] or header[layout.H_FLIGHT_NS]:
                return True
            ticks = _ticks(header, limit)
            return any(_exceeds(data, blocks, ticks) for blocks in _blocks(data).values())


def _ticks(header: list[int], limit: int) -> float:
    """The limit in units of the spool's clock, and a little less."""
    if header[layout.H_CLOCK] == layout.CLOCK_MONOTONIC_NS:
        return limit
    time = header[layout.H_END_MONOTONIC] - header[layout.H_START_MONOTONIC]
    count = header[layout.H_END_READING] - header[layout.H_START_READING]
    return limit * count / max(time, 1) * 0.99


def _blocks(data: mmap.mmap) -> dict[int, list[int]]:
    """Where the records of each thread begin, block after block, in order."""
    blocks: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for at in range(layout.HEADER_BYTES, len(data) - layout.BLOCK_BYTES + 1, layout.BLOCK_BYTES):
        word = int.from_bytes(data[at : at + 8], "little")
        if word & 0xFFFF_FFFF == layout.BLOCK_RECORDS:
            owner = int.from_bytes(data[at + 8 : at + 16], "little")
            blocks[owner].append((word >> 32, at))
    return {owner: [at for _, at in sorted(own)] for owner, own in blocks.items()}


def _exceeds(data: mmap.mmap, blocks: list[int], limit: float) -> bool:
    """Whether an outermost turn of one thread lasted longer than `limit`, or has no end."""
    depth = since = 0
    for begin in blocks:
        block = data[begin + _HEAD : begin + layout.BLOCK_BYTES]
        kinds, times = block[8 :: layout.SLOT_BYTES], memoryview(block).cast("Q")[::2]
        for match in _TURN.finditer(kinds):
            at = match.start()
            if kinds[at] in _BEGINS:
                since = since if depth else times[at]
                depth += 1
            elif depth:
                depth -= 1
                if depth == 0 and times[at] - since > limit:
                    return True
    return depth > 0
