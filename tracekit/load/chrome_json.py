"""Reads back the Chrome JSON that tracekit wrote. Knows the tables at the end of the file, and looks at no event.

The events are for Perfetto, which neither keeps all that a trace says nor all of it exactly; behind them, under the key
"tracekit", stand the trace's own tables. No newline stands within a string of such a file, which makes the place
where the tables begin (`TABLES`) unmistakable, and the events can be passed over unread.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from tracekit.errors import TracekitError
from tracekit.load.table_text import read
from tracekit.load.tables import Unsound, decode
from tracekit.model.trace import Trace

HEAD = b'{"traceEvents":[\n{"ph":"M","name":"tracekit",'
TABLES = b'\n],\n"tracekit":'

_CHUNK = 1 << 20
_MOST_BYTES = 16 << 30
_MOST_TABLE_BYTES = 1 << 30


def load(path: Path) -> Trace:
    """Reads a trace that `tracekit.export.chrome_json` wrote, plain or gzipped.

    Args:
        path: the file; whether it is gzipped is seen from its content.

    Raises:
        TracekitError: it cannot be read, is no trace of tracekit, is damaged, or is larger than any trace should be.
    """
    try:
        with _opened(path) as file:
            return decode(read(_lines(file, path)))
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
def _opened(path: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    with open(path, "rb") as raw:
        gzipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not gzipped:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as file:
            yield file


def _lines(file: BinaryIO | gzip.GzipFile, path: Path) -> Iterator[bytes]:
    """The lines of the object under the key "tracekit", and of what comes behind it."""
    if file.read(len(HEAD)) != HEAD:
        raise TracekitError(
            f"{path} is no trace of tracekit: it does not begin like one. Give a file that `tracekit run` wrote."
        )
    size = 0
    kept = b""
    while (at := kept.find(TABLES)) < 0:
        chunk = _some(file)
        size += len(chunk)
        if size > _MOST_BYTES:
            raise TracekitError(f"{path} holds more than {_MOST_BYTES >> 30} GB. Record a shorter part of the program.")
        kept = kept[1 - len(TABLES) :] + chunk
    size = 0
    begun: list[bytes] = []  # of a line
    for chunk in chain((kept[at + len(TABLES) :],), iter(partial(file.read, _CHUNK), b"")):
        size += len(chunk)
        if size > _MOST_TABLE_BYTES:
            raise TracekitError(
                f"{path} holds more than {_MOST_TABLE_BYTES >> 30} GB of tables. Record a shorter part of the program."
            )
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            yield b"".join((*begun, end))
            begun.clear()
        begun.append(rest)
    yield b"".join(begun)


def _some(file: BinaryIO | gzip.GzipFile) -> bytes:
    chunk = file.read(_CHUNK)
    if not chunk:
        raise ValueError("its tables are missing")
    return chunk
