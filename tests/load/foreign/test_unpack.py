"""Files as they lie on disk: gzipped, cut off, damaged, or made to burst a reader. Knows nothing of what they say."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tracekit.errors import TracekitError
from tracekit.load.foreign import unpack as unpacking
from tracekit.load.foreign.mended import Mended
from tracekit.load.foreign.unpack import unpack

TEXT = b'[{"ph":"X"},{"ph":"Y"}]' * 50


def unpacked(path: Path, data: bytes) -> tuple[bytes, list[str]]:
    """What comes out of a file with that content, and what is said about it."""
    path.write_bytes(data)
    mended = Mended()
    return b"".join(unpack(path, mended)), mended.notes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trace"


def test_plain_and_gzipped(path: Path) -> None:
    """Content decides, not the name; a gzip may have several members and padding."""
    for data in (TEXT, gzip.compress(TEXT), gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:]) + b"\0" * 9):
        assert unpacked(path, data) == (TEXT, [])


def test_every_cut_of_a_gzip(path: Path) -> None:
    """A gzip that is cut gives the beginning of its content, and that is told."""
    whole = gzip.compress(TEXT, mtime=0)
    for size in range(2, len(whole)):
        found, notes = unpacked(path, whole[:size])
        assert TEXT.startswith(found)
        assert notes == ["the gzip is cut off: what comes behind that place is left out"]


def test_a_damaged_gzip(path: Path) -> None:
    """A wrong byte in a gzip gives what is before it, and that is told; so does garbage behind its end."""
    whole = bytearray(gzip.compress(TEXT, mtime=0))
    whole[-5] ^= 0xFF
    found, notes = unpacked(path, bytes(whole))
    assert TEXT.startswith(found)
    assert any("damaged" in note for note in notes)
    found, notes = unpacked(path, gzip.compress(TEXT) + b"garbage")
    assert (found, notes) == (TEXT, ["what stands behind the end of the gzip is left out"])


def test_a_bomb(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gzip that unpacks to far more than any trace is refused, long before it is unpacked."""
    monkeypatch.setattr(unpacking, "FREE_BYTES", 1 << 20)
    with pytest.raises(TracekitError, match="400 times its size"):
        unpacked(path, gzip.compress(b" " * (32 << 20)))


def test_too_much(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that holds more than a trace should is refused, gzipped or not."""
    monkeypatch.setattr(unpacking, "MOST_BYTES", 1 << 30)
    monkeypatch.setattr(unpacking, "CHUNK", 1 << 10)
    assert unpacked(path, TEXT)[0] == TEXT
    monkeypatch.setattr(unpacking, "MOST_BYTES", 1 << 10)
    for data in (TEXT, gzip.compress(TEXT)):
        with pytest.raises(TracekitError, match="holds more than"):
            unpacked(path, data)


def test_no_file(path: Path) -> None:
    """What cannot be read is one clear error."""
    with pytest.raises(TracekitError, match="cannot be read"):
        list(unpack(path, Mended()))


def test_progress_reaches_the_end(path: Path) -> None:
    """Progress tells the bytes of the file, up to all of them."""
    path.write_bytes(gzip.compress(TEXT))
    told: list[tuple[int, int]] = []
    list(unpack(path, Mended(), lambda done, whole: told.append((done, whole))))
    assert told[-1] == (path.stat().st_size,) * 2
