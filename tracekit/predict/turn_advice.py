"""Turn advice: for tasks that await one thing after another while nothing else goes on. Knows waits and bounds, and no model.

Whether what is awaited depends on each other, its author knows: that it could be awaited at once is a bound, and told as one.
"""

from __future__ import annotations

from collections import Counter

from tracekit.analyze import words
from tracekit.analyze.place import Place
from tracekit.analyze.thread_states import wanted
from tracekit.model.trace import Trace
from tracekit.predict.changes import at_once
from tracekit.predict.counsel import Advice, Hot
from tracekit.predict.found import LEAST_NS, Found
from tracekit.predict.lone_waits import Wait, lone_waits
from tracekit.predict.parts import Work
from tracekit.predict.whatif import PARTS

_MOST = 0.5  # of the program's time
_OTHERS = 0.2  # of its time: if a thread without a loop computed for longer, that goes on as well
_TWO, _SEVERAL = 2, 3  # calls
_ROUGHLY = 0.2
_CONNECTS = "socket"  # which is but the begin of a call
_COSTS = (
    "Load: whoever is asked is asked for all of it at once; a semaphore limits that.",
    "Complexity: one may fail while the others go on, and they end in any order.",
)

_Lone = list[tuple[Wait, int]]


def find(trace: Trace, work: Work) -> Found:
    """Advice to await at once what is awaited in turn, at best; or that it cannot be told whether it may be."""
    found = Found([], [], [])
    # Of steps the program itself said what comes after what.
    if work.exact or not work.traced_model.startswith("asyncio") or _others_compute(trace, work):
        return found
    lone = lone_waits(trace)
    calls = [(wait, ns) for wait, ns in lone if not wait.is_by_design]
    if _is_most(work, calls) and _alike(_apart(calls)) > _SEVERAL - _ROUGHLY:
        found.advice.append(_advice(trace, work, calls))
    elif _is_most(work, lone) and _alike([ns for _, ns in lone]) > _TWO - _ROUGHLY:
        found.unknown.append(_not_told(trace, work, lone))
    return found


def _others_compute(trace: Trace, work: Work) -> bool:
    looped = {loop.thread for loop in trace.loops}
    return any(wanted(row) > _OTHERS * work.wall_ns for row in trace.states if row.thread not in looped)


def _is_most(work: Work, lone: _Lone) -> bool:
    """Whether it is most of the program's time."""
    return sum(ns for _, ns in lone) > max(_MOST * work.wall_ns, LEAST_NS)


def _alike(apart: list[int]) -> float:
    """How many calls of one length they count for, by how long (ns) each is: those that are short beside others hardly do."""
    return sum(apart) ** 2 / max(1, sum(ns**2 for ns in apart))


def _apart(calls: _Lone) -> list[int]:
    """How long each call waited: all that is read of it together, without what it took to connect."""
    found: list[int] = []
    for wait, ns in calls:
        if wait.reads_on and found:
            found[-1] += ns
        elif wait.what != _CONNECTS:
            found.append(ns)
    return found


def _advice(trace: Trace, work: Work, calls: _Lone) -> Advice:
    total, wall = sum(ns for _, ns in calls), work.wall_ns
    parts = max(2, min(PARTS, round(_alike(_apart(calls)))))
    gain = total * (parts - 1) // parts
    place, kind = _place(calls), _kind(calls)
    name = words.short_function(place.function)
    return Advice(
        hot=Hot(name, place.file, place.line, f"waiting for {kind}", total / 1e9, total / wall),
        now=work.traced_model,
        model=work.traced_model,
        change=f"{at_once(_who(trace, calls), _loop(trace, calls))} Mostly it awaits in {_where(calls)}.",
        why=f"{_awaits(trace, work, calls)} Were that {parts} equal parts that need not wait for each other, the program would "
        f"take {words.duration(wall - gain)}. Whether they need each other's results, the trace does not say.",
        confidence="low",
        wall_before_s=wall / 1e9,
        gain_low_s=0.0,
        gain_high_s=gain / 1e9,
        costs=_COSTS,
    )


def _not_told(trace: Trace, work: Work, lone: _Lone) -> str:
    return (
        f"{_awaits(trace, work, lone)} Mostly it does in {_where(lone)}: whether that keeps a pace, waits for what comes in by "
        "itself, reads on, or makes calls that might go on at once, the trace does not say."
    )


def _awaits(trace: Trace, work: Work, lone: _Lone) -> str:
    total = words.duration(sum(ns for _, ns in lone))
    return (
        f"{_who(trace, lone)} waits for {_kind(lone)} {len(lone)} times, one after another, for {total} of "
        f"{words.duration(work.wall_ns)}, and hardly anything else goes on then."
    )


def _kind(lone: _Lone) -> str:
    """What is mostly waited for."""
    timers = sum(ns for wait, ns in lone if wait.is_timer)
    return "timers" if timers > sum(ns for _, ns in lone) / 2 else "the outside"


def _where(lone: _Lone) -> str:
    place = _place(lone)
    return words.place(words.short_function(place.function), place.file, place.line)


def _place(lone: _Lone) -> Place:
    """The line that most of it is awaited in."""
    sums: Counter[Place] = Counter()
    for wait, ns in lone:
        sums[wait.place] += ns
    return max(sums, key=lambda place: sums[place])


def _loop(trace: Trace, lone: _Lone) -> str:
    """What kind of loop it is."""
    loop = trace.tasks[lone[0][0].task].loop
    return "" if loop is None else trace.loops[loop].name


def _who(trace: Trace, lone: _Lone) -> str:
    """The coroutine that waits for most of it."""
    sums: Counter[str] = Counter()
    for wait, ns in lone:
        row = trace.tasks[wait.task]
        sums[words.short_function(row.coroutine) or row.name] += ns
    return max(sums, key=lambda name: sums[name])
