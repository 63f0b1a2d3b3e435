"""ThreadRecords: the records of one thread as numpy columns. Knows the two words of a record, but no file and no meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit.spool import layout

Words = NDArray[np.uint64]
Slots = NDArray[np.int64]


@dataclass(slots=True)
class ThreadRecords:
    """The records of one thread in the order in which it wrote them, details among them; a column each.

    The first `carried` of them are what was open when the records around them were let go of.
    """

    serial: int
    tid: int
    time: Words
    kind: NDArray[np.uint8]
    a: NDArray[np.uint32]
    b: NDArray[np.uint32]
    slot: Slots
    carried: int = 0

    def __len__(self) -> int:
        return len(self.time)


class Fields(NamedTuple):
    """Of records: their times, kinds, fields and slot numbers, a column each."""

    time: Words
    kind: NDArray[np.uint8]
    a: NDArray[np.uint32]
    b: NDArray[np.uint32]
    slot: Slots


def fields_of(time: Words, word: Words, slot: Slots) -> Fields:
    """The fields of records out of their two words.

    Args:
        slot: the slot number of each.
    """
    halves = np.ascontiguousarray(word, "<u8").view("<u4")
    kind, a = halves[::2].astype(np.uint8), (halves[::2] >> np.uint32(8)).astype(np.uint32, copy=False)
    return Fields(time, kind, a, halves[1::2].astype(np.uint32), slot & layout.SLOT_MASK)


def of_thread(owner: int, fields: Fields, carried: int = 0) -> ThreadRecords:
    """The records of a thread.

    Args:
        owner: second word of the head of their blocks.
    """
    return ThreadRecords(owner & 0xFFFFFFFF, owner >> 32, *fields, carried)


def join(carried: ThreadRecords, live: ThreadRecords) -> ThreadRecords:
    """What is carried of a thread, then what is there of it; what is both is there."""
    there = np.unique(live.slot // layout.BLOCK_SLOTS)
    own = ~np.isin(carried.slot // layout.BLOCK_SLOTS, there)
    time, kind, a, b, slot = (
        np.concatenate((getattr(carried, name)[own], getattr(live, name)))
        for name in ("time", "kind", "a", "b", "slot")
    )
    return ThreadRecords(live.serial, live.tid, time, kind, a, b, slot, int(own.sum()))
