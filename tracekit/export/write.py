"""Write: the format of a trace file is what its name ends in. Knows names, and no format itself."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tracekit.analyze.finding import Finding
from tracekit.errors import TracekitError
from tracekit.model.trace import Trace

# What names end in, and which file of this room writes that. Of several that fit, the longest one counts.
WRITERS = {
    ".json": "chrome_json",
    ".json.gz": "chrome_json",
    ".pftrace": "pftrace",
    ".pftrace.gz": "pftrace",
    ".speedscope.json": "speedscope",
    ".speedscope.json.gz": "speedscope",
    ".parquet": "parquet",
    ".arrow": "parquet",
}


def write(trace: Trace, findings: Sequence[Finding], out: Path) -> None:
    """Writes a trace in the format that the name of the file asks for; it appears in one piece or not at all.

    Args:
        out: a file of that name is replaced.

    Raises:
        TracekitError: the name asks for none, or the file cannot be written.
    """
    prepare(out).write(trace, findings, out)


def prepare(out: Path) -> Any:
    """Loads what writes the format that a name asks for, and returns it; late, so that nobody waits for the other formats.

    Raises:
        TracekitError: the name asks for none.
    """
    return import_module(f"tracekit.export.{writer_of(out)}")


def writer_of(out: Path) -> str:
    """Which file of this room writes the format that a name asks for.

    Raises:
        TracekitError: it asks for none.
    """
    ending = max((ending for ending in WRITERS if out.name.endswith(ending)), key=len, default=None)
    if ending is None:
        raise TracekitError(f"{out} names no format. Let the name end in {', '.join(WRITERS)}.")
    return WRITERS[ending]
