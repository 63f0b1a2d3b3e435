"""Mappings: room is real before it is mapped, what is stored reaches the file, and nothing stays open. Knows no layout."""

from __future__ import annotations

import errno
import gc
import mmap
import os
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tracekit.spool import mapping

_LENGTH = 4 * mmap.PAGESIZE


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    """A new file, open."""
    number = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield number
    os.close(number)


def test_reserved_room_is_real(fd: int) -> None:
    """Reserved bytes have blocks on the disk: no hole that a full disk could turn into a SIGBUS."""
    mapping.reserve(fd, 0, _LENGTH)
    mapping.reserve(fd, _LENGTH, _LENGTH)

    status = os.fstat(fd)
    assert status.st_size == 2 * _LENGTH
    assert status.st_blocks * 512 >= 2 * _LENGTH


@pytest.mark.parametrize("reason", [errno.EOPNOTSUPP, errno.EINVAL])
def test_file_system_that_cannot_reserve(fd: int, monkeypatch: pytest.MonkeyPatch, reason: int) -> None:
    """Where the file system cannot reserve, zeros are written, which takes the same room."""

    def refuse(*_: int) -> None:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    mapping.reserve(fd, 0, 200_000)

    status = os.fstat(fd)
    assert status.st_size == 200_000
    assert status.st_blocks * 512 >= 200_000


def test_stores_reach_the_file(made_by: Any, fd: int, tmp_path: Path) -> None:
    """What is stored in a mapping stands in the file at its offset, also after the descriptor is closed."""
    mapping.reserve(fd, 0, 2 * _LENGTH)
    other = os.dup(fd)
    words = made_by.map_words(other, _LENGTH, _LENGTH)
    os.close(other)
    words[1] = 0x0102030405060708

    data = (tmp_path / "file").read_bytes()
    assert data[_LENGTH + 8 : _LENGTH + 16] == bytes(range(8, 0, -1))
    assert not any(data[:_LENGTH])
    assert len(words) == _LENGTH // 8


def test_nothing_stays(made_by: Any, fd: int) -> None:
    """A mapping holds no descriptor, and its memory is given back with its last view."""
    mapping.reserve(fd, 0, _LENGTH)
    before = os.listdir("/proc/self/fd")
    words = made_by.map_words(fd, 0, _LENGTH)
    part = words[2:4]
    inode = str(os.fstat(fd).st_ino)
    assert os.listdir("/proc/self/fd") == before
    assert _mapped(inode)

    del words
    gc.collect()
    part[0] = 5
    assert _mapped(inode)
    del part
    gc.collect()
    assert not _mapped(inode)


def _mapped(inode: str) -> bool:
    return any(line.split()[4] == inode for line in Path("/proc/self/maps").read_text().splitlines())


def test_mapping_that_fails(made_by: Any, fd: int) -> None:
    """An offset that no mapping can have is an OSError, not a broken mapping."""
    mapping.reserve(fd, 0, _LENGTH)
    with pytest.raises((OSError, ValueError)):
        made_by.map_words(fd, 100, mmap.PAGESIZE)


@pytest.mark.parametrize("handler", ["SIG_IGN", "SIG_DFL"])
def test_file_size_limit(tmp_path: Path, handler: str) -> None:
    """Past RLIMIT_FSIZE there is an error; the signal that the kernel has for it kills nobody."""
    code = f"""
        import errno, os, resource, signal, sys
        from tracekit.spool import mapping
        signal.signal(signal.SIGXFSZ, signal.{handler})
        resource.setrlimit(resource.RLIMIT_FSIZE, ({_LENGTH}, resource.RLIM_INFINITY))
        fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
        mapping.reserve(fd, 0, {_LENGTH})
        try:
            mapping.reserve(fd, {_LENGTH}, {_LENGTH})
        except OSError as error:
            print(error.errno == errno.EFBIG)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "limited")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (result.returncode, result.stdout, result.stderr) == (0, "True\n", "")


def test_signal_without_limit(fd: int) -> None:
    """A program that wants SIGXFSZ for itself, and has no limit, is recorded as any other."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    before = signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        mapping.reserve(fd, 0, _LENGTH)
    finally:
        signal.signal(signal.SIGXFSZ, before)
    assert os.fstat(fd).st_size == _LENGTH
