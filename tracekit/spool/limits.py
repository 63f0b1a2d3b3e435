"""Limits: how much of what a process records is kept, and what says that there is no room. Knows no file."""

from __future__ import annotations

from tracekit.spool import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    # Room to write to, as take_block gives it: words, the first one that is free, the first that is not, slot number of word 0.
    Room: TypeAlias = tuple[memoryview, int, int, int]
    # A block: the words that it lies in, and the first of them.
    Place: TypeAlias = tuple[memoryview, int]

_LARGEST_FILE = layout.SLOT_BYTES << 32  # slot numbers have 32 bits
_LARGEST_FLIGHT = 1_000_000_000
_SMALLEST_FLIGHT = layout.HEADER_BYTES + 8 * layout.BLOCK_BYTES


class NoRoom(Exception):
    """The file cannot grow; `args` are an ENDED_ value of layout.py and a sentence for the user.

    With ENDED_NOT it is for now only: who asks again later may have room.
    """


class Limits:
    """How much of what a process records is kept.

    Args:
        max_bytes: how large its file may become, 0 for no cap (with `flight_ns`: 1 GB); it always has room for a few records.
        flight_ns, flight_bytes: one of them is not 0 for a flight recorder: keep only the last so much.
    """

    __slots__ = ("flight_bytes", "flight_ns", "max_bytes")

    def __init__(self, max_bytes: int = 0, flight_ns: int = 0, flight_bytes: int = 0) -> None:
        self.max_bytes = max_bytes
        self.flight_ns = flight_ns
        self.flight_bytes = flight_bytes

    @property
    def is_flight(self) -> bool:
        """Whether only the last part is kept."""
        return bool(self.flight_ns or self.flight_bytes)

    def largest(self) -> int:
        """How many bytes the file may take; a flight recorder goes beyond that for the first block of a thread."""
        if not self.is_flight:
            return min(self.max_bytes or _LARGEST_FILE, _LARGEST_FILE)
        largest = self.flight_bytes or _LARGEST_FLIGHT
        return max(min(largest, self.max_bytes or largest), _SMALLEST_FLIGHT)
