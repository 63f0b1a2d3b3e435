"""Annotations: arguments as Perfetto's protobuf holds them. Knows values of Python, and no trace."""

from __future__ import annotations

from typing import Any

from tracekit.export._names import KEYS, VALUES, Names
from tracekit.export._protobuf import BYTES, data, double, signed, tag, text, varint

_ANNOTATION = tag(4, BYTES)  # of TrackEvent

# Fields of DebugAnnotation.
_KEY, _BOOL, _INT, _KNOWN_TEXT = tag(1), tag(2), tag(4), tag(17)
_DOUBLE, _TEXT, _NAME, _ENTRY, _ITEM = 5, 6, 10, 11, 12

_DEEPEST = 32
_LONGEST = 256  # characters; a longer text is said where it stands
_MOST = 1 << 16  # texts that are kept in memory


def annotated(args: dict[str, Any], names: Names) -> bytes:
    """The fields of an event that say its arguments."""
    pieces: list[bytes] = []
    for key, value in args.items():
        said = _named(key, value, names, 0)
        pieces += (_ANNOTATION, varint(len(said)), said)
    return b"".join(pieces)


def _named(key: Any, value: Any, names: Names, depth: int) -> bytes:
    name = str(key) or " "  # without a name, arguments fall on the one around them
    known = names.number(KEYS, name, _MOST) if len(name) <= _LONGEST else b""
    return (_KEY + known if known else text(_NAME, name)) + _value(value, names, depth)


def _value(value: Any, names: Names, depth: int) -> bytes:
    if isinstance(value, str):
        return _text(value, names)
    if isinstance(value, bool):
        return _BOOL + varint(value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return _INT + signed(int(value))
    if isinstance(value, float):
        return double(_DOUBLE, value)
    if depth < _DEEPEST and value and isinstance(value, dict):
        return b"".join(data(_ENTRY, _named(key, item, names, depth + 1)) for key, item in value.items())
    if depth < _DEEPEST and value and isinstance(value, (list, tuple)):
        return b"".join(data(_ITEM, _value(item, names, depth + 1)) for item in value)
    return _text(_spelled(value), names)


def _text(value: str, names: Names) -> bytes:
    known = names.number(VALUES, value, _MOST) if 1 < len(value) <= _LONGEST else b""
    return _KNOWN_TEXT + known if known else text(_TEXT, value)


def _spelled(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() >= 1024:
        # Python refuses to print thousands of decimal digits, but not of hexadecimal ones.
        return f"{value:#x}"
    return str(value)
