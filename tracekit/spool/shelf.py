"""Shelf: where a flight recorder keeps the records that it carries on, in blocks of their own. Knows no kind of record.

What is kept stands behind what was kept before; what is dropped is marked. When the blocks are full, what is still wanted is
copied into other blocks, and only then the old ones are given up: whenever the process is killed, all of it is there, some
of it twice.
"""

from __future__ import annotations

from tracekit.spool import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from tracekit.spool.limits import Place

    class Blocks(Protocol):
        """Where blocks come from."""

        def lay_out(self) -> Place:
            """The words that a new block of carried records lies in, and the first of them; raises NoRoom."""

        def label(self, place: Place) -> None:
            """Make an empty block one of carried records."""

        def clear(self, place: Place) -> None:
            """Give up what a block holds, at once and as a whole."""

        def most(self) -> int:
            """How many blocks there may be."""


_ROOM = layout.BLOCK_SLOTS - layout.BLOCK_HEAD_SLOTS  # slots of a block
_WORDS = layout.BLOCK_BYTES // 8


class Shelf:
    """What is kept, by the slot number of each record.

    Args:
        blocks: gives it room.
    """

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._places: dict[int, Place] = {}  # oldest first
        self._wanted = 0  # slots that they take
        self._filled: list[Place] = []
        # Before the rest of the file is in use: to fill, and to copy into.
        self._empty: list[Place] = [blocks.lay_out(), blocks.lay_out()]
        self._left = 0  # words of the last one filled

    def __contains__(self, slot: int) -> bool:
        return slot in self._places

    def __len__(self) -> int:
        return len(self._places)

    def fits(self, slots: int) -> bool:
        """Whether there is, or can be made, room for a record of so many slots."""
        return self._wanted + slots + 1 <= self._limit() * _ROOM // 4 * 3

    def is_tight(self) -> bool:
        """Whether so much is kept that room should be made."""
        return self._wanted > self._limit() * _ROOM // 2

    def keep(self, owner: int, slot: int, record: memoryview) -> None:
        """Keep a record with its details, unless it is kept.

        Args:
            owner: second word of the head of the block that it comes from.
            slot: its slot number.
            record: its words.

        Raises:
            NoRoom: the file cannot grow.
        """
        if slot in self._places:
            return
        words, at = self._room(len(record) + 2)
        words[at + 2 : at + 2 + len(record)] = record
        words[at] = owner
        words[at + 1] = layout.pack_word(layout.CARRIED, len(record) // 2, slot)
        self._places[slot] = words, at
        self._wanted += len(record) // 2 + 1

    def time_of(self, slot: int) -> int:
        """When a record was written; 0 where it is not kept."""
        place = self._places.get(slot)
        return 0 if place is None else place[0][place[1] + 2]

    def kind_of(self, slot: int) -> int:
        """The kind of a record; 0 where it is not kept."""
        place = self._places.get(slot)
        return 0 if place is None else place[0][place[1] + 3] & 0xFF

    def field_of(self, slot: int) -> int:
        """The field `b` of a record; 0 where it is not kept."""
        place = self._places.get(slot)
        return 0 if place is None else place[0][place[1] + 3] >> 32

    def drop(self, slot: int) -> None:
        """Keep it no longer."""
        place = self._places.pop(slot, None)
        if place is not None:
            words, at = place
            words[at + 1] += layout.CARRIED_GONE - layout.CARRIED
            self._wanted -= (words[at + 1] >> 8 & layout.A_MAX) + 1

    def _limit(self) -> int:
        """How many blocks may be filled: as many again are needed to copy into."""
        return max(1, self._blocks.most() // 2)

    def _room(self, size: int) -> Place:
        if self._left < size:
            # Half of it is void, or there may be no more: copy what is wanted.
            filled = len(self._filled)
            if filled and (self._wanted * 2 <= filled * _ROOM or filled >= self._limit()):
                self._copy()
            if self._left < size:
                self._turn()
        words, first = self._filled[-1]
        at = first + _WORDS - self._left
        self._left -= size
        return words, at

    def _turn(self) -> None:
        place = self._empty.pop() if self._empty else self._blocks.lay_out()
        self._blocks.label(place)
        self._filled.append(place)
        self._left = _WORDS - layout.BLOCK_HEAD_WORDS

    def _copy(self) -> None:
        """Copy what is wanted into empty blocks, then empty those where it was."""
        old, self._filled, self._left = self._filled, [], 0
        for slot, (words, at) in self._places.items():
            size = 2 * (words[at + 1] >> 8 & layout.A_MAX) + 2
            if self._left < size:
                self._turn()
            there, first = self._filled[-1]
            to = first + _WORDS - self._left
            self._left -= size
            there[to + 2 : to + size] = words[at + 2 : at + size]
            there[to] = words[at]
            there[to + 1] = words[at + 1]
            self._places[slot] = there, to
        for place in old:
            self._blocks.clear(place)
        self._empty += old
