"""Replacing: a file that appears in one piece or not at all. Knows names and streams, and nothing of what is written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from tracekit.errors import TracekitError
from tracekit.export._gzipped import Gzipped


def write_pieces(out: Path, pieces: Iterable[bytes]) -> None:
    """Writes a file; a file of that name is replaced. One whose name ends in `.gz` is compressed.

    Args:
        pieces: what stands in it, asked for one by one.

    Raises:
        TracekitError: it cannot be written.
    """
    try:
        with _replacing(out) as file:
            for piece in pieces:
                file.write(piece)
    except OSError as error:
        raise TracekitError(
            f"{out} cannot be written: {error.strerror or error}. Choose another path or make room there."
        ) from None


@contextmanager
def _replacing(out: Path) -> Iterator[BinaryIO | Gzipped]:
    """A file beside `out` that takes its place at the end, or is gone if anything went wrong."""
    handle, name = tempfile.mkstemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent)
    try:
        with ExitStack() as stack:
            file = stack.enter_context(os.fdopen(handle, "wb"))
            if out.name.endswith(".gz"):
                yield stack.enter_context(Gzipped(file))
            else:
                yield file
        os.replace(name, out)
    except BaseException:
        os.unlink(name)
        raise
