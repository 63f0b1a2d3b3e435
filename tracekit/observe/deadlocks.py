"""Deadlocks: sees in the spools of a running session that threads wait for each other, and says so once. Knows no trace.

Only what has lasted for a while is told: what the threads of a process write is read one after another, so that for a moment
anything may seem to be a circle.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.errors import TracekitError
from tracekit.observe.live import Live
from tracekit.observe.lock_waits import Wait
from tracekit.spool import layout, texts
from tracekit.spool.reader import Spool, read_spool
from tracekit.spool.records import ThreadRecords

LASTING_NS = 1_000_000_000

_Who = tuple[str, int]  # the path of a spool, and the serial of a thread in it


class _Link(NamedTuple):
    """A thread that has waited for a while; `holder`: for whom, None where that is nobody here, `at`: where that took it."""

    path: str
    wait: Wait
    holder: _Who | None
    at: int
    at_path: str


class Deadlock(NamedTuple):
    """What was seen: what to call it, the pid of a process in it, and a sentence.

    Who waits for what it holds itself may be waiting for a word from another thread, so that is "perhaps" one.
    """

    name: str
    pid: int
    sentence: str


class Deadlocks:
    """The deadlocks of a session.

    Args:
        live: the session; what it looks at is judged.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._told: set[frozenset[tuple[str, int, int]]] = set()

    def look(self, now: int) -> list[Deadlock]:
        """Those that nobody has been told of.

        Args:
            now: CLOCK_MONOTONIC, ns.
        """
        links = self._links(now)
        found = []
        for who in links:
            circle = _circle(links, who)
            key = frozenset((link.path, link.wait.thread, link.wait.time) for link in circle)
            if circle and key not in self._told and all(self._live.is_recording(link.path) for link in circle):
                self._told.add(key)
                found.append(self._tell(circle))
        return found

    def _links(self, now: int) -> dict[_Who, _Link]:
        """Who has waited for a while, and for whom."""
        found = {}
        for path, tails in self._live.tails.items():
            for wait in tails.locks.waits(before=now - LASTING_NS):
                found[path, wait.thread] = self._link(path, wait)
        return found

    def _link(self, path: str, wait: Wait) -> _Link:
        if not wait.shared:
            held = self._live.tails[path].locks.holder(wait)
            return _Link(path, wait, None if wait.inherited or held.thread <= 0 else (path, held.thread), held.at, path)
        known = [(tails.locks.holder(wait), other) for other, tails in self._live.tails.items()]
        held, other = max(known)
        is_signal = any(each.thread < 0 for each, _ in known)
        return _Link(path, wait, (other, held.thread) if held.thread > 0 and not is_signal else None, held.at, other)

    def _tell(self, circle: list[_Link]) -> Deadlock:
        pids = {link.path: self._live.tails[link.path].header[layout.H_PID] for link in circle}
        words = _Words(pids)
        each = "; ".join(words.about(link, alone=len(circle) == 1) for link in circle)
        first, *others = pids.values()
        where = f"processes {', '.join(map(str, (first, *others)))}" if others else f"process {first}"
        alone = len(circle) == 1 and not circle[0].wait.inherited
        return Deadlock("perhaps a deadlock" if alone else "a deadlock", first, f"{where}: {each}")


def _circle(links: dict[_Who, _Link], first: _Who) -> list[_Link]:
    """The circle that a thread is part of, from it on; or its wait alone, where nobody can end that. [] for neither."""
    if links[first].wait.inherited:
        return [links[first]]
    chain: list[_Link] = []
    who: _Who | None = first
    while who in links and links[who] not in chain:
        chain.append(links[who])
        who = links[who].holder
    return chain if who == first else []


class _Words:
    """Puts waits into words. Reads the spools for it, which takes its time: once a deadlock.

    Args:
        pids: of the processes that are told of, by the paths of their spools.
    """

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._spools: dict[str, Spool | None] = {}

    def about(self, link: _Link, alone: bool) -> str:
        """What one thread waits for, where, and who took it where."""
        wait = link.wait
        name = self._thread((link.path, wait.thread))
        what = f"{self._name(link.path, wait.class_name) or 'lock'} {wait.shared or wait.lock}"
        waits, taken = f"{name} waits{self._in(link.path, wait.where)} for", self._in(link.at_path, link.at)
        if wait.inherited:
            return (
                f"{waits} {what}, which a thread of the parent held{taken} at the fork: no thread here can release it"
            )
        if alone:
            return f"{waits} {what}, which it took itself{taken}, so that only another thread could release it"
        holder = self._thread(link.holder) if link.holder is not None else "a thread"
        if self._is_join(link):
            return f"{waits} {holder} to end"
        return f"{waits} {what}, which {holder} took{taken}"

    def _is_join(self, link: _Link) -> bool:
        """Whether it is a thread's end that is waited for: 3.13 has no lock for that, the others one that the thread takes."""
        function, _, _ = layout.parse_code(self._name(link.at_path, link.at))
        return function.endswith("_set_tstate_lock") or self._name(link.path, link.wait.class_name) == "Thread"

    def _spool(self, path: str) -> Spool | None:
        if path not in self._spools:
            try:
                self._spools[path] = read_spool(path)
            except TracekitError:  # it is gone; the sentence is none the less true
                self._spools[path] = None
        return self._spools[path]

    def _name(self, path: str, number: int) -> str:
        spool = self._spool(path)
        return "" if spool is None else spool.names.get(number, "")

    def _in(self, path: str, number: int) -> str:
        function, file, line = layout.parse_code(self._name(path, number))
        return f" in {function} ({file}:{line})" if function else ""

    def _thread(self, who: _Who) -> str:
        path, serial = who
        process = f" of process {self._pids[path]}" if len(self._pids) > 1 and path in self._pids else ""
        spool = self._spool(path)
        records = next((each for each in spool.threads if each.serial == serial), None) if spool is not None else None
        if records is None:
            return f"thread {serial}{process}"
        named = np.flatnonzero((records.kind == events.THREAD_BEGIN) | (records.kind == events.THREAD_NAME)).tolist()
        name = self._name(path, int(records.a[named[-1]])) or _inline_name(records, named[-1]) if named else ""
        return (name or f"thread {records.tid}") + process


def _inline_name(records: ThreadRecords, at: int) -> str:
    """The name that stands beside a record."""
    kinds = records.kind[at + 1 : at + 3].tolist()  # it may have begun before the recording did
    if events.NAME not in kinds:
        return ""
    first = at + 1 + kinds.index(events.NAME)
    more = []
    for row in range(first + 1, len(records)):
        if records.kind[row] != events.MORE:
            break
        more.append((layout.pack_word(events.MORE, int(records.a[row]), int(records.b[row])), int(records.time[row])))
    return texts.decode(int(records.b[first]), int(records.time[first]), more)
