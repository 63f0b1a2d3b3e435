"""Names: texts that a Perfetto trace says once, and numbers from then on. Knows texts and packets, and no trace."""

from __future__ import annotations

from collections.abc import Iterator

from tracekit.export._packets import interned
from tracekit.export._protobuf import data, tag, text, varint

# Fields of InternedData.
CATEGORIES, NAMES, KEYS, VALUES = 1, 2, 3, 29

_IID, _TEXT = tag(1), 2
_AT_A_TIME = 1 << 16  # bytes of one packet


class Names:
    """The texts of one sequence of packets. Whoever uses a number must have written what `said` yields before.

    Args:
        sequence: its number.
    """

    def __init__(self, sequence: int) -> None:
        self._sequence = sequence
        self._known: dict[int, dict[str, bytes]] = {kind: {} for kind in (CATEGORIES, NAMES, KEYS, VALUES)}
        self._new: list[bytes] = []
        self._first = True

    def number(self, kind: int, name: str, most: int = 0) -> bytes:
        """The number of a text, as a varint.

        Args:
            kind: CATEGORIES, NAMES (of events), KEYS (of arguments) or VALUES (of arguments).
            most: keep no more texts of that kind in memory than this: a further one has no number, b"". 0: however many.
        """
        known = self._known[kind]
        found = known.get(name)
        if found is None:
            if most and len(known) >= most:
                return b""
            found = known[name] = varint(len(known) + 1)
            self._new.append(data(kind, _IID + found + text(_TEXT, name)))
        return found

    def said(self) -> Iterator[bytes]:
        """The packets that say the texts which are new since it was asked the last time."""
        size, fields = 0, []
        for field in self._new:
            fields.append(field)
            size += len(field)
            if size >= _AT_A_TIME:
                yield self._packet(fields)
                size, fields = 0, []
        if fields or self._first:
            yield self._packet(fields)
        self._new.clear()

    def _packet(self, fields: list[bytes]) -> bytes:
        first, self._first = self._first, False
        return interned(self._sequence, b"".join(fields), first)
