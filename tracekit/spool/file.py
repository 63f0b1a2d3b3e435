"""SpoolFile: one process's file of records; creates it, grows it, hands out its blocks. Knows no kind of record.

The file is opened anew whenever it has to grow, by its path: between times no descriptor is open in the traced program.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock

from tracekit import clock
from tracekit.spool import layout
from tracekit.spool.mapping import map_words, reserve

_FIRST_SEGMENT = 16 * layout.BLOCK_BYTES
_LARGEST_SEGMENT = 512 * layout.BLOCK_BYTES
_WORDS_PER_BLOCK = layout.BLOCK_BYTES // 8


class NoRoom(Exception):
    """The file cannot grow; `args` are an ENDED_ value of layout.py and a sentence for the user."""


class SpoolFile:
    """The spool of this process.

    Args:
        directory: of the session; absolute, because the program may change its working directory.
        fork: the serial of the fork that made this process, or 0.
        max_bytes: how large the file may become, or 0 for no cap.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, directory: str, fork: int = 0, max_bytes: int = 0) -> None:
        monotonic, wall = clock.anchor()
        self.path = os.path.join(directory, f"{os.getpid()}-{monotonic:x}.spool")
        self._max_bytes = max_bytes
        # Reentrant: a signal handler or a garbage collection may write a record while its thread is in here.
        self._lock = RLock()
        self._size = 0
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            self._header = self._extend(fd, layout.HEADER_BYTES)
            self._segment = self._extend(fd, _FIRST_SEGMENT)
        finally:
            os.close(fd)
        self._segment_start = layout.HEADER_BYTES
        self._segment_blocks = _FIRST_SEGMENT // layout.BLOCK_BYTES
        self._next = 0
        self._number = 0
        header = self._header
        header[layout.H_VERSION] = layout.VERSION
        header[layout.H_PID] = os.getpid()
        header[layout.H_PPID] = os.getppid()
        header[layout.H_START_TICKS] = start_ticks()
        header[layout.H_START_MONOTONIC] = monotonic
        header[layout.H_START_WALL] = wall
        header[layout.H_FORK] = fork
        header[layout.H_PYTHON] = sys.hexversion
        header[layout.H_MAGIC] = layout.MAGIC

    def take_block(self, block_type: int, owner: int = 0) -> tuple[memoryview, int, int]:
        """Hand out the next block.

        Args:
            block_type: BLOCK_RECORDS or BLOCK_NAMES.
            owner: second word of the block's head: thread serial, and tid in the high 32 bits.

        Returns:
            The words that the block lies in, the index of its first word after the head, and the slot number of word 0.

        Raises:
            NoRoom: the file cannot grow.
        """
        with self._lock:
            if self._next == self._segment_blocks:
                self._grow()
            at = self._next
            self._next = at + 1
            number = self._number
            self._number = number + 1
            segment, start = self._segment, self._segment_start
        word = at * _WORDS_PER_BLOCK
        segment[word + 1] = owner
        segment[word] = block_type | number << 32
        return segment, word + layout.BLOCK_HEAD_WORDS, start // layout.SLOT_BYTES

    def finish(self, ended: int) -> None:
        """Write the closing clocks and how the recording ended; may be called again, the last call counts."""
        monotonic, wall = clock.anchor()
        self._header[layout.H_END_MONOTONIC] = monotonic
        self._header[layout.H_END_WALL] = wall
        self._header[layout.H_ENDED] = ended

    def count_dropped(self, records: int) -> None:
        """Add to the number of records that found no room."""
        self._header[layout.H_DROPPED] += records

    def _grow(self) -> None:
        length = min(self._segment_blocks * layout.BLOCK_BYTES * 2, _LARGEST_SEGMENT)
        if self._max_bytes:
            length = min(length, (self._max_bytes - self._size) // layout.BLOCK_BYTES * layout.BLOCK_BYTES)
            if length <= 0:
                raise NoRoom(layout.ENDED_MAX_SIZE, f"the session has reached its largest size ({self._max_bytes} bytes)")
        start = self._size
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            try:
                segment = self._extend(fd, length)
            finally:
                os.close(fd)
        except OSError as error:
            raise NoRoom(layout.ENDED_NO_SPACE, f"{self.path} cannot grow: {error.strerror}") from error
        self._segment, self._segment_start = segment, start
        self._segment_blocks = length // layout.BLOCK_BYTES
        self._next = 0

    def _extend(self, fd: int, length: int) -> memoryview:
        reserve(fd, self._size, length)
        words = map_words(fd, self._size, length)
        self._size += length
        return words


def start_ticks() -> int:
    """The kernel's start time of this process, in clock ticks since boot; 0 where /proc does not tell."""
    try:
        with open("/proc/self/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0
