"""Tails: the newest records of each thread in a spool that is being written, so what its loop runs now. Knows no /proc.

Meant to be looked at a hundred times a second, however large the file: of a thread that has written nothing since the last
look a few bytes tell so, and of the others only what is new is read. Only blocks that were handed out are mapped: a writer
that finds the disk full cuts the end of its file off again.
"""

from __future__ import annotations

import mmap
import os
import re
import time
from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.observe.lock_waits import KINDS, MOST_SLOTS, LockWaits
from tracekit.spool import layout

_BLOCK = layout.BLOCK_BYTES
_SLOT = layout.SLOT_BYTES
_MARK = 8  # where in a slot the kind is
_GLANCE = 8  # slots; where nothing is in so many, nothing was written
_PIECE = 128  # slots; those beyond them cost time, also where nothing is in them
_NEARLY_FULL = layout.BLOCK_SLOTS - 32
_SEEK_NS = 50_000_000  # between two looks for blocks of threads that were not known
_SEARCH_NS = 500_000_000  # between two for blocks in unusual places, at least
_SEARCH_ANEW_NS = 10_000_000  # and of a flight recorder that hands out its blocks again
_SHARE = 50  # a search takes at most one part of so many of the time
_AHEAD = 128  # blocks; a file grows by fewer
_DEEPEST = 1000  # what is open on a thread; more is damage

_BEGINS = bytes((events.STEP_BEGIN, events.CALLBACK_BEGIN))
_ENDS = bytes((events.STEP_END, events.CALLBACK_END))
_BETWEEN = bytes((events.LOOP_BEGIN, events.LOOP_END, events.LOOP_TURN))  # then no loop of the thread runs anything
_BRIEF = bytes.maketrans(_BEGINS + _ENDS + _BETWEEN, b"((" + b"))" + b"|||")
_OTHERS = bytes(set(range(256)) - set(_BEGINS + _ENDS + _BETWEEN))
_LOCKS = re.compile(b"[" + re.escape(KINDS) + b"]")
_DETAILS = bytes(range(events.FIRST_DETAIL, 256))


class Turn(NamedTuple):
    """A step or callback that a loop runs now.

    Attributes:
        tid: of its thread.
        slot: of the record that began it.
        since: when it was seen first (CLOCK_MONOTONIC, ns).
    """

    tid: int
    slot: int
    since: int


class _Place(NamedTuple):
    """A block of records: its number, where it lies in the file (in blocks), and whose it is."""

    number: int
    at: int
    owner: int


class Tails:
    """The newest records of the threads of one spool.

    Args:
        path: of the spool.

    Attributes:
        header: its words, as they were when they were read last.
        locks: what its threads wait for.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._map: mmap.mmap | None = None
        self._mapped = 0  # blocks
        self._tails: dict[int, _Tail] = {}
        self._count = 0  # blocks of the file that were seen to be handed out, and those before them
        self._holes: list[int] = []  # which of them were not
        self._highest = -1  # number of a block
        self._let_go = 0
        self._next_seek = 0
        self._next_search = 0
        self._turns: dict[int, Turn] = {}
        self.header: list[int] = []
        self.locks = LockWaits()
        self.read_header()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)
        if self._map is not None:
            self._map.close()

    def read_header(self) -> list[int]:
        """The words of the header as they are now."""
        data = os.pread(self._fd, layout.HEADER_WORDS * 8, 0)
        self.header = [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]
        return self.header

    def look(self, now: int) -> list[Turn]:
        """What the loops of the process run at this moment; of what runs inside each other, the innermost.

        Args:
            now: CLOCK_MONOTONIC, ns.
        """
        if now >= self._next_seek:
            self._next_seek = now + _SEEK_NS
            self._find_blocks(now)
        self.locks.begin(now)
        turns = {}
        for owner, tail in self._tails.items():
            slot = tail.look(self._known())
            if tail.at >= _NEARLY_FULL:
                self._next_seek = now
            if slot >= 0:
                known = self._turns.get(owner)
                turns[owner] = known if known is not None and known.slot == slot else Turn(owner >> 32, slot, now)
        self._turns = turns
        return list(turns.values())

    def _known(self) -> mmap.mmap:
        """The file, up to the last block that is known to be handed out: what is in front of one stays."""
        if self._map is None or self._mapped != self._count:
            if self._map is not None:
                self._map.close()
            self._map = mmap.mmap(self._fd, layout.HEADER_BYTES + self._count * _BLOCK, prot=mmap.PROT_READ)
            self._mapped = self._count
        return self._map

    def _find_blocks(self, now: int) -> None:
        """Give the threads the blocks that they were handed since; usually these follow each other in the file."""
        found = []
        while (block := self._read_head(self._count)) is not None:
            self._count += 1
            found.append(block)
        if now >= self._next_search:
            began = time.thread_time_ns()
            found += self._search()
            pause = _SEARCH_ANEW_NS if self._let_go else _SEARCH_NS
            self._next_search = now + max(pause, (time.thread_time_ns() - began) * _SHARE)
        for block in sorted(found):
            self._highest = max(self._highest, block.number)
            if block.owner:
                self._tails.setdefault(block.owner, _Tail(block.owner, self.locks)).add(block)

    def _search(self) -> list[_Place]:
        """The blocks that were handed out out of order, and those that a flight recorder has handed out anew."""
        found = [block for at in self._holes if (block := self._read_head(at)) is not None]
        self._holes = [at for at in self._holes if at not in {block.at for block in found}]
        for at in range(self._count + 1, self._count + _AHEAD):
            block = self._read_head(at)
            if block is not None:
                self._holes += range(self._count, at)
                self._count = at + 1
                found.append(block)
        let_go = int.from_bytes(os.pread(self._fd, 8, layout.H_LET_GO * 8), "little")
        if let_go != self._let_go and self._count:
            self._let_go = let_go
            found += self._handed_out_anew()
        return found

    def _read_head(self, at: int) -> _Place | None:
        """Which block lies there; None where none does yet. Owner 0 stands for names and the like."""
        data = os.pread(self._fd, 16, layout.HEADER_BYTES + at * _BLOCK)
        head = int.from_bytes(data[:8], "little")
        if len(data) < 16 or not head:
            return None
        is_records = head & 0xFFFFFFFF == layout.BLOCK_RECORDS
        return _Place(head >> 32, at, int.from_bytes(data[8:], "little") if is_records else 0)

    def _handed_out_anew(self) -> list[_Place]:
        view = np.ndarray((self._count, 2), "<u8", self._known(), layout.HEADER_BYTES, (_BLOCK, 8))
        heads = view.copy()
        del view  # or the mapping could not be closed
        numbers = heads[:, 0] >> np.uint64(32)
        is_new = heads[:, 0] & np.uint64(0xFFFFFFFF) == layout.BLOCK_RECORDS
        is_new &= numbers.astype(np.int64) > self._highest
        places = np.flatnonzero(is_new)
        columns = (numbers[places], places, heads[places, 1])
        return [_Place(*row) for row in zip(*(column.tolist() for column in columns))]


class _Tail:
    """The newest records of one thread: the blocks that are not read to their end yet, and what is open on it.

    Args:
        owner: the thread, as in the heads of its blocks.
        locks: is told what it writes about locks.

    Attributes:
        at: the first slot of the first of the blocks that is not read yet.
    """

    __slots__ = ("_blocks", "_locks", "_open", "_owner", "at")

    def __init__(self, owner: int, locks: LockWaits) -> None:
        self._owner = owner
        self._locks = locks
        self._blocks: list[_Place] = []
        self.at = layout.BLOCK_HEAD_SLOTS
        self._open: list[int] = []  # slots of what began, innermost last

    def add(self, block: _Place) -> None:
        """The thread was handed a block."""
        self._blocks.append(block)

    def look(self, file: mmap.mmap) -> int:
        """Read what is new; the slot of the innermost that runs now, or -1."""
        while True:
            while self._read(file, self._blocks[0]):
                pass
            if len(self._blocks) == 1:
                return self._open[-1] if self._open else -1
            del self._blocks[0]
            self.at = layout.BLOCK_HEAD_SLOTS

    def _read(self, file: mmap.mmap, block: _Place) -> bool:
        """Read some of what is new in a block; whether there may be more."""
        start = layout.HEADER_BYTES + block.at * _BLOCK
        mark = start + self.at * _SLOT + _MARK
        kinds = file[mark : min(start + _BLOCK, mark + _GLANCE * _SLOT) : _SLOT]
        if not any(kinds):
            return False
        if kinds[-1]:
            kinds = file[mark : min(start + _BLOCK, mark + _PIECE * _SLOT) : _SLOT]
        if int.from_bytes(file[start : start + 8], "little") >> 32 != block.number:
            return False  # it was handed out anew meanwhile, to whomever
        count = _written(kinds)
        for found in _LOCKS.finditer(kinds, 0, count):
            record = start + (self.at + found.start()) * _SLOT
            self._locks.apply(self._owner, file[record : min(start + _BLOCK, record + MOST_SLOTS * _SLOT)])
        self._apply(kinds[:count], block.number * layout.BLOCK_SLOTS + self.at)
        self.at += count
        return count == len(kinds)

    def _apply(self, kinds: bytes, slot: int) -> None:
        """What begins and ends in some records, the first of which has that slot number."""
        brief = kinds.translate(_BRIEF, _OTHERS)
        if b"|" in brief:
            self._open.clear()
            brief = brief.rpartition(b"|")[2]
        rest = brief
        while b"()" in rest:
            rest = rest.replace(b"()", b"")
        ended = rest.count(b")")
        del self._open[max(0, len(self._open) - ended) :]
        if len(rest) == ended + 1 and brief.endswith(b"("):
            self._open.append(slot + max(kinds.rfind(_BEGINS[:1]), kinds.rfind(_BEGINS[1:])))
        elif len(rest) > ended:
            self._open += [slot + at for at in _unended(kinds)[ended - len(rest) :]]
        del self._open[:-_DEEPEST]


def _unended(kinds: bytes) -> list[int]:
    """Where in some records something begins that does not end in them."""
    begun: list[int] = []
    for at, kind in enumerate(kinds):
        if kind in _BEGINS:
            begun.append(at)
        elif kind in _ENDS and begun:
            begun.pop()
    return begun


def _written(kinds: bytes) -> int:
    """How many of some slots are complete: up to a record whose details are there, but which itself is not yet."""
    used = len(kinds.rstrip(b"\0"))
    if b"\0" not in kinds[:used]:
        return used
    # A gap before the last record was left by a kill or an interruption.
    last = len(kinds[:used].rstrip(_DETAILS + b"\0"))
    gap = kinds.find(b"\0", last, used)
    return used if gap < 0 else gap
