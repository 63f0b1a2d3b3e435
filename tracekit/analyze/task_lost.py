"""task-lost: a task was thrown away while it was pending, because nobody held it. Knows no other question.

A loop knows its tasks only weakly: one that nothing but itself refers to may vanish at any garbage collection. Its own keys:

    task            the name of the (first) task
    coroutine       what it ran
    count           how many
"""

from __future__ import annotations

from collections import defaultdict

from tracekit.analyze import words
from tracekit.analyze.complaints import Complaint, complaints
from tracekit.analyze.finding import Finding
from tracekit.analyze.place import Place, library_of, users
from tracekit.analyze.runs import Runs
from tracekit.model.trace import Trace

SLUG = "task-lost"

_SAID = "Task was destroyed but it is pending!"
_CURE = "Keep a reference to the task until it is done, in a set that its done callback takes it out of, or use a TaskGroup."


def find(trace: Trace, _threshold_ns: int) -> list[Finding]:
    """One finding for each coroutine whose tasks were lost while a loop ran; what is left when it is over, task-pending tells."""
    groups: defaultdict[Place, list[Complaint]] = defaultdict(list)
    for one in lost(trace, Runs(trace)):
        groups[one.coroutine].append(one)
    return [_finding(trace, alike) for alike in groups.values()]


def lost(trace: Trace, runs: Runs) -> list[Complaint]:
    """What asyncio said of tasks that it lost while a loop ran."""
    said = (one for alike in complaints(trace, _SAID) for one in alike)
    return [one for one in said if runs.is_running(trace.tracks[one.track].process, one.time)]


def _finding(trace: Trace, alike: list[Complaint]) -> Finding:
    first = alike[0]
    task, ran = str(first.args.get("task") or ""), first.coroutine
    name = words.short_function(ran.function)
    who = words.task_label(task, ran.function) if len(alike) == 1 else f"{len(alike)} tasks of {name}"
    was, it = ("was", "it") if len(alike) == 1 else ("were", "them")
    blamed = users(ran)
    return Finding(
        slug=SLUG,
        severity="error",
        start_s=first.time / 1e9,
        duration_s=0.0,
        track=trace.tracks[first.track].name,
        sentence=f"{who} {was} thrown away while pending, because nothing referred to {it}: the rest never ran.",
        advice=_CURE,
        **blamed._asdict(),
        library=library_of(ran),
        details={"task": task or None, "coroutine": ran.function or None, "count": len(alike)},
    )
