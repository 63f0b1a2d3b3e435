"""Part: the window of time that a command line asks for, --from and --to. Knows the model, and no file."""

from __future__ import annotations

from collections.abc import Callable

from tracekit.errors import UsageError
from tracekit.units import parse_duration, say_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracekit.model.trace import Trace


def part(start: str | None, end: str | None) -> Callable[[Trace], Trace]:
    """What takes the window out of a trace; the whole where neither is given.

    Args:
        start, end: after the beginning of the trace, as "1.5s".

    Raises:
        UsageError: a time is none, the window is empty, or, later on, the trace is shorter.
    """
    first = 0 if start is None else parse_duration(start)
    last = None if end is None else parse_duration(end)
    if last is not None and last <= first:
        raise UsageError(f"from {start or '0s'} to {end} there is no time: let the end be later than the beginning")

    def of(trace: Trace) -> Trace:
        if start is None and end is None:
            return trace
        from tracekit.model.select import window

        if first >= trace.duration > 0:
            raise UsageError(f"the trace is {say_duration(trace.duration)} long, so nothing of it is after {start}")
        return window(trace, first, last)

    return of
