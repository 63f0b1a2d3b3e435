"""A trace file of tracekit's own: opened, its tables read with bounds, and what is wrong with it said in words. Knows no format.

Whatever surrounds them, the tables are lines of text, which table_text.py reads and tables.py makes a trace of.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tracekit.errors import TracekitError
from tracekit.load.peek import GZIP
from tracekit.load.table_text import read
from tracekit.load.tables import Unsound, decode
from tracekit.model.trace import Trace

Stream = BinaryIO | gzip.GzipFile

_MOST_TABLE_BYTES = 1 << 30


def load(path: Path, find: Callable[[Stream, Path], Iterator[bytes]]) -> Trace:
    """Reads a trace file, plain or gzipped, which is seen from its content.

    Args:
        find: yields the text of the tables, in pieces, out of what is in the file; a ValueError of it means that they are not
            complete.

    Raises:
        TracekitError: it cannot be read, is damaged, or is larger than any trace should be; or `find` says so.
    """
    try:
        with _opened(path) as file:
            return decode(read(_lines(find(file, path), path)))
    except EOFError:
        raise TracekitError(f"{path} is cut off: the gzip in it does not end. Take a complete copy.") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise TracekitError(f"{path} is damaged: {error}. Take an intact copy.") from None
    except OSError as error:
        raise TracekitError(
            f"{path} cannot be read: {error.strerror or error}. Check the path and its permissions."
        ) from None
    except Unsound as error:
        raise TracekitError(f"{path} is damaged: {error}. Record the program again, or take an intact copy.") from None
    except ValueError:
        raise TracekitError(
            f"{path} is cut off or damaged: its tables are not complete. Take a complete copy."
        ) from None


@contextmanager
def _opened(path: Path) -> Iterator[Stream]:
    with open(path, "rb") as raw:
        gzipped = raw.read(len(GZIP)) == GZIP
        raw.seek(0)
        if not gzipped:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as file:
            yield file


def _lines(pieces: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """The lines of a text."""
    size = 0
    begun: list[bytes] = []  # of a line
    for piece in pieces:
        size += len(piece)
        if size > _MOST_TABLE_BYTES:
            raise TracekitError(
                f"{path} holds more than {_MOST_TABLE_BYTES >> 30} GB of tables. Record a shorter part of the program."
            )
        *ends, rest = piece.split(b"\n")
        for end in ends:
            yield b"".join((*begun, end))
            begun.clear()
        begun.append(rest)
    yield b"".join(begun)
