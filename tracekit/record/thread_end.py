"""ThreadEnd: what a recorder knows of a thread, and the thread's last word. Knows no record but those of its end."""

from __future__ import annotations

from _thread import get_native_id

from tracekit import events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from tracekit.spool.buffer import Buffer

    class Recorder(Protocol):
        """What it needs of a Recorder (record/recorder.py)."""

        pid: int
        buffer: Buffer
        abandoned: bool

        def intern(self, text: str) -> int: ...


class ThreadEnd:
    """Says that a thread has ended: it lies among the thread's local values, which Python drops as the thread's very last act.

    By then the thread's own `_local` is gone, so it keeps what it needs to write one more record.

    Attributes:
        handle: of the thread's block.
        has_room: there is a block for it, or may be one later.
        missing: why what it writes is not kept; "" where it is.
        is_known: who it is has been recorded.
    """

    __slots__ = ("handle", "has_room", "is_known", "missing", "name", "recorder", "serial", "thread", "tid")

    def __init__(self, recorder: Recorder, serial: int, tid: int, name: str, thread: Any) -> None:
        self.recorder = recorder
        self.serial = serial
        self.tid = tid
        self.name = name
        self.thread = thread
        self.handle: object = None
        self.has_room = True
        self.missing = ""
        self.is_known = False

    def __del__(self) -> None:
        recorder = self.recorder
        try:
            # A fork drops the parent's other threads in the child, and an abandoned recorder drops all: they don't end there.
            if recorder.abandoned or self.tid == recorder.pid or self.tid != get_native_id():
                return
            buffer = recorder.buffer
            if self.thread is not None and self.thread.name != self.name:
                name = recorder.intern(self.thread.name)
                if name:
                    buffer.write_last(self.handle, events.THREAD_NAME, name, self.serial)
            buffer.write_last(self.handle, events.THREAD_END, 0, self.serial)
            buffer.leave()
        except Exception:  # no room, or a Thread class with a name of its own kind: its end is not known, then
            pass
