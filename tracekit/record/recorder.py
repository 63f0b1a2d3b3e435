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

from tracekit import events
from tracekit.clock import monotonic_ns
from tracekit.record.arguments import Details
from tracekit.spool import layout
from tracekit.spool.buffer import MOST_DETAILS, Block, scratch, take
from tracekit.spool.file import NoRoom, SpoolFile
from tracekit.spool.names import Names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

current: Recorder | None = None


class Recorder:
    """The recording of one process in one session.

    Args:
        directory: of the session, absolute.
        max_bytes: cap on this process's spool, 0 for none.
        fork: serial of the fork that made this process, or 0.
        late: the session began after the process did.

    Raises:
        OSError: the spool cannot be made.
    """

    def __init__(self, directory: str, max_bytes: int = 0, fork: int = 0, late: bool = False) -> None:
        self.directory = directory
        self.max_bytes = max_bytes
        self.pid = os.getpid()
        self.spool = SpoolFile(directory, fork, max_bytes)
        self.names = Names(self.spool)
        self.intern = self.names.intern
        self._late = late
        self._lock = RLock()
        self._serials: dict[str, int] = {}
        self._thread = _local()
        self._out_of_room = False

    def begin(self, name: str, details: Details | None = None) -> int:
        """Begin a span on this thread; returns the slot that `end` must be given."""
        return self.write(events.SPAN_BEGIN, self.intern(name), 0, details)

    def end(self, name: str, slot: int, error: BaseException | None = None) -> None:
        """End the span that began at `slot`, on whatever thread this is."""
        details = None if error is None else [(events.ERROR, self.intern(type(error).__name__))]
        self.write(events.SPAN_END, self.intern(name), slot, details)

    def write(self, kind: int, a: int = 0, b: int = 0, details: Details | None = None) -> int:
        """Write one event with the time of now; returns its slot number.

        Args:
            kind, a, b: as events.py says.
            details: words and payloads that follow it; at most MOST_DETAILS are kept.
        """
        try:
            block = self._thread.block
        except AttributeError:
            block = self.begin_thread()
        if details is None:
            index = block.index
            if index >= block.limit:
                block = self._turn(block)
                index = block.index
            block.index = index + 2
            words = block.words
        else:
            del details[MOST_DETAILS:]
            size = 2 + 2 * len(details)
            index = block.index
            if index + size > block.limit:
                block = self._turn(block)
                index = block.index
            block.index = index + size
            words = block.words
            at = index + 2
            for word, payload in details:
                words[at] = payload
                words[at + 1] = word
                at += 2
        words[index] = monotonic_ns()
        words[index + 1] = kind | a << 8 | b << 32
        return block.base + (index >> 1)

    def begin_thread(self, serial: int = 0, name: str = "") -> Block:
        """Give the calling thread its first block, and say who it is.

        Args:
            serial, name: of a thread that was seen to be started; without them it is one that was there before.
        """
        # First a scratch block, so that whatever records while we are in here (a garbage collection) finds one.
        self._thread.block = scratch()
        tid = get_native_id()
        late = not serial and (self._late or tid != self.pid)
        if not serial:
            serial, name = self.serial("thread"), _thread_name(get_ident(), tid == self.pid)
        self._thread.serial = serial
        self._thread.tid = tid
        self._thread.name = name
        block = self._turn(None)
        self.write(events.THREAD_BEGIN, self.intern(name), serial, [(events.LATE, 0)] if late else None)
        return block

    def end_thread(self, name: str) -> None:
        """Say that the calling thread ends, and what it was called in the end."""
        thread = self._thread
        if getattr(thread, "block", None) is None:
            return
        if name != thread.name:
            self.write(events.THREAD_NAME, self.intern(name), thread.serial)
        self.write(events.THREAD_END, 0, thread.serial)

    def serial(self, kind: str) -> int:
        """The next number for one kind of thing in this process, from 1."""
        with self._lock:
            number = self._serials.get(kind, 0) + 1
            self._serials[kind] = number
            return number

    def note(self, text: str) -> None:
        """Leave a word for the user in the trace, and say it on stderr at once."""
        self.write(events.NOTE, self.intern(text))
        tell(text)

    def finish(self) -> None:
        """Write the process's last word. What is recorded after it (daemon threads) still counts."""
        self.write(events.PROCESS_END)
        if not self._out_of_room:
            self.spool.finish(layout.ENDED_NORMALLY)

    def abandon(self) -> None:
        """Send all that is still written through this recorder to nowhere: the session is over, or the process is a fork."""
        self._thread = _Nowhere()  # type: ignore[assignment]

    def _turn(self, block: Block | None) -> Block:
        """The thread's next block; a scratch block once there is no room."""
        if block is not None and not block.real:
            fresh = scratch()
            if self._out_of_room:
                self.spool.count_dropped(fresh.limit // 2)
        else:
            try:
                fresh = take(self.spool, self._thread.serial, self._thread.tid)
            except NoRoom as reason:
                fresh = scratch()
                self._run_out_of_room(*reason.args)
        self._thread.block = fresh
        return fresh

    def _run_out_of_room(self, ended: int, why: str) -> None:
        if not self._out_of_room:
            self._out_of_room = True
            self.spool.finish(ended)
            tell(f"process {self.pid} stops recording: {why}; the program goes on, the trace ends here")


class _Nowhere:
    """Stands in for the threads of an abandoned recorder: every block is a scratch block."""

    serial = 0
    tid = 0
    name = ""

    @property
    def block(self) -> Block:
        return scratch()


def tell(text: str) -> None:
    """Say something to the user, once, on stderr, whatever state that is in."""
    try:
        sys.stderr.write(f"tracekit: {text}\n")
        sys.stderr.flush()
    except Exception:  # no stderr, or a program's own that fails: the watcher stays silent
        pass


def start(directory: str, max_bytes: int = 0, late: bool = False) -> Recorder:
    """Begin to record this process into a session's directory.

    Args:
        directory, max_bytes, late: as for Recorder.

    Raises:
        OSError: the spool cannot be made.
    """
    global current
    recorder = Recorder(directory, max_bytes, late=late)
    _describe_process(recorder)
    current = recorder
    _watch_forks()
    return recorder


def stop() -> None:
    """End the recording of this process, if there is one."""
    global current
    recorder = current
    current = None
    if recorder is not None:
        recorder.finish()
        recorder.abandon()


_after_fork: list[Callable[[], None]] = []


def after_fork_in_child(callback: Callable[[], None]) -> None:
    """Have something done in each child that is made by a fork, once its own recorder is there."""
    if callback not in _after_fork:
        _after_fork.append(callback)


_forks_watched = False
_fork = 0
spawning = False  # a C function is about to fork and exec: the child must not open a spool of its own


def _watch_forks() -> None:
    # What os.register_at_fork takes, it keeps for good; without a session the functions do nothing.
    global _forks_watched
    if not _forks_watched and hasattr(os, "register_at_fork"):
        _forks_watched = True
        os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)


def _before_fork() -> None:
    global _fork
    if current is not None and not spawning:
        _fork = current.serial("fork")
        current.write(events.PROCESS_FORK, 0, _fork)


def _after_fork_in_child() -> None:
    global current
    parent = current
    if parent is None:
        return
    current = None
    parent.abandon()
    if spawning:
        return
    try:
        recorder = Recorder(parent.directory, parent.max_bytes, fork=_fork)
        _describe_process(recorder)
    except OSError as error:
        tell(f"process {os.getpid()} is not recorded: {error}")
        return
    current = recorder
    for callback in _after_fork:
        callback()


def _describe_process(recorder: Recorder) -> None:
    argv: Sequence[str] = getattr(sys, "orig_argv", None) or getattr(sys, "argv", None) or [sys.executable or "python"]
    command = " ".join(argv)
    details: Details = [
        (events.ARG_TEXT | recorder.intern(key) << 8, recorder.intern(text))
        for key, text in (
            ("command", command),
            ("python", ".".join(map(str, sys.version_info[:3]))),
            ("executable", sys.executable or ""),
        )
    ]
    if recorder._late:
        details.append((events.LATE, 0))
    recorder.write(events.PROCESS_BEGIN, recorder.intern(_program_name(argv)), 0, details)


def _program_name(argv: Sequence[str]) -> str:
    """What a user would call this process: the script, the module, or the program itself."""
    rest = iter(argv[1:])
    for word in rest:
        if word in ("-m", "-c"):
            return f"{word} {next(rest, '')}"[:60]
        if word in ("-W", "-X"):
            next(rest, "")
        elif not word.startswith("-"):
            return os.path.basename(word)
    return os.path.basename(argv[0])


def _thread_name(ident: int, main: bool) -> str:
    threading = sys.modules.get("threading")
    thread = getattr(threading, "_active", {}).get(ident)
    if thread is not None:
        return str(thread.name)
    return "MainThread" if main else "Thread"
