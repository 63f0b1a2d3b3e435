"""Recorder: writes the events of this process into its spool, each thread into blocks of its own. Knows no hook and no trace.

`current` is the recorder of the running session, or None. Whoever records asks for it each time, so that one assignment
turns everything on or off:

    recorder = recorder_module.current
    if recorder is not None:
        recorder.write(events.GC_BEGIN, generation)
"""

from __future__ import annotations

import os
import sys
from _thread import RLock, _local, get_ident, get_native_id
from itertools import count

from tracekit import events
from tracekit.record import open_spans, permission
from tracekit.record.program import command, process_details, program_name, thread_name
from tracekit.record.thread_end import ThreadEnd
from tracekit.spool import core, layout, texts
from tracekit.spool.buffer import scratch
from tracekit.spool.file import SpoolFile
from tracekit.spool.kernel_files import is_there
from tracekit.spool.limits import Limits, NoRoom

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from tracekit.spool.buffer import Details
    from tracekit.spool.limits import Room

_MOST_SAID = 100

spans: Any = open_spans if core.core.fast is None else core.core.fast  # which are open: see open_spans.py

current: Recorder | None = None


class Recorder:
    """The recording of one process in one session.

    Args:
        directory: of the session, absolute.
        limits: how much is kept; default all.
        fork: serial of the fork that made this process, or 0.
        late: the session began after the process did.
        parent: the pid of who forked it, which may have gone already; 0: ask the kernel.

    Raises:
        OSError: the spool cannot be made.
    """

    def __init__(
        self, directory: str, limits: Limits | None = None, fork: int = 0, late: bool = False, parent: int = 0
    ) -> None:
        self.directory = directory
        self.limits = limits or Limits()
        self.pid = os.getpid()
        self.buffer = core.Buffer(self._refill)
        self.spool = SpoolFile(directory, fork, self.limits, self.buffer.clock, core.pair, parent)
        self.names = core.Names(self.spool, self._run_out_of_room)
        # Write one record: see Buffer.write. And the ids of texts: see Names.
        self.write = self.buffer.write
        self.intern = self.names.intern
        self.recall = self.names.recall
        self._late = late
        self._lock = RLock()
        self._serials: dict[str, Iterator[int]] = {}
        self._thread = _local()
        self._out_of_room = False
        self._said: set[str] = set()
        self._told_short = False
        self._told_missing = False
        self.abandoned = False
        # Called with the reason when a dump is asked for and nobody watches who would make it; see sessions.py.
        self.make_dump: Callable[[str], None] | None = None
        # Called before the last word: whoever records elsewhere what belongs to this process.
        self.before_finish: Callable[[], None] | None = None

    def write_named(self, kind: int, name: str, b: int = 0, details: Details | None = None) -> int:
        """Write one record whose field `a` is a name, or that has its name beside it; returns its slot number."""
        number = self.recall(name)
        if not number:
            details = texts.encode(events.NAME, 0, name) + (details or [])
        return self.write(kind, number, b, details)

    def begin(self, name: str, details: Details | None = None) -> int:
        """Begin a span on this thread; returns the slot that `end` must be given."""
        slot = self.write_named(events.SPAN_BEGIN, name, 0, details)
        spans.begun(slot, name)
        return slot

    def end(self, slot: int, error: BaseException | None = None) -> None:
        """End the span that began at `slot`, on whatever thread this is."""
        details = None if error is None else [(events.ERROR, self.intern(_class_name(error)))]
        self.write(events.SPAN_END, 0, slot, details)
        spans.ended(slot)

    def suspend(self, slot: int) -> None:
        """What runs until `resume` is not part of the span that began at `slot`: a generator's has yielded."""
        self.write(events.SPAN_SUSPEND, 0, slot)
        spans.ended(slot)

    def resume(self, slot: int, name: str) -> None:
        """That span goes on."""
        self.write(events.SPAN_RESUME, 0, slot)
        spans.begun(slot, name)

    def begin_thread(self, serial: int = 0, name: str = "", thread: Any = None) -> None:
        """Give the calling thread its first block, and say who it is.

        Args:
            serial, name: of a thread that was seen to be started; without them it is one that was there before.
            thread: its Thread object, to be asked for its name again when it ends.
        """
        local = self._thread
        if self.abandoned:
            self.buffer.give(*scratch())
            return
        if getattr(local, "end", None) is not None:
            # It has begun already: something recorded on it before its name was known, or it only plays a thread
            # (a greenlet that calls itself one runs on a thread that is there).
            if local.end.tid != self.pid:
                local.end.thread = thread
            return
        # First a scratch block, so that whatever records while we are in here (a garbage collection) finds one.
        first = self.buffer.give(*scratch())
        tid = get_native_id()
        late = not serial and (self._late or tid != self.pid)
        if not serial:
            serial, name = self.serial("thread"), thread_name(get_ident(), tid == self.pid)
        end = local.end = ThreadEnd(self, serial, tid, name, thread)
        end.handle = self.buffer.give(*self._take(end), first)
        self._introduce(end, late)

    def _introduce(self, thread: ThreadEnd, late: bool) -> None:
        thread.is_known = not thread.missing
        self.write_named(events.THREAD_BEGIN, thread.name, thread.serial, [(events.LATE, 0)] if late else None)

    def describe_process(self) -> None:
        """Write the record that says what runs here."""
        words = command()
        details = process_details(words, self.intern)
        if self._late:
            details.append((events.LATE, 0))
        self.write(events.PROCESS_BEGIN, self.intern(program_name(words)), 0, details)

    def knows_thread(self) -> bool:
        """Whether the calling thread has said who it is, or can: one that `threading` is still starting cannot yet."""
        if getattr(self._thread, "end", None) is not None:
            return True
        return get_ident() in getattr(sys.modules.get("threading"), "_active", {get_ident(): None})

    def thread_serial(self) -> int:
        """The serial of the calling thread, which begins now if it has not yet; 0: the recording is over."""
        if getattr(self._thread, "end", None) is None:
            self.begin_thread()
        end = getattr(self._thread, "end", None)
        return 0 if end is None else int(end.serial)

    def serial(self, kind: str) -> int:
        """The next number for one kind of thing in this process, from 1."""
        with self._lock:
            return next(self.serials(kind))

    def serials(self, kind: str) -> Iterator[int]:
        """Where the numbers for one kind of thing come from."""
        return self._serials.setdefault(kind, count(1))

    def note_once(self, text: str) -> None:
        """Leave a word that may come up again and again, the first time only."""
        if text not in self._said and len(self._said) < _MOST_SAID:
            self._said.add(text)
            self.note(text)

    def note(self, text: str) -> None:
        """Leave a word for the user in the trace, and say it on stderr at once."""
        self.write(events.NOTE, self.intern(text))
        tell(text)

    def ask_for_dump(self, reason: str) -> None:
        """Have what a flight recorder holds written out, while the program goes on.

        Args:
            reason: why, in a few words that are the same each time.
        """
        self.spool.ask_for_dump(self.intern(reason))
        if self.make_dump is not None:
            self.make_dump(reason)

    def finish(self) -> None:
        """Write the process's last word. What is recorded after it (daemon threads) still counts."""
        if self.before_finish is not None:
            self.before_finish()
        self.write(events.PROCESS_END)
        if not self._out_of_room:
            self.spool.finish(layout.ENDED_NORMALLY)

    def abandon(self) -> None:
        """Send all that is still written through this recorder to nowhere: the session is over, or the process is a fork."""
        self.abandoned = True
        self.buffer.close()
        self._thread = _local()  # what it held for each thread goes
        self.names.abandon()

    def _refill(self, full: object) -> None:
        """Give the calling thread a block: its first one, or the one after the full one."""
        thread = getattr(self._thread, "end", None)
        if self.abandoned:
            self.buffer.give(*scratch(), full)
        elif thread is None:
            self.begin_thread()
        else:
            missing = thread.missing
            thread.handle = self.buffer.give(*self._take(thread), full)
            if missing and not thread.missing:
                self._come_back(thread, missing)
            if self.spool.flight is not None and self.spool.flight.is_short and not self._told_short:
                self._told_short = True
                self._say_short()

    def _take(self, thread: ThreadEnd) -> Room:
        """Room for a thread; where there is none it is a scratch block, and what may fill it is counted as lost."""
        if thread.has_room:
            try:
                room = self.spool.take_block(layout.BLOCK_RECORDS, thread.serial | thread.tid << 32)
                thread.missing = ""
                return room
            except NoRoom as reason:
                ended, thread.missing = reason.args
                thread.has_room = ended == layout.ENDED_NOT
                self._run_out_of_room(ended, thread.missing)
        self.spool.count_dropped(layout.BLOCK_SLOTS - layout.BLOCK_HEAD_SLOTS)
        return scratch()

    def _come_back(self, thread: ThreadEnd, missing: str) -> None:
        """Go on with a thread of which nothing was kept for a while."""
        if not thread.is_known:
            self._introduce(thread, late=True)
        note = f"records are missing in between: {missing}"
        if note not in self._said:
            self._said.add(note)
            self.write(events.NOTE, self.intern(note))

    def _say_short(self) -> None:
        if is_there(self.directory):  # else the session is over, and nobody waits for what is kept
            why = self.spool.stuck or "its file has reached its largest size"
            self.note(f"the last part that is kept is shorter than was asked for: {why}")

    def _run_out_of_room(self, ended: int, why: str) -> None:
        if self._out_of_room or (ended == layout.ENDED_NOT and self._told_missing):
            return
        self._told_missing = True
        if ended != layout.ENDED_NOT:
            self._out_of_room = True
            self.spool.finish(ended)
        if not is_there(self.directory):  # the session is over, and nobody waits for what is missing
            return
        if ended == layout.ENDED_NOT:
            tell(f"process {self.pid} cannot record everything: {why}; until that is over its records are missing")
        else:
            tell(f"process {self.pid} stops recording: {why}; the program goes on, the trace ends here")


def _class_name(error: BaseException) -> str:
    try:
        return str(type(error).__name__)
    except Exception:  # a metaclass may do anything; the program's own exception matters more
        return "?"


def tell(text: str) -> None:
    """Say something to the user, once, on stderr, whatever state that is in."""
    try:
        sys.stderr.write(f"tracekit: {text}\n")
        sys.stderr.flush()
    except Exception:  # no stderr, or a program's own that fails: the watcher stays silent
        pass


def start(directory: str, limits: Limits | None = None, late: bool = False) -> Recorder:
    """Begin to record this process into a session's directory.

    Args:
        directory, limits, late: as for Recorder.

    Raises:
        OSError: the spool cannot be made.
    """
    recorder = Recorder(directory, limits, late=late)
    recorder.describe_process()
    _record_with(recorder)
    _watch_forks()
    return recorder


def stop() -> None:
    """End the recording of this process, if there is one."""
    recorder = current
    _record_with(None)
    if recorder is not None:
        recorder.finish()
        recorder.abandon()


def _record_with(recorder: Recorder | None) -> None:
    global current
    current = recorder
    spans.forget()
    if recorder is None:
        core.switch(None, None)
    else:
        core.switch(recorder.buffer, recorder.names)


_forks_watched = False


class _Here(_local):
    """What the calling thread is about to do; another thread may be about to do the other."""

    fork = 0  # serial of the fork
    forking = ""  # the program's line that forks, as layout.code_text, where a hook has seen it
    spawning = False  # a C function is about to fork and exec: the child must not open a spool of its own


here = _Here()


def _watch_forks() -> None:
    # What os.register_at_fork takes, it keeps for good; without a session the functions do nothing.
    global _forks_watched
    if not _forks_watched and hasattr(os, "register_at_fork"):
        _forks_watched = True
        os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)


def _before_fork() -> None:
    recorder = current
    if recorder is not None and not here.spawning:
        here.fork = recorder.serial("fork")
        place, here.forking = here.forking, ""
        recorder.write(events.PROCESS_FORK, 0, here.fork, [(events.CODE, recorder.intern(place))] if place else None)


def _after_fork_in_child() -> None:
    parent = current
    if parent is None:
        return
    _record_with(None)
    parent.abandon()
    if here.spawning:
        return
    try:
        recorder = Recorder(parent.directory, parent.limits, fork=here.fork, parent=parent.pid)
        recorder.make_dump = parent.make_dump
        recorder.describe_process()
    except FileNotFoundError:  # the session is over; a program that goes on without it is not to be bothered
        return
    except Exception as error:  # of the program's own, too, where it has replaced what we call
        tell(f"process {os.getpid()} is not recorded: {error}")
        return
    _record_with(recorder)
    permission.renew()
