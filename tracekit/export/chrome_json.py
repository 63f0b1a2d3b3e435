"""A trace as Chrome JSON, which Perfetto opens. Knows files and streams; what stands in them is made next door.

The events come first and are for Perfetto alone; behind them stand the tables that load/chrome_json.py reads back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tracekit.analyze.finding import Finding
from tracekit.errors import TracekitError
from tracekit.export._picture import Picture
from tracekit.export._replacing import write_pieces
from tracekit.export._tables import encode
from tracekit.load.chrome_json import HEAD, TABLES
from tracekit.model.trace import Trace


def write(trace: Trace, findings: Sequence[Finding], out: Path) -> None:
    """Writes a trace; `out` appears in one piece or not at all.

    Args:
        out: a name that ends in `.json` or `.json.gz`; a file of that name is replaced.

    Raises:
        TracekitError: the name ends otherwise, or the file cannot be written.
    """
    if not out.name.endswith((".json", ".json.gz")):
        raise TracekitError(f"{out} names no format of Chrome JSON. Let the name end in .json or .json.gz.")
    write_pieces(out, _document(trace, findings))


def _document(trace: Trace, findings: Sequence[Finding]) -> Iterator[bytes]:
    picture = Picture(trace)
    yield HEAD + b'"pid":%d,"args":{}}' % picture.pid
    yield from picture.pieces()
    yield TABLES
    new = [note for note in picture.notes if note not in trace.notes]
    yield from encode(trace, [finding.to_dict() for finding in findings], [*trace.notes, *new])
    yield b"}\n"
