"""Files that are compressed on all cores: an ordinary gzip, the same each time. Knows bytes only."""

from __future__ import annotations

import gzip
import io
import random
import threading
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tracekit.export import _gzipped
from tracekit.export._gzipped import Gzipped

BLOCK = 1 << 12


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks small enough to have many of them."""
    monkeypatch.setattr(_gzipped, "_BLOCK", BLOCK)


def write(out: io.BytesIO, pieces: Iterable[bytes]) -> None:
    """Writes a file of these."""
    with Gzipped(out) as file:
        for piece in pieces:
            file.write(piece)


def compressed(*pieces: bytes) -> bytes:
    """A file of these."""
    out = io.BytesIO()
    write(out, pieces)
    return out.getvalue()


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 20 * BLOCK + 17])
@pytest.mark.parametrize("kind", ["random", "alike"])
def test_any_size(size: int, kind: str) -> None:
    """What is unpacked is what was written, in one member, however it was cut into pieces."""
    data = random.Random(size).randbytes(size) if kind == "random" else (b"some line of a trace\n" * size)[:size]
    pieces = [data[at : at + 1000] for at in range(0, size, 1000)]
    packed = compressed(*pieces)
    assert gzip.decompress(packed) == data
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert stream.decompress(packed) == data
    assert stream.eof
    assert stream.unused_data == b""
    assert compressed(data) == packed


def test_blocks_share_their_past() -> None:
    """What stands in one block is known in the next: a file is not larger for having been cut."""
    data = random.Random(1).randbytes(BLOCK)
    assert len(compressed(data * 20)) < 2 * BLOCK


@pytest.mark.parametrize("cores", [1, 3])
def test_the_same_on_any_machine(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    """How many cores there are changes nothing in the file."""
    data = random.Random(2).randbytes(3 * BLOCK) + bytes(9 * BLOCK)
    expected = compressed(data)
    monkeypatch.setattr(_gzipped.os, "sched_getaffinity", lambda _: set(range(cores)))
    assert compressed(data) == expected


class Full(io.BytesIO):
    """A file on a disk that is full after some bytes."""

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > 2 * BLOCK:
            raise OSError(28, "No space left on device")
        return super().write(data)


def test_a_full_disk() -> None:
    """Where nothing can be written any more that is told, and no thread is left behind."""
    before = threading.active_count()
    with pytest.raises(OSError, match="No space"):
        write(Full(), (random.Random(number).randbytes(BLOCK) for number in range(100)))
    assert threading.active_count() == before


def test_given_up() -> None:
    """A file whose making is given up has no end, so nobody takes it for a whole one."""
    out = io.BytesIO()

    def pieces() -> Iterator[bytes]:
        yield bytes(5 * BLOCK)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(out, pieces())
    with pytest.raises(EOFError):
        gzip.decompress(out.getvalue())
