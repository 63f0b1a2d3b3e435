"""Work kinds: each span, task, job, function and thread by where its time goes, with a name for it. Prints nothing.

What is asked of is (`what`):

    span        the spans of one name, each from its begin to its end, also across awaits; what lies in a span of the same name is
                part of that and does not count again; a generator's only while it ran
    task        the tasks of one coroutine (of one name, where that is not known), each from its creation to its end
    job         the jobs of one function in executors, on their workers
    function    the time of one of the program's own functions, with what it called of libraries, where calls were recorded or
                stacks sampled
    thread      threads on which nothing of that was recorded, and no loop ran, each for as long as it was seen

A share is a part of the time that all of these took together: "gil" (computing with the GIL), "native" (computing without it),
"cpu" (computing, not told which), "gil wait", "core" (ready, but no core was free), "io", "timer", "lock", "other" (waiting for
something else), all as an observer saw it; of tasks also "loop" (ready, waiting for the loop), "task" (awaiting another task) and
"job" (awaiting a job of an executor, or a thread); and "unseen".

The name of the kind is that of the share that makes up MOSTLY of what was seen. What wanted to compute for so long computes,
though it waited for a core, or a while for the GIL, in between. Else it is "mixed", and "not told" where less than SEEN of the
time was seen. `confidence` says how far the shares are to be trusted: see spent.py. `samples` is how many looks from outside, or
samples of stacks, are behind them, besides what was recorded to the nanosecond.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracekit.analyze import functions, units
from tracekit.analyze.spent import JOB, LOOP, SHARES, TASK, Spent
from tracekit.analyze.where import COMPUTING, UNSEEN, Where
from tracekit.model.trace import Float64, Trace

MOSTLY = 0.6
COMPUTED = 0.05  # of the time in which it wanted to compute, at least
SEEN = 0.25
MOST = 1000  # rows of each `what`: those that took longest

COMPUTES, MIXED, NOT_TOLD = "computing", "mixed", "not told"
WORDS = {
    "gil": "computing under the GIL",
    "native": "computing without the GIL",
    "cpu": COMPUTES,
    "gil wait": "waiting for the GIL",
    "core": "waiting for a core",
    "io": "waiting for I/O",
    "timer": "waiting for timers",
    "lock": "waiting for locks",
    "other": "waiting for something else",
    LOOP: "waiting for the loop",
    TASK: "waiting for tasks",
    JOB: "waiting for jobs",
}


@dataclass(frozen=True, slots=True)
class KindRow:
    """Where the time of something went.

    Attributes:
        what: "span", "task", "job", "function" or "thread".
        name, file, line: "" and 0 where they are not known.
        count: how many there were; of a function that was sampled, how often it was seen.
        total_ns: how long all of them took together.
        shares: of `total_ns`, the largest first; they add up to 1, and none is 0.
        kind: one of WORDS, or MIXED or NOT_TOLD.
        confidence: 0 to 1.
        samples: how many looks are behind it.
    """

    what: str
    name: str
    file: str
    line: int
    count: int
    total_ns: int
    shares: dict[str, float]
    kind: str
    confidence: float
    samples: int


def kinds(trace: Trace, where: Where | None = None) -> list[KindRow]:
    """A row for each span, task, job, function and thread of a trace, the longest first.

    Args:
        where: of the trace, if somebody has it already.
    """
    where = where or Where(trace)
    found = [
        units.spans(trace, where),
        units.tasks(trace, where),
        units.jobs(trace, where),
        units.threads(trace, where),
    ]
    rows = [row for each in found for row in _rows(each)] + _functions(trace, where)
    return sorted(rows, key=lambda row: (-row.total_ns, row.what, row.name))


def _functions(trace: Trace, where: Where) -> list[KindRow]:
    ran = functions.functions(trace)
    spent = Spent(where, len(ran.places))
    spent.seen(ran.thread, ran.start, ran.end, ran.function, ran.around)
    samples = None if ran.are_calls else ran.times
    return _rows(units.Units("function", ran.places, ran.times, spent), samples)


def _rows(found: units.Units, samples: Float64 | None = None) -> list[KindRow]:
    total, confidence, looks = found.spent.total(), found.spent.confidence(), found.spent.looks()
    looks = looks if samples is None else samples
    largest = np.argsort(-total, kind="stable")[:MOST]
    return [
        _row(found, at, float(total[at]), float(confidence[at]), float(looks[at]))
        for at in largest.tolist()
        if total[at] > 0
    ]


def _row(found: units.Units, at: int, total: float, confidence: float, looks: float) -> KindRow:
    place = found.places[at]
    shares = {kind: max(float(found.spent.ns[kind][at]), 0.0) / total for kind in SHARES}
    shares = {kind: share for kind, share in sorted(shares.items(), key=lambda item: -item[1]) if share > 0}
    name, file, line = place
    said = kind_of(shares)
    return KindRow(
        found.what,
        name,
        file,
        line,
        round(found.number[at]),
        round(total),
        shares,
        said,
        confidence,
        round(looks),
    )


def kind_of(shares: dict[str, float]) -> str:
    """The name of the kind of work of which some shares are."""
    seen = 1 - shares.get(UNSEEN, 0.0)
    if seen < SEEN:
        return NOT_TOLD
    alone = next((kind for kind, share in shares.items() if kind != UNSEEN and share >= MOSTLY * seen), "")
    if alone not in ("", "core"):
        return WORDS[alone]
    computing = sum(shares.get(kind, 0.0) for kind in COMPUTING)
    wanted = computing + shares.get("gil wait", 0.0) + shares.get("core", 0.0)
    if wanted >= MOSTLY * seen and computing >= COMPUTED * wanted:
        return next((WORDS[kind] for kind in COMPUTING if shares.get(kind, 0.0) >= MOSTLY * computing), COMPUTES)
    return WORDS.get(alone, MIXED)
