"""Rounds: the stacks of all threads of some processes, one process after another, as often as that may cost.

Knows py-spy's readings, and not why somebody wants to know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracekit.observe import pyspy
from tracekit.observe.journal import Journal

_SHARE = 0.1  # of a processor, for reading stacks
_BURST_NS = 200_000_000  # of processor time, after a while without
_GAP_NS = 50_000_000  # between two readings of one process
_NO_PYTHON = "Failed to find python version"  # so py-spy says it


class Rounds:
    """Reads stacks.

    Args:
        journal: where they are written.
        named: told the pid, the tid and the name of each thread that is seen.
    """

    def __init__(self, journal: Journal, named: Callable[[int, int, str], None]) -> None:
        self._journal = journal
        self._named = named
        self._program = pyspy.executable()
        self._reading: pyspy.Reading | None = None
        self._next: dict[object, int] = {}
        self._failures: dict[int, str] = {}
        self._read: set[int] = set()
        self._credit = float(_BURST_NS)
        self._previous = 0

    def look(self, processes: Mapping[Any, int], now: int) -> None:
        """End the reading that goes on, if it is done, and begin the next one.

        Args:
            processes: pids; by what tells apart two processes that have the same pid one after the other.
            now: CLOCK_MONOTONIC, ns.
        """
        self._finish(now)
        if self._previous:
            self._credit = min(_BURST_NS, self._credit + (now - self._previous) * _SHARE)
        self._previous = now
        for gone in self._next.keys() - processes.keys():
            del self._next[gone]
        due = min(processes, key=lambda key: self._next.get(key, 0), default=None)
        if self._program is None or self._reading is not None or due is None or self._credit <= 0:
            return
        if now >= self._next.get(due, 0):
            self._next[due] = now + _GAP_NS
            try:
                self._reading = pyspy.Reading(self._program, processes[due], now)
            except OSError as error:
                self._failures[processes[due]] = error.strerror or str(error)

    def close(self) -> list[str]:
        """No more of it; what the user must know, in sentences."""
        if self._reading is not None:
            self._reading.abandon()
        if self._program is None:
            return ["no stacks are known: py-spy is not installed"]
        failures = {pid: why for pid, why in sorted(self._failures.items()) if pid not in self._read}
        others = [pid for pid, why in failures.items() if _NO_PYTHON in why]
        sentences = [
            f"no stack of process {pid} could be read ({why})" for pid, why in failures.items() if pid not in others
        ]
        if len(others) == 1:
            sentences.append(f"process {others[0]} is not Python: no stacks of its threads are known")
        elif others:
            sentences.append(f"{len(others)} processes are not Python: no stacks of theirs are known")
        return sentences

    def _finish(self, now: int) -> None:
        reading = self._reading
        stacks = None if reading is None else reading.poll(now)
        if reading is None or stacks is None:
            return
        self._reading = None
        self._credit -= reading.cpu_ns
        if reading.error:
            self._failures[reading.pid] = reading.error
        if stacks:
            self._read.add(reading.pid)
        for stack in stacks:
            self._named(reading.pid, stack.tid, stack.name)
            self._journal.stack(now, reading.pid, stack)
