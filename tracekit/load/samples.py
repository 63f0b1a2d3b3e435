"""Samples: what an observer wrote down of threads and processes, as columns. Knows its records, and nothing of what they mean."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit import events
from tracekit.model.trace import Int64
from tracekit.spool.reader import Spool
from tracekit.spool.records import ThreadRecords, Words

_LATEST = np.uint64(1 << 62)  # later times are damage
_MUST = (events.PID, events.ON_CPU, events.RUN_QUEUE)
_MAY = (events.SWITCHES, events.INVOLUNTARY)
_WEIGHT = (events.RSS, events.PSS, events.SHARED, events.PEAK)


class Samples(NamedTuple):
    """What was seen of one thread, in the order of time: a column each.

    Attributes:
        time: ns.
        on_cpu, run_queue: ns on a processor, and waiting for one, since the thread was made.
        state: one of events.STATES, or 0.
        switches: how often it was given a processor; -1 where that was not written down.
        preempted: how often one was taken from it; -1 where nobody asked, which is nearly everywhere.
        held, free: at how many looks since the sample before it ran with the GIL, and without it, where that was told.
    """

    time: Int64
    on_cpu: Int64
    run_queue: Int64
    state: Int64
    switches: Int64
    preempted: Int64
    held: Int64
    free: Int64

    def __len__(self) -> int:
        return len(self.time)

    def between(self, start: int, end: int) -> Samples:
        """Those from a time on until another one; where the next one is as the last of them, all was so at the end too."""
        low, high = int(np.searchsorted(self.time, start)), int(np.searchsorted(self.time, end, side="right"))
        if low < high < len(self) and self._is_as_before(high):
            until = Samples(*(column[low : high + 1].copy() for column in self))
            until.time[-1] = end
            return until
        return Samples(*(column[low:high] for column in self))

    def _is_as_before(self, at: int) -> bool:
        return all(column[at] == column[at - 1] for column in (self.on_cpu, self.run_queue, self.state, self.switches))


class Weights(NamedTuple):
    """What one process weighed, in the order of time: times in ns, all else in bytes; -1 for what was not told."""

    time: Int64
    rss: Int64
    pss: Int64
    shared: Int64
    peak: Int64  # the most until then


def samples(spools: list[Spool]) -> dict[tuple[int, int], Samples]:
    """The samples of all observers, by pid and tid."""
    parts = [_samples(records) for spool in spools for records in spool.threads]
    if not any(len(part[0]) for part in parts):
        return {}
    pid, tid, *columns = (np.concatenate(column) for column in zip(*parts))
    order = np.lexsort((columns[0], tid, pid))
    pid, tid = pid[order], tid[order]
    edges = np.flatnonzero((np.diff(pid) != 0) | (np.diff(tid) != 0)) + 1
    found = {}
    for own in np.split(np.arange(len(order)), edges):
        found[int(pid[own[0]]), int(tid[own[0]])] = Samples(*(column[order[own]] for column in columns))
    return found


def weights(spools: list[Spool]) -> dict[int, Weights]:
    """What the processes weighed, by pid."""
    rows: dict[int, list[tuple[int, ...]]] = {}
    for spool in spools:
        for records in spool.threads:
            for at in np.flatnonzero(records.kind == events.WEIGHT).tolist():
                told = dict(details(records, at))
                weight = (min(told[kind], 1 << 62) if kind in told else -1 for kind in _WEIGHT)
                time = min(int(records.time[at]), int(_LATEST))
                rows.setdefault(int(records.b[at]), []).append((time, *weight))
    return {pid: Weights(*np.array(sorted(of_one), np.int64).T) for pid, of_one in rows.items()}


def details(records: ThreadRecords, at: int) -> list[tuple[int, int]]:
    """The details of a record: the kind and the payload of each."""
    found = []
    slot, place = int(records.slot[at]), at + 1
    while (
        place < len(records)
        and records.kind[place] >= events.FIRST_DETAIL
        and int(records.slot[place]) == slot + place - at
    ):
        found.append((int(records.kind[place]), int(records.time[place])))
        place += 1
    return found


def _samples(records: ThreadRecords) -> tuple[Int64, ...]:
    """Pid, tid, and the columns of Samples."""
    at = np.flatnonzero(records.kind == events.SAMPLE)
    at = at[at + len(_MUST) < len(records)]
    for place, kind in enumerate(_MUST, 1):
        at = at[_is_detail(records, at, place, kind)]
    pid, on_cpu, run_queue = (_ns(records.time[at + place]) for place in (1, 2, 3))
    time, tid, state = _ns(records.time[at]), records.b[at].astype(np.int64), records.a[at].astype(np.int64)
    state[~np.isin(state, list(events.STATES))] = 0
    first = len(_MUST) + 1
    more = (_detail(records, at, place, kind) for place, kind in enumerate(_MAY, first))
    return pid, tid, time, on_cpu, run_queue, state, *more, *_looks(records, at, first)


def _looks(records: ThreadRecords, at: Int64, first: int) -> tuple[Int64, Int64]:
    """Looks with the GIL and without it, which stand behind whatever else a sample may have; `first` is the place of that."""
    places = range(first, first + len(_MAY) + 1)
    packed = np.max([_detail(records, at, place, events.GIL_LOOKS) for place in places], axis=0).clip(0)
    return packed >> 32, packed & 0xFFFFFFFF


def _detail(records: ThreadRecords, at: Int64, place: int, kind: int) -> Int64:
    """The payload of the detail at this place behind each record; -1 where it is none of this kind."""
    payload = _ns(records.time[np.minimum(at + place, len(records) - 1)])
    return np.where(_is_detail(records, at, place, kind), payload, -1)


def _is_detail(records: ThreadRecords, at: Int64, place: int, kind: int) -> NDArray[np.bool_]:
    """For each record whether the detail at this place behind it is of a kind."""
    where = np.minimum(at + place, len(records) - 1)
    found: NDArray[np.bool_] = (records.kind[where] == kind) & (records.slot[where] == records.slot[at] + place)
    return found


def _ns(column: Words) -> Int64:
    ns: Int64 = np.minimum(column, _LATEST).astype(np.int64)
    return ns
