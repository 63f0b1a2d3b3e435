"""loop-saturated: a loop had something to run nearly all the time, and ready tasks waited long for it. Knows no other question.

Where single long steps are to blame, loop-blocked tells which; here it is the sum of many short ones. Its own keys:

    loop            its name
    utilisation     the part of its time in which it ran something
    ready_p50_s, ready_p99_s, ready_max_s      how long ready tasks waited for it
    busiest         the coroutines that ran longest on it, at most LISTED: coroutine, tasks, running_s

`duration_s` is how long the loop ran in all.
"""

from __future__ import annotations

from collections import Counter

from tracekit.analyze import words
from tracekit.analyze.blocks import blocks
from tracekit.analyze.finding import Finding
from tracekit.analyze.place import Place, users
from tracekit.analyze.waits import Waits, waits
from tracekit.model.trace import Loop, Trace

SLUG = "loop-saturated"

LISTED = 5
LEAST_USED = 0.95
CROWDED = 0.5  # of its time: used less, waits come from elsewhere
SHORTEST_NS = 1_000_000_000  # a shorter run has no rest to speak of
BLOCKED_SHARE = 0.5  # of what it ran: then loop-blocked has told it all

_FULL = (
    "One loop runs on one processor, and this one has no time left: move computing to a ProcessPoolExecutor, or run several "
    "processes with a loop each."
)
_CROWDED = (
    "Steps that are short each add up, since all that is ready stands in one line: await what can be awaited, give calls that "
    "block to `asyncio.to_thread`, and computing to a ProcessPoolExecutor."
)


def find(trace: Trace, threshold_ns: int) -> list[Finding]:
    """One finding for each loop whose ready tasks waited longer than `threshold_ns`.

    They did so in one case of a hundred, and the loop never rested; or in every second case.
    """
    blocked: Counter[int] = Counter()
    for block in blocks(trace, threshold_ns):
        blocked[block.thread] += block.duration
    return [
        _finding(trace, index, loop, ready)
        for index, (loop, ready) in enumerate(zip(trace.loops, waits(trace)))
        if loop.open >= SHORTEST_NS
        and ((_is_full(loop) and (ready.p99 or 0) > threshold_ns) or _is_crowded(loop, ready, threshold_ns))
        and blocked[loop.thread] <= BLOCKED_SHARE * loop.running
    ]


def _is_full(loop: Loop) -> bool:
    return loop.running >= LEAST_USED * loop.open


def _is_crowded(loop: Loop, ready: Waits, threshold_ns: int) -> bool:
    return loop.running >= CROWDED * loop.open and (ready.p50 or 0) > threshold_ns


def _finding(trace: Trace, index: int, loop: Loop, ready: Waits) -> Finding:
    busiest = _busiest(trace, index)
    blamed = users(*(place for place, _, _ in busiest))
    used = loop.running / loop.open
    p50, p99, longest = ready.p50 or 0, ready.p99 or 0, ready.longest or 0
    most = f"; {busiest[0][0]} ran longest, {words.duration(busiest[0][2])}" if busiest else ""
    return Finding(
        slug=SLUG,
        severity="warning",
        start_s=min((task.created for task in trace.tasks if task.loop == index), default=0) / 1e9,
        duration_s=loop.open / 1e9,
        track=trace.threads[loop.thread].name,
        sentence=(
            f"The event loop {loop.name} had something to run for {used:.0%} of {words.duration(loop.open)}, and tasks that were "
            f"ready waited {words.duration(p50)} for it (p50), {words.duration(p99)} in one case of a hundred{most}."
        ),
        advice=_FULL if _is_full(loop) else _CROWDED,
        **blamed._asdict(),
        details={
            "loop": loop.name,
            "utilisation": used,
            "ready_p50_s": p50 / 1e9,
            "ready_p99_s": p99 / 1e9,
            "ready_max_s": longest / 1e9,
            "busiest": [
                {"coroutine": place.function, "tasks": tasks, "running_s": ran / 1e9} for place, tasks, ran in busiest
            ],
        },
    )


def _busiest(trace: Trace, loop: int) -> list[tuple[Place, int, int]]:
    """The coroutines that ran longest: where each is, how many tasks, how long (ns)."""
    ran: Counter[Place] = Counter()
    tasks: Counter[Place] = Counter()
    for task in trace.tasks:
        if task.loop == loop and task.coroutine:
            place = Place(task.coroutine, task.file, task.line)
            ran[place] += task.running
            tasks[place] += 1
    return [(place, tasks[place], time) for place, time in ran.most_common(LISTED)]
