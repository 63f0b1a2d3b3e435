"""Stacks: while an event loop is blocked, where in the code its thread is. Knows how to look and what is worth writing down.

The stack of a thread that runs a long step is read again and again, at growing intervals, by a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tracekit.observe import pyspy
from tracekit.observe.journal import Journal
from tracekit.observe.live import Live, Running
from tracekit.observe.tails import Turn

_SOON_NS = 10_000_000  # no step is worth a stack before
_MOST_STACKS = 30  # of one step
_FIRST_GAP_NS = 20_000_000
_GROWTH = 1.4  # of the time between two stacks
_SHARE = 0.1  # of a processor, for reading them
_BURST_NS = 500_000_000  # of processor time, after a while without


class _Thread:
    """A thread that runs a loop, and the step or callback that it was seen to run last."""

    def __init__(self, pid: int, turn: Turn) -> None:
        self.pid = pid
        self.begin(turn)

    def begin(self, turn: Turn) -> None:
        """Another turn has begun."""
        self.turn = turn
        self.stacks = 0
        self.gap = float(_FIRST_GAP_NS)
        self.next_stack = 0


class Stacks:
    """Reads the stacks of blocked loops.

    Args:
        live: the session.
        threshold: ns; a step longer than this is a block.
        journal: where the stacks are written.
    """

    def __init__(self, live: Live, threshold: int, journal: Journal) -> None:
        self._live = live
        self._first_stack = max(_SOON_NS, threshold * 2 // 5)
        self._journal = journal
        self._threads: dict[tuple[str, int], _Thread] = {}
        self._program = pyspy.executable()
        self._reading: _Reading | None = None
        self._credit = float(_BURST_NS)  # ns of processor time
        self._previous = 0
        self._read_any = False
        self._failed = ""
        self._wanted = False

    def look(self, running: Iterable[Running], now: int) -> None:
        """Look at the threads that run something.

        Args:
            running: what `live` saw just now.
            now: CLOCK_MONOTONIC, ns, from before that.
        """
        seen: dict[tuple[str, int], _Thread] = {}
        for pid, path, turn in running:
            thread = self._threads.get((path, turn.tid)) or _Thread(pid, turn)
            if thread.turn.slot != turn.slot:
                thread.begin(turn)
            seen[path, turn.tid] = thread
        self._threads = seen
        self._finish_reading(now, list(seen.values()))
        self._begin_reading(now, seen)

    def close(self) -> list[str]:
        """The session is over; what the user must know, in sentences."""
        if self._reading is not None:
            self._reading.process.abandon()
        if self._program is None and self._wanted:
            self._failed = "py-spy is not installed"
        if not self._failed or self._read_any:
            return []
        return [
            f"no stack could be read while an event loop was blocked ({self._failed}): "
            "`tracekit doctor` says what to do about it"
        ]

    def _begin_reading(self, now: int, seen: dict[tuple[str, int], _Thread]) -> None:
        self._credit = (
            min(_BURST_NS, self._credit + (now - self._previous) * _SHARE) if self._previous else self._credit
        )
        self._previous = now
        if self._reading is not None or self._credit <= 0:
            return
        due = [
            (thread.next_stack, path, thread)
            for (path, _), thread in seen.items()
            if now - thread.turn.since >= self._first_stack
            and now >= thread.next_stack
            and thread.stacks < _MOST_STACKS
        ]
        for _, path, thread in sorted(due, key=lambda entry: entry[0]):
            if self._live.is_recording(path):
                self._wanted = True
                self._reading = self._start(now, thread, seen.values())
                return

    def _start(self, now: int, thread: _Thread, seen: Iterable[_Thread]) -> _Reading | None:
        long = {
            other: other.turn
            for other in seen
            if other.pid == thread.pid and now - other.turn.since >= min(self._first_stack, now - thread.turn.since)
        }
        for other in long:
            other.stacks += 1
            other.next_stack = now + int(other.gap)
            other.gap *= _GROWTH
        if self._program is None:
            return None
        try:
            return _Reading(pyspy.Reading(self._program, thread.pid, now), long)
        except OSError as error:
            self._failed = error.strerror or str(error)
            return None

    def _finish_reading(self, now: int, seen: list[_Thread]) -> None:
        reading = self._reading
        if reading is None:
            return
        stacks = reading.process.poll(now)
        if stacks is None:
            return
        self._reading = None
        self._credit -= reading.process.cpu_ns
        self._failed = reading.process.error or self._failed
        self._read_any = self._read_any or bool(stacks)
        # What ran when it began and runs still ran all the while; of the rest nobody knows which turn the stack is of.
        still = {thread.turn.tid for thread in seen if reading.turns.get(thread) == thread.turn}
        for stack in stacks if still else ():
            if stack.tid in still or stack.holds_gil:
                self._journal.stack(now, reading.process.pid, stack)


class _Reading(NamedTuple):
    """A reading of stacks that goes on, and what ran when it began."""

    process: pyspy.Reading
    turns: dict[_Thread, Turn]
