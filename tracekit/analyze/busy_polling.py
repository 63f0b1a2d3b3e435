"""busy-polling: tasks wake themselves again and again, by `sleep(0)` or a bare yield, and do next to nothing between. Knows no
other question.

A long computation that yields now and then does so between longer steps, and is right to. Its own keys:

    task            the name of the first of them
    coroutine       what they run
    count           how many tasks
    self_wakes      how often they were ready again the moment that their step ended
    share           these, as a part of all their steps
    total_s         how long they ran, and waited to run again, together
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from tracekit.analyze import words
from tracekit.analyze.finding import Finding
from tracekit.analyze.phases import phases
from tracekit.analyze.place import Place, library_of, users
from tracekit.model.trace import Category, Int64, Trace

SLUG = "busy-polling"

FEWEST = 1_000
LEAST_SHARE = 0.5  # from there on, tokio's console warns as well
LONGEST_NS = 100_000  # a step, on average: whoever does more than that in one computes
LEAST_THRESHOLDS = 10  # that is half a second, as a rule

_CURE = (
    "While it polls, the loop never rests and every other task waits its turn: wait for the thing itself, with an "
    "asyncio.Event, a queue or a future, or sleep for a time that is worth it."
)


def find(trace: Trace, threshold_ns: int) -> list[Finding]:
    """One finding for each coroutine."""
    wakes = self_wakes(trace)
    groups: defaultdict[tuple[int, str, str], list[int]] = defaultdict(list)
    for index in np.flatnonzero(wakes).tolist():
        task = trace.tasks[index]
        groups[task.process, task.coroutine or task.name, task.file].append(index)
    return [_finding(trace, group, wakes) for group in groups.values() if _polls(trace, group, wakes, threshold_ns)]


def self_wakes(trace: Trace) -> Int64:
    """By the index of a task: how often it was ready again the moment that its step ended."""
    found = phases(trace)
    again = (found.task[1:] == found.task[:-1]) & (found.start[1:] == found.end[:-1])
    again &= (found.category[1:] == Category.READY) & (found.category[:-1] == Category.RUNNING)
    wakes = np.bincount(found.task[1:][again], minlength=len(trace.tasks)).astype(np.int64)
    return wakes + _undrawn_self_wakes(trace)


def _undrawn_self_wakes(trace: Trace) -> Int64:
    """Likewise, of the tasks that have no phases: their steps that end where a time begins in which they were ready."""
    slices, undrawn = trace.slices, trace.undrawn
    has_waits = np.zeros(len(trace.tasks) + 1, np.bool_)  # one more, for the slices of no task
    has_waits[undrawn.task] = True
    steps = np.flatnonzero((slices.category == Category.STEP) & has_waits[slices.task])
    task = np.concatenate((slices.task[steps], undrawn.task))
    time = np.concatenate((slices.end[steps], undrawn.start))
    is_wait = np.repeat((False, True), (len(steps), len(undrawn)))
    order = np.lexsort((is_wait, time, task))
    task, time, is_wait = task[order], time[order], is_wait[order]
    again = (task[1:] == task[:-1]) & (time[1:] == time[:-1]) & is_wait[1:] & ~is_wait[:-1]
    return np.bincount(task[1:][again], minlength=len(trace.tasks)).astype(np.int64)


def _polls(trace: Trace, group: list[int], wakes: Int64, threshold_ns: int) -> bool:
    rows = [trace.tasks[index] for index in group]
    count, steps = int(wakes[group].sum()), sum(task.steps for task in rows)
    running = sum(task.running for task in rows)
    return (
        count >= FEWEST
        and count >= LEAST_SHARE * steps
        and running <= LONGEST_NS * steps
        and running >= LEAST_THRESHOLDS * threshold_ns
    )


def _finding(trace: Trace, group: list[int], wakes: Int64) -> Finding:
    rows = [trace.tasks[index] for index in group]
    first, count = rows[0], int(wakes[group].sum())
    share = count / sum(task.steps for task in rows)
    place = Place(first.coroutine, first.file, first.line)
    blamed = users(place)
    total = sum(task.running + task.ready for task in rows)
    name = words.short_function(first.coroutine) or first.name
    who = words.task_label(first.name, first.coroutine) if len(rows) == 1 else f"{len(rows)} tasks of {name}"
    return Finding(
        slug=SLUG,
        severity="warning",
        start_s=min(task.created for task in rows) / 1e9,
        duration_s=sum(task.running for task in rows) / 1e9,
        track=first.name,
        sentence=(
            f"{who} ({words.place('', first.file, first.line)}) woke {'itself' if len(rows) == 1 else 'themselves'} "
            f"{count:,} times, {share:.0%} of its steps, and ran "
            f"for {words.duration(sum(task.running for task in rows))} in steps of "
            f"{words.duration(sum(task.running for task in rows) // sum(task.steps for task in rows))}."
        ),
        advice=_CURE,
        **blamed._asdict(),
        library=library_of(place),
        details={
            "task": first.name,
            "coroutine": first.coroutine or None,
            "count": len(rows),
            "self_wakes": count,
            "share": share,
            "total_s": total / 1e9,
        },
    )
