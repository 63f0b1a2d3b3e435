"""A trace as Chrome JSON, which Perfetto opens. Knows files and streams; what stands in them is made next door.

The events come first and are for Perfetto alone; behind them stand the tables that load/chrome_json.py reads back.
"""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from tracekit.analyze.finding import Finding
from tracekit.errors import TracekitError
from tracekit.export._picture import Picture
from tracekit.export._tables import encode
from tracekit.load.chrome_json import HEAD, TABLES
from tracekit.model.trace import Trace

_BATCH = 1 << 13
_LEVEL = 2


def write(trace: Trace, findings: Sequence[Finding], out: Path) -> None:
    """Writes a trace; `out` appears in one piece or not at all.

    Args:
        out: a name that ends in `.json` or `.json.gz`; a file of that name is replaced.

    Raises:
        TracekitError: the name ends otherwise, or the file cannot be written.
    """
    if not out.name.endswith((".json", ".json.gz")):
        raise TracekitError(f"{out} names no format of Chrome JSON. Let the name end in .json or .json.gz.")
    try:
        with _replacing(out) as file:
            for piece in _document(trace, findings):
                file.write(piece)
    except OSError as error:
        raise TracekitError(
            f"{out} cannot be written: {error.strerror or error}. Choose another path or make room there."
        ) from None


def _document(trace: Trace, findings: Sequence[Finding]) -> Iterator[bytes]:
    picture = Picture(trace)
    yield HEAD + b'"pid":%d,"args":{}}' % picture.pid
    lines = picture.lines()
    while batch := list(islice(lines, _BATCH)):
        yield (",\n" + ",\n".join(batch)).encode()
    yield TABLES
    new = [note for note in picture.notes if note not in trace.notes]
    yield from encode(trace, [finding.to_dict() for finding in findings], [*trace.notes, *new])
    yield b"}\n"


@contextmanager
def _replacing(out: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    """A file beside `out` that takes its place at the end, or is gone if anything went wrong."""
    handle, name = tempfile.mkstemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent)
    try:
        with ExitStack() as stack:
            file = stack.enter_context(os.fdopen(handle, "wb"))
            if out.name.endswith(".gz"):
                # Neither name nor time in the header: the same trace gives the same bytes.
                yield stack.enter_context(gzip.GzipFile("", "wb", _LEVEL, file, mtime=0))
            else:
                yield file
        os.replace(name, out)
    except BaseException:
        os.unlink(name)
        raise
