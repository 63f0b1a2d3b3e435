"""Peek: what a file is, from its first bytes, unzipped where it is gzipped. Reads no more of it than those, and no format."""

from __future__ import annotations

import zlib
from pathlib import Path

BYTES = 1 << 12
GZIP = b"\x1f\x8b"

_SPACE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_NO_TRACE = (
    (b"PK\x03\x04", "is a zip archive; unpack it, and give the trace in it"),
    (b"\xff\xfe", "is written in UTF-16, in which no trace is; convert it to UTF-8"),
    (b"\xfe\xff", "is written in UTF-16, in which no trace is; convert it to UTF-8"),
    (b"<", "is a page of HTML or XML, not a trace; have the tool save JSON"),
    (
        b'{"$schema":"https://www.speedscope.app',
        "is a file for Speedscope, which tracekit only writes; have the tool save JSON",
    ),
)


def peek(path: Path) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as file:
        return file.read(BYTES)


def unzipped(first: bytes) -> bytes:
    """The first bytes of what is in a file that begins so; nothing where a gzip is damaged there."""
    if not first.startswith(GZIP):
        return first
    try:
        return zlib.decompressobj(31).decompress(first, BYTES)
    except zlib.error:
        return b""


def is_json(first: bytes) -> bool:
    """Whether an object or a list begins there, or nothing but white space has come yet."""
    rest = first.removeprefix(_BOM).lstrip(_SPACE)
    return rest[:1] in (b"{", b"[") or (not rest and len(first) >= BYTES // 2)


def refuse(first: bytes) -> str:
    """Why a file that begins so is no trace, where that can be told; else ""."""
    start = first.removeprefix(_BOM).lstrip(_SPACE)
    return next((reason for sign, reason in _NO_TRACE if start.startswith(sign)), "")
