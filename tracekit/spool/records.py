"""ThreadRecords: the records of one thread as numpy columns. Knows the two words of a record, but no file and no meaning."""

from __future__ import annotations

from dataclasses import dataclass

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


def from_words(owner: int, time: Words, word: Words, slot: Slots, carried: int = 0) -> ThreadRecords:
    """Records out of their two words.

    Args:
        owner: second word of the head of their blocks.
        slot: the slot number of each.
    """
    return ThreadRecords(
        serial=owner & 0xFFFFFFFF,
        tid=owner >> 32,
        time=time,
        kind=(word & np.uint64(0xFF)).astype(np.uint8),
        a=(word >> np.uint64(8) & np.uint64(layout.A_MAX)).astype(np.uint32),
        b=(word >> np.uint64(32)).astype(np.uint32),
        slot=slot & layout.SLOT_MASK,
        carried=carried,
    )


def join(carried: ThreadRecords, live: ThreadRecords) -> ThreadRecords:
    """What is carried of a thread, then what is there of it; what is both is there."""
    there = np.unique(live.slot // layout.BLOCK_SLOTS)
    own = ~np.isin(carried.slot // layout.BLOCK_SLOTS, there)
    time, kind, a, b, slot = (
        np.concatenate((getattr(carried, name)[own], getattr(live, name)))
        for name in ("time", "kind", "a", "b", "slot")
    )
    return ThreadRecords(live.serial, live.tid, time, kind, a, b, slot, int(own.sum()))
