"""Intervals: how the time between two samples of a thread divides into states. Knows figures, and no track.

Between two samples, ten milliseconds or one apart, a thread may have computed, waited for a processor and waited for the GIL.
How long it did the first two the scheduler has counted; the rest is a wait, of the kind that the samples at both ends saw.
So each interval holds an exact sum of every state, and only the order inside it is not known: `pieces` draws it so that it agrees
with what was seen at its ends. Nothing is carried from one interval to the next, as dithering would: whatever part of a
trace one looks at, its slices add up to the scheduler's own figures, to one interval at either end.

The scheduler counts late: what a thread has used when it leaves the processor or at a tick, what it has waited when it gets
one. What is more than fits between two samples therefore belongs to the time before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit import events
from tracekit.load.samples import Samples
from tracekit.load.unlocked import at_looks, unlocked
from tracekit.model.trace import STATE_FIELDS, UNLOCKED, Int64

Bools = NDArray[np.bool_]

NAMES = tuple(STATE_FIELDS)  # of the columns of `parts`
RUNNING, FREE, RUNNABLE, GIL, NOT_TOLD = (
    NAMES.index(name) for name in ("running", UNLOCKED, "runnable", "waiting for the GIL", "not told")
)

_COLUMNS = np.full(max(events.STATES) + 1, NOT_TOLD)
_COLUMNS[events.STATE_RUNNING] = RUNNING
for _state, _name in (
    (events.STATE_GIL, "waiting for the GIL"),
    (events.STATE_LOCK, "waiting for a lock"),
    (events.STATE_POLL, "polling"),
    (events.STATE_IO, "reading or writing"),
    (events.STATE_SLEEP, "sleeping"),
    (events.STATE_CHILD, "waiting for a child"),
    (events.STATE_SYSCALL, "in a system call"),
):
    _COLUMNS[_state] = NAMES.index(_name)

_GAP_NS = 2_500_000_000  # nobody looks less often than once a second; of a longer wait that nobody saw nothing is drawn
_NEAR_NS = 200_000_000  # of a wait that no sample saw: so far away is the one that tells of what kind it was
_CHUNK = 1 << 16


class Intervals(NamedTuple):
    """What lies between the samples of one thread, in the order of time.

    Attributes:
        start, end: ns.
        first, last: what was seen at either end, a column of `parts`.
        parts: ns in each state, a column each in the order of NAMES; they add up to end - start.
        switches: how often the thread was given a processor.
        told: 1 where it is told when it ran without the GIL, else 0.
    """

    start: Int64
    end: Int64
    first: Int64
    last: Int64
    parts: Int64
    switches: Int64
    told: Int64

    def __len__(self) -> int:
        return len(self.start)

    @property
    def running(self) -> Int64:
        """ns on a processor, with the GIL or without it."""
        ran: Int64 = self.parts[:, RUNNING] + self.parts[:, FREE]
        return ran


def intervals(samples: Samples) -> Intervals:
    """The intervals between the samples of a thread, without those that nobody looked into."""
    new = np.append(np.diff(samples.time) > 0, True)[: len(samples)]  # of two at one time, the later one
    samples = Samples(*(column[new] for column in samples))
    time, on_cpu, run_queue, state, switches = samples[:5]
    length = np.diff(time)
    ran, ready = _growth(on_cpu), _growth(run_queue)
    running = _settled(ran, length)
    runnable = _settled(ready, length - running)
    waited = length - running - runnable
    seen = _COLUMNS[state]
    counted = np.where(switches[:-1] >= 0, _growth(switches), 0)
    was_still = (counted == 0) & (switches[:-1] >= 0)
    left, right = _kinds(time, seen, was_still)
    parts = np.zeros((len(length), len(NAMES)), np.int64)
    rows = np.arange(len(length))
    parts[rows, RUNNABLE] = runnable
    free = unlocked(samples, running, runnable)
    parts[rows, FREE] = 0 if free is None else free
    parts[rows, RUNNING] = running - parts[rows, FREE]
    parts[rows, left] += waited // 2
    parts[rows, right] += waited - waited // 2
    nothing_happened = (ran == 0) & (seen[1:] == seen[:-1])
    if free is not None:
        seen = np.where((seen == RUNNING) & (at_looks(samples) > 0.5), FREE, seen)
    known = (length <= _GAP_NS) | nothing_happened | (waited <= length // 10)
    told = np.full(len(length), int(free is not None))
    return Intervals(*(column[known] for column in (time[:-1], time[1:], seen[:-1], seen[1:], parts, counted, told)))


def coarser(fine: Intervals, most: int) -> Intervals:
    """The same with about so many intervals at most: neighbours are put together, their parts added up."""
    if len(fine) <= most:
        return fine
    size = -(-len(fine) // most)
    begins = np.arange(len(fine)) % size == 0
    begins[1:] |= fine.start[1:] != fine.end[:-1]
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(fine)) - 1
    return Intervals(
        fine.start[first],
        fine.end[last],
        fine.first[first],
        fine.last[last],
        np.add.reduceat(fine.parts, first, axis=0),
        np.add.reduceat(fine.switches, first),
        fine.told[first],
    )


def pieces(whole: Intervals) -> tuple[Int64, Int64, Int64]:
    """Start, end and state of each stretch of time in one state; neighbours in one state are one stretch."""
    parts = [_pieces(chunk) for chunk in _chunks(whole)]
    if not parts:
        return (np.zeros(0, np.int64),) * 3
    start, end, state = (np.concatenate(column) for column in zip(*parts))
    begins = np.ones(len(start), np.bool_)
    begins[1:] = (state[1:] != state[:-1]) | (start[1:] != end[:-1])
    first = np.flatnonzero(begins)
    return start[first], end[np.append(first[1:], len(start)) - 1], state[first]


def longest(start: Int64, end: Int64, wanted: Bools) -> int:
    """The longest time in a row that wanted stretches fill, in ns."""
    start, end = start[wanted], end[wanted]
    if not len(start):
        return 0
    first = np.flatnonzero(np.append(True, start[1:] != end[:-1]))
    return int((end[np.append(first[1:], len(start)) - 1] - start[first]).max())


def _growth(column: Int64) -> Int64:
    # More than a life long is damage; no sum of it may overflow.
    return np.clip(np.diff(column), 0, 1 << 40)


def _settled(counted: Int64, room: Int64) -> Int64:
    """What was counted in each interval, with what does not fit there in those before it; from before the first, nothing."""
    excess = np.cumsum((counted - room)[::-1])
    left = (excess - np.minimum(np.minimum.accumulate(excess), 0))[::-1]
    come = np.append(left[1:], 0)
    settled: Int64 = np.minimum(counted + come, room)
    return settled


def _kinds(time: Int64, seen: Int64, was_still: Bools) -> tuple[Int64, Int64]:
    """Of which kind the wait in each interval was at its beginning, and at its end."""
    waits = seen != RUNNING
    left, right = np.where(waits[:-1], seen[:-1], -1), np.where(waits[1:], seen[1:], -1)
    # It ran at both ends: it waited as it did shortly before or after, if it left the processor at all.
    unseen = (left < 0) & (right < 0) & ~was_still
    at = np.arange(len(time))
    before = np.maximum.accumulate(np.where(waits, at, -1))[:-1]
    after = np.minimum.accumulate(np.where(waits, at, len(time))[::-1])[::-1][1:]
    is_near = unseen & (before >= 0)
    is_near &= time[1:] - time[np.maximum(before, 0)] <= _NEAR_NS
    left = np.where(is_near, seen[np.maximum(before, 0)], left)
    nearest = np.minimum(after, len(time) - 1)
    is_near = unseen & (after < len(time)) & (time[nearest] - time[:-1] <= _NEAR_NS)
    right = np.where(is_near, seen[nearest], right)
    left, right = np.where(left < 0, right, left), np.where(right < 0, left, right)
    return np.where(left < 0, NOT_TOLD, left), np.where(right < 0, NOT_TOLD, right)


def _ran(seen: Int64) -> Bools:
    return np.isin(seen, (RUNNING, FREE))


def _chunks(whole: Intervals) -> Iterator[Intervals]:
    for begin in range(0, len(whole), _CHUNK):
        yield Intervals(*(column[begin : begin + _CHUNK] for column in whole))


def _pieces(whole: Intervals) -> tuple[Int64, Int64, Int64]:
    """Each interval as its parts, one after another: what was seen at its ends lies there.

    Between them it waits, is then ready and then runs; where it ran at the beginning and not at the end, it runs first.
    """
    rows, rest = np.arange(len(whole)), whole.parts.copy()
    alike, early = whole.first == whole.last, _ran(whole.first) & ~_ran(whole.last)
    head = rest[rows, whole.first]
    head = np.where(early, 0, np.where(alike, head // 2, head))
    rest[rows, whole.first] -= head
    tail = rest[rows, whole.last].copy()
    rest[rows, whole.last] = 0
    order = [RUNNABLE, FREE, RUNNING, *range(GIL, len(NAMES)), RUNNABLE, RUNNING, FREE]
    lengths = np.zeros((len(whole), len(order) + 2), np.int64)
    lengths[:, 0], lengths[:, 1:-1], lengths[:, -1] = head, rest[:, order], tail
    lengths[:, 1:4] *= early[:, None]
    lengths[:, -4:-1] *= ~early[:, None]
    states = np.tile(np.array([0, *order, 0]), (len(whole), 1))
    states[:, 0], states[:, -1] = whole.first, whole.last
    ends = whole.start[:, None] + np.cumsum(lengths, axis=1)
    there = lengths > 0
    return (ends - lengths)[there], ends[there], states[there]
