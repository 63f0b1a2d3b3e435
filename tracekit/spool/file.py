"""SpoolFile: one process's file of records; creates it, grows it, hands out its blocks. Knows no kind of record.

The file is opened anew whenever it has to grow, by its path: between times no descriptor is open in the traced program.
"""

from __future__ import annotations

import errno
import os
import sys
from _thread import RLock

from tracekit import clock
from tracekit.spool import layout
from tracekit.spool.core import map_words
from tracekit.spool.kernel_files import read
from tracekit.spool.limits import Limits, NoRoom
from tracekit.spool.mapping import reserve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tracekit.spool.flight import Flight
    from tracekit.spool.limits import Place, Room

_FIRST_SEGMENT = 16 * layout.BLOCK_BYTES
_SMALLEST_SEGMENT = 2 * layout.BLOCK_BYTES  # one block for names, one for records
_LARGEST_SEGMENT = 64 * layout.BLOCK_BYTES  # what it takes to make is a pause in somebody's record, some 0.2 ms
_WORDS_PER_BLOCK = layout.BLOCK_BYTES // 8
_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)
_PAUSE = 10_000_000  # ns; so long it is not tried again whether there is a descriptor
_FOR_GOOD = 1 << 63


class SpoolFile:
    """The spool of this process.

    Args:
        directory: of the session; absolute, because the program may change its working directory.
        fork: the serial of the fork that made this process, or 0.
        limits: of its size.
        clock_kind: what the times of its records count, a CLOCK_ value of layout.py.
        pair: reads that clock and CLOCK_MONOTONIC at one moment.
        parent: the pid of who forked this process, which may have gone already; 0: ask the kernel.

    Attributes:
        header: its words.
        blocks: how many there are, handed out or not.
        flight: what keeps only the last part, or None.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(
        self,
        directory: str,
        fork: int = 0,
        limits: Limits | None = None,
        clock_kind: int = layout.CLOCK_MONOTONIC_NS,
        pair: Callable[[], tuple[int, int]] | None = None,
        parent: int = 0,
    ) -> None:
        self.limits = limits or Limits()
        self._pair = pair if clock_kind != layout.CLOCK_MONOTONIC_NS else None
        monotonic, wall, reading = self._read_clocks()
        self.path = os.path.join(directory, f"{os.getpid()}-{monotonic:x}.spool")
        self._max_bytes = self.limits.largest()
        # Reentrant: a signal handler or a garbage collection may write a record while its thread is in here.
        self._lock = RLock()
        self._size = 0
        self._full: NoRoom | None = None  # why it cannot grow
        self._full_until = _FOR_GOOD  # CLOCK_MONOTONIC
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            self.header, _ = self._extend(fd, layout.HEADER_BYTES)
            self._begin(fork, parent, clock_kind, monotonic, wall, reading)
            # Its words and its blocks, replaced as a whole.
            self._segment = self._extend(fd, max(self._room(_FIRST_SEGMENT), _SMALLEST_SEGMENT))
        except OSError:
            os.unlink(self.path)
            raise
        finally:
            os.close(fd)
        self._next = 0
        self._number = 0
        self.flight: Flight | None = None
        if self.limits.is_flight:
            from tracekit.spool.flight import Flight

            self.flight = Flight(self)

    @property
    def blocks(self) -> int:
        return (self._size - layout.HEADER_BYTES) // layout.BLOCK_BYTES

    @property
    def stuck(self) -> str:
        """Why the file does not grow; "" where it does, or where its largest size alone is why."""
        return "" if self._full is None or self._full.args[0] == layout.ENDED_MAX_SIZE else str(self._full.args[1])

    def _begin(self, fork: int, parent: int, clock_kind: int, monotonic: int, wall: int, reading: int) -> None:
        """Write the header: at once, so that a kill leaves no file that cannot be told from damage."""
        header = self.header
        header[layout.H_VERSION] = layout.VERSION
        header[layout.H_PID] = os.getpid()
        header[layout.H_PPID] = parent or os.getppid()
        header[layout.H_START_TICKS] = start_ticks()
        header[layout.H_START_MONOTONIC] = monotonic
        header[layout.H_START_WALL] = wall
        header[layout.H_FORK] = fork
        header[layout.H_PYTHON] = sys.hexversion
        header[layout.H_CLOCK] = clock_kind
        header[layout.H_START_READING] = reading
        header[layout.H_FLIGHT_NS] = self.limits.flight_ns
        header[layout.H_MAGIC] = layout.MAGIC

    def take_block(self, block_type: int, owner: int = 0) -> Room:
        """Hand out the next block.

        Args:
            block_type: BLOCK_RECORDS or BLOCK_NAMES.
            owner: second word of the block's head: thread serial, and tid in the high 32 bits.

        Returns:
            The words that the block lies in, the first one after its head and the first one behind it, and the slot
            number that word 0 of them would have.

        Raises:
            NoRoom: the file cannot grow.
        """
        with self._lock:
            if self.flight is not None:
                return self.flight.take(block_type, owner)
            place = self.lay_out()
            number = self.hand_out(place, block_type, owner)
        words, at = place
        base = number * layout.BLOCK_SLOTS - at // 2
        return words, at + layout.BLOCK_HEAD_WORDS, at + _WORDS_PER_BLOCK, base

    def lay_out(self, past_cap: bool = False) -> Place:
        """A block that was never handed out: the words that it lies in, and the first of them.

        Args:
            past_cap: the file may grow beyond its largest size for it.

        Raises:
            NoRoom: the file cannot grow.
        """
        while True:
            # No call and no jump between reading and moving on: a signal handler that takes a block comes before or after.
            segment, blocks = self._segment
            at = self._next
            self._next = at + 1
            if at < blocks:
                return segment, at * _WORDS_PER_BLOCK
            self._grow(blocks, past_cap)

    def hand_out(self, place: Place, block_type: int, owner: int) -> int:
        """Make a block that holds nothing one of that type; returns its number, which no other block has or had."""
        words, at = place
        number = self._number
        self._number = number + 1
        words[at + 1] = owner
        words[at] = block_type | number << 32
        return number

    def is_at_cap(self) -> bool:
        """Whether the next block would be past the largest size, or can't be had at all."""
        return self._next >= self._segment[1] and (self._is_full() or not self._room(layout.BLOCK_BYTES))

    def ask_for_dump(self, reason: int) -> None:
        """Ask whoever watches the session to have it written out.

        Args:
            reason: id of a name.
        """
        self.header[layout.H_DUMP_REASON] = reason
        self.header[layout.H_DUMPS] += 1

    def finish(self, ended: int) -> None:
        """Write the closing clocks and how the recording ended; may be called again, the last call counts."""
        monotonic, wall, reading = self._read_clocks()
        self.header[layout.H_END_MONOTONIC] = monotonic
        self.header[layout.H_END_WALL] = wall
        self.header[layout.H_END_READING] = reading
        self.header[layout.H_ENDED] = ended

    def count_dropped(self, records: int) -> None:
        """Add to the number of records that found no room."""
        self.header[layout.H_DROPPED] += records

    def _grow(self, blocks: int, past_cap: bool) -> None:
        """Begin a new segment, twice as large as the last one with its so many blocks; past the cap of one block."""
        if self._full is not None and self._is_full():
            raise NoRoom(*self._full.args)
        length = self._room(min(blocks * layout.BLOCK_BYTES * 2, _LARGEST_SEGMENT))
        if past_cap and not length:
            length = layout.BLOCK_BYTES
        if not length:
            reason = layout.ENDED_MAX_SIZE, f"it has reached its largest size ({self._max_bytes} bytes)"
            if self.flight is None:
                self._full = NoRoom(*reason)
            raise NoRoom(*reason)
        size = self._size
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            try:
                segment = self._extend(fd, length)
            finally:
                os.close(fd)
        except OSError as error:
            passes = error.errno in _NO_DESCRIPTOR
            self._full_until = clock.monotonic_ns() + _PAUSE if passes else _FOR_GOOD
            # Never the one that is raised: that holds on to the frames of the program.
            ended = layout.ENDED_NOT if passes else layout.ENDED_NO_SPACE
            self._full = NoRoom(ended, f"{self.path} cannot grow: {error.strerror}")
            self._shrink(size, length)
            raise NoRoom(*self._full.args) from None
        self._full = None
        self._segment = segment
        self._next = 0

    def _is_full(self) -> bool:
        return self._full is not None and clock.monotonic_ns() < self._full_until

    def _shrink(self, size: int, length: int) -> None:
        """Give back what was reserved in vain: the program may need the room."""
        # A signal handler may have extended the file meanwhile, and writes there.
        if self._size == size + length:
            self._size = size
            try:
                os.truncate(self.path, size)
            except OSError:  # the session is gone
                pass

    def _room(self, length: int) -> int:
        """What of a segment's length the cap leaves, in whole blocks."""
        return max(0, min(length, self._max_bytes - self._size) // layout.BLOCK_BYTES * layout.BLOCK_BYTES)

    def _read_clocks(self) -> tuple[int, int, int]:
        """CLOCK_MONOTONIC and Unix time in ns, and the spool's own clock (0 if it is the first), at one moment."""
        monotonic, wall = clock.anchor()
        if self._pair is None:
            return monotonic, wall, 0
        reading, now = self._pair()
        return now, wall + now - monotonic, reading

    def _extend(self, fd: int, length: int) -> tuple[memoryview, int]:
        # Claimed first: a signal handler in the middle of this may extend the file as well, and must do it elsewhere.
        offset = self._size
        self._size = offset + length
        reserve(fd, offset, length)
        return map_words(fd, offset, length), length // layout.BLOCK_BYTES


def start_ticks() -> int:
    """The kernel's start time of this process, in clock ticks since boot; 0 where /proc does not tell."""
    try:
        return int(read("/proc/self/stat").rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0
