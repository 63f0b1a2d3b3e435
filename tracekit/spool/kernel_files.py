"""Kernel files: reads small files in which the kernel tells of this process or machine. Knows none of them.

The functions are those that were there when tracekit came: a program that puts others in their place, which fail in an event
loop, means its own reads and not the recorder's.
"""

from __future__ import annotations

from os import O_CLOEXEC, O_RDONLY
from os import close as _close
from os import open as _open
from os import read as _read
from os import stat as _stat

_MOST = 4096  # bytes; the kernel writes such a file in one go


def read(path: str) -> bytes:
    """What the file holds.

    Raises:
        OSError: it cannot be read.
    """
    fd = _open(path, O_RDONLY | O_CLOEXEC)
    try:
        return _read(fd, _MOST)
    finally:
        _close(fd)


def is_there(path: str) -> bool:
    """Whether there is something of this name."""
    try:
        _stat(path)
    except OSError:
        return False
    return True
