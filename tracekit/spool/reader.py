"""Reader: a spool file as numpy columns, one set a thread. Knows the layout, but not what any kind of record means.

A spool may be cut off, half written or damaged at any byte: what is there is read, and `Spool.notes` says what is not. Its
process may go on writing meanwhile. So the order of reading counts: what is handed out, records, what is carried, names,
and last of all the header; nothing that was let go of while that went on lies behind `Header.let_go`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracekit.errors import TracekitError
from tracekit.spool import layout
from tracekit.spool.carried import read_carried
from tracekit.spool.records import ThreadRecords, Words, join, of_thread
from tracekit.spool.split import split

_BLOCK_WORDS = layout.BLOCK_BYTES // 8
_LARGEST = layout.SLOT_BYTES << 32  # a slot number has 32 bits
_TRIES = 5
_LATEST = 1 << 62  # ns, a century: later times are damage, and would not fit signed columns


@dataclass(slots=True)
class Header:
    """What the first page of a spool says; `python` as sys.hexversion.

    Times are in ns, but for `let_go` and the two readings: those are in units of the spool's clock, as records are.
    """

    pid: int
    ppid: int
    start_ticks: int
    start_monotonic: int
    start_wall: int
    end_monotonic: int
    end_wall: int
    ended: int
    fork: int
    dropped: int
    python: int
    clock: int
    start_reading: int
    end_reading: int
    flight_ns: int
    let_go: int
    dumps: int
    dump_reason: int
    carry_lost: int
    observer: int


@dataclass(slots=True)
class Spool:
    """A spool, read: its names by id, and a sentence in `notes` for each thing that is missing."""

    path: Path
    header: Header
    names: dict[int, str]
    threads: list[ThreadRecords]
    notes: list[str] = field(default_factory=list)


def read_spool(path: str | os.PathLike[str]) -> Spool:
    """Reads a spool file.

    Raises:
        TracekitError: the file cannot be read, or is no spool of this version.
    """
    path = Path(path)
    words, size = _map(path)
    spool = Spool(path, _header(path, words, size), {}, [])
    blocks = _blocks(words, size, path.name, spool.notes)
    heads = blocks[:, : layout.BLOCK_HEAD_WORDS // 2].copy()
    types = heads[:, 0] & np.uint64(0xFFFFFFFF)
    known = np.isin(types, (0, layout.BLOCK_RECORDS, layout.BLOCK_NAMES, layout.BLOCK_CARRIED))
    if not known.all():
        spool.notes.append(f"{path.name}: damaged blocks, left out: {int((~known).sum())}")
    threads = _read_threads(blocks, heads, np.flatnonzero(types == layout.BLOCK_RECORDS))
    carried, damaged = read_carried(_stable(blocks, layout.BLOCK_CARRIED))
    if damaged:
        spool.notes.append(f"{path.name}: damaged blocks of what is carried, of which some is missing: {damaged}")
    damaged = sum(not _read_names(block, spool.names) for block in _stable(blocks, layout.BLOCK_NAMES))
    if damaged:
        spool.notes.append(f"{path.name}: damaged blocks of names, of which some names are missing: {damaged}")
    spool.header = _header(path, words, size)
    # In the order in which they were first seen, not by their numbers.
    spool.threads = sorted(_joined(threads, carried), key=lambda thread: (int(thread.time[0]), int(thread.slot[0])))
    return spool


def _map(path: Path) -> tuple[Words, int]:
    """The file's whole words, and its size in bytes.

    Mapped, so that what is written meanwhile is seen; but for a file with holes:
    on a full tmpfs to look into one through a mapping is fatal, and to read it is not.
    """
    try:
        size = path.stat().st_size
        if size == 0:
            raise TracekitError(f"{path} is empty: the process ended before it recorded anything; leave it out")
        if size > _LARGEST:
            raise TracekitError(f"{path} is larger than a spool can be ({size} bytes); is it the right file?")
        if size < layout.HEADER_WORDS * 8:
            raise TracekitError(f"{path} ends inside its header ({size} bytes): nothing can be read; leave it out")
        if _has_holes(path, size):
            return np.fromfile(path, dtype="<u8", count=size // 8), size
        return np.memmap(path, dtype="<u8", mode="r", shape=(size // 8,)).view(np.ndarray), size
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TracekitError(f"{path} cannot be read: {reason}; check the path and its permissions") from error


def _has_holes(path: Path, size: int) -> bool:
    with open(path, "rb") as file:
        try:
            return os.lseek(file.fileno(), 0, os.SEEK_HOLE) < size
        except (OSError, AttributeError):  # the file system or the system does not tell
            return False


def _header(path: Path, words: Words, size: int) -> Header:
    word = [int(value) for value in words[: layout.HEADER_WORDS]]
    if word[layout.H_MAGIC] == 0 and size <= layout.HEADER_BYTES:
        raise TracekitError(f"{path} holds nothing: its process was killed while it made it")
    if word[layout.H_MAGIC] != layout.MAGIC:
        raise TracekitError(f"{path} is no spool of tracekit ({size} bytes, wrong first word); is it the right file?")
    if word[layout.H_VERSION] != layout.VERSION:
        raise TracekitError(
            f"{path} has spool format {word[layout.H_VERSION]}, this tracekit reads {layout.VERSION}; "
            "read it with the version of tracekit that recorded it, or record again"
        )
    return Header(
        pid=word[layout.H_PID] & 0x7FFFFFFF,
        ppid=word[layout.H_PPID] & 0x7FFFFFFF,
        start_ticks=word[layout.H_START_TICKS],
        start_monotonic=min(word[layout.H_START_MONOTONIC], _LATEST),
        start_wall=min(word[layout.H_START_WALL], _LATEST),
        end_monotonic=min(word[layout.H_END_MONOTONIC], _LATEST),
        end_wall=min(word[layout.H_END_WALL], _LATEST),
        ended=word[layout.H_ENDED],
        fork=word[layout.H_FORK],
        dropped=word[layout.H_DROPPED],
        python=word[layout.H_PYTHON],
        clock=word[layout.H_CLOCK],
        start_reading=word[layout.H_START_READING],
        end_reading=word[layout.H_END_READING],
        flight_ns=min(word[layout.H_FLIGHT_NS], _LATEST),
        let_go=word[layout.H_LET_GO],
        dumps=word[layout.H_DUMPS],
        dump_reason=word[layout.H_DUMP_REASON],
        carry_lost=word[layout.H_CARRY_LOST],
        observer=word[layout.H_OBSERVER],
    )


def _blocks(words: Words, size: int, name: str, notes: list[str]) -> Words:
    """The blocks, a row each; a last one that is cut off is filled up with zeros, which is what a hole looks like."""
    body = words[layout.HEADER_BYTES // 8 :]
    whole = len(body) // _BLOCK_WORDS
    blocks = body[: whole * _BLOCK_WORDS].reshape(whole, _BLOCK_WORDS)
    rest = body[whole * _BLOCK_WORDS :]
    if size < layout.HEADER_BYTES or (size - layout.HEADER_BYTES) % layout.BLOCK_BYTES:
        notes.append(f"{name} is cut off at byte {size}: what came after it is missing")
    if len(rest) >= layout.BLOCK_HEAD_WORDS:
        # Half a record is none: only whole slots of the cut block are kept.
        last = np.zeros((1, _BLOCK_WORDS), np.uint64)
        last[0, : len(rest) // 2 * 2] = rest[: len(rest) // 2 * 2]
        blocks = np.concatenate((blocks, last))
    return blocks


def _stable(blocks: Words, kind: int) -> Words:
    """Copies of the blocks of a type, as they all were at one time; where that can't be had, of those that stayed."""
    for _ in range(_TRIES):
        heads = blocks[:, 0].copy()
        which = np.flatnonzero(heads & np.uint64(0xFFFFFFFF) == kind)
        copies: Words = blocks[which]
        same = blocks[:, 0] == heads
        if same.all():
            break
    stayed: Words = copies[same[which]]
    return stayed


def _read_names(block: Words, names: dict[int, str]) -> bool:
    """Adds the names of a block; False where an entry cannot be right and the rest of the block is left out."""
    data = block.tobytes()
    at = layout.BLOCK_HEAD_WORDS * 8
    while at < len(data):
        word = int.from_bytes(data[at : at + 8], "little")
        if word == 0:
            return True
        length, number = word & 0xFFFFFFFF, (word >> 32) - 1
        at += 8
        if number < 0 or length > layout.NAME_BYTES or at + length > len(data):
            return False
        names.setdefault(number, data[at : at + length].decode("utf-8", "replace"))
        at += (length + 7) // 8 * 8
    return True


def _read_threads(blocks: Words, heads: Words, which: NDArray[np.intp]) -> list[ThreadRecords]:
    if not len(which):
        return []
    numbers, owners = heads[which, 0] >> np.uint64(32), heads[which, 1]
    order = np.lexsort((numbers, owners))
    which, owners = which[order], owners[order]
    edges = np.flatnonzero(np.diff(owners)) + 1
    return [_read_thread(blocks, heads, own) for own in np.split(which, edges)]


def _read_thread(blocks: Words, heads: Words, which: NDArray[np.intp]) -> ThreadRecords:
    return of_thread(int(heads[which[0], 1]), split(blocks, which, heads[which, 0]))


def _joined(threads: list[ThreadRecords], carried: list[ThreadRecords]) -> list[ThreadRecords]:
    """Each thread with what is carried of it before what is there."""
    whole = {(thread.serial, thread.tid): thread for thread in threads}
    for before in carried:
        key = before.serial, before.tid
        whole[key] = join(before, whole[key]) if key in whole else before
    return [thread for thread in whole.values() if len(thread)]
