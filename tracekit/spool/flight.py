"""Flight: the blocks of a flight recorder's spool, lent to threads again and again. Knows blocks, and no kind of record.

A block is *lent* to a thread as a view of its words. It comes back by itself when the last such view is gone: then nobody can
write into it any more, be it that the thread has turned to another block, that it has ended, or that a signal handler was
quicker. What has come back is let go of, oldest first, when room is needed.
"""

from __future__ import annotations

from _weakref import ref
from collections import deque

from tracekit.clock import monotonic_ns
from tracekit.events import FIRST_DETAIL
from tracekit.spool import layout
from tracekit.spool.limits import NoRoom
from tracekit.spool.ring import Carried, block_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from tracekit.spool.limits import Limits, Place, Room

    class Spool(Protocol):
        """What it needs of a SpoolFile (spool/file.py)."""

        limits: Limits
        header: memoryview

        @property
        def blocks(self) -> int: ...
        @property
        def stuck(self) -> str: ...
        def lay_out(self, past_cap: bool = False) -> Place: ...
        def hand_out(self, place: Place, block_type: int, owner: int) -> int: ...
        def is_at_cap(self) -> bool: ...


_WORDS = layout.BLOCK_BYTES // 8
_ZEROS = memoryview(bytes(layout.BLOCK_BYTES)).cast("Q")
_RESERVE = 2
_FEWEST_CARRIED = 4  # blocks


class _Loan(ref):  # type: ignore[type-arg]
    """A block that is lent, or has come back; `since` is when that was noticed."""

    __slots__ = ("number", "place", "since")

    place: Place
    number: int
    since: int


class Flight:
    """Hands out the blocks of one spool.

    Args:
        spool: whose blocks they are; its limits say how much is to be kept.

    Attributes:
        is_short: less is kept than was asked for: the file has reached its largest size, or cannot grow to it.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._window = spool.limits.flight_ns
        self._lent: dict[int, _Loan] = {}  # by number
        self._returned: deque[_Loan] = deque()  # as their views went
        self._done: deque[_Loan] = deque()
        self._there: set[int] = set()  # numbers of the blocks that hold records, as slot numbers tell them
        self._clean: list[Place] = []  # hold nothing
        self._spare = [
            spool.lay_out()
        ]  # likewise; for what is recorded while the first one is let go of on a full disk
        self._kept = 0  # blocks of names and of what is carried: these stay
        self._folding = False
        self._carried = Carried(self, self._count_lost)
        self.is_short = False

    def take(self, block_type: int, owner: int) -> Room:
        """As SpoolFile.take_block, whose lock is held."""
        self._collect()
        if block_type != layout.BLOCK_RECORDS:
            self._kept += 1
            place = self._place(self._kept * 2 > self._spool.blocks)
            self._spool.hand_out(place, block_type, owner)
            words, at = place
            return words, at + layout.BLOCK_HEAD_WORDS, at + _WORDS, 0
        place = self._place()
        number = self._spool.hand_out(place, block_type, owner)
        words, at = place
        view = words[at : at + _WORDS]
        loan = _Loan(view, self._returned.append)
        loan.place, loan.number = place, number
        self._there.add(block_number(number))
        self._lent[number] = loan
        return view, layout.BLOCK_HEAD_WORDS, _WORDS, number * layout.BLOCK_SLOTS

    # What a Shelf needs (spool/shelf.py).

    def lay_out(self) -> Place:
        """Room for a block of carried records; the file may grow past its cap for it."""
        place = self._spool.lay_out(past_cap=True)
        self._kept += 1
        return place

    def label(self, place: Place) -> None:
        """Make an empty block one of carried records."""
        self._spool.hand_out(place, layout.BLOCK_CARRIED, 0)

    def clear(self, place: Place) -> None:
        """Give up what a block holds, at once and as a whole."""
        words, at = place
        words[at] = 0
        words[at + 1 : at + _WORDS] = _ZEROS[1:]

    def most(self) -> int:
        """How many blocks may hold what is carried: a quarter of all that there are, or are to be."""
        largest = self._spool.limits.largest() // layout.BLOCK_BYTES
        return max(_FEWEST_CARRIED, min(self._spool.blocks, largest) // 4)

    def _place(self, past_cap: bool = False) -> Place:
        """An empty block: one that was let go of if there must be, else a new one."""
        self._prepare()
        place = None if past_cap else _pop(self._clean)
        if place is None and self._folding:  # the first time, nothing is empty yet
            place = _pop(self._spare)
        if place is not None:
            return place
        try:
            return self._spool.lay_out(past_cap=past_cap or self._spool.is_at_cap())
        except NoRoom:  # the last one went to whatever interrupted this, or the disk is full
            self._prepare()
            return _pop(self._clean) or _pop(self._spare) or self._spool.lay_out(past_cap=True)

    def _prepare(self) -> None:
        """Have some empty blocks ready where old ones are to be let go of."""
        if self._folding:  # a signal handler or a garbage collection interrupts it on this very thread
            return
        self._folding = True
        try:
            while len(self._clean) < _RESERVE and self._is_due():
                self._let_go()
        finally:
            self._folding = False

    def _is_due(self) -> bool:
        """Whether the oldest block is to be let go of."""
        if not self._done:
            return False
        if self._window and self._done[0].since < monotonic_ns() - self._window:
            return True
        if not self._spool.is_at_cap():
            return False
        self.is_short = bool(self._window or self._spool.stuck)
        return True

    def _let_go(self) -> None:
        """Carry on what is open of the oldest block, and empty it.

        In this order, so that whoever reads at any moment, or after a kill, knows what holds: first, that its records
        don't count any more; then what is carried of them; then that they are gone.
        """
        loan = self._done.popleft()
        words, at = loan.place
        block = words[at : at + _WORDS]
        header = self._spool.header
        header[layout.H_LET_GO] = max(header[layout.H_LET_GO], _newest(block))
        self._there.discard(block_number(loan.number))
        self._carried.fold(block, loan.number, self._there)
        self.clear(loan.place)
        (self._clean if self._spare else self._spare).append(loan.place)

    def _collect(self) -> None:
        """See which blocks have come back."""
        while True:
            try:
                loan = self._returned.popleft()
            except IndexError:
                return
            loan.since = monotonic_ns()
            self._lent.pop(loan.number, None)
            self._done.append(loan)

    def _count_lost(self, things: int) -> None:
        self._spool.header[layout.H_CARRY_LOST] += things


def _pop(places: list[Place]) -> Place | None:
    # Not asked for first whether there is one: an interruption may take the last.
    try:
        return places.pop()
    except IndexError:
        return None


def _newest(block: memoryview) -> int:
    """The time of the last record of a block; 0 where it holds none."""
    for at in range(_WORDS - 1, layout.BLOCK_HEAD_WORDS, -2):
        if block[at] and block[at] & 0xFF < FIRST_DETAIL:
            return int(block[at - 1])
    return 0
