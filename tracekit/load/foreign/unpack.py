"""Unpack: the bytes of a file, gunzipped where it is gzipped, a chunk at a time. Knows nothing of what they say.

A gzip that is cut off or damaged gives what stands before that. One that unpacks to far more than any trace would is refused.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from tracekit.errors import TracekitError
from tracekit.load.foreign.mended import Mended

CHUNK = 1 << 20
MOST_BYTES = 16 << 30
# Traces shrink to a hundredth at best, what was made to burst a reader to a thousandth.
MOST_RATIO = 400
FREE_BYTES = 64 << 20  # so much may come out of a file of any size

_GZIP = b"\x1f\x8b"
_PACKED = 1 << 16


def unpack(path: Path, mended: Mended, progress: Callable[[int, int], None] | None = None) -> Iterator[bytes]:
    """The content of a file, in chunks of at most CHUNK bytes.

    Args:
        progress: called with the bytes of the file read so far, and all of them.

    Raises:
        TracekitError: it cannot be read, or holds more than any trace should.
    """
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == _GZIP
            file.seek(0)
            size, whole = 0, os.fstat(file.fileno()).st_size
            for chunk in _unpacked(file, mended) if packed else iter(partial(file.read, CHUNK), b""):
                size += len(chunk)
                if size > MOST_BYTES:
                    raise TracekitError(
                        f"{path} holds more than {MOST_BYTES >> 30} GB. Record a shorter part of the program."
                    )
                if packed and size > FREE_BYTES and size > MOST_RATIO * file.tell():
                    raise TracekitError(
                        f"{path} unpacks to more than {MOST_RATIO} times its size, as no trace does. "
                        "Unpack it yourself if you trust it."
                    )
                if progress is not None:
                    progress(file.tell(), whole)
                yield chunk
    except OSError as error:
        raise TracekitError(
            f"{path} cannot be read: {error.strerror or error}. Check the path and its permissions."
        ) from None


def _unpacked(file: BinaryIO, mended: Mended) -> Iterator[bytes]:
    packed = file.read(_PACKED)
    while packed.startswith(_GZIP):
        member = zlib.decompressobj(31)
        while not member.eof:
            try:
                chunk = member.decompress(packed, CHUNK)
            except zlib.error:
                mended.say("the gzip is damaged: what comes behind that place is left out")
                return
            if chunk:
                yield chunk
            packed = member.unconsumed_tail
            if not packed and not member.eof:
                packed = file.read(_PACKED)
                if not packed:
                    mended.say("the gzip is cut off: what comes behind that place is left out")
                    return
        packed = member.unused_data
        if len(packed) < len(_GZIP):
            packed += file.read(_PACKED)
    if packed.strip(b"\0"):
        mended.say("what stands behind the end of the gzip is left out")
