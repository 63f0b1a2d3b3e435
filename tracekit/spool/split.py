"""Split: the words of blocks become columns, one a field of their records. Knows the layout, and no kind of record.

Their process may go on writing meanwhile: a record's second word is written last, so it is read first; and what was handed
out anew while it was read holds a mixture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracekit.spool import layout
from tracekit.spool.core import core
from tracekit.spool.records import Fields, Words, fields_of

_RECORDS = layout.BLOCK_SLOTS - layout.BLOCK_HEAD_SLOTS  # of a block, at most


def split_by_numpy(blocks: Words, which: NDArray[np.intp], heads: Words) -> Fields:
    """The records of some blocks, in order.

    Args:
        blocks: all blocks, a row each.
        which: rows of it.
        heads: the first word of each of these, as it was.
    """
    word = blocks[which, layout.BLOCK_HEAD_WORDS + 1 :: 2]
    time = blocks[which, layout.BLOCK_HEAD_WORDS :: 2]
    word[blocks[which, 0] != heads] = 0
    number = (heads >> np.uint64(32)).astype(np.int64)
    slot = number[:, None] * layout.BLOCK_SLOTS + np.arange(layout.BLOCK_HEAD_SLOTS, layout.BLOCK_SLOTS)
    there = np.flatnonzero(word)
    return fields_of(time.ravel()[there], word.ravel()[there], slot.ravel()[there])


def split_by_core(blocks: Words, which: NDArray[np.intp], heads: Words) -> Fields:
    """The same by the core in C."""
    count = len(which) * _RECORDS
    time, kind, slot = np.empty(count, np.uint64), np.empty(count, np.uint8), np.empty(count, np.int64)
    a, b = np.empty(count, np.uint32), np.empty(count, np.uint32)
    which, heads = np.ascontiguousarray(which, np.int64), np.ascontiguousarray(heads)
    own = slice(0, core.fast.split(blocks, which, heads, time, kind, a, b, slot))
    return Fields(time[own], kind[own], a[own], b[own], slot[own])


split = split_by_numpy if core.fast is None else split_by_core
