"""Shared mappings of a file: reserve the room, map it, leave no file open. Knows nothing of what is written there.

A store into a hole of a mapped file is a SIGBUS when the disk is full, so room is reserved before it is mapped. It is
written as well: large writes make large pages in the kernel's cache, where the first store into each small one would cost
some 2.5 microseconds (ext4), four to five times as much as writing it beforehand.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
from _signal import SIG_IGN, SIGXFSZ, getsignal

_ZEROS = memoryview(bytes(1 << 18))


def reserve(fd: int, offset: int, length: int) -> None:
    """Make sure that the bytes from `offset` on are backed by real room on the disk.

    Raises:
        OSError: there is no room (ENOSPC, EDQUOT), or the file may not grow that far (EFBIG).
    """
    if getsignal(SIGXFSZ) != SIG_IGN and offset + length > _size_limit():
        # Python ignores the signal, unless the program took that back: then trying alone would kill it.
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    try:
        os.posix_fallocate(fd, offset, length)
    except OSError as error:
        # Where the file system cannot reserve, the zeros come to the same, unless it compresses them away.
        if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            raise
    end = offset + length
    while offset < end:
        offset += os.pwrite(fd, _ZEROS[: end - offset], offset)


def _size_limit() -> float:
    from resource import RLIM_INFINITY, RLIMIT_FSIZE, getrlimit

    limit, _ = getrlimit(RLIMIT_FSIZE)
    return float("inf") if limit == RLIM_INFINITY else limit


def map_words(fd: int, offset: int, length: int) -> memoryview:
    """Map part of a file, shared, as 64-bit words. `fd` can be closed afterwards.

    The mapping lives as long as the view that is returned, or one made from it.

    Args:
        fd: open for reading and writing.
        offset: in bytes, a multiple of the page size.
        length: in bytes, a multiple of the page size.
    """
    if sys.version_info >= (3, 13):
        return memoryview(mmap.mmap(fd, length, offset=offset, trackfd=False)).cast("Q")
    try:
        return _map_by_libc(fd, offset, length)
    except ImportError:
        # A Python built without ctypes: the mapping works, but holds a descriptor open.
        return memoryview(mmap.mmap(fd, length, offset=offset)).cast("Q")


def _map_by_libc(fd: int, offset: int, length: int) -> memoryview:
    """Before 3.13 `mmap.mmap` keeps a duplicate of the descriptor; programs that look at their open files would see it."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    map_file, unmap = libc.mmap, libc.munmap
    map_file.restype = ctypes.c_void_p
    map_file.argtypes = [
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long
    ]  # fmt: skip
    unmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

    address = map_file(None, length, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, fd, offset)
    if address in (None, ctypes.c_void_p(-1).value):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))

    class Mapping(ctypes.c_char * length):  # type: ignore[misc]
        """Unmaps itself when the last view of it is gone."""

        def __del__(self, unmap=unmap, address=address, length=length):  # type: ignore[no-untyped-def]
            unmap(address, length)

    return memoryview(Mapping.from_address(address)).cast("B").cast("Q")
