"""Block: where one thread writes its next records. Knows the layout of a record, but no kind of event.

A block is replaced as a whole when it is full, never changed under a writer: a signal handler that records in the middle of
a record finds either the old block or the new one. Between reading `index` and moving it on there is no call, so nothing
can come in between on the same thread.
"""

from __future__ import annotations

from tracekit.spool import layout
from tracekit.spool.file import SpoolFile

BLOCK_WORDS = layout.BLOCK_BYTES // 8 - layout.BLOCK_HEAD_WORDS
MOST_DETAILS = 100


class Block:
    """Words [index, limit) of `words` are free; `base` is the slot number of word 0."""

    __slots__ = ("base", "index", "limit", "real", "words")

    def __init__(self, words: memoryview, index: int, base: int, real: bool = True) -> None:
        self.words = words
        self.index = index
        self.limit = index + BLOCK_WORDS
        self.base = base
        self.real = real


def take(spool: SpoolFile, serial: int, tid: int) -> Block:
    """The next block for a thread.

    Raises:
        NoRoom: the file cannot grow.
    """
    words, index, base = spool.take_block(layout.BLOCK_RECORDS, serial | tid << 32)
    return Block(words, index, base)


def scratch() -> Block:
    """A block that nobody reads: for what is written when there is no room, or no session any more."""
    return Block(memoryview(bytearray(layout.BLOCK_BYTES)).cast("Q"), 0, 0, real=False)
