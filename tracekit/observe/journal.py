"""Journal: the spool in which an observer writes down what it sees. Knows the records, and not how they are come by."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from tracekit import clock, events
from tracekit.observe.procfs import Times
from tracekit.observe.pyspy import Stack
from tracekit.observe.weights import Weight
from tracekit.spool import layout
from tracekit.spool.buffer import scratch
from tracekit.spool.file import SpoolFile
from tracekit.spool.limits import Limits, NoRoom
from tracekit.spool.names import Names

_MOST_BYTES = 256 << 20  # an hour or two of four threads that compute, looked at 100 times a second
_MOST_FLIGHT = 8 << 20
_MOST_FRAMES = 200  # the innermost
_OWNER = 1
_LAST_WORDS = 2  # of each block; they are kept free for one note
_FULL = (
    "what is seen of the program from outside has filled the room that there is for it: from then on no thread states and no "
    "stacks are known; a lower --rate lasts longer"
)
_WORD = 8  # bytes
_RECORD = struct.Struct("=2Q")
_SAMPLE = struct.Struct("=8Q")  # the details that each sample has


class Journal:
    """Writes what is seen of a session's processes into the session. To be used by one thread only.

    Args:
        directory: of the session, absolute.
        limits: of the session; a flight recorder's journal keeps its last part, too.

    Attributes:
        is_full: there is no room for more, and whatever is written is lost.

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
        self._full = self._names.intern(_FULL)  # now, while there is room
        self._words = memoryview(b"")
        self._at = self._limit = 0
        self._is_over = False
        self.is_full = False

    def sample(
        self, time: int, pid: int, tid: int, state: int, times: Times, involuntary: int | None = None, looks: int = 0
    ) -> None:
        """Write down what a thread did at a time (CLOCK_MONOTONIC, ns).

        Args:
            state: one of events.STATES, or 0.
            involuntary: how often a processor was taken from it; None where that was not asked.
            looks: as events.GIL_LOOKS; 0 for none.
        """
        size = 10 if involuntary is None else 12
        at = self._take(size + 2 if looks else size) * _WORD
        _SAMPLE.pack_into(
            self._words,
            at + 2 * _WORD,
            pid,
            events.PID,
            times.on_cpu,
            events.ON_CPU,
            times.run_queue,
            events.RUN_QUEUE,
            times.switches,
            events.SWITCHES,
        )
        if involuntary is not None:
            _RECORD.pack_into(self._words, at + 10 * _WORD, involuntary, events.INVOLUNTARY)
        if looks:
            _RECORD.pack_into(self._words, at + size * _WORD, looks, events.GIL_LOOKS)
        _RECORD.pack_into(self._words, at, time, events.SAMPLE | state << 8 | tid << 32)

    def weight(self, time: int, pid: int, weight: Weight) -> None:
        """Write down what a process weighed."""
        details = [(events.RSS, weight.rss)]
        if weight.pss is not None and weight.shared is not None:
            details += [(events.PSS, weight.pss), (events.SHARED, weight.shared)]
        if weight.peak is not None:
            details.append((events.PEAK, weight.peak))
        self._write(time, events.WEIGHT, 0, pid, details)

    def stack(self, time: int, pid: int, stack: Stack) -> None:
        """Write down where a thread was."""
        intern = self._names.intern
        details = [(events.PID, pid)]
        details += [(events.FRAME, intern(layout.code_text(*frame))) for frame in stack.frames[:_MOST_FRAMES]]
        active = events.STACK_ACTIVE if stack.active else events.STACK_IDLE
        self._write(time, events.STACK, events.STACK_GIL if stack.holds_gil else active, stack.tid, details)

    def process(self, time: int, pid: int, name: str, ppid: int, command: str) -> None:
        """Write down that there is a process."""
        details = [(events.PARENT, ppid), (events.COMMAND, self._names.intern(command))]
        self._write(time, events.SEEN_PROCESS, self._names.intern(name), pid, details)

    def thread(self, time: int, pid: int, tid: int, name: str, late: bool) -> None:
        """Write down that a process has a thread; `late`: that was there before anybody looked."""
        details = [(events.PID, pid)] + [(events.LATE, 1)] * late
        self._write(time, events.SEEN_THREAD, self._names.intern(name), tid, details)

    def gone(self, time: int, pid: int, tid: int) -> None:
        """Write down that a thread has ended."""
        self._write(time, events.GONE, 0, tid, [(events.PID, pid)])

    def note(self, sentences: Iterable[str]) -> None:
        """Leave words for the user in the trace."""
        for sentence in sentences:
            self._write(clock.monotonic_ns(), events.NOTE, self._names.intern(sentence))

    def close(self) -> None:
        """Write no more."""
        if not self._is_over:
            self._is_over = True
            self._spool.finish(layout.ENDED_NORMALLY)
        self._give_scratch()

    def _write(self, time: int, kind: int, a: int = 0, b: int = 0, details: Iterable[tuple[int, int]] = ()) -> None:
        details = list(details)
        at = self._take(2 + 2 * len(details)) * _WORD
        for number, (detail, payload) in enumerate(details, 1):
            _RECORD.pack_into(self._words, at + 2 * _WORD * number, payload, detail)
        # Last, and the time before the word that makes it a record: a kill leaves no half of one.
        _RECORD.pack_into(self._words, at, time, kind | a << 8 | b << 32)

    def _take(self, words: int) -> int:
        """Where in the block so many words may be written."""
        if self._at + words > self._limit:
            self._turn()
        at = self._at
        self._at = at + words
        return at

    def _turn(self) -> None:
        if self._is_over:
            self._give_scratch()
            return
        try:
            self._words, self._at, limit, _ = self._spool.take_block(layout.BLOCK_RECORDS, _OWNER)
            self._limit = limit - _LAST_WORDS
        except NoRoom as reason:
            if reason.args[0] != layout.ENDED_NOT and self._spool.flight is None:
                self._end()
            self._give_scratch()

    def _end(self) -> None:
        """Say that there is no more room, where room was kept free for that."""
        self.is_full = self._is_over = True
        if self._limit:
            _RECORD.pack_into(self._words, self._limit * _WORD, clock.monotonic_ns(), events.NOTE | self._full << 8)
        self._spool.finish(layout.ENDED_MAX_SIZE)

    def _give_scratch(self) -> None:
        self._words, self._at, self._limit, _ = scratch()

    def _run_out_of_room(self, _ended: int, _why: str) -> None:
        """What has no room is not seen; the recording itself says that there is none."""
