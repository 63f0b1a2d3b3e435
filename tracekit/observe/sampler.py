"""Observer: while an event loop is blocked, sees what its thread does and where in the code it is. From outside: the traced
process does nothing for it, is not stopped, and its GIL is not needed. Knows how to look and what is worth writing down.

Of a thread that runs a step or a callback its times are read at each look. They are written down only once the step has
become long; then its stack is read too, again and again at growing intervals.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tracekit.observe import procfs, pyspy
from tracekit.observe.journal import Journal
from tracekit.observe.live import Live, Running
from tracekit.observe.tails import Turn
from tracekit.spool.limits import Limits

LONG_NS = 10_000_000  # no step is worth a line before
_SAMPLES_PER_AGE = 100  # of one step: a step of an hour is not sampled a hundred times a second
_MOST_STACKS = 30  # of one step
_FIRST_GAP_NS = 20_000_000
_GROWTH = 1.4  # of the time between two stacks
_SHARE = 0.1  # of a processor, for reading stacks
_BURST_NS = 500_000_000  # of processor time, after a while without
_MOST_THREADS = 200  # each keeps two files open


class _Sample(NamedTuple):
    time: int
    times: procfs.Times
    call: bytes


class _Thread:
    """A thread that runs a loop, and the step or callback that it was seen to run last."""

    def __init__(self, pid: int, tid: int) -> None:
        self.pid = pid
        self.files = procfs.ThreadFiles(pid, tid)
        self.begin(Turn(tid, -1, 0))

    def begin(self, turn: Turn) -> None:
        """Another turn has begun."""
        self.turn = turn
        self.kept: list[_Sample] = []
        self.next_sample = 0
        self.stacks = 0
        self.gap = float(_FIRST_GAP_NS)
        self.next_stack = 0


class Observer:
    """Looks at what the loops of a session's processes run.

    Args:
        directory: of the session, absolute.
        live: the session.
        threshold: ns; a step longer than this is a block.
        limits: of the session.
    """

    def __init__(self, directory: str, live: Live, threshold: int, limits: Limits) -> None:
        self._directory = directory
        self._live = live
        self._first_stack = max(LONG_NS, threshold * 2 // 5)
        self._limits = limits
        self._journal: Journal | None = None
        self._broken = False
        self._threads: dict[tuple[str, int], _Thread] = {}
        self._gil: dict[str, range] = {}  # by the path of the spool
        self._program = pyspy.executable()
        self._reading: _Reading | None = None
        self._credit = float(_BURST_NS)  # ns of processor time
        self._previous = 0
        self._read_any = False
        self._failed = "" if self._program else "py-spy is not installed"
        self._hidden = ""

    def look(self, running: Iterable[Running], now: int) -> None:
        """Look at the threads that run something.

        Args:
            running: what `live` saw just now.
            now: CLOCK_MONOTONIC, ns, from before that.
        """
        running = list(running)
        if len(self._threads) >= _MOST_THREADS:
            self._let_go(self._threads.keys() - {(path, turn.tid) for _, path, turn in running})
        seen: list[tuple[str, _Thread]] = []
        for pid, path, turn in running:
            thread = self._thread(pid, path, turn.tid)
            if thread is not None:
                if thread.turn.slot != turn.slot:
                    thread.begin(turn)
                self._sample(path, thread, now)
                seen.append((path, thread))
        self._finish_reading(now, [thread for _, thread in seen])
        self._begin_reading(now, seen)
        if len(self._threads) > len(seen):
            self._forget()

    def close(self) -> None:
        """The session is over."""
        if self._reading is not None:
            self._reading.process.abandon()
        sentences = []
        if self._failed and not self._read_any and self._journal is not None:
            sentences.append(
                f"no stack could be read while an event loop was blocked ({self._failed}): "
                "`tracekit doctor` says what to do about it"
            )
        if self._hidden:
            sentences.append(
                f"what blocked loops waited for in the kernel is not known ({self._hidden}): "
                "`tracekit doctor` says what to do about it"
            )
        if self._journal is not None:
            self._journal.note(sentences)
            self._journal.close()
        for thread in self._threads.values():
            thread.files.close()

    # Samples.

    def _thread(self, pid: int, path: str, tid: int) -> _Thread | None:
        thread = self._threads.get((path, tid))
        if thread is None and len(self._threads) < _MOST_THREADS:
            try:
                thread = self._threads[path, tid] = _Thread(pid, tid)
            except OSError:  # it is gone
                return None
        return thread

    def _sample(self, path: str, thread: _Thread, now: int) -> None:
        if now < thread.next_sample:
            return
        age = now - thread.turn.since
        thread.next_sample = now + age // _SAMPLES_PER_AGE
        try:
            thread.kept.append(_Sample(now, thread.files.times(), thread.files.call()))
        except (OSError, ValueError):  # it is gone, and another one may have its tid
            self._let_go([(path, thread.turn.tid)])
            return
        if age >= LONG_NS and self._live.is_recording(path):
            self._write(path, thread)

    def _write(self, path: str, thread: _Thread) -> None:
        if path not in self._gil:
            self._gil[path] = procfs.gil_addresses(thread.pid)
        journal = self._opened()
        if journal is None:
            return
        for time, times, call in thread.kept:
            journal.sample(time, thread.pid, thread.turn.tid, procfs.state(call, self._gil[path]), times)
        thread.kept.clear()
        self._hidden = self._hidden or thread.files.hidden

    def _opened(self) -> Journal | None:
        if self._journal is None and not self._broken:
            try:
                self._journal = Journal(self._directory, self._limits)
            except OSError:  # no room, or the session is over
                self._broken = True
        return self._journal

    def _forget(self) -> None:
        """Let go of the threads of processes that are gone."""
        gone = [key for key in self._threads if key[0] not in self._live.tails]
        self._let_go(gone)
        for path, _ in gone:
            self._gil.pop(path, None)

    def _let_go(self, threads: Iterable[tuple[str, int]]) -> None:
        for key in threads:
            self._threads.pop(key).files.close()

    # Stacks.

    def _begin_reading(self, now: int, seen: list[tuple[str, _Thread]]) -> None:
        self._credit = (
            min(_BURST_NS, self._credit + (now - self._previous) * _SHARE) if self._previous else self._credit
        )
        self._previous = now
        if self._reading is not None or self._program is None or self._credit <= 0:
            return
        due = [
            (thread.next_stack, path, thread)
            for path, thread in seen
            if now - thread.turn.since >= self._first_stack
            and now >= thread.next_stack
            and thread.stacks < _MOST_STACKS
        ]
        for _, path, thread in sorted(due, key=lambda entry: entry[0]):
            if self._live.is_recording(path):
                self._reading = self._start(self._program, now, thread, [other for _, other in seen])
                return

    def _start(self, program: str, now: int, thread: _Thread, seen: list[_Thread]) -> _Reading | None:
        long = {
            other: other.turn
            for other in seen
            if other.pid == thread.pid and now - other.turn.since >= min(self._first_stack, now - thread.turn.since)
        }
        for other in long:
            other.stacks += 1
            other.next_stack = now + int(other.gap)
            other.gap *= _GROWTH
        try:
            return _Reading(pyspy.Reading(program, thread.pid, now), long)
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
        journal = self._opened() if still else None
        if journal is not None:
            for stack in stacks:
                if stack.tid in still or stack.holds_gil:
                    journal.stack(now, reading.process.pid, stack)


class _Reading(NamedTuple):
    """A reading of stacks that goes on, and what ran when it began."""

    process: pyspy.Reading
    turns: dict[_Thread, Turn]
