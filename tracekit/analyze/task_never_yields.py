"""task-never-yields: many tasks of a coroutine ran from begin to end in one step, and took the loop for long. Knows no other
question.

Such tasks run one after another, whatever `gather` promises: nothing in them waits. A single long step is loop-blocked's
affair; here the steps are short and their sum is not. Its own keys:

    coroutine       what they ran
    count           how many tasks
    total_s         how long they held the loop together
    share           that, as a part of all the time in which the loop ran something
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from tracekit.analyze import words
from tracekit.analyze.finding import Finding
from tracekit.analyze.place import Place, library_of, users
from tracekit.analyze.tables import longest_steps
from tracekit.model.trace import Int64, Trace

SLUG = "task-never-yields"

FEWEST = 10
LEAST_SHARE = 0.25  # of what its loop ran
LEAST_THRESHOLDS = 10  # that is half a second, as a rule


def find(trace: Trace, threshold_ns: int) -> list[Finding]:
    """One finding for each coroutine on each loop."""
    groups: defaultdict[tuple[int, str, str], list[int]] = defaultdict(list)
    for index, task in enumerate(trace.tasks):
        if task.loop is not None and not task.begun_before and task.coroutine:
            groups[task.loop, task.coroutine, task.file].append(index)
    longest = np.array(longest_steps(trace), np.int64)
    found = [_finding(trace, loop, tasks, longest, threshold_ns) for (loop, *_), tasks in groups.items()]
    return [finding for finding in found if finding is not None]


def _finding(trace: Trace, loop: int, tasks: list[int], longest: Int64, threshold_ns: int) -> Finding | None:
    rows = [trace.tasks[index] for index in tasks]
    # All of them: where some waited and others found what they wanted at once (a cache), nothing is wrong.
    if len(rows) < FEWEST or any(task.steps != 1 or task.outcome != "done" for task in rows):
        return None
    total = sum(task.running for task in rows)
    ran = trace.loops[loop].running
    if total < LEAST_THRESHOLDS * threshold_ns or total < LEAST_SHARE * ran or longest[tasks].max() > threshold_ns:
        return None
    first = rows[0]
    place = Place(first.coroutine, first.file, first.line)
    blamed = users(place)
    share = total / ran if ran else 1.0
    return Finding(
        slug=SLUG,
        severity="info",
        start_s=first.created / 1e9,
        duration_s=total / 1e9,
        track=trace.threads[trace.loops[loop].thread].name,
        sentence=(
            f"{len(rows)} tasks of {place} never awaited anything: each ran from begin to end in one step, one after another, "
            f"{words.duration(total)} in all, {share:.0%} of what the event loop ran."
        ),
        advice=(
            "As tasks they gain nothing over plain calls, and nothing else runs meanwhile but between them: give the work to "
            "a ProcessPoolExecutor or, where it waits in C, to `asyncio.to_thread(...)`."
        ),
        **blamed._asdict(),
        library=library_of(place),
        details={"coroutine": first.coroutine, "count": len(rows), "total_s": total / 1e9, "share": share},
    )
