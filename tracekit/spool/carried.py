"""Reads the carried blocks of a flight recorder: the records of what was open when they were let go of. Knows no meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tracekit.spool import layout
from tracekit.spool.records import Slots, ThreadRecords, Words, fields_of, of_thread

_BLOCK_SLOTS = layout.BLOCK_SLOTS


class _Entry(NamedTuple):
    """A record with its details: where its slots lie among all slots that were read, and how many they are."""

    owner: int
    at: int
    size: int
    slot: int


def read_carried(blocks: Words) -> tuple[list[ThreadRecords], int]:
    """What the blocks hold, by thread and in the order of time; and how many blocks are damaged, of which some is missing.

    Args:
        blocks: a row each.
    """
    slots = blocks.reshape(-1, 2)
    damaged = 0
    entries: dict[int, _Entry] = {}  # by slot number: one that stands twice is one
    for block in range(len(blocks)):
        words, owners = (slots[block * _BLOCK_SLOTS : (block + 1) * _BLOCK_SLOTS, which].tolist() for which in (1, 0))
        for at, kind, count, number in _entries(words):
            damaged += not kind
            if kind == layout.CARRIED and owners[at]:
                entries.setdefault(number, _Entry(owners[at], block * _BLOCK_SLOTS + at + 1, count, number))
    of_thread: dict[int, list[_Entry]] = {}
    for entry in entries.values():
        of_thread.setdefault(entry.owner, []).append(entry)
    return [_thread(slots, owner, own) for owner, own in of_thread.items()], damaged


def _entries(words: list[int]) -> Iterator[tuple[int, int, int, int]]:
    """Place, kind, number of slots and slot number of the entries of a block; the kind 0 stands for damage."""
    at = layout.BLOCK_HEAD_SLOTS
    while at < len(words) and words[at]:
        kind, count, number = layout.unpack_word(words[at])
        if kind not in (layout.CARRIED, layout.CARRIED_GONE) or not 0 < count < len(words) - at:
            yield at, 0, 0, 0
            return
        yield at, kind, count, number
        at += 1 + count


def _thread(slots: Words, owner: int, entries: list[_Entry]) -> ThreadRecords:
    entries.sort(key=lambda entry: (int(slots[entry.at, 0]), entry.slot))
    counts = np.array([entry.size for entry in entries], np.int64)
    ends = np.cumsum(counts)
    within: Slots = np.arange(int(ends[-1])) - np.repeat(ends - counts, counts)
    at = np.repeat(np.array([entry.at for entry in entries], np.int64), counts) + within
    number = np.repeat(np.array([entry.slot for entry in entries], np.int64), counts) + within
    return of_thread(owner, fields_of(slots[at, 0], slots[at, 1], number), carried=len(at))
