"""Lock waits: what threads waited for, as rows: who, where, how long, and who held it. Knows no question and no table.

Some waits are somebody's fault, because a thread held what another one needed. Others are none: a worker without work, an
event that has not come, a thread that has not ended.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from tracekit.analyze.place import Place
from tracekit.model.lock_words import IDLE, TAKEN, UNFINISHED
from tracekit.model.trace import Args, Category, Flag, Trace, TrackKind


class LockWait(NamedTuple):
    """One wait; times in ns.

    Attributes:
        slice: its index in the trace's slices.
        thread: the index of the thread that waited.
        name: what it called, as "Lock.acquire".
        lock: as "Lock 3", of one process; `shared`: of several.
        outcome: TAKEN, GIVEN_UP or UNFINISHED.
        where: the place in the program that waits.
        holder: the index of the thread that held the lock; None where none is known.
        held_at: where that one took it.
        inherited: the holder is a thread of another process, from which this one was forked.
        is_join: it waits for the holder to end, not for what that holds.
        begun_before: it began before the trace does: nobody knows how long it was.
    """

    slice: int
    thread: int
    start: int
    end: int
    name: str
    lock: str
    shared: bool
    outcome: str
    where: Place
    holder: int | None
    held_at: Place
    inherited: bool
    is_join: bool
    begun_before: bool

    @property
    def length(self) -> int:
        """How long it waited."""
        return self.end - self.start

    def is_longer(self, threshold_ns: int) -> bool:
        """Whether it was, or may have been."""
        return self.begun_before or self.length > threshold_ns

    @property
    def is_held(self) -> bool:
        """Whether anything is known of who held it."""
        return self.holder is not None or bool(self.held_at.function) or self.inherited

    @property
    def is_contended(self) -> bool:
        """Whether somebody else held what was waited for.

        Who waits for itself and goes on uses a lock as a signal. Of idle workers one holds the lock of their queue and the
        others stand in line for it: what all of them wait for is work.
        """
        is_signal = self.holder == self.thread and self.outcome == TAKEN
        return self.is_held and not self.is_join and not is_signal and self.name != IDLE


def lock_waits(trace: Trace) -> list[LockWait]:
    """All waits for locks, by their beginnings."""
    slices = trace.slices
    rows = np.flatnonzero(slices.category == Category.WAIT)
    rows = rows[np.argsort(slices.start[rows], kind="stable")]
    holders = _Holders(trace)
    found = []
    for row in rows.tolist():
        track = trace.tracks[int(slices.track[row])]
        if track.kind == TrackKind.THREAD:
            args = trace.args[int(slices.args[row])] if slices.args[row] >= 0 else {}
            start, end = int(slices.start[row]), int(slices.end[row])
            name = trace.strings[int(slices.name[row])]
            begun_before = bool(slices.flags[row] & Flag.BEGUN_BEFORE)
            found.append(_wait(row, track.owner, start, end, begun_before, name, args, holders))
    return found


def who(trace: Trace, thread: int, several: bool) -> str:
    """What to call a thread; where several processes are told of, by its process as well."""
    row = trace.threads[thread]
    process = trace.processes[row.process].name
    if not several:
        return row.name
    return process if row.main else f"{row.name} of {process}"


def has_unanswered(trace: Trace, threshold_ns: int) -> bool:
    """Whether any wait longer than that got nothing; asked first, because most traces have none."""
    slices = trace.slices
    long = (slices.end - slices.start > threshold_ns) | (slices.flags & int(Flag.BEGUN_BEFORE) != 0)
    args = slices.args[(slices.category == Category.WAIT) & long & (slices.args >= 0)]
    return any(trace.args[index].get("outcome") != TAKEN for index in args.tolist())


def _wait(
    row: int, thread: int, start: int, end: int, begun_before: bool, name: str, args: Args, holders: _Holders
) -> LockWait:
    return LockWait(
        slice=row,
        thread=thread,
        start=start,
        end=end,
        name=name,
        lock=str(args.get("lock") or ""),
        shared=bool(args.get("shared")),
        outcome=str(args.get("outcome") or UNFINISHED),
        where=Place.of(args),
        holder=holders.find(thread, args.get("held_by_pid"), args.get("held_by_tid", args.get("joined_tid")), end),
        held_at=Place.of(args, "held_in", "held_file", "held_line"),
        inherited=bool(args.get("inherited")),
        is_join="joined" in args,
        begun_before=begun_before,
    )


class _Holders:
    """The threads by pid and tid; the kernel gives those of what has ended to others."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._pids = [trace.processes[thread.process].pid for thread in trace.threads]
        self._known: defaultdict[tuple[object, object], list[int]] = defaultdict(list)
        for index, thread in enumerate(trace.threads):
            self._known[self._pids[index], thread.tid].append(index)

    def find(self, waiter: int, pid: object, tid: object, time: int) -> int | None:
        """The thread that had a tid at a time, in the waiter's process where no pid is given."""
        if tid is None:
            return None
        known = self._known.get((self._pids[waiter] if pid is None else pid, tid), [])
        there = [index for index in known if self._trace.threads[index].started <= time]
        return max(there, key=lambda index: self._trace.threads[index].started, default=None)
