"""Reads back the Chrome JSON that tracekit wrote. Knows the tables at the end of the file, and looks at no event.

The events are for Perfetto, which neither keeps all that a trace says nor all of it exactly; behind them, under the key
"tracekit", stand the trace's own tables. No newline stands within a string of such a file, which makes the place
where the tables begin (`TABLES`) unmistakable, and the events can be passed over unread.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tracekit.errors import TracekitError
from tracekit.load import own_file
from tracekit.load.own_file import Stream
from tracekit.model.trace import Trace

HEAD = b'{"traceEvents":[\n{"ph":"M","name":"tracekit",'
TABLES = b'\n],\n"tracekit":'

_CHUNK = 1 << 20
_MOST_BYTES = 16 << 30


def load(path: Path) -> Trace:
    """Reads a trace that `tracekit.export.chrome_json` wrote, plain or gzipped.

    Args:
        path: the file; whether it is gzipped is seen from its content.

    Raises:
        TracekitError: it cannot be read, is no trace of tracekit, is damaged, or is larger than any trace should be.
    """
    return own_file.load(path, _pieces)


def _pieces(file: Stream, path: Path) -> Iterator[bytes]:
    """The object under the key "tracekit", and what comes behind it."""
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
    yield kept[at + len(TABLES) :]
    yield from iter(partial(file.read, _CHUNK), b"")


def _some(file: Stream) -> bytes:
    chunk = file.read(_CHUNK)
    if not chunk:
        raise ValueError("its tables are missing")
    return chunk
