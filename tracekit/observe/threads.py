"""Thread: one thread that is looked at again and again, and what of that is worth a record. Knows no other thread.

Written is what changes: the first look at something new, and before it the last one at which all was as before, so that what
lies between two records is never misread. As long as a thread has not run, which its times tell, it is in the call in which it
was, or ready to leave it: so its call is not read at each of many looks.
"""

from __future__ import annotations

from os import pread

from tracekit import events
from tracekit.clock import monotonic_ns
from tracekit.observe import procfs
from tracekit.observe.gil import FREE, HELD, UNTOLD
from tracekit.observe.journal import Journal
from tracekit.observe.runtime import Runtime

# Between two readings of the call of a thread that has not run meanwhile: one part of so many of the time for which it waits.
_CALL_SHARE = 8
_CALL_NS, _MOST_CALL_NS = 5_000_000, 25_000_000  # at least, at most
_TICK_NS = 10_000_000  # so long a thread may run before the kernel counts it
_AGAIN_NS = 1_000_000_000  # what stays the same is written again after so long,
_PATIENCE = 16  # and then after one part of so many of the time for which it has been so
_INVOLUNTARY_NS = 1_000_000_000
_LOOKS = {HELD: 1 << 32, FREE: 1, UNTOLD: 0}
_NOT_COUNTED = b"0 0 0"
_ANOTHER = b"?"


class Thread:
    """One thread, from when it was first seen.

    Args:
        pid, tid: of the thread.
        tasks: of its process, see procfs.open_tasks; stays open as long as the thread is looked at.
        journal: where it is written.
        often: whether what stays the same is to be written again each second, however long it has been so.

    Attributes:
        hidden: why it is not told what it waits for; "" where it is.
        state: one of events.STATES, or 0; as of the last look.

    Raises:
        OSError: there is no such thread, or too many files are open.
    """

    __slots__ = (
        "_again",
        "_call",
        "_changed",
        "_counts",
        "_fd",
        "_files",
        "_journal",
        "_looks",
        "_next_call",
        "_next_involuntary",
        "_often",
        "_pid",
        "_said",
        "_tasks",
        "_tid",
        "_times",
        "_told",
        "_unchanged",
        "state",
    )

    def __init__(self, pid: int, tid: int, tasks: int, journal: Journal, often: bool) -> None:
        self._files = procfs.ThreadFiles(tid, tasks)
        self._fd = self._files.times
        self._pid = pid
        self._tid = tid
        self._tasks = tasks
        self._journal = journal
        self._often = often
        self._said = b""
        self._call = _ANOTHER
        self._counts = False
        self._times = procfs.Times(0, 0, 0)
        self.state = 0
        self._changed = self._unchanged = self._told = self._again = 0
        self._next_call = self._next_involuntary = 0
        self._looks = 0  # at it while it ran, as events.GIL_LOOKS

    @property
    def hidden(self) -> str:
        return self._files.hidden

    @property
    def is_counted(self) -> bool:
        """Whether the kernel counts for how long threads run."""
        return self._counts

    def look(self, runtime: Runtime) -> None:
        """Look at it once.

        Args:
            runtime: of its process.

        Raises:
            OSError: it is gone.
            ValueError: what is read cannot be.
        """
        # The times first: what is read after them is at least as new, and if it is newer, the next times tell so.
        said = pread(self._fd, procfs.MOST, 0)
        now = monotonic_ns()
        if said == self._said and self._counts:
            if self.state == events.STATE_RUNNING:
                # It still runs, or waits for a processor: for how long the kernel has not counted yet.
                self._looks += self._gil_look(runtime, now)
                return
            if now < self._next_call:
                self._unchanged = now
                return
        call = self._files.read_call()
        state = self.state if call == self._call else self._state(call, runtime, now)
        self._call = call
        if said == self._said and state == self.state:
            self._looks += self._gil_look(runtime, now) if state == events.STATE_RUNNING else 0
            self._next_call = now + max(_CALL_NS, min(_MOST_CALL_NS, (now - self._changed) // _CALL_SHARE))
            self._stay(now)
            return
        self._next_call = now + _CALL_NS
        self._tell_unchanged()
        if said != self._said:
            self._times = procfs.times_in(said)
            self._counts = not said.startswith(_NOT_COUNTED)
            self._said = said
        self.state = state
        self._changed = now
        if state == events.STATE_RUNNING:
            self._looks += self._gil_look(runtime, now)
        self._tell(now)

    def reconsider(self) -> None:
        """What it waits for may be something else than was thought; to be found out at the next look."""
        self._call = _ANOTHER
        self._next_call = 0

    def end(self) -> None:
        """It is gone, or nobody wants to know more: write down what is known, and let go of its files."""
        self._tell_unchanged()
        self._files.close()

    def _state(self, call: bytes, runtime: Runtime, now: int) -> int:
        state = procfs.state(call, runtime.gils)
        if runtime.has_more and state in (events.STATE_LOCK, events.STATE_GIL):
            address = procfs.waits_at(call)
            if address and address not in runtime.main and runtime.refresh(now):
                return procfs.state(call, runtime.gils)
        return state

    def _gil_look(self, runtime: Runtime, now: int) -> int:
        """Whether it has the GIL, as it runs: one look, as events.GIL_LOOKS; 0 where that is not told."""
        gil = runtime.gil
        return 0 if gil is None else _LOOKS[gil.held_by(self._tid, now)]

    def _stay(self, now: int) -> None:
        """All is as it was."""
        if self.state or now - self._changed > _TICK_NS:  # otherwise it may be on a processor
            self._unchanged = now
        if now >= self._again:
            self._tell(now)

    def _tell_unchanged(self) -> None:
        if self._unchanged > self._told:
            self._journal.sample(self._unchanged, self._pid, self._tid, self.state, self._times)

    def _tell(self, now: int) -> None:
        taken = None
        if now >= self._next_involuntary:
            self._next_involuntary = now + _INVOLUNTARY_NS
            taken = procfs.involuntary(self._tid, self._tasks)
        self._journal.sample(now, self._pid, self._tid, self.state, self._times, taken, self._looks)
        self._looks = 0
        self._told = self._unchanged = now
        self._again = now + (_AGAIN_NS if self._often else max(_AGAIN_NS, (now - self._changed) // _PATIENCE))
