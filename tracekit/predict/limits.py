"""Limits: what tasks mostly wait for because the program lets only so many go on at once. Knows no model, and advises nothing."""

from __future__ import annotations

from collections import Counter

from tracekit.analyze.awaited import awaited
from tracekit.analyze.thread_states import wanted
from tracekit.model.trace import Trace
from tracekit.predict.found import Found
from tracekit.predict.parts import Work

_MUCH = 0.5  # of the lives of the tasks that wait for it, or of the program's time
_LONG = 0.5  # of the program's time
_LIMITS = {
    "semaphore": ("a semaphore", "more of them may go on at once"),
    "lock": ("a lock", "they need to hold it for so long"),
    "queue.put": ("the workers of a queue", "more of these may work at once"),
    "queue.join": ("the workers of a queue", "more of these may work at once"),
}


def find(trace: Trace, work: Work) -> Found:
    """That it cannot be told whether a limit that tasks wait for, for most of their time, might be another one."""
    computed = sum(wanted(row) for row in trace.states)
    if work.exact or not work.traced_model.startswith("asyncio") or computed > _MUCH * work.wall_ns:
        return Found([], [], [])
    waited: Counter[tuple[str, str]] = Counter()
    lives: Counter[tuple[str, str]] = Counter()
    longest: Counter[tuple[str, str]] = Counter()
    for task, times in awaited(trace).items():
        own: Counter[tuple[str, str]] = Counter()
        for what, ns in times.items():
            if what in _LIMITS:
                own[_LIMITS[what]] += ns
        for limit, ns in own.items():
            row = trace.tasks[task]
            waited[limit] += ns
            lives[limit] += row.running + row.ready + row.awaiting
            longest[limit] = max(longest[limit], ns)
    much = [
        limit for limit, ns in waited.items() if ns > _MUCH * lives[limit] and longest[limit] > _LONG * work.wall_ns
    ]
    return Found([], [], [_said(limit, waited[limit] / lives[limit]) for limit in much])


def _said(limit: tuple[str, str], share: float) -> str:
    what, question = limit
    return (
        f"Tasks that wait for {what} do so for {share:.0%} of their time: whether {question}, the trace does not say."
    )
