"""Calls: when the calls of this process are recorded, and where they go when it ends. Knows the recorder, and viztracer by name.

viztracer keeps calls in a ring in memory. They are written down when the recording ends, when the process does, also by os._exit,
before it becomes another program, and on SIGTERM; a process that is killed otherwise takes them along.
"""

from __future__ import annotations

import os
from _thread import RLock, _local, get_native_id

from tracekit import events
from tracekit.capture.settings import arguments
from tracekit.capture.viztracer import Viztracer, rival
from tracekit.record import recorder as recording
from tracekit.spool.core import core
from tracekit.spool.directory import calls_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

_SIFTING = {"max_stack_depth", "include_files", "exclude_files"}
_READINGS = 12  # of both clocks at a time; the tightest ones tell

_current: Calls | None = None  # who is told of forks
_forks_watched = False


class Calls:
    """The calls of this process: recorded while `begin` has been called more often than `end`, until `close`.

    Args:
        text: what viztracer is asked for, as settings.arguments reads it.
    """

    def __init__(self, text: str) -> None:
        self._arguments = arguments(text)
        self._lock = RLock()
        self._tracer: Viztracer | None = None
        self._recorder: recording.Recorder | None = None
        self._is_over = False
        self._is_writing = False
        self._deadly = 0  # the signal to die of, once what is being written is written
        self._begun = 0
        self._parts = 0
        self._here = _local()  # tid: by which viztracer knows the thread
        self._exits: list[tuple[str, Any, Any]] = []

    def begin(self) -> None:
        """Record calls from here on; may be called again before `end`, by any thread."""
        with self._lock:
            self._begun += 1
            if self._begun == 1 and not self._is_over:
                self._try(self._begin)

    def end(self) -> None:
        """Record them no longer, unless somebody else wants them."""
        with self._lock:
            self._begun = max(0, self._begun - 1)
            if not self._begun and self._tracer is not None:
                self._try(self._tracer.stop)

    def close(self) -> None:
        """End it for good, and write the calls down."""
        with self._lock:
            if not self._is_over:
                self._try(self._save)
                self._end()

    def write_on_sigterm(self) -> None:
        """Have the calls written where SIGTERM would end the process at once; it dies of that all the same.

        Only where the C core sees to it that it does: a handler in Python alone may never run (native/insist.c).
        """
        import signal

        try:
            if core.fast is not None and not self._is_over and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, self._die)
                core.fast.insist(signal.SIGTERM)
        except (ValueError, OSError):  # only the main thread may
            pass

    def _begin(self) -> None:
        recorder = recording.current
        if recorder is None:
            return
        other = rival()
        if other:
            raise RuntimeError(f"{other} profiles it already, by way of sys.monitoring")
        if self._tracer is None:
            self._tracer = Viztracer(self._arguments)
            self._watch_exits()
            _watch_forks(self)
        if self._recorder is None:
            self._join(recorder)
        self._tracer.start()

    def _join(self, recorder: recording.Recorder) -> None:
        self._recorder = recorder
        self._parts = 0
        recorder.before_finish = self.close
        self._read_clocks(events.CALLS_BEGIN)

    def _save(self) -> None:
        """Write down what there is; nothing is recorded then."""
        if self._tracer is None or self._recorder is None:
            return
        self._is_writing = True
        try:
            self._tracer.stop()
            self._write(self._tracer, self._recorder)
        finally:
            self._is_writing = False
        if self._deadly:
            _die_of(self._deadly)

    def _write(self, tracer: Viztracer, recorder: recording.Recorder) -> None:
        if not os.path.isdir(recorder.directory):  # the session is over, and nobody waits for them
            return
        self._read_clocks(events.CALLS_WRITTEN_IN_PART if _SIFTING & self._arguments.keys() else events.CALLS_WRITTEN)
        self._parts += 1
        path = calls_file(recorder.spool.path, self._parts)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        tracer.save(path)

    def _read_clocks(self, why: int) -> None:
        """Write what viztracer's clock shows, a few times in a row; meanwhile it records nothing."""
        assert self._recorder is not None
        assert self._tracer is not None
        write, now, tid = self._recorder.write, self._tracer.now, self.tid()
        for at in range(_READINGS):
            write(events.CALLS_CLOCK, 0 if at else why, tid, [(events.READING, now())])

    def tid(self) -> int:
        """By which number viztracer knows this thread: in the child of a fork still by the one that it had in the parent."""
        if not hasattr(self._here, "tid"):
            self._here.tid = get_native_id()
        return int(self._here.tid)

    def _try(self, what: Callable[[], None]) -> None:
        """Do something; where it fails the program matters more."""
        try:
            what()
        except Exception as error:
            text = (
                f"viztracer does not record the calls of process {os.getpid()}: {_reason(error)}; the program goes on"
            )
            recorder = recording.current
            recording.tell(text) if recorder is None else recorder.note_once(text)
            self._end()

    def _end(self) -> None:
        global _current
        self._is_over = True
        if _current is self:
            _current = None
        for name, replacement, original in self._exits:
            if getattr(os, name) is replacement:
                setattr(os, name, original)
        if self._tracer is not None:
            self._tracer.leave()

    # How a process ends.

    def _watch_exits(self) -> None:
        for name in ("_exit", "execv", "execve"):
            original = getattr(os, name)
            replacement = self._writing_first(original)
            setattr(os, name, replacement)
            self._exits.append((name, replacement, original))

    def _writing_first(self, original: Any) -> Any:
        def leave(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                tracer = self._tracer
                goes_on = tracer is not None and tracer.is_on
                if not self._is_over:
                    self._try(self._save)
                try:
                    return original(*args, **kwargs)
                finally:  # it could not become another program
                    if tracer is not None and goes_on and not self._is_over:
                        tracer.start()

        leave.__wrapped__ = original  # type: ignore[attr-defined]
        for copied in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(leave, copied, getattr(original, copied))
        return leave

    def _die(self, number: int, _frame: FrameType | None) -> None:
        if (
            self._is_writing
        ):  # a pool ends its workers while they end by themselves: what has begun is written to its end
            self._deadly = number
            return
        self.close()
        _die_of(number)

    # Forks.

    def after_fork(self) -> None:
        """In the child, which has a recorder of its own or none: what the parent's ring holds is the parent's."""
        self._lock = RLock()
        recorder, self._recorder = recording.current, None
        tracer = self._tracer
        if tracer is None:
            return
        was_on = tracer.is_on
        tracer.stop()
        tracer.forget()
        if recorder is None:
            self._end()
        else:
            self._join(recorder)
            self._insist()
            if was_on:
                tracer.start()

    def _insist(self) -> None:
        import signal

        if core.fast is not None and signal.getsignal(signal.SIGTERM) == self._die:
            core.fast.insist(signal.SIGTERM)


def _reason(error: Exception) -> str:
    if isinstance(error, ImportError):
        return "it is not installed for this Python; `pip install viztracer` there"
    return str(error) if isinstance(error, (RuntimeError, OSError)) else f"{type(error).__name__}: {error}"


def _die_of(number: int) -> None:
    import signal

    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _watch_forks(calls: Calls) -> None:
    # What os.register_at_fork takes, it keeps for good; without a session the functions do nothing.
    global _current, _forks_watched
    _current = calls
    if not _forks_watched:
        _forks_watched = True
        os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)


def _before_fork() -> None:
    if _current is not None:
        _current.tid()


def _after_fork_in_child() -> None:
    if _current is not None:
        _current._try(_current.after_fork)
