"""What a report says where nothing was found: what was looked at, and what was not to be seen. Knows no finding."""

from __future__ import annotations

from tracekit.analyze import tables, thread_states, words
from tracekit.analyze.watched import is_watched
from tracekit.model.trace import Category, Trace

_MUCH = 0.25  # of the time of threads
_LITTLE = 0.2  # likewise


def nothing_found(trace: Trace, threshold_ns: int) -> str:
    """One paragraph."""
    if not trace.threads:
        reasons = {process.untraced for process in trace.processes if process.untraced}
        return f"Nothing was recorded of this program: {'; '.join(sorted(reasons)) or 'no process was entered'}."
    if is_watched(trace):
        return (
            "No finding: no thread waited long for the GIL or for a core. From outside no event loop is seen: what blocks one "
            f"only `tracekit run` can tell.{_locks(trace)}"
        )
    longest = tables.longest_step(trace)
    if longest is not None:
        duration, index = longest
        return _no_long_step(trace, threshold_ns, duration, index)
    if trace.loops:
        return "No finding: an event loop ran, but no step of a task was seen on it."
    seen = _seen(trace)
    if trace.states and seen < _LITTLE:
        return (
            f"No finding as far as was seen: no event loop ran, and threads were looked at for {seen:.0%} of their time only: an "
            "observer needs some tenths of a second to begin. Record the program with more to do."
        )
    if trace.states:
        return f"No finding: no event loop ran, and no thread waited long for the GIL or for a core.{_locks(trace)}"
    return (
        "No finding: no event loop ran, and of threads it is not known what they waited for, because nobody looked at them "
        "from outside, or the program was over before."
    )


def _seen(trace: Trace) -> float:
    """The share of the lives of threads in which somebody looked at them."""
    lives = sum((trace.duration if row.ended is None else row.ended) - row.started for row in trace.threads)
    return sum(row.sampled for row in thread_states.threads(trace)) / lives if lives else 0.0


def _no_long_step(trace: Trace, threshold_ns: int, duration: int, index: int) -> str:
    limit, took = words.duration(threshold_ns), f"{words.duration(duration)} ({_label(trace, index)})"
    unfinished = tables.open_steps(trace)
    if not unfinished:
        return f"No finding: no step of an event loop was longer than {limit}; the longest took {took}."
    more = len(unfinished) - 1
    whose = _label(trace, unfinished[0]) + (f" and {more} more" if more else "")
    return (
        f"No finding as far as was seen: no step of an event loop was seen to last longer than {limit}, the longest "
        f"{took}. {words.count(len(unfinished), 'step')} had not ended when the recording did ({whose}): how much "
        f"longer {'they' if more else 'it'} took is not known."
    )


def _locks(trace: Trace) -> str:
    """Where threads waited for locks and nobody recorded for which: how that is found out."""
    if (trace.slices.category == Category.WAIT).any():
        return ""
    rows = [row for row in thread_states.threads(trace) if row.states["lock"] >= _MUCH * row.sampled > 0]
    if not rows:
        return ""
    share = sum(row.states["lock"] for row in rows) / sum(row.sampled for row in rows)
    return (
        f" {words.count(len(rows), 'thread')} waited {share:.0%} of the time for locks, or for "
        "conditions and queues, which are made of them: `tracekit run --locks` tells which, and who held them."
    )


def _label(trace: Trace, task: int) -> str:
    return words.task_label(trace.tasks[task].name, trace.tasks[task].coroutine)
