"""Family: a process that records nothing, its descendants, and their threads: which there are and what they are called.

Knows /proc, and not what they do.
"""

from __future__ import annotations

import os
import time
from collections.abc import Container

from tracekit.clock import monotonic_ns
from tracekit.observe.journal import Journal
from tracekit.observe.stat import Stat, image_of

_INTERVAL_NS = 100_000_000
_SHARE = 100  # a look takes at most one part of so many of the time
_MOST = 1000  # processes

Identity = tuple[int, int]  # the kernel uses a pid again; with when it was born it is one process's for ever


class Family:
    """A process and what it has started, as long as they are there.

    Args:
        pid: of the process.
        journal: where they are written down.
        others: what stands in the command lines of those that are none of it, as what they start is not; "": of nobody.

    Raises:
        OSError: there is no such process.
    """

    def __init__(self, pid: int, journal: Journal, others: str = "") -> None:
        self._journal = journal
        self._other = others
        self._others: set[Identity] = set()
        self._fresh: set[Identity] = set()
        self._root = _identity(pid)
        self._threads: dict[Identity, dict[int, str]] = {}
        self._next_look = 0
        self._is_first = True

    def look(self, now: int, recording: Container[int] = ()) -> dict[Identity, int]:
        """The pids of those that are there.

        Args:
            now: CLOCK_MONOTONIC, ns.
            recording: pids of those that tell of themselves; only what they have started is looked for.
        """
        if now >= self._next_look:
            begun = time.thread_time_ns()
            found = self._found()
            for identity in self._threads.keys() - set(found):
                self._lose(identity)
            for identity in found:
                if identity[0] in recording:
                    self._threads.setdefault(identity, {})
                elif self._is_itself(identity):
                    self._look(identity)
            self._is_first = False
            self._next_look = now + max(_INTERVAL_NS, (time.thread_time_ns() - begun) * _SHARE)
        return {identity: identity[0] for identity in self._threads}

    def close(self) -> None:
        """Write down who is gone since the last look."""
        for identity in list(self._threads):
            if not _is_there(identity):
                self._lose(identity)

    def name(self, pid: int, tid: int, name: str) -> None:
        """Python calls a thread by this name."""
        for identity, threads in self._threads.items():
            if identity[0] == pid and name and threads.get(tid, name) != name:
                threads[tid] = name
                self._journal.thread(monotonic_ns(), pid, tid, name, False)

    def _found(self) -> list[Identity]:
        """All that are there, parents first; what somebody else has adopted stays one of them."""
        found = [identity for identity in dict.fromkeys((self._root, *self._threads)) if _is_there(identity)]
        for identity in found:  # grows meanwhile
            if len(found) >= _MOST:
                break
            found += [child for child in _children(identity[0]) if child not in found and not self._is_other(child)]
        return found

    def _is_other(self, identity: Identity) -> bool:
        if identity not in self._others and self._other and self._other in command_of(identity[0]):
            self._others.add(identity)
            if identity in self._threads:  # it was seen before it was that
                self._lose(identity)
        return identity in self._others

    def _is_itself(self, identity: Identity) -> bool:
        """Whether it is what it is to be: right after a fork it is its parent's double, which may change within a moment."""
        if identity in self._threads or identity == self._root or identity in self._fresh:
            self._fresh.discard(identity)
            return True
        try:
            stat = Stat(identity[0])
            if stat.image != image_of(stat.parent):
                return True
        except (OSError, ValueError):  # it has ended just now
            return False
        self._fresh.add(identity)
        return False

    def _look(self, identity: Identity) -> None:
        pid = identity[0]
        try:
            tids = {int(entry) for entry in os.listdir(f"/proc/{pid}/task")}
            stat = Stat(pid)
            if identity not in self._threads:
                self._journal.process(monotonic_ns(), pid, stat.name, stat.parent, command_of(pid))
        except (OSError, ValueError):  # it has ended just now
            return
        threads = self._threads.setdefault(identity, {})
        for tid in sorted(tids - threads.keys()):
            threads[tid] = stat.name if tid == pid else _thread_name(pid, tid)
            self._journal.thread(monotonic_ns(), pid, tid, threads[tid], self._is_first)
        for tid in threads.keys() - tids:
            del threads[tid]
            self._journal.gone(monotonic_ns(), pid, tid)

    def _lose(self, identity: Identity) -> None:
        for tid in self._threads.pop(identity):
            self._journal.gone(monotonic_ns(), identity[0], tid)


def command_of(pid: int) -> str:
    """The command line of a process, in one line; "" where it has none."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return " ".join(file.read().decode("utf-8", "replace").split("\0")).strip()
    except OSError:
        return ""


def _identity(pid: int) -> Identity:
    return pid, Stat(pid).born


def _is_there(identity: Identity) -> bool:
    try:
        stat = Stat(identity[0])
    except (OSError, ValueError):
        return False
    return stat.born == identity[1] and not stat.is_dead


def _children(pid: int) -> list[Identity]:
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:  # it has ended, or this kernel does not tell
        pass
    identities = []
    for child in found:
        try:
            identities.append(_identity(child))
        except (OSError, ValueError):
            continue
    return [identity for identity in identities if _is_there(identity)]


def _thread_name(pid: int, tid: int) -> str:
    try:
        with open(f"/proc/{pid}/task/{tid}/comm", "rb") as file:
            return f"{file.read().decode('utf-8', 'replace').strip()} {tid}"
    except OSError:
        return f"thread {tid}"
