"""Gzipped: bytes become a gzip file, compressed on all cores at once. Knows streams, and nothing of what stands in them.

A block is compressed by itself, with what stands before it as its dictionary, and ends at a whole byte: so the blocks one after
the other are one ordinary stream. Where they end does not depend on how many cores there are: the same bytes give the same file.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import BinaryIO

_LEVEL = 2
_BLOCK = 1 << 20
_WINDOW = 1 << 15
_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # neither name nor time
_MOST_AT_ONCE = 8
_WORD = 0xFFFFFFFF


class Gzipped:
    """Compresses what is written to it; a `with` ends the file, unless an exception does."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        cores = min(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, _MOST_AT_ONCE
        )
        self._pool = ThreadPoolExecutor(cores)
        self._waiting: deque[Future[bytes]] = deque()
        self._most = 2 * cores
        self._rest, self._before = bytearray(), b""
        self._check = self._size = 0
        out.write(_HEAD)

    def write(self, data: bytes) -> None:
        """Adds bytes; what is not compressed yet is bounded.

        Raises:
            OSError: what was compressed meanwhile cannot be written.
        """
        self._rest += data
        whole = len(self._rest) // _BLOCK * _BLOCK
        for begin in range(0, whole, _BLOCK):
            self._add(bytes(self._rest[begin : begin + _BLOCK]), last=False)
        del self._rest[:whole]

    def _add(self, block: bytes, last: bool) -> None:
        self._check, self._size = zlib.crc32(block, self._check), self._size + len(block)
        self._waiting.append(self._pool.submit(_deflated, block, self._before, last))
        self._before = block[-_WINDOW:]
        self._put(self._most)

    def _put(self, left: int) -> None:
        """Writes what is compressed, until so many blocks are left."""
        while len(self._waiting) > left:
            self._out.write(self._waiting.popleft().result())

    def __enter__(self) -> Gzipped:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._add(bytes(self._rest), last=True)
                self._put(0)
                self._out.write(struct.pack("<II", self._check, self._size & _WORD))
        finally:
            self._pool.shutdown(cancel_futures=True)


def _deflated(block: bytes, before: bytes, last: bool) -> bytes:
    raw = -zlib.MAX_WBITS
    stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, raw, zlib.DEF_MEM_LEVEL, zlib.Z_DEFAULT_STRATEGY, before)
    return stream.compress(block) + stream.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
