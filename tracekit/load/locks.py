"""Locks: the waits for locks in one image, as its threads recorded them, and who took and released what.

Knows no other records.

Who held a lock and whose release ended a wait is found out when all images have been read (lock_links.py): processes share locks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.load.image import Image, Log
from tracekit.load.wait_names import is_join, wait_name
from tracekit.model.trace import Args, Category, Flag
from tracekit.spool.layout import parse_code

_ID = (1 << 32) - 1

# A lock: of an image (its process's row and its first time), by serial; or shared by processes, by its own number.
Key = tuple[int, int, int]


class About(NamedTuple):
    """What is waited for and where: the name of its class, what the wait is called, the place as a text and as arguments."""

    class_name: str
    name: str
    where: str
    place: Args


class Wait(NamedTuple):
    """A wait for a lock; `end` is when it ended, or when the thread was seen last.

    Attributes:
        log: the index of the thread's log.
        lock: which lock that was; `shared`: one that processes share; `is_join`: it is given back by the end of its holder.
        handle: of its slice.
        outcome: LOCK_TAKEN, LOCK_GIVEN_UP, or None where no end was seen.
        holder: the serial of the thread that held it at its beginning, 0 where none was told; `inherited`: in the parent.
        held_at: a text of `layout.code_text`: where that was taken.
    """

    log: int
    lock: Key
    shared: bool
    is_join: bool
    about: About
    handle: int
    start: int
    end: int
    outcome: int | None
    holder: int
    inherited: bool
    held_at: str


class Change(NamedTuple):
    """A thread takes or releases a lock; `at` is a text of `layout.code_text`: where it was taken."""

    time: int
    log: int
    taken: bool
    at: str = ""


class Locks:
    """The waits for locks in one image.

    Attributes:
        image: whose.
        threads: its threads by serial.
        waits: those that ended, and after `finish` all.
        changes: by lock, what was seen of it: of one that processes share all, else only what concerns those who wait.
    """

    def __init__(self, image: Image) -> None:
        self.image = image
        self.threads = {log.serial: log for log in image.logs}
        self.waits: list[Wait] = []
        self.changes: dict[Key, list[Change]] = {}
        self._open: dict[int, Wait] = {}  # by the handle of the slice
        self._kinds: dict[tuple[int, int], About] = {}

    def enroll(self, log: Log) -> None:
        """Adds what this thread took and released."""
        for at in np.flatnonzero((log.kind == events.LOCK_RELEASE) | (log.kind == events.LOCK_ACQUIRED)).tolist():
            told = {detail.kind: detail.payload for detail in self.image.details.of(int(log.slot[at]))}
            place = told.get(events.HELD_AT, 0)
            taken, text = int(log.kind[at]) == events.LOCK_ACQUIRED, self.image.name(place) if place else ""
            lock = self._key(int(log.b[at]), told.get(events.SHARED_LOCK))
            self._add(lock, Change(int(log.time[at]), log.index, taken, text))

    def begin(self, log: Log, time: int, a: int, serial: int, slot: int) -> int:
        """A thread begins to wait; returns the handle of its slice."""
        image = self.image
        told = {detail.kind: detail.payload for detail in image.details.of(slot)}
        shared, held = told.get(events.SHARED_LOCK), told.get(events.HELD_AT, 0)
        held_at = image.name(held) if held else ""
        about = self._about(a, told.get(events.AWAITS, 0))
        flags = int(Flag.BEGUN_BEFORE) if slot in image.late else 0
        handle = image.builder.slice(log.track, time, time, about.name, Category.WAIT, flags)
        self._open[handle] = Wait(
            log=log.index,
            lock=self._key(serial, shared),
            shared=shared is not None,
            is_join=is_join(about.class_name, held_at),
            about=about,
            handle=handle,
            start=time,
            end=log.end,
            outcome=None,
            holder=told.get(events.HOLDER, told.get(events.INHERITED, 0)),
            inherited=events.INHERITED in told,
            held_at=held_at,
        )
        return handle

    def end(self, handle: int, time: int, outcome: int) -> None:
        """It has waited long enough."""
        wait = self._open.pop(handle)._replace(end=time, outcome=outcome)
        self.waits.append(wait)
        if outcome == events.LOCK_TAKEN and not wait.shared:
            self._add(wait.lock, Change(time, wait.log, True, wait.about.where))

    def finish(self) -> None:
        """All threads have been walked."""
        self.waits += self._open.values()
        self._open.clear()

    def _about(self, a: int, awaits: int) -> About:
        """What waits for such a thing at such a place have in common."""
        about = self._kinds.get((a, awaits))
        if about is None:
            image = self.image
            where, what = (image.name(number) if number else "" for number in (awaits & _ID, awaits >> 32))
            class_name = image.name(a) if a else "lock"
            about = self._kinds[a, awaits] = About(class_name, wait_name(where, what, class_name), where, _place(where))
        return about

    def _key(self, serial: int, shared: int | None) -> Key:
        return (self.image.process, self.image.first, serial) if shared is None else (-1, 0, shared)

    def _add(self, lock: Key, change: Change) -> None:
        self.changes.setdefault(lock, []).append(change)


def _place(text: str) -> Args:
    function, file, line = parse_code(text)
    return {"function": function, "file": file, "line": line} if function else {}
