"""Texts: as details of a record, for what will not come again and so needs no name. Knows no kind of record but MORE.

The first detail holds the length in bytes and the first 8 bytes, each further one 15 bytes: 8 of its payload, 7 above its kind.
"""

from __future__ import annotations

from codecs import utf_8_decode

from tracekit import events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_FIRST = 8
_MORE = 15
MOST_CHARACTERS = 500  # of a text that is kept this way


def encode(kind: int, a: int, text: str, most: int = MOST_CHARACTERS) -> list[tuple[int, int]]:
    """The details that hold a text: each its word and its payload.

    Args:
        kind, a: of the first one.
        most: characters that are kept.
    """
    data = text[:most].encode("utf-8", "replace")
    details = [(kind | a << 8 | len(data) << 32, int.from_bytes(data[:_FIRST], "little"))]
    for at in range(_FIRST, len(data), _MORE):
        chunk = data[at : at + _MORE]
        details.append((events.MORE | int.from_bytes(chunk[8:], "little") << 8, int.from_bytes(chunk[:8], "little")))
    return details


def decode(length: int, payload: int, more: Iterable[tuple[int, int]]) -> str:
    """The text again; what is missing of it, because its record had too many details, is missing at its end.

    Args:
        length, payload: of the first detail (field b, word 0).
        more: the words and payloads of the MORE details behind it.
    """
    data = payload.to_bytes(8, "little")
    for word, eight in more:
        data += eight.to_bytes(8, "little") + (word >> 8).to_bytes(7, "little")
    return readable(data[:length], len(data) < length)


def readable(data: bytes, cut: bool) -> str:
    """The text that these bytes are; never an error.

    Args:
        cut: they are its beginning only. The text then ends in "…", and half a character before that is left out.
    """
    text, _ = utf_8_decode(data, "replace", not cut)
    return text + "…" if cut else text
