"""Names: texts of a process, each written into its spool once and known by a number. Knows nothing of what they name."""

from __future__ import annotations

from _thread import RLock

from tracekit.spool import layout
from tracekit.spool.file import NoRoom, SpoolFile

# Names made anew for each call (f-strings) must not fill the program's memory: past this many, texts are written each time.
_REMEMBERED = 20_000
_BLOCK_END = layout.BLOCK_BYTES // 8 - layout.BLOCK_HEAD_WORDS


class Names:
    """The names of one spool. Id 0 stands for a name that could not be kept."""

    def __init__(self, spool: SpoolFile) -> None:
        self._spool = spool
        self._lock = RLock()
        self._ids: dict[str, int] = {}
        self._count = 0
        self._words: memoryview | None = None
        self._at = 0
        self._left = 0

    def intern(self, text: str) -> int:
        """The id of a text; writes it down on first sight."""
        number = self._ids.get(text)
        if number is None:
            with self._lock:
                number = self._ids.get(text)
                if number is None:
                    number = self.add(text)
                    if len(self._ids) < _REMEMBERED:
                        self._ids[text] = number
        return number

    def add(self, text: str) -> int:
        """Write a text down without remembering it: for what is unlikely to come again."""
        data = text.encode("utf-8", "replace")
        if len(data) > layout.NAME_BYTES:
            data = data[: layout.NAME_BYTES].decode("utf-8", "ignore").encode()
        size = 1 + (len(data) + 7) // 8
        with self._lock:
            if self._count == layout.A_MAX:
                return 0
            if size > self._left and not self._turn():
                return 0
            # Reserved before it is filled: a signal handler may come in between and add a name of its own.
            words, at = self._words, self._at
            self._at = at + size
            self._left -= size
            number = self._count + 1
            self._count = number
        assert words is not None
        if data:
            words[at + 1 : at + size] = memoryview(data.ljust((size - 1) * 8, b"\0")).cast("Q")
        words[at] = len(data) | (number + 1) << 32
        return number

    def _turn(self) -> bool:
        try:
            words, at, _ = self._spool.take_block(layout.BLOCK_NAMES)
        except NoRoom:
            return False
        self._words, self._at, self._left = words, at, _BLOCK_END
        return True
