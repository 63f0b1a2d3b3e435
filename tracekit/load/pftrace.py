"""Reads back the tables in a Perfetto trace that export/pftrace.py wrote. Knows packets, no event in them, and trusts none.

They stand in the first packets of the file, under a field of their own. A trace of anybody else has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tracekit.errors import TracekitError
from tracekit.load import own_file
from tracekit.load.own_file import Stream
from tracekit.model.trace import Trace

TABLES = 9900  # the field of a packet; Perfetto's own have lower numbers

_PACKET = b"\x0a"  # the tag of a packet in a trace
_TAG = TABLES << 3 | 2
_MOST_PACKET_BYTES = 1 << 24
_LONGEST_VARINT = 10


def is_pftrace(first: bytes) -> bool:
    """Whether a file that begins like that, unzipped, is a protobuf of Perfetto; JSON may begin with an empty line, too."""
    return first[:1] == _PACKET and first.lstrip()[:1] not in (b"{", b"[")


def load(path: Path) -> Trace:
    """Reads a trace that `tracekit.export.pftrace` wrote, plain or gzipped.

    Args:
        path: the file; whether it is gzipped is seen from its content.

    Raises:
        TracekitError: it cannot be read, is no trace of tracekit, is damaged, or is larger than any trace should be.
    """
    return own_file.load(path, _pieces)


def _pieces(file: Stream, path: Path) -> Iterator[bytes]:
    """What stands in the packets of tables, up to the empty one."""
    piece = _piece(file)
    if piece is None:
        raise TracekitError(
            f"{path} is a trace of Perfetto that tracekit did not write: look at it with `tracekit open {path}`."
        )
    while piece:
        yield piece
        piece = _piece(file)
    if piece is None:
        raise ValueError("its tables do not end")
    yield b"}"  # the end of the object that other files hold them in


def _piece(file: Stream) -> bytes | None:
    """What the next packet holds; None if it is none of tables."""
    tag = file.read(1)
    if tag != _PACKET:
        return None
    size, _ = _varint(file)
    if size > _MOST_PACKET_BYTES:
        return None
    field, taken = _varint(file)
    if field != _TAG:
        return None
    length, more = _varint(file)
    if taken + more + length != size:
        return None
    piece = file.read(length)
    if len(piece) < length:
        raise ValueError("it ends within a packet")
    return piece


def _varint(file: Stream) -> tuple[int, int]:
    """A number, and how many bytes it takes."""
    value = 0
    for at in range(_LONGEST_VARINT):
        byte = file.read(1)
        if not byte:
            raise ValueError("it ends within a packet")
        value |= (byte[0] & 0x7F) << 7 * at
        if byte[0] < 0x80:
            return value, at + 1
    raise ValueError("it ends within a packet")
