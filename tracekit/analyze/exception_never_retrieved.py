"""exception-never-retrieved: a task failed, and nobody asked for its exception before it was gone. Knows no other question.

A task that somebody still holds when the program ends may yet be asked, so nothing is said of it. Its own keys:

    task            the name of the (first) task, null for a plain future
    coroutine       what it ran
    error           the name of the exception's class
    count           how often
"""

from __future__ import annotations

from tracekit.analyze import words
from tracekit.analyze.complaints import Complaint, complaints
from tracekit.analyze.finding import Finding
from tracekit.analyze.place import library_of, users
from tracekit.model.trace import Trace

SLUG = "exception-never-retrieved"

_SAID = ("Task exception was never retrieved", "Future exception was never retrieved")
_CURE = (
    "The program went on as if nothing had happened: await the task, gather it or put it into a TaskGroup, or give it a "
    "done callback that looks at `task.exception()`."
)


def find(trace: Trace, _threshold_ns: int) -> list[Finding]:
    """One finding for each coroutine and each class of exception."""
    return [_finding(trace, alike) for alike in complaints(trace, *_SAID)]


def _finding(trace: Trace, alike: list[Complaint]) -> Finding:
    first = alike[0]
    task, error, ran = str(first.args.get("task") or ""), str(first.args.get("error") or ""), first.coroutine
    if not ran.function:
        who = words.count(len(alike), "future")
    elif len(alike) > 1:
        who = f"{len(alike)} tasks of {words.short_function(ran.function)}"
    else:
        who = words.task_label(task, ran.function)
    at = f" ({words.place('', ran.file, ran.line)})" if ran.file else ""
    blamed = users(ran)
    return Finding(
        slug=SLUG,
        severity="warning",
        start_s=first.time / 1e9,
        duration_s=0.0,
        track=trace.tracks[first.track].name,
        sentence=f"{who}{at} failed with {error or 'an exception'}, which nobody ever looked at.",
        advice=_CURE,
        **blamed._asdict(),
        library=library_of(ran),
        details={"task": task or None, "coroutine": ran.function or None, "error": error or None, "count": len(alike)},
    )
