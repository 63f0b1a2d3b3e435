"""core-starved: threads were ready to run and had no core, by the scheduler's own figures. Knows no other question.

One finding for the whole program, since all its processes share the cores. Its own keys:

    threads         who waited for a core: name, pid, running_s, runnable_s, share (runnable_s of the time that it ran or
                    could have run), longest_ready_s; at most LISTED, who waited longest first
    cause           "program": its own threads had all cores; "others": other programs had them, or children that were not
                    traced; "both"; "unknown", where it is not known how many cores there are
    cores           that the program might use; null where that is not known
    cores_used      how many of them its threads used on average while one of them waited for a core
    cores_wanted    how many of its threads ran or could have run then

`duration_s` is how long some thread waited for a core in all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tracekit.analyze import words
from tracekit.analyze.finding import Finding
from tracekit.analyze.thread_states import RAN, stretches, union
from tracekit.model.trace import Int64, States, Trace

SLUG = "core-starved"

LISTED = 20
NAMED = 3
STARVED_SHARE = 0.25  # of the time it ran or could have run: less is what waking up costs on a busy machine
STARVED_NS = 200_000_000  # less is a hiccup of the machine
ALL = 0.85  # of the cores: the scheduler leaves none idle, and what others take for a moment is no cause
FEW = 0.6  # of the cores: below, it is not the program that takes them
_IMPOSSIBLE = 1.25  # of the cores: what kept more of them busy was not all there at the same time
_BIN_NS = 100_000_000
_MOST_BINS = 1 << 18  # of a trace that is longer than any run, because a time in it is wrong, each is longer

_AS_MANY = "no more computing threads and processes than there are cores (`len(os.sched_getaffinity(0))`)"
_CURES = {
    "program": f"More threads and processes compute than there are cores, and they only take turns: use {_AS_MANY}, or give the "
    "program more of them.",
    "others": "Other programs had the processors: look at what else the machine does, or give this one more of it (a container's "
    "CPU limit, a larger machine). No code of the program is to blame.",
    "both": f"Use {_AS_MANY}, and look at what else the machine does.",
}
_CURES["unknown"] = _CURES["both"]


class _Use(NamedTuple):
    """How many cores the program used and wanted, on average while one of its threads waited for one."""

    used: float
    wanted: float


def find(trace: Trace, _threshold_ns: int) -> list[Finding]:
    """One finding, where threads waited for a core for long."""
    starved = [
        row for row in trace.states if row.runnable >= max(STARVED_NS, STARVED_SHARE * (row.running + row.runnable))
    ]
    starved.sort(key=lambda row: -row.runnable)
    if not starved:
        return []
    use = _use(trace)
    # Runs that were one after the other and are laid side by side had the cores to themselves.
    is_of_one_time = not trace.cores or use.used <= _IMPOSSIBLE * trace.cores
    return [_finding(trace, starved, use)] if is_of_one_time else []


def _finding(trace: Trace, starved: list[States], use: _Use) -> Finding:
    waits = stretches(trace, [row.thread for row in starved], "runnable")
    cause = _cause(trace.cores, use)
    return Finding(
        slug=SLUG,
        severity="warning" if cause == "program" else "info",
        start_s=int(waits[0].min()) / 1e9 if len(waits[0]) else 0.0,
        duration_s=union(*waits) / 1e9,
        track=trace.threads[starved[0].thread].name,
        sentence=_sentence(trace, starved, use, cause),
        advice=_CURES[cause],
        details={
            "threads": [_told(trace, row) for row in starved[:LISTED]],
            "cause": cause,
            "cores": trace.cores or None,
            "cores_used": use.used,
            "cores_wanted": use.wanted,
        },
    )


def _use(trace: Trace) -> _Use:
    threads = [row.thread for row in trace.states]
    width = max(_BIN_NS, trace.duration // _MOST_BINS)
    borders = np.arange(trace.duration // width + 2, dtype=np.int64) * width
    ran, waited = (_per_bin(*stretches(trace, threads, *names), borders) for names in (RAN, ("runnable",)))
    weight = waited.sum() or 1.0
    used = float((ran * waited).sum() / weight) / width
    return _Use(used, used + float((waited * waited).sum() / weight) / width)


def _per_bin(start: Int64, end: Int64, borders: Int64) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How much of some stretches lies in each bin, in ns."""
    # What lies before a border: of stretches that began before it, all of it, less what they last beyond.
    totals = np.zeros(len(borders))
    for times, sign in ((np.sort(start), 1), (np.sort(end), -1)):
        sums = np.append(0, np.cumsum(times))
        passed = np.searchsorted(times, borders, side="right")
        totals += sign * (passed * borders - sums[passed])
    return np.diff(totals)


def _cause(cores: int, use: _Use) -> str:
    if not cores:
        return "unknown"
    if use.used >= ALL * cores:
        return "program"
    return "others" if use.used <= FEW * cores or use.wanted <= cores else "both"


def _told(trace: Trace, row: States) -> dict[str, Any]:
    thread = trace.threads[row.thread]
    return {
        "name": thread.name,
        "pid": trace.processes[thread.process].pid,
        "running_s": row.running / 1e9,
        "runnable_s": row.runnable / 1e9,
        "share": row.runnable / (row.running + row.runnable),
        "longest_ready_s": row.longest_ready / 1e9,
    }


def _label(trace: Trace, thread: int) -> str:
    """A thread's name; where there are several processes that of its process too, which is all that tells main threads apart."""
    row = trace.threads[thread]
    process = trace.processes[row.process].name
    if len({trace.threads[states.thread].process for states in trace.states}) == 1:
        return row.name
    return process if row.main else f"{row.name} of {process}"


def _sentence(trace: Trace, starved: list[States], use: _Use, cause: str) -> str:
    names = [_label(trace, row.thread) for row in starved[:NAMED]]
    listed = words.listed(names + ([f"{len(starved) - NAMED} more"] if len(starved) > NAMED else []))
    who = f"{len(starved)} threads ({listed}) were" if len(starved) > 1 else f"{listed} was"
    waited, ran = sum(row.runnable for row in starved), sum(row.running for row in starved)
    whose = "they" if len(starved) > 1 else "it"
    had = {
        "program": f"the program itself kept {use.used:.2g} of {trace.cores} cores busy, and {use.wanted:.2g} of its threads "
        "wanted one",
        "others": f"the program used {use.used:.2g} of {trace.cores} cores, the rest went to other programs",
        "both": f"the program used {use.used:.2g} of {trace.cores} cores, {use.wanted:.2g} of its threads wanted one, and other "
        "programs took their share",
        "unknown": f"the program used {use.used:.2g} cores, and {use.wanted:.2g} of its threads wanted one",
    }[cause]
    return (
        f"{who} ready to run and had no core for {waited / (waited + ran):.0%} of the time that {whose} ran or could have run, "
        f"{words.duration(waited)} in all: meanwhile {had}."
    )
