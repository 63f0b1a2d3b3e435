"""Packets: columns of events become packets of a Perfetto trace, many at once. Knows the wire, and no trace.

Of most events only track, time and arrow are their own. All the rest of a packet is its shape, made once for all events that are
alike; the lengths in front count what follows, which is as wide in all packets of a trace.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit.export._protobuf import BYTES, FIXED64, data, number, tag, varint, width
from tracekit.model.trace import Int32, Int64
from tracekit.spool.core import core

# Fields of Perfetto's messages.
PACKET = 1  # of Trace
_TIMESTAMP, SEQUENCE, _TRACK_EVENT, _INTERNED_DATA, _SEQUENCE_FLAGS = 8, 10, 11, 12, 13  # of TracePacket
_TRACK, _FLOW, _LAST_FLOW = 11, 47, 48  # of TrackEvent

_CLEARED = 1  # of a sequence's flags: nothing said before holds
_LEAVES, _ARRIVES = tag(_FLOW, FIXED64), tag(_LAST_FLOW, FIXED64)
_PACKET, _EVENT = tag(PACKET, BYTES), tag(_TRACK_EVENT, BYTES)
_ARROW_BYTES = len(_LEAVES) + 8
_MORE = 0x80

Packets = Callable[[Sequence[bytes], Int32, Int64, Int64, Int64, int, int], bytes]


class Widths(NamedTuple):
    """How many bytes the tracks and the times of a trace take."""

    track: int
    time: int

    @classmethod
    def of(cls, last_track: int, last_time: int) -> Widths:
        """Those that the highest numbers need."""
        return cls(width(last_track), width(last_time))

    def shape(self, event: bytes, sequence: int, arrow: bool = False) -> bytes:
        """A packet up to where its own parts begin.

        Args:
            event: the fields of the event, but for its track and one arrow.
            sequence: the packet's.
            arrow: whether it has that arrow.
        """
        inner = len(event) + arrow * _ARROW_BYTES + 1 + self.track
        head = number(SEQUENCE, sequence) + _EVENT + varint(inner)
        return _PACKET + varint(len(head) + inner + 1 + self.time) + head + event


def packet(*fields: bytes) -> bytes:
    """One packet by itself."""
    return data(PACKET, b"".join(fields))


def interned(sequence: int, fields: bytes, first: bool = False) -> bytes:
    """A packet of texts, or of what else has a number from now on.

    Args:
        first: of its sequence.
    """
    flags = number(_SEQUENCE_FLAGS, _CLEARED) if first else b""
    return packet(number(SEQUENCE, sequence), flags, data(_INTERNED_DATA, fields))


def stamped(sequence: int, time: int, *fields: bytes) -> bytes:
    """A packet of a point in time."""
    return packet(number(SEQUENCE, sequence), number(_TIMESTAMP, time), *fields)


def packets_of_numpy(
    shapes: Sequence[bytes], which: Int32, arrow: Int64, track: Int64, time: Int64, track_bytes: int, time_bytes: int
) -> bytes:
    """Packets, one after the other.

    Args:
        shapes: what `Widths.shape` made.
        which: of them each packet has.
        arrow: 0 for none, the number of one that arrives there, or that of one that leaves, negative.
        track, time: of each.
        track_bytes, time_bytes: how wide these are.
    """
    count = len(which)
    tail = np.empty((count, _ARROW_BYTES + 2 + track_bytes + time_bytes), np.uint8)
    arrows = np.frombuffer(_LEAVES + _ARRIVES, np.uint8).reshape(2, -1)
    tail[:, : len(_LEAVES)] = arrows[(arrow > 0).astype(np.int64)]
    tail[:, len(_LEAVES) : _ARROW_BYTES] = np.abs(arrow).astype("<i8").view(np.uint8).reshape(count, 8)
    at = _ARROW_BYTES
    for field, column, wide in ((_TRACK, track, track_bytes), (_TIMESTAMP, time, time_bytes)):
        tail[:, at] = field << 3
        _put(tail[:, at + 1 : at + 1 + wide], column)
        at += 1 + wide
    plain = np.ascontiguousarray(tail[:, _ARROW_BYTES:])
    pieces = [b""] * (2 * count)
    pieces[0::2] = [shapes[at] for at in which.tolist()]
    ends = _rows(plain)
    drawn = np.flatnonzero(arrow)
    for row, whole in zip(drawn.tolist(), _rows(tail[drawn])):
        ends[row] = whole
    pieces[1::2] = ends
    return b"".join(pieces)


def _put(places: NDArray[np.uint8], column: Int64) -> None:
    """Numbers as varints that are all as wide, filled up with bytes that add nothing."""
    wide = places.shape[1]
    for at in range(wide):
        places[:, at] = column >> 7 * at & 0x7F | (_MORE if at < wide - 1 else 0)


def _rows(table: NDArray[np.uint8]) -> list[bytes]:
    if not len(table):
        return []
    rows: list[bytes] = table.reshape(-1).view(f"V{table.shape[1]}").tolist()
    return rows


packets: Packets = packets_of_numpy if core.fast is None else getattr(core.fast, "packets", packets_of_numpy)


def arrived(arrows: Sequence[int]) -> bytes:
    """The fields of more arrows that arrive at an event."""
    return b"".join(_ARRIVES + struct.pack("<q", arrow) for arrow in arrows)
