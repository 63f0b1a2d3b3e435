"""Lock links: who held the locks that threads waited for, and whose release ended which wait. Knows waits, and no record.

A wait says who held the lock when it began. Where others got it meanwhile, and the wait did not, the last of them is whom it
waited for. Where it says nobody, since who had just taken the lock had not noted that yet, it is whoever is first seen to have
it. Of a lock that processes share, who waits cannot know that: it is whoever took it last and has not released it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from itertools import dropwhile
from typing import NamedTuple

from tracekit import events
from tracekit.load.image import Log
from tracekit.load.locks import Change, Key, Locks, Wait
from tracekit.model.builder import Builder
from tracekit.model.lock_words import GIVEN_UP, TAKEN, UNFINISHED
from tracekit.model.trace import Args, Category, FlowKind
from tracekit.spool.layout import parse_code

_OUTCOMES = {None: UNFINISHED, events.LOCK_TAKEN: TAKEN, events.LOCK_GIVEN_UP: GIVEN_UP}
_OF_THE_PROGRAM = ("Lock.acquire", "RLock.acquire")  # what the program takes itself, by no function of the library


class _Holder(NamedTuple):
    """Who holds a lock, and the text of where it was taken; None: nobody who is known."""

    own: Locks | None = None
    log: Log | None = None
    at: str = ""
    inherited: bool = False


class _Lock:
    """All that was seen of one lock.

    Args:
        number: of all that processes share; 0: it is of one process.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.waits: list[tuple[Locks, Wait]] = []
        self._changes: list[tuple[Locks, Change]] = []
        self._times: list[int] = []
        self._releases: list[tuple[int, int]] = []  # time and track of those that have ended no wait yet
        self._is_owned = True
        self._is_plain = False

    def add(self, own: Locks, changes: list[Change]) -> None:
        """What a process did with it."""
        self._changes += [(own, change) for change in changes]

    def seal(self) -> None:
        """All have been added."""
        self.waits.sort(key=lambda row: row[1].end)
        self._changes.sort(key=lambda row: row[1].time)
        self._times = [change.time for _, change in self._changes]
        released = [(own.image.logs[change.log], change) for own, change in self._changes if not change.taken]
        self._releases = [(change.time, log.track) for log, change in released]
        self._is_owned = self.number == 0 or self._is_released_by_its_holder()
        self._is_plain = self.number == 0 and self._is_for_a_holder()

    def holder(self, own: Locks, wait: Wait) -> _Holder:
        """Who held it: of a wait that got it at its beginning, else at its end."""
        taken = wait.outcome == events.LOCK_TAKEN
        if not self._is_owned:
            return _Holder()
        if not self.number and taken:
            return self._first_seen(own, wait) if self._is_plain and not _tells(wait) else _told(own, wait)
        at = bisect_right(self._times, wait.start if taken else wait.end) - 1
        if at < 0 or (not self.number and self._times[at] <= wait.start):
            return _Holder() if self.number else _told(own, wait)
        other, change = self._changes[at]
        return _Holder(other, other.image.logs[change.log], change.at) if change.taken else _Holder()

    def release(self, wait: Wait) -> tuple[int, int] | None:
        """The last release during a wait, which is used up with that: its time and its track."""
        at = bisect_right(self._releases, (wait.end, 1 << 62)) - 1
        return self._releases.pop(at) if at >= 0 and self._releases[at][0] >= wait.start else None

    def _first_seen(self, own: Locks, wait: Wait) -> _Holder:
        """Which other thread first takes it after a wait or releases it, while this one goes on."""
        for at in range(bisect_left(self._times, wait.start), bisect_right(self._times, wait.end)):
            other, change = self._changes[at]
            if change.log != wait.log:
                return _Holder(other, other.image.logs[change.log], change.at)
        return _told(own, wait)

    def _is_for_a_holder(self) -> bool:
        """Whether threads hold it: what a thread makes in order to wait for a word or for another's end, nobody does."""
        waits = [wait for _, wait in self.waits]
        is_held = any(_tells(wait) or wait.about.name in _OF_THE_PROGRAM for wait in waits)
        return is_held and not any(wait.is_join for wait in waits)

    def _is_released_by_its_holder(self) -> bool:
        """Whether it was used as a lock is, and not as a signal, or by several at a time."""
        holders: set[tuple[int, int]] = set()
        # What is released first may have been taken before the recording began.
        for own, change in dropwhile(lambda row: not row[1].taken, self._changes):
            who = own.image.process, change.log
            if change.taken == (who in holders) or (change.taken and holders):
                return False
            holders ^= {who}
        return True


def link(everybody: list[Locks], builder: Builder) -> None:
    """Says of each wait who held the lock, and draws the arrow that ends it, once all images have been read."""
    locks: defaultdict[Key, _Lock] = defaultdict(lambda: _Lock(0))
    parents = _parents(everybody)
    for own in everybody:
        for wait in own.waits:
            if wait.shared and wait.lock not in locks:
                locks[wait.lock] = _Lock(1 + sum(lock.number > 0 for lock in locks.values()))
            locks[wait.lock].waits.append((own, wait))
    for own in everybody:
        for key in own.changes.keys() & locks.keys():
            locks[key].add(own, own.changes[key])
    for lock in locks.values():
        lock.seal()
        for own, wait in lock.waits:
            holder = lock.holder(own, wait)
            if holder.inherited:
                holder = _in_parent(wait, parents.get(id(own)))
            builder.annotate(wait.handle, _args(own, wait, holder, lock))
            if wait.outcome == events.LOCK_TAKEN:
                _draw(builder, own, wait, holder, lock)


def _parents(everybody: list[Locks]) -> dict[int, Locks]:
    """Those of the images that others were forked from."""
    of_pid: defaultdict[int, list[Locks]] = defaultdict(list)
    for own in everybody:
        of_pid[own.image.header.pid].append(own)
    found = {}
    for own in everybody:
        header = own.image.header
        older = [other for other in of_pid[header.ppid] if header.fork and other.image.first <= own.image.first]
        if older:
            found[id(own)] = max(older, key=lambda other: other.image.first)
    return found


def _tells(wait: Wait) -> bool:
    return bool(wait.holder or wait.held_at or wait.inherited)


def _told(own: Locks, wait: Wait) -> _Holder:
    """The holder that a wait tells itself."""
    log = None if wait.inherited else own.threads.get(wait.holder)
    return _Holder(own, log, wait.held_at, wait.inherited)


def _in_parent(wait: Wait, parent: Locks | None) -> _Holder:
    log = None if parent is None else parent.threads.get(wait.holder)
    return _Holder(parent, log, wait.held_at, inherited=True)


def _args(own: Locks, wait: Wait, holder: _Holder, lock: _Lock) -> Args:
    label = (
        f"shared {wait.about.class_name} {lock.number}" if lock.number else f"{wait.about.class_name} {wait.lock[2]}"
    )
    args: Args = wait.about.place if wait.is_join else {"lock": label, **wait.about.place}
    args = {**args}
    args["outcome"] = _OUTCOMES.get(wait.outcome, UNFINISHED)
    if lock.number:
        args.update(shared=True)
    if holder.own is not None and holder.log is not None:
        thread = own.image.builder.threads[holder.log.thread]
        if wait.is_join:
            return {**args, "joined": thread.name, "joined_tid": thread.tid}
        args.update(held_by=thread.name, held_by_tid=thread.tid)
        if holder.own.image.process != own.image.process:
            args.update(held_by_pid=holder.own.image.header.pid)
    function, file, line = parse_code(holder.at)
    if function and not wait.is_join:
        args.update(held_in=function, held_file=file, held_line=line)
    if holder.inherited:
        args.update(inherited=True)
    return args


def _draw(builder: Builder, own: Locks, wait: Wait, holder: _Holder, lock: _Lock) -> None:
    """Draws the arrow from whoever ended a wait to its end: by a release, or by its own end."""
    name, released = "woken", lock.release(wait)
    if wait.is_join and holder.log is not None:
        ended = builder.threads[holder.log.thread].ended
        name, released = "joined", None if ended is None else (ended, holder.log.track)
    elif holder.log is not None or wait.about.name.endswith(".acquire"):
        name = "acquired"
    if released is not None and released[0] <= wait.end:
        target = builder.slice(own.image.logs[wait.log].track, wait.end, wait.end, name, Category.ACQUIRED)
        builder.flow(FlowKind.RELEASE, released[1], released[0], target)
