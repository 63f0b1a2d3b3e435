"""Kept: what of the blocks that a flight recorder has let go of is kept, and why. Knows no block; ring.py looks into those.

Things that began and may end are known by a key: see roles.py.
"""

from __future__ import annotations

from tracekit import events
from tracekit.spool import layout, roles
from tracekit.spool.limits import NoRoom
from tracekit.spool.shelf import Shelf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tracekit.spool.shelf import Blocks

_WHILE = 1000  # records of events.FOR_A_WHILE


class Kept:
    """The records that are kept in one spool, by what they are kept for.

    Args:
        blocks: gives them room.
        count_lost: called with the number of open things that found none.

    Attributes:
        shelf: where they lie.
        things: begun, not ended: slots of the begin and of what was said since.
        early: likewise of those whose begin has not been folded yet.
        ended: those of `early` that have ended.
        threads: what runs on each, by its owner: kind, and slot above it.
        last_steps: steps that go on though their task is done: slot -> key of the task.
        ready: task -> slot.
        stepped: task -> time of its latest step.
        latest: kind -> slot, where only the latest of a kind is kept.
    """

    def __init__(self, blocks: Blocks, count_lost: Callable[[int], None]) -> None:
        self.shelf = Shelf(blocks)
        self.things: dict[int, list[int]] = {}
        self.early: dict[int, list[int]] = {}
        self.ended: set[int] = set()
        self.threads: dict[int, list[int]] = {}
        self.last_steps: dict[int, int] = {}
        self.ready: dict[int, int] = {}
        self.stepped: dict[int, int] = {}
        self.latest: dict[int, int] = {}
        self._while: dict[int, None] = {}  # slots
        self._count_lost = count_lost

    def keep(self, owner: int, slot: int, record: memoryview) -> bool:
        """Keep a record with its details; False where there is no room for it. Arguments as for Shelf.keep."""
        if self._make_room(len(record) // 2):
            try:
                self.shelf.keep(owner, slot, record)
                return True
            except NoRoom:
                pass
        self._count_lost(1)
        return False

    def remember(self, slot: int) -> None:
        """Keep what is kept there for a while only: until there are too many such."""
        self._while[slot] = None
        if len(self._while) > _WHILE:
            self._forget()

    def drop_all(self, slots: list[int]) -> None:
        """Keep these no longer."""
        for slot in slots:
            self.shelf.drop(slot)

    def _forget(self) -> None:
        slot = next(iter(self._while))
        del self._while[slot]
        self.shelf.drop(slot)

    def _make_room(self, slots: int) -> bool:
        """Make room for a record: what is known for a while goes first, then what has been open for longest."""
        shelf = self.shelf
        if shelf.fits(slots):
            return True
        while self._while and shelf.is_tight():
            self._forget()
        lost = 0
        for things in (self.early, self.things):
            while things and shelf.is_tight():
                key = next(iter(things))
                self.drop_all(things.pop(key))
                self.ended.discard(key)
                if key >> roles.GROUP == events.TASK_CREATED:
                    self.stepped.pop(key & layout.SLOT_MASK, None)
                lost += 1
        if lost:
            self._count_lost(lost)
        return shelf.fits(slots)
