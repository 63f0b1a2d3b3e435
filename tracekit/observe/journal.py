"""Journal: the spool in which an observer writes down what it sees. Knows the records, and not how they are come by."""

from __future__ import annotations

from collections.abc import Iterable

from tracekit import clock, events
from tracekit.observe.procfs import Times
from tracekit.observe.pyspy import Stack
from tracekit.spool import layout
from tracekit.spool.buffer import Buffer, scratch
from tracekit.spool.file import SpoolFile
from tracekit.spool.limits import Limits, NoRoom
from tracekit.spool.names import Names

_MOST_BYTES = 256 << 20  # days of blocks
_MOST_FLIGHT = 8 << 20
_MOST_FRAMES = 200  # the innermost
_OWNER = 1


class Journal:
    """Writes what is seen of a session's processes into the session. To be used by one thread only.

    Args:
        directory: of the session, absolute.
        limits: of the session; a flight recorder's journal keeps its last part, too.

    Raises:
        OSError: the spool cannot be made.
    """

    def __init__(self, directory: str, limits: Limits) -> None:
        if limits.is_flight:
            size = min(limits.flight_bytes, _MOST_FLIGHT)
            own = Limits(min(limits.max_bytes or _MOST_FLIGHT, _MOST_FLIGHT), limits.flight_ns, size)
        else:
            own = Limits(min(limits.max_bytes or _MOST_BYTES, _MOST_BYTES))
        self._spool = SpoolFile(directory, limits=own)
        self._spool.header[layout.H_OBSERVER] = 1
        self._names = Names(self._spool, self._run_out_of_room)
        self._time = 0
        self._buffer = Buffer(self._refill, lambda: self._time)

    def sample(self, time: int, pid: int, tid: int, state: int, times: Times) -> None:
        """Write down what a thread did at a time (CLOCK_MONOTONIC, ns); `state` is one of events.STATES, or 0."""
        self._time = time
        details = [(events.PID, pid), (events.ON_CPU, times.on_cpu), (events.RUN_QUEUE, times.run_queue)]
        self._buffer.write(events.SAMPLE, state, tid, details)

    def stack(self, time: int, pid: int, stack: Stack) -> None:
        """Write down where a thread was."""
        self._time = time
        intern = self._names.intern
        details = [(events.PID, pid)]
        details += [(events.FRAME, intern(layout.code_text(*frame))) for frame in stack.frames[:_MOST_FRAMES]]
        self._buffer.write(events.STACK, int(stack.holds_gil), stack.tid, details)

    def note(self, sentences: Iterable[str]) -> None:
        """Leave words for the user in the trace."""
        self._time = clock.monotonic_ns()
        for sentence in sentences:
            self._buffer.write(events.NOTE, self._names.intern(sentence))

    def close(self) -> None:
        """Write no more."""
        self._spool.finish(layout.ENDED_NORMALLY)
        self._buffer.close()

    def _refill(self, full: object) -> None:
        try:
            room = self._spool.take_block(layout.BLOCK_RECORDS, _OWNER)
        except NoRoom:
            room = scratch()
        self._buffer.give(*room, full)

    def _run_out_of_room(self, _ended: int, _why: str) -> None:
        """What has no room is not seen; the recording itself says that there is none."""
