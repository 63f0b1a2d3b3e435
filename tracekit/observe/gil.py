"""Gil: which thread of a process holds its GIL, read out of its memory. Knows CPython's structures by their shape, and no record.

A GIL is how often it is to be given up (5000 µs, if nobody changes that), the thread that had it last, whether it is taken, and
how often it has been handed over. What looks like that is found once a Python, in `_PyRuntime`; where nothing does, or several
things do, nothing is told. A thread's own state there names it by the kernel's number from 3.11 on, and before that by its block
of the C library, which has this number.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import NamedTuple

_INTERVAL = 5000
_SIGNATURE = struct.pack("<Q", _INTERVAL)
_SHAPE = struct.Struct("<QQiIQ")  # interval, last holder, locked, nothing, how often it was handed over
_POINTER, _POINTERS = struct.Struct("<Q"), struct.Struct("<2Q")
_MOST_SWITCHES = 1 << 48
_USER = range(1 << 16, 1 << 48)  # where a process may have something
_MOST_TID = 1 << 22
_STATE_WORDS = 64  # of a thread's state, among which its number is
_BLOCK_BYTES = 1024  # of the C library's block
_FIRST_AGAIN_NS, _MOST_AGAIN_NS = 5_000_000, 1_000_000_000  # between two tries to find it
_FRESH_NS = 200_000  # so long one reading is good for all threads that are looked at
_TRUST = 16  # readings after which it is asked again which thread a state belongs to
_INTERPRETERS_NS = 50_000_000  # between two looks for other interpreters
_MOST_GILS = 16

# Whether a thread has the GIL.
HELD, FREE, UNTOLD = 1, 0, -1

Read = Callable[[int, int], bytes]  # what lies at an address, so many bytes; raises OSError or ValueError

_places: dict[object, int] = {}  # of the GIL in `_PyRuntime`, by build


class Interpreters(NamedTuple):
    """Where a process lists its interpreters.

    Attributes:
        head: the address of the pointers to the one that was made last, and to the first one, which holds its GIL.
        others: finds the states of the others.
    """

    head: int
    others: Callable[[], list[int]]


class Gil:
    """The GIL of a process, or those of its interpreters.

    Args:
        pid: of the process.
        read: its memory.
        runtime: where its `_PyRuntime` lies.
        build: what tells its Python from others.
        interpreters: where there may be some that have a GIL of their own.
    """

    def __init__(self, pid: int, read: Read, runtime: range, build: object, interpreters: Interpreters | None) -> None:
        self._tasks = f"/proc/{pid}/task/"
        self._read = read
        self._runtime = runtime
        self._build = build
        self._interpreters = interpreters
        self._threads = _Threads(read, self._is_there)
        self._at = 0
        self._others: tuple[int, ...] = ()
        self._next_try = self._next_list = 0
        self._pause = _FIRST_AGAIN_NS
        self._read_at = 0
        self._holders: tuple[int, ...] = ()

    def forget(self) -> None:
        """Threads have come or gone: which one a state belongs to is to be asked again."""
        self._threads.forget()

    def held_by(self, tid: int, now: int) -> int:
        """Whether a thread that runs just now has a GIL: HELD, FREE or UNTOLD.

        Args:
            now: CLOCK_MONOTONIC, ns.
        """
        try:
            if now - self._read_at > _FRESH_NS:
                self._holders = self._look(now)
                self._read_at = now
            if tid in self._holders:
                return HELD
            return UNTOLD if self._is_stale(now) or UNTOLD in self._holders else FREE
        except (OSError, ValueError):  # it is gone, or what is read changes just now
            self._holders, self._others, self._next_list = (UNTOLD,), (), 0
            return UNTOLD

    def _look(self, now: int) -> tuple[int, ...]:
        """The threads that hold a GIL; UNTOLD among them where one does of which it is not known which."""
        if not self._at and not self.find(now):
            return (UNTOLD,)
        holders = [self._holder(self._at)]
        holders += [self._holder(at) for at in self._others]
        return tuple(tid for tid in holders if tid)

    def _holder(self, at: int) -> int:
        """The thread that holds a GIL; 0 where none does."""
        _, state, locked, _, _ = _SHAPE.unpack(self._read(at, _SHAPE.size))
        if locked != 1:
            return 0 if locked in (0, -1) else UNTOLD
        return self._threads.of(state) if state in _USER else UNTOLD

    def _is_stale(self, now: int) -> bool:
        """Whether there are interpreters with GILs that were not looked at; from the next look on they are."""
        if self._interpreters is None or now < self._next_list:
            return False
        self._next_list = now + _INTERPRETERS_NS
        at, others = self._interpreters
        last, first = _POINTERS.unpack(self._read(at, _POINTERS.size))
        found = () if last == first else tuple(state + self._at - first for state in others())
        is_new = found != self._others
        self._others = found[:_MOST_GILS]
        if len(found) > _MOST_GILS:
            self._next_list = now
            return True
        return is_new

    def find(self, now: int) -> bool:
        """Look for it, unless that was done in vain just now: it is made some time after the process begins.

        Raises:
            OSError, ValueError: the memory cannot be read.
        """
        if now < self._next_try:
            return False
        self._next_try, self._pause = now + self._pause, min(2 * self._pause, _MOST_AGAIN_NS)
        start = self._runtime.start
        place = _places.get(self._build)
        if place is None:
            places = places_in(self._read(start, len(self._runtime)))
            if len(places) != 1:
                return False
            (place,) = places
        elif not _is_one(_SHAPE.unpack(self._read(start + place, _SHAPE.size))):
            return False
        _places[self._build] = place
        self._at = start + place
        return True

    def _is_there(self, tid: int) -> bool:
        return os.path.exists(f"{self._tasks}{tid}")


def places_in(runtime: bytes) -> list[int]:
    """Where in a `_PyRuntime` something looks like a GIL that nobody has changed."""
    found = []
    at = runtime.find(_SIGNATURE)
    while 0 <= at <= len(runtime) - _SHAPE.size:
        shape = _SHAPE.unpack_from(runtime, at)
        if at % 8 == 0 and _is_one(shape) and shape[1]:
            found.append(at)
        at = runtime.find(_SIGNATURE, at + 1)
    return found


def _is_one(shape: tuple[int, ...]) -> bool:
    """Whether numbers look like those of a GIL; whatever its interval is."""
    _, state, locked, nothing, switches = shape
    is_state = state == 0 or (state in _USER and state % 8 == 0)
    return is_state and locked in (-1, 0, 1) and nothing == 0 and switches < _MOST_SWITCHES


class _Threads:
    """Which thread a thread's state belongs to.

    Args:
        read: the process's memory.
        is_there: whether it has a thread.
    """

    def __init__(self, read: Read, is_there: Callable[[int], bool]) -> None:
        self._read = read
        self._is_there = is_there
        self._known: dict[int, list[int]] = {}  # by its address: the thread, and for how many readings that is believed
        self._number = 0  # where in a state the thread's number is
        self._block = (0, 0)  # or where the address of its block is, and where in that the number
        self._is_shifty = False  # states change hands while their threads live

    def forget(self) -> None:
        """Believe nothing of what is known."""
        self._known.clear()

    def of(self, state: int) -> int:
        """The thread; UNTOLD where that is not to be found out."""
        known = self._known.get(state)
        if known is not None and known[1] > 0 and not self._is_shifty:
            known[1] -= 1
            return known[0]
        tid = self._ask(state)
        self._is_shifty = self._is_shifty or (known is not None and known[0] != tid)
        self._known[state] = [tid, _TRUST]
        return tid

    def _ask(self, state: int) -> int:
        tid = 0
        if self._number:
            tid = _POINTER.unpack(self._read(state + self._number, 8))[0]
        elif self._block[0]:
            offset, own = self._block
            block = _POINTER.unpack(self._read(state + offset, 8))[0]
            tid = int.from_bytes(self._read(block + own, 4), "little")
        elif not self._learn(state):
            return UNTOLD
        else:
            return self._ask(state)
        return tid if 0 < tid < _MOST_TID and self._is_there(tid) else UNTOLD

    def _learn(self, state: int) -> bool:
        """Find out where a thread's number is, if that is plain; whether it is now."""
        words = struct.unpack(f"<{_STATE_WORDS}Q", self._read(state, 8 * _STATE_WORDS))
        numbers = [
            8 * at
            for at in range(1, _STATE_WORDS)
            if 0 < words[at] < _MOST_TID and words[at - 1] in _USER and self._is_there(words[at])
        ]
        if len(numbers) == 1:
            self._number = numbers[0]
            return True
        blocks = [(8 * at, own) for at in range(1, _STATE_WORDS) for own in self._numbers_in(words[at])]
        if len(blocks) == 1:
            self._block = blocks[0]
        return len(blocks) == 1

    def _is_block(self, address: int) -> bool:
        """Whether the C library's block of a thread lies there: it has its own address in it, twice on x86-64."""
        try:
            first, _, second = struct.unpack("<3Q", self._read(address, 24))
        except (OSError, ValueError):
            return False
        return bool(first == second == address)

    def _numbers_in(self, address: int) -> list[int]:
        """Where in a thread's block there is the number of a thread."""
        if address not in _USER or address % 8 or not self._is_block(address):
            return []
        block = self._read(address, _BLOCK_BYTES)
        numbers = struct.unpack(f"<{_BLOCK_BYTES // 4}i", block)
        return [4 * at for at, tid in enumerate(numbers) if 0 < tid < _MOST_TID and self._is_there(tid)]
