"""Lock waits: which threads of a spool that is being written wait for a lock now, and who holds it. Knows records, and no file.

Who waits has written down who held the lock then. Others may have got it since: each of them has written that down as well.
A busy program writes thousands of such records a second, and most of its waits are over before they are looked at: of those
the details are never read.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from tracekit import events

KINDS = bytes((events.LOCK_WAIT, events.LOCK_WAIT_END, events.LOCK_RELEASE, events.LOCK_ACQUIRED))
MOST_SLOTS = 8  # of such a record with its details

_RECORD = Struct("<QBxxxI")  # its time, its kind, field `b`
_SLOT = _RECORD.size
_FIELD_A = slice(9, 12)
_SECOND_KIND = _SLOT + 8
_ID = (1 << 32) - 1
_KEPT_NS = 2_000_000_000  # a thread is read before another one of which it must know what it did
_DEEPEST = 100
_SHARED = bytes((events.SHARED_LOCK,))


class Wait(NamedTuple):
    """A wait that goes on.

    Attributes:
        thread, tid: of the thread that waits.
        lock: its serial; `shared`: its number where processes share it, else 0.
        holder: the serial of the thread that held it when the wait began; 0: nobody, or not known.
        inherited: that is a thread of the process from which this one was forked.
        held_at, where: ids of the names of the places where it was taken, and where the wait is.
        time: when it began, by the spool's clock.
        since: when it was seen first (CLOCK_MONOTONIC, ns).
    """

    thread: int
    tid: int
    lock: int
    shared: int
    class_name: int
    holder: int
    inherited: bool
    held_at: int
    where: int
    time: int
    since: int


class Held(NamedTuple):
    """Who took a lock last, and where; `thread` is 0 where it was released since, -1 where it is used as a signal."""

    time: int
    thread: int
    at: int


class _Open(NamedTuple):
    """A wait without an end, as it was read."""

    time: int
    lock: int
    owner: int
    data: bytes
    since: int


class _Change(NamedTuple):
    """Who took a lock and what it had written when it began to wait; 0: it was released."""

    time: int
    thread: int
    data: bytes
    seen: int


class LockWaits:
    """The waits of the threads of one spool."""

    def __init__(self) -> None:
        self._open: dict[int, list[_Open]] = {}  # by the serial of the thread, innermost last
        self._changes: dict[int, _Change] = {}  # by the serial of the lock
        self._shared: dict[int, Held] = {}  # by their number, locks that processes share, as this one knows them
        self._now = 0

    def begin(self, now: int) -> None:
        """The records that are applied from now on were written before `now`."""
        self._now = now
        if self._changes:
            waited = {opened[-1].lock for opened in self._open.values() if opened}
            gone = [
                lock for lock, change in self._changes.items() if now - change.seen > _KEPT_NS and lock not in waited
            ]
            for lock in gone:
                del self._changes[lock]

    def waits(self, before: int) -> list[Wait]:
        """What each thread waits for now, as far as that was seen first `before` (CLOCK_MONOTONIC, ns), or then."""
        return [_wait(opened[-1]) for opened in self._open.values() if opened and opened[-1].since <= before]

    def holder(self, wait: Wait) -> Held:
        """Who holds what a thread of this session waits for, as far as this process knows."""
        if wait.shared:
            return self._shared.get(wait.shared, Held(0, 0, 0))
        change = self._changes.get(wait.lock)
        if change is None or change.time <= wait.time:
            return Held(wait.time, wait.holder, wait.held_at)
        return Held(change.time, change.thread, _details(change.data).get(events.AWAITS, 0) & _ID)

    def apply(self, owner: int, data: bytes) -> None:
        """A thread has written a record.

        Args:
            owner: whose it is, as in the head of its block.
            data: the record and the slots behind it.
        """
        time, kind, lock = _RECORD.unpack_from(data)
        thread = owner & _ID
        if kind == events.LOCK_WAIT:
            opened = self._open.setdefault(thread, [])
            opened.append(_Open(time, lock, owner, data, self._now))
            del opened[:-_DEEPEST]
        elif kind == events.LOCK_WAIT_END:
            began = self._end(thread, lock)
            if began is not None and data[_FIELD_A][0] == events.LOCK_TAKEN:
                self._change(lock, _Change(time, thread, began.data, self._now))
        elif data[_SECOND_KIND : _SECOND_KIND + 1] == _SHARED:
            self._share(time, thread, kind == events.LOCK_ACQUIRED, _details(data))
        elif kind == events.LOCK_RELEASE:
            self._change(lock, _Change(time, 0, b"", self._now))

    def _end(self, thread: int, lock: int) -> _Open | None:
        opened = self._open.get(thread, [])
        while opened:
            began = opened.pop()
            if began.lock == lock:
                return began
        return None

    def _change(self, lock: int, change: _Change) -> None:
        known = self._changes.get(lock)
        if known is None or change.time >= known.time:
            self._changes[lock] = change

    def _share(self, time: int, thread: int, taken: bool, details: dict[int, int]) -> None:
        lock = details[events.SHARED_LOCK]
        known = self._shared.get(lock)
        if known is not None and (known.thread < 0 or time < known.time):
            return
        holder = 0 if known is None else known.thread
        # Of a semaphore that another one releases than took it, or that several hold, nobody is the holder.
        is_signal = (holder != 0) if taken else (known is not None and holder != thread)
        self._shared[lock] = Held(time, -1 if is_signal else thread if taken else 0, details.get(events.HELD_AT, 0))


def _wait(opened: _Open) -> Wait:
    details = _details(opened.data)
    return Wait(
        thread=opened.owner & _ID,
        tid=opened.owner >> 32,
        lock=opened.lock,
        shared=details.get(events.SHARED_LOCK, 0),
        class_name=int.from_bytes(opened.data[_FIELD_A], "little"),
        holder=details.get(events.HOLDER, details.get(events.INHERITED, 0)),
        inherited=events.INHERITED in details,
        held_at=details.get(events.HELD_AT, 0),
        where=details.get(events.AWAITS, 0) & _ID,
        time=opened.time,
        since=opened.since,
    )


def _details(data: bytes) -> dict[int, int]:
    """The payloads of the details of a record, by their kinds."""
    found = {}
    for at in range(_SLOT, len(data) - _SLOT + 1, _SLOT):
        kind = data[at + 8]
        if kind < events.FIRST_DETAIL:
            break
        found[kind] = int.from_bytes(data[at : at + 8], "little")
    return found
