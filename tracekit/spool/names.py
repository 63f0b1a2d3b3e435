"""Names: texts of a process, each written into its spool once and known by a number. Knows nothing of what they name.

The reference; `tracekit._fast` has its twin in C. The table is bounded: a program may make up names for ever.
"""

from __future__ import annotations

from _thread import RLock

from tracekit.spool import layout
from tracekit.spool.limits import NoRoom

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from tracekit.spool.limits import Room

    class Spool(Protocol):
        """What it needs of a SpoolFile (spool/file.py)."""

        def take_block(self, block_type: int, owner: int = 0) -> Room: ...


_MOST = 65_536
_MOST_RECALLED = 20_000
_MOST_BYTES = 8 << 20
_SEEN = 4096


class Names:
    """The names of one spool. Id 0 stands for a name that is not kept.

    Args:
        spool: where they are written.
        no_room: called with a NoRoom's `args` when the spool cannot grow.
    """

    def __init__(self, spool: Spool, no_room: Callable[[int, str], None]) -> None:
        self._spool: Spool | None = spool
        self._no_room = no_room
        self._lock = RLock()
        self._ids: dict[str, int] = {}
        self._seen = [0] * _SEEN
        self._count = 0
        self._bytes = 0
        self._words: memoryview = memoryview(b"")
        self._at = 0
        self._left = 0
        self._writing = False

    def intern(self, text: str) -> int:
        """The id of a text; writes it down on first sight. 0 once there are too many."""
        number = self._ids.get(text)
        if number is None:
            number = self._add(text)
            if number:
                number = self._ids.setdefault(text, number)  # another thread may have been quicker
        return number

    def recall(self, text: str) -> int:
        """The id of a text that comes again and again; 0 at first sight, and for what need not be kept.

        Names that are made anew for each call (f-strings) are seen once only, and take up no room.
        """
        number = self._ids.get(text)
        if number is None:
            mark = hash(text)
            place = mark & _SEEN - 1
            if self._seen[place] != mark:
                self._seen[place] = mark
                return 0
            number = self.intern(text) if self._count < _MOST_RECALLED else 0
        return number

    def abandon(self) -> None:
        """Write nothing any more. A fork's child calls it: the lock may be held by a thread that it has not."""
        self._spool = None
        self._lock = RLock()
        self._left = 0

    def _add(self, text: str) -> int:
        data = text.encode("utf-8", "replace")
        if len(data) > layout.NAME_BYTES:
            data = data[: layout.NAME_BYTES].decode("utf-8", "ignore").encode()
        if self._count >= _MOST or self._bytes > _MOST_BYTES:
            return 0
        try:
            with self._lock:
                return self._write(data)
        except NoRoom as reason:  # told outside of the lock: stderr may be anything
            self._no_room(*reason.args)
            return 0

    def _write(self, data: bytes) -> int:
        size = 1 + (len(data) + 7) // 8
        # A signal handler in the middle of an entry gets a new block: behind an entry that is never finished nothing is read.
        outer, self._writing = self._writing, True
        try:
            if outer and not self._turn():
                return 0
            while True:
                # No call and no jump between reading and moving on: such a handler comes before or after.
                words, at, left = self._words, self._at, self._left - size
                number = self._count + 1
                self._at = at + size
                self._left = left
                self._count = number
                if left >= 0:
                    break
                if not self._turn():
                    return 0
            if data:
                words[at + 1 : at + size] = memoryview(data.ljust((size - 1) * 8, b"\0")).cast("Q")
            words[at] = len(data) | (number + 1) << 32
            self._bytes += size * 8
            return number
        except BaseException:  # an interrupt in the middle of an entry: likewise
            self._left = 0
            raise
        finally:
            self._writing = outer

    def _turn(self) -> bool:
        spool = self._spool
        if spool is None:
            return False
        self._words, self._at, limit, _ = spool.take_block(layout.BLOCK_NAMES)
        self._left = limit - self._at
        return True
