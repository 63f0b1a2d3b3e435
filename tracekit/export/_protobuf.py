"""Protobuf on the wire, as much as a trace takes. Knows numbers, texts and fields, and no message.

A field is a tag, its number and type, and a value; a message is its fields, one after the other, in any order.
"""

from __future__ import annotations

import struct

VARINT, FIXED64, BYTES = 0, 1, 2  # what a field's value is

_MORE = 0x80  # another byte of the number follows
_WORD = 1 << 64
_SHORT = [bytes([value]) for value in range(_MORE)]


def varint(value: int) -> bytes:
    """A number that is not negative, seven bits a byte, the lowest ones first."""
    if value < _MORE:
        return _SHORT[value]
    out = bytearray()
    while value >= _MORE:
        out.append(value & 0x7F | _MORE)
        value >>= 7
    out.append(value)
    return bytes(out)


def width(value: int) -> int:
    """How many bytes `varint` takes for a number."""
    return max(1, (value.bit_length() + 6) // 7)


def tag(field: int, kind: int = VARINT) -> bytes:
    """What stands before the value of a field: its number, and VARINT, FIXED64 or BYTES."""
    return varint(field << 3 | kind)


def signed(value: int) -> bytes:
    """An integer of 64 bits, with or without a sign."""
    return varint(value if value >= 0 else value % _WORD)


def number(field: int, value: int) -> bytes:
    """A field that is an integer of 64 bits, with or without a sign, or a boolean."""
    return tag(field) + signed(value)


def data(field: int, value: bytes) -> bytes:
    """A field that is a message, or bytes."""
    return tag(field, BYTES) + varint(len(value)) + value


def text(field: int, value: str) -> bytes:
    """A field that is a text, with `?` for each lone surrogate."""
    return data(field, value.encode("utf-8", "replace"))


def double(field: int, value: float) -> bytes:
    """A field that is a floating-point number."""
    return tag(field, FIXED64) + struct.pack("<d", value)
