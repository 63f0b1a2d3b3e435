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
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from tracekit.errors import TracekitError
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
            tables = _tables(file, path)
    except EOFError:
        raise TracekitError(f"{path} is cut off: the gzip in it does not end. Take a complete copy.") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise TracekitError(f"{path} is damaged: {error}. Take an intact copy.") from None
    except OSError as error:
        raise TracekitError(
            f"{path} cannot be read: {error.strerror or error}. Check the path and its permissions."
        ) from None
    try:
        return decode(tables)
    except Unsound as error:
        raise TracekitError(f"{path} is damaged: {error}. Record the program again, or take an intact copy.") from None


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


def _tables(file: BinaryIO | gzip.GzipFile, path: Path) -> dict[str, Any]:
    """The object under the key "tracekit"."""
    if file.read(len(HEAD)) != HEAD:
        raise TracekitError(
            f"{path} is no trace of tracekit: it does not begin like one. Give a file that `tracekit run` wrote."
        )
    size = 0
    kept = b""
    while (at := kept.find(TABLES)) < 0:
        chunk = _some(file, path)
        size += len(chunk)
        if size > _MOST_BYTES:
            raise TracekitError(f"{path} holds more than {_MOST_BYTES >> 30} GB. Record a shorter part of the program.")
        kept = kept[1 - len(TABLES) :] + chunk
    parts = [kept[at + len(TABLES) :]]
    size = len(parts[0])
    while chunk := file.read(_CHUNK):
        parts.append(chunk)
        size += len(chunk)
        if size > _MOST_TABLE_BYTES:
            raise TracekitError(
                f"{path} holds more than {_MOST_TABLE_BYTES >> 30} GB of tables. Record a shorter part of the program."
            )
    text = b"".join(parts).rstrip()
    if not text.endswith(b"}"):
        raise _cut(path)
    try:
        tables = orjson.loads(memoryview(text)[:-1])
    except ValueError:
        raise _cut(path) from None
    if not isinstance(tables, dict):
        raise _cut(path)
    return tables


def _some(file: BinaryIO | gzip.GzipFile, path: Path) -> bytes:
    chunk = file.read(_CHUNK)
    if not chunk:
        raise _cut(path)
    return chunk


def _cut(path: Path) -> TracekitError:
    return TracekitError(f"{path} is cut off or damaged: its tables are not complete. Take a complete copy.")
