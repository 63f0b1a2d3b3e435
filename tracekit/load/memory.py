"""Memory: whether what large columns took goes back to the system once they are let go of. Knows no column."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_… of glibc's malloc.h
_KEPT, _BYTES = 1 << 26, 1 << 22


def return_freed() -> None:
    """Has this process give back what it frees in blocks of four megabytes and more, from now on.

    glibc raises that limit to 32 MB by itself, and then keeps columns of millions of rows between those that live on: of a
    million tasks half of the memory was such holes. Of smaller blocks up to 64 MB are kept for the next ones: to ask the system
    for each page anew takes as long as all else that is done with it. Does nothing where there is no such function.
    """
    with suppress(OSError, AttributeError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _BYTES)
        libc.mallopt(_TRIM_THRESHOLD, _KEPT)
