"""The probes in Python: Span, span, instant, counter and function. Knows the recorder, but no session and no hook.

The reference; `tracekit._fast` has their twins in C, and probes.py takes one or the other. A span pairs its end with its
begin by the slot in which the begin stands, so spans may overlap, cross awaits and end on another thread.
"""

from __future__ import annotations

from _thread import get_ident
from sys import _getframe

from tracekit import events
from tracekit.record import recorder as recording
from tracekit.record.arguments import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any

    from tracekit.record.recorder import Recorder


class Span:
    """A piece of work with a beginning and an end; made by `span`, entered with `with`.

    One object may be entered many times, also while it is open: by recursion, in other threads, in other tasks. What `as`
    gives stands for the one use.
    """

    __slots__ = ("_arguments", "_uses", "name")

    def __init__(self, name: str, arguments: dict[str, object] | None = None) -> None:
        self.name = name if type(name) is str else str(name)
        self._arguments = arguments
        self._uses: list[Use] = []  # that are open

    def __enter__(self) -> Span | Use:
        recorder = recording.current
        uses = self._uses
        if recorder is None and not uses:
            return self
        # Where others are open, or were and their session has stopped since, this use must be told from those.
        use = Use(self, holder_of(_getframe(1)))
        if recorder is not None:
            details = encode(self._arguments, recorder.intern) if self._arguments else None
            use.recorder = recorder
            use.slot = recorder.begin(self.name, details)
        uses.append(use)
        return use

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._uses:
            use = find(self._uses, _getframe(1))
            self._uses.remove(use)
            if use.recorder is not None:
                use.recorder.end(use.slot, error)

    def set(self, /, **arguments: object) -> None:
        """Add arguments to the span while it is open. Where several uses are, to the first; `as` gives each its own.

        Args:
            arguments: numbers, texts, truth values and None are kept as they are, other things in a short form.
        """
        if self._uses:
            self._uses[0].set(**arguments)

    def __repr__(self) -> str:
        return f"<tracekit span {self.name!r}>"


class Use:
    """One use of a span: who entered it, on which thread, and where its begin stands."""

    __slots__ = ("holder", "name", "recorder", "slot", "thread")

    def __init__(self, span: Span, holder: int) -> None:
        self.name = span.name
        self.holder = holder
        self.thread = get_ident()
        self.recorder: Recorder | None = None
        self.slot = 0

    def set(self, /, **arguments: object) -> None:
        """Add arguments to this use of the span; as Span.set."""
        if self.recorder is not None and arguments:
            self.recorder.write(events.SPAN_ARGS, 0, self.slot, encode(arguments, self.recorder.intern))

    def __repr__(self) -> str:
        return f"<tracekit span {self.name!r}>"


def find(uses: list[Any], frame: FrameType) -> Any:
    """The use that this frame entered; where it entered none (a wrapper's), the latest of this thread, or of all."""
    if len(uses) == 1:
        return uses[0]
    holder, thread = holder_of(frame), get_ident()
    latest = uses[-1]
    for use in reversed(uses):
        if use.holder == holder:
            return use
        if use.thread == thread and latest.thread != thread:
            latest = use
    return latest


def holder_of(frame: FrameType) -> int:
    """What the enter and the exit of one use share, in a thread, a task and a generator alike: the frame with the `with`.

    An ExitStack enters and exits in frames of its own; there it is the stack itself.
    """
    if frame.f_globals.get("__name__") == "contextlib":
        return id(frame.f_locals.get("self"))
    return id(frame)


def span(name: str, /, **arguments: object) -> Span:
    """A span: `with tk.span("load", rows=3) as span: …; span.set(bytes=10)`.

    Args:
        name: what to call it; the same text each time, details belong into the arguments.
        arguments: recorded with the span; numbers, texts, truth values and None as they are, other things in a short form.

    An exception passes through and marks the span. A span that crosses an `await` belongs to its task.
    """
    return Span(name, arguments or None)


def instant(name: str, /, **arguments: object) -> None:
    """Mark a point in time on this thread (and task).

    Args:
        name: what happened.
        arguments: as for `span`.
    """
    recorder = recording.current
    if recorder is not None:
        details = encode(arguments, recorder.intern) if arguments else None
        recorder.write_named(events.INSTANT, name if type(name) is str else str(name), 0, details)


def counter(name: str, /, **series: float) -> None:
    """Record the present value of something that goes up and down: `tk.counter("queue", depth=4)`.

    Args:
        name: what is counted.
        series: one or more values; whatever `float` takes. Other values are left out, and the trace says so.
    """
    recorder = recording.current
    if recorder is None:
        return
    numbers = {}
    for key, value in series.items():
        try:
            numbers[key] = float(value)
        except Exception:  # a probe must not break the program that it is in
            recorder.note_once(
                f"counter {name!r}: a value of {key!r} was left out, {type(value).__name__} is no number"
            )
    name = name if type(name) is str else str(name)
    recorder.write_named(events.COUNTER, name, 0, encode(numbers, recorder.intern))


def function(wrapped: Any, name: str) -> Any:
    """What `trace` puts in place of a plain function: each call is a span."""

    def traced(*args: Any, **kwargs: Any) -> Any:
        recorder = recording.current
        if recorder is None:
            return wrapped(*args, **kwargs)
        slot = recorder.begin(name)
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            recorder.end(slot, error)
            raise
        recorder.end(slot)
        return result

    return traced
