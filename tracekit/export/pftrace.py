"""A trace as Perfetto's own protobuf: nanoseconds, and every task under its loop under its thread. Knows packets and their order.

First stand the tables that load/pftrace.py reads back, in packets of a kind that Perfetto passes over; all others are for it
alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tracekit.analyze.finding import Finding
from tracekit.errors import TracekitError
from tracekit.export import _call_stacks
from tracekit.export._descriptors import Descriptors
from tracekit.export._packets import packet
from tracekit.export._protobuf import data, number
from tracekit.export._replacing import write_pieces
from tracekit.export._shown import shown
from tracekit.export._tables import encode
from tracekit.export._track_events import TrackEvents
from tracekit.load.pftrace import TABLES
from tracekit.model.trace import Trace

ENDINGS = (".pftrace", ".pftrace.gz")

_CLOCK_SNAPSHOT = 6  # of TracePacket
_CLOCK, _PRIMARY = 1, 2  # of ClockSnapshot
_CLOCK_ID, _TIME = 1, 2  # of its clocks
_REALTIME, _BOOTTIME = 1, 6

_PIECE = 1 << 20  # bytes of tables in one packet


def write(trace: Trace, findings: Sequence[Finding], out: Path) -> None:
    """Writes a trace; `out` appears in one piece or not at all.

    Args:
        out: a name that ends in `.pftrace` or `.pftrace.gz`; a file of that name is replaced.

    Raises:
        TracekitError: the name ends otherwise, or the file cannot be written.
    """
    if not out.name.endswith(ENDINGS):
        raise TracekitError(f"{out} names no protobuf of Perfetto. Let the name end in .pftrace or .pftrace.gz.")
    write_pieces(out, _document(trace, findings))


def _document(trace: Trace, findings: Sequence[Finding]) -> Iterator[bytes]:
    drawn = shown(trace)
    new = [note for note in drawn.notes if note not in trace.notes]
    yield from _tables(encode(trace, [finding.to_dict() for finding in findings], [*trace.notes, *new]))
    yield from _clocks(trace)
    descriptors = Descriptors(trace, drawn.shared_rows)
    yield from descriptors.packets()
    yield from TrackEvents(trace, drawn.hidden, descriptors).packets()
    yield from _call_stacks.packets(trace, descriptors)


def _tables(pieces: Iterator[bytes]) -> Iterator[bytes]:
    kept, size = [], 0
    for piece in pieces:
        for begin in range(0, len(piece), _PIECE):
            part = piece[begin : begin + _PIECE]
            kept.append(part)
            size += len(part)
            if size >= _PIECE:
                yield packet(data(TABLES, b"".join(kept)))
                kept, size = [], 0
    # The last one is empty: so it can be seen whether all of them are there.
    yield packet(data(TABLES, b"".join(kept))) + packet(data(TABLES, b""))


def _clocks(trace: Trace) -> Iterator[bytes]:
    """Which time of day it was where the trace has its 0."""
    if trace.wall_start > 0:
        clocks = ((_BOOTTIME, 0), (_REALTIME, trace.wall_start))
        fields = [data(_CLOCK, number(_CLOCK_ID, clock) + number(_TIME, time)) for clock, time in clocks]
        yield packet(data(_CLOCK_SNAPSHOT, b"".join(fields) + number(_PRIMARY, _BOOTTIME)))
