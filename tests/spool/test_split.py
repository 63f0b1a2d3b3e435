"""The records of blocks as columns: both cores split alike, and leave out what is not there. Knows the layout, no kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracekit.spool import layout
from tracekit.spool.core import core
from tracekit.spool.split import split_by_core, split_by_numpy

SPLITS = [split_by_numpy, *([split_by_core] if core.fast is not None else [])]
WORDS = layout.BLOCK_BYTES // 8


def blocks_of(*records: list[tuple[int, int, int, int, int]]) -> Any:
    """Blocks, numbered from 5 on, with records (place, time, kind, a, b) in each."""
    blocks = np.zeros((len(records), WORDS), np.uint64)
    for at, own in enumerate(records):
        blocks[at, 0] = layout.BLOCK_RECORDS | (5 + at) << 32
        for place, time, *fields in own:
            blocks[at, 2 * place], blocks[at, 2 * place + 1] = time, layout.pack_word(*fields)
    return blocks


record = st.tuples(
    st.integers(layout.BLOCK_HEAD_SLOTS, layout.BLOCK_SLOTS - 1),
    st.integers(0, 2**64 - 1),
    st.integers(1, 255),
    st.integers(0, layout.A_MAX),
    st.integers(0, layout.B_MAX),
)


@pytest.mark.parametrize("split", SPLITS)
@settings(deadline=None)
@given(st.lists(st.lists(record, max_size=5, unique_by=lambda one: one[0]), min_size=1, max_size=3), st.randoms())
def test_any_blocks(split: Any, records: list[list[tuple[int, int, int, int, int]]], random: Any) -> None:
    """Every record that is there comes back in the order of the blocks asked for, under its slot number."""
    blocks = blocks_of(*records)
    which = random.sample(range(len(records)), random.randint(1, len(records)))
    found = split(blocks, np.array(which), blocks[which, 0])
    expected = [
        (time, kind, a, b, (5 + at) * layout.BLOCK_SLOTS + place)
        for at in which
        for place, time, kind, a, b in sorted(records[at])
    ]
    assert list(zip(*(column.tolist() for column in found))) == expected


@pytest.mark.parametrize("split", SPLITS)
def test_a_block_that_was_handed_out_anew(split: Any) -> None:
    """Of a block whose head has changed since nothing is taken, and of the others all."""
    blocks = blocks_of([(2, 10, 1, 0, 0)], [(2, 20, 1, 0, 0)], [(2, 30, 1, 0, 0)])
    heads = blocks[:, 0].copy()
    blocks[1, 0] += np.uint64(1 << 40)
    assert split(blocks, np.arange(3), heads).time.tolist() == [10, 30]


@pytest.mark.parametrize("split", SPLITS)
def test_the_last_numbers(split: Any) -> None:
    """Slot numbers have 32 bits, and go on at 0 behind the last one."""
    blocks = blocks_of([(2, 1, 1, 0, 0)])
    blocks[0, 0] = layout.BLOCK_RECORDS | (2**32 - 1) << 32
    expected = ((2**32 - 1) * layout.BLOCK_SLOTS + 2) & layout.SLOT_MASK
    assert split(blocks, np.arange(1), blocks[:, 0]).slot.tolist() == [expected]


@pytest.mark.skipif(core.fast is None, reason="there is no core in C")
def test_columns_that_are_none() -> None:
    """The core in C takes no block that is not there, and writes into no column that is too small."""
    blocks = blocks_of([])
    columns = [np.zeros(1022, kind) for kind in (np.uint64, np.uint8, np.uint32, np.uint32, np.int64)]
    with pytest.raises(IndexError):
        core.fast.split(blocks, np.array([1]), blocks[:, 0], *columns)
    with pytest.raises(ValueError, match="another size"):
        core.fast.split(blocks, np.array([0, 0]), blocks[[0, 0], 0], *columns)
    with pytest.raises(ValueError, match="another size"):
        core.fast.split(blocks, np.array([0]), blocks[:, 0], *columns[::-1])
    with pytest.raises(TypeError):
        core.fast.split(blocks)
