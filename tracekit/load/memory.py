"""Memory: whether what large columns took goes back to the system once they are let go of. Knows no column."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's malloc.h
_BYTES = 1 << 22


def return_freed() -> None:
    """Has this process give back what it frees in blocks of four megabytes and more, from now on.

    glibc raises that limit to 32 MB by itself, and then keeps columns of millions of rows between those that live on: of a
    million tasks half of the memory was such holes. Does nothing where there is no such function.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _BYTES)
