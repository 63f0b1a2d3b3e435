"""Family: a process that records nothing, its descendants, and their threads: which there are and what they are called.

Knows /proc, and not what they do.
"""

from __future__ import annotations

import os

from tracekit.clock import monotonic_ns
from tracekit.observe.journal import Journal
from tracekit.observe.stat import Stat

_INTERVAL_NS = 100_000_000
_MOST = 1000  # processes

Identity = tuple[int, int]  # the kernel uses a pid again; with when it was born it is one process's for ever


class Family:
    """A process and what it has started, as long as they are there.

    Args:
        pid: of the process.
        journal: where they are written down.

    Raises:
        OSError: there is no such process.
    """

    def __init__(self, pid: int, journal: Journal) -> None:
        self._journal = journal
        self._root = _identity(pid)
        self._threads: dict[Identity, dict[int, str]] = {}
        self._next_look = 0
        self._is_first = True

    def look(self, now: int) -> dict[Identity, int]:
        """The pids of those that are there.

        Args:
            now: CLOCK_MONOTONIC, ns.
        """
        if now >= self._next_look:
            self._next_look = now + _INTERVAL_NS
            found = self._found()
            for identity in self._threads.keys() - set(found):
                self._lose(identity)
            for identity in found:
                self._look(identity)
            self._is_first = False
        return {identity: identity[0] for identity in self._threads}

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
            found += [child for child in _children(identity[0]) if child not in found]
        return found

    def _look(self, identity: Identity) -> None:
        pid = identity[0]
        try:
            tids = {int(entry) for entry in os.listdir(f"/proc/{pid}/task")}
            if identity not in self._threads:
                stat = Stat(pid)
                self._journal.process(monotonic_ns(), pid, stat.name, stat.parent, command_of(pid))
        except (OSError, ValueError):  # it has ended just now
            return
        threads = self._threads.setdefault(identity, {})
        for tid in sorted(tids - threads.keys()):
            threads[tid] = "MainThread" if tid == pid else _thread_name(pid, tid)
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
