"""Strands: what takes turns on a thread without being a task of asyncio's. Their numbers, and the records of their lives.

Knows the recorder and frames, and neither trio nor greenlets (hooks/trio.py, hooks/greenlets.py). In a trace a strand is a task.
"""

from __future__ import annotations

from tracekit import events
from tracekit.clock import monotonic_ns
from tracekit.hooks.code import LIBRARYS, LOCKS, USERS, called_at, facts, place
from tracekit.hooks.tasks import BLOCKED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

    from tracekit.record.recorder import Recorder
    from tracekit.spool.buffer import Details

_DEEPEST = 1000


class Strand:
    """What is known of one.

    Attributes:
        recorder: whose recording has its creation.
        serial: its number there.
        name: the name that it had then.
        began: ns; its latest step.
        is_scheduled: it will have a step without a further wake-up.
    """

    __slots__ = ("began", "is_scheduled", "name", "recorder", "serial")

    def __init__(self, recorder: Recorder, serial: int, name: str) -> None:
        self.recorder = recorder
        self.serial = serial
        self.name = name
        self.began = 0
        self.is_scheduled = False


class Writer:
    """Writes the records of strands.

    Args:
        threshold: ns; of a step longer than this the place where it stopped is recorded.
    """

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold

    def create(
        self,
        recorder: Recorder,
        name: str,
        code: str | None,
        loop: int = 0,
        late: bool = False,
        at: FrameType | None = None,
    ) -> Strand:
        """Number a strand, and record that it is there.

        Args:
            code: where its function is defined, as layout.code_text has it; None where that is not known.
            loop: serial of its loop, or 0.
            late: it is known to be older than this moment.
            at: the innermost frame of the stack that creates it.
        """
        strand = Strand(recorder, recorder.serial("task") & 0xFFFF_FFFF, name)
        details: Details = []
        if code is not None:
            details.append((events.CODE, recorder.intern(code)))
        if loop:
            details.append((events.LOOP, loop))
        if late:
            details.append((events.LATE, 0))
        creator = called_at(at)
        if creator:
            details.append((events.CREATED_AT, recorder.intern(creator)))
        recorder.write_named(events.TASK_CREATED, name, strand.serial, details)
        return strand

    def ready(self, strand: Strand) -> None:
        """It has been woken."""
        strand.is_scheduled = True
        strand.recorder.write(events.TASK_READY, 0, strand.serial)

    def begin(self, strand: Strand) -> None:
        """A step of it begins."""
        strand.is_scheduled = False
        strand.began = monotonic_ns()
        strand.recorder.write(events.STEP_BEGIN, 0, strand.serial)

    def end(self, strand: Strand, frames: Iterable[FrameType] = ()) -> None:
        """Its step has ended.

        Args:
            frames: where it stands now, innermost first; none where it has ended.
        """
        recorder = strand.recorder
        is_long = monotonic_ns() - strand.began > self._threshold
        details: Details = []
        if is_long or not strand.is_scheduled:
            where, what = _stands_at(frames)
            if what:
                line, function = recorder.intern(where) if where else 0, recorder.intern(what)
                if is_long:
                    details.append((events.CODE, line or function))
                if not strand.is_scheduled:
                    details.append((events.AWAITS, line | function << 32))
        recorder.write(events.STEP_END, 0, strand.serial, details)
        if is_long and recorder.limits.is_flight:
            recorder.ask_for_dump(BLOCKED)

    def done(self, strand: Strand, outcome: int, error: BaseException | None = None) -> None:
        """It has ended; its last step, if it is in one, ends next."""
        recorder = strand.recorder
        failed = None if error is None else [(events.ERROR, recorder.intern(type(error).__name__))]
        recorder.write(events.TASK_DONE, outcome, strand.serial, failed)

    def rename(self, strand: Strand, name: str) -> None:
        """Its name is known by now."""
        strand.name = name
        strand.recorder.write_named(events.TASK_NAME, name, strand.serial)


def outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """A frame and those that called it, innermost first."""
    for _ in range(_DEEPEST):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def _stands_at(frames: Iterable[FrameType]) -> tuple[str, str]:
    """The place of the innermost frame of the user's code, and the function that it has called: "" for what there is not.

    A scheduler of a library waits in the same few functions for everything; what the user called says more. Where that is
    nothing written in Python, it is the user's own function.
    """
    called = ""
    for frame in frames:
        code = frame.f_code
        name = getattr(code, "co_qualname", code.co_name)
        text, whose = facts(code, name)
        if whose == USERS:
            return place(code, name, frame.f_lasti), called or text
        if whose in (LIBRARYS, LOCKS):
            called = text
    return "", called
