"""Waits: the records of waits for locks, as the core in Python makes them. Knows what a lock is, and not what it is made of.

The C core has its own way, native/waits.c, which writes the same.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from os import getpid

from tracekit import events
from tracekit.hooks.code import LIBRARYS, LOCKS, OURS, STARTERS, USERS, facts, place
from tracekit.hooks.holder import thread_serial
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType

    from tracekit.record.recorder import Recorder


class Waited:
    """What threads may wait for. Who makes one says when it is taken and freed, and records the waits.

    Attributes:
        what: the name of its class.
    """

    __slots__ = ("_at", "_ident", "_owner", "_recorder", "_serial", "_serial_of", "_waiters", "what")

    def __init__(self, what: str) -> None:
        self.what = what
        self._recorder: Recorder | None = None  # who gave it its number
        self._serial = 0
        self._waiters = 0
        self.free()

    def free(self) -> None:
        """Nobody has it, or nobody knows who."""
        self._owner: Recorder | None = None  # in whose words it is known who has it
        self._serial_of = self._ident = 0
        self._at = ""

    def take(self, frame: FrameType) -> None:
        """The calling thread has it, which runs this frame."""
        recorder = recording.current
        if recorder is None:
            return
        self._at = _view(frame)[2]
        self._serial_of = thread_serial()
        self._ident = get_ident()
        self._owner = recorder

    def begin(self, frame: FrameType, holder: int = 0, stands_for: CodeType | None = None) -> Recorder | None:
        """The calling thread is about to wait; returns what `end` is to be given.

        Args:
            frame: the one that it runs.
            holder: the serial of the thread that is waited for, where none takes it.
            stands_for: the library's function whose place ours has taken.
        """
        recorder = recording.current
        if recorder is None or not thread_serial():
            return None
        users, function, _, is_librarys = _view(frame)
        if stands_for is not None:
            function = function or facts(stands_for, _name(stands_for))[0]
        details = [(events.HOLDER, holder)] if holder else self._holder(recorder, is_librarys)
        where, what = (recorder.intern(text) if text else 0 for text in (users, function))
        details.append((events.AWAITS, where | what << 32))
        if self._recorder is not recorder:
            self._recorder = recorder
            self._serial = recorder.serial("lock")
            self._waiters = 0
        self._waiters += 1
        recorder.write(events.LOCK_WAIT, recorder.intern(self.what), self._serial, details)
        return recorder

    def end(self, recorder: Recorder | None, is_taken: bool) -> None:
        """The wait is over."""
        if recorder is None or recorder is not recording.current:
            return
        self._waiters -= 1
        recorder.write(events.LOCK_WAIT_END, events.LOCK_TAKEN if is_taken else events.LOCK_GIVEN_UP, self._serial)

    def release(self) -> None:
        """The calling thread is about to free it."""
        recorder = recording.current
        if self._waiters and recorder is not None and recorder is self._recorder and thread_serial():
            recorder.write(events.LOCK_RELEASE, 0, self._serial)
        self.free()

    def _holder(self, recorder: Recorder, is_librarys: bool) -> list[tuple[int, int]]:
        owner = self._owner
        # What Python's own code has taken itself, to wait for whoever frees it, nobody has.
        if owner is None or (is_librarys and self._ident == get_ident()):
            return []
        details = []
        if owner is recorder:
            if self._serial_of:
                details.append((events.HOLDER, self._serial_of))
        elif owner.pid != getpid() and self._ident not in sys._current_frames():
            details.append((events.INHERITED, self._serial_of))
        if self._at:
            details.append((events.HELD_AT, recorder.intern(self._at)))
        return details


def _name(code: CodeType) -> str:
    return str(getattr(code, "co_qualname", code.co_name))


def _view(innermost: FrameType) -> tuple[str, str, str, bool]:
    """What a thread does, by its frames.

    Returns:
        The user's line ("" for none); the library's function that the user does it by; the user's line or else the library's;
        whether the innermost function is one of Python's own that wait for locks.
    """
    function = first = ""
    is_librarys = None
    frame: FrameType | None = innermost
    while frame is not None:
        code = frame.f_code
        name = _name(code)
        text, whose = facts(code, name)
        if whose != OURS:
            here = place(code, name, frame.f_lasti) if whose == USERS or not first else ""
            is_librarys = whose == LOCKS if is_librarys is None else is_librarys
            if whose == USERS:
                return here, function, here, is_librarys
            first = first or here
            if whose == LOCKS or (whose == LIBRARYS and not function):
                function = text
            if whose == STARTERS:
                break
        frame = frame.f_back
    return "", function, first, bool(is_librarys)
