"""Buffer: where the threads of one process write their records, each into a block of its own. Knows no kind of event.

The reference; `tracekit._fast` has its twin in C. A block is replaced as a whole when it is full, never changed under a
writer: a signal handler that records in the middle of a record finds either the old block or the new one. Between reading
`index` and moving it on there is no call, so nothing can come in between on the same thread.
"""

from __future__ import annotations

from _thread import _local

from tracekit.clock import monotonic_ns
from tracekit.spool import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from tracekit.spool.limits import Room
    from tracekit.spool.names import Names

    Details: TypeAlias = list[tuple[int, int]]

MOST_DETAILS = 400  # of one record
LAST_WORDS = 4  # of each block; they are kept free for what a thread says when it goes


class Block:
    """Words [index, limit) of `words` are free, and up to `end` for last words; `base` is the slot number of word 0."""

    __slots__ = ("base", "end", "index", "limit", "words")

    def __init__(self, words: memoryview, index: int, limit: int, base: int) -> None:
        self.words = words
        self.index = index
        self.limit = max(index, limit - LAST_WORDS)
        self.end = limit
        self.base = base


class Buffer:
    """Writes the records of one process.

    Args:
        refill: called on a thread that has no block (with None) or a full one (with its handle); it gives the thread one.
        clock: reads the time; None for the best clock that this core has.
    """

    clock = layout.CLOCK_MONOTONIC_NS

    def __init__(self, refill: Callable[[object], None], clock: Callable[[], int] | None = None) -> None:
        self._refill = refill
        self._now = clock or monotonic_ns
        self._thread = _local()
        self._closed = False

    def write(self, kind: int, a: int = 0, b: int = 0, details: Details | None = None) -> int:
        """Write one record with the time of now; returns its slot number.

        Args:
            kind, a, b: as events.py says.
            details: words and payloads that follow it; at most MOST_DETAILS are kept.
        """
        try:
            block: Block = self._thread.block
        except AttributeError:
            block = self._turn(None)
        size = 2
        if details is not None:
            del details[MOST_DETAILS:]
            size += 2 * len(details)
        while True:
            # No call and no jump from here to the clock: a signal handler that records comes before or after, in place and time.
            index = block.index
            block.index = index + size
            now = self._now()
            if index + size <= block.limit:
                break
            block = self._turn(block)
        words = block.words
        if details is not None:
            at = index + 2
            for word, payload in details:
                words[at] = payload
                words[at + 1] = word
                at += 2
        words[index] = now
        words[index + 1] = kind | a << 8 | b << 32
        return block.base + (index >> 1) & layout.SLOT_MASK

    def give(self, words: memoryview, index: int, limit: int, base: int, full: object = None) -> object:
        """The calling thread writes words[index:limit] from now on.

        Args:
            words, index, limit: 64-bit words, and which of them are free.
            base: slot number of words[0], modulo 2**32.
            full: the handle of the block that this one follows; None for a thread's first.

        Returns:
            A handle of the thread's block: of this one, or of another if a signal handler has turned the full one already.
        """
        thread = self._thread
        fresh = Block(words, index, limit, base)
        try:
            # No call and no jump from here to the exchange: a signal handler that turns the block comes before or after.
            if thread.block is full:
                thread.block = fresh
        except AttributeError:
            thread.block = fresh
        return thread.block

    def write_last(self, handle: object, kind: int, a: int = 0, b: int = 0) -> None:
        """Write a record on a thread that is going, and whose local values are gone; left out if its block is full."""
        if isinstance(handle, Block) and handle.index + 2 <= handle.end:
            index = handle.index
            handle.index = index + 2
            handle.words[index] = self._now()
            handle.words[index + 1] = kind | a << 8 | b << 32

    def leave(self) -> None:
        """The calling thread writes no more."""

    def close(self) -> None:
        """Nothing is written any more: what comes goes to where nobody reads."""
        self._closed = True
        self._thread = _Nowhere()  # type: ignore[assignment]

    def _turn(self, full: Block | None) -> Block:
        self._refill(full)
        block: Block = getattr(self._thread, "block", full) or Block(*scratch())
        return block if block is not full else Block(*scratch())


class _Nowhere:
    """Stands in for the threads of a closed buffer: every block is a scratch block."""

    @property
    def block(self) -> Block:
        return Block(*scratch())


_SCRATCH_WORDS = layout.BLOCK_BYTES // 8


def scratch() -> Room:
    """Room that nobody reads: for what is written when there is no other, or no session any more."""
    return memoryview(bytearray(layout.BLOCK_BYTES)).cast("Q"), layout.BLOCK_HEAD_WORDS, _SCRATCH_WORDS, 0


def pair() -> tuple[int, int]:
    """The best clock of this core and CLOCK_MONOTONIC in ns, read at one moment."""
    now = monotonic_ns()
    return now, now


def switch(buffer: Buffer | None, names: Names | None) -> None:
    """Have the probes of this core record there from now on; None turns them off. Those in Python ask for themselves."""
