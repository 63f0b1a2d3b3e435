"""Weights: how much memory processes take. Knows /proc, and no thread.

What a process shares with others (PSS) is found by walking through all its memory, for which it is locked now and then: so
that is asked once a second at most, and takes a small share of the time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple, Protocol, TypeVar

from tracekit.clock import monotonic_ns

_INTERVAL_NS = 1_000_000_000
_SHARE = 50  # of the time, one part of so many
_PAGE = os.sysconf("SC_PAGE_SIZE")
_KILO = 1024

Key = TypeVar("Key")


class Weight(NamedTuple):
    """What a process weighs, in bytes.

    Attributes:
        rss: what of its memory is there.
        pss: likewise, each page divided by the number of processes that map it; None where that is not told.
        shared: what of it others map as well; None where that is not told.
        peak: the most that has ever been there, by the kernel's own count; None where that is not told.
    """

    rss: int
    pss: int | None
    shared: int | None
    peak: int | None = None


class Scale(Protocol):
    """Where weights are written down: a Journal."""

    def weight(self, time: int, pid: int, weight: Weight) -> None: ...


class Weights:
    """Weighs processes, each once a second at most, the first time as soon as it is seen.

    Args:
        scale: where that is written.
    """

    def __init__(self, scale: Scale) -> None:
        self._scale = scale
        self._due: dict[object, int] = {}
        self._told: dict[object, Weight] = {}
        self._rest_until = 0

    def look(self, processes: Mapping[Key, int], now: int) -> None:
        """Weigh one that is due.

        Args:
            processes: pids; by what tells apart two programs that have the same pid one after the other.
            now: CLOCK_MONOTONIC, ns.
        """
        if now < self._rest_until:
            return
        for key in self._due.keys() - processes.keys():
            del self._due[key]
            self._told.pop(key, None)
        due = min(processes, key=lambda key: self._due.get(key, 0), default=None)
        if due is None or now < self._due.get(due, 0):
            self._rest_until = now + _INTERVAL_NS // _SHARE
            return
        self._weigh(due, processes[due])
        ended = monotonic_ns()
        self._due[due] = now + _INTERVAL_NS
        self._rest_until = ended + (ended - now) * _SHARE

    def _weigh(self, key: object, pid: int) -> None:
        try:
            weight = weigh(pid)
        except (OSError, ValueError):  # it is gone
            return
        if weight != self._told.get(key):
            self._told[key] = weight
            self._scale.weight(monotonic_ns(), pid, weight)


def weigh(pid: int) -> Weight:
    """What a process weighs now.

    Raises:
        OSError: it is gone.
        ValueError: it has no memory any more.
    """
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb", buffering=0) as file:
            fields = dict(line.split(None, 2)[:2] for line in file.readall().splitlines()[1:])
        sizes = {name: int(size) * _KILO for name, size in fields.items()}
        shared = sizes[b"Shared_Clean:"] + sizes[b"Shared_Dirty:"]
        return Weight(sizes[b"Rss:"], sizes[b"Pss:"], shared, _peak(pid))
    except (OSError, ValueError, KeyError):  # another user's, an old kernel
        pass
    with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:
        rss = int(file.readall().split()[1]) * _PAGE
    if not rss:
        raise ValueError("it has ended")
    return Weight(rss, None, None, _peak(pid))


def _peak(pid: int) -> int | None:
    """The most that a process has weighed, between two looks as well."""
    try:
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:
            _, _, said = file.readall().partition(b"\nVmHWM:")
        return int(said.split(None, 1)[0]) * _KILO
    except (OSError, ValueError, IndexError):  # it is gone, or a kernel does not count it
        return None
