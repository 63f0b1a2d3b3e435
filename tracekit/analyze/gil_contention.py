"""gil-contention: threads waited for the GIL while others of their process ran Python. Knows no other question.

A wait for the GIL is what a thread was seen in from outside: ready to go on, and not allowed to. The finding is one a process,
with keys of its own:

    threads         who competed: name, tid, running_s, gil_s, gil_share (of its time), longest_ready_s (the longest time
                    in a row that it could have run and did not); at most LISTED, who waited longest first
    delayed         the same of threads that hardly compute and had to wait all the same: sleepers, an event loop's thread
    computing       the names of those that had the GIL meanwhile, as far as they ran at all
    cores_used      how many cores the process's threads used together on average, from the first sample to the last
    took_s, alone_s how long those who competed took, and the estimate of how long they would take in processes of their own:
                    the longest of them without its waits for the GIL, or what all of them computed shared out among the
                    cores, if that is longer; null where nobody competed, or a pool's own threads did
    gain_s          the difference

`duration_s` is how long somebody waited for the GIL in all. Without these waits a thread would do the same work and wait for
the same other things, so what is left is an estimate of its time; it takes for granted that the parts are independent.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from tracekit.analyze import words
from tracekit.analyze.finding import Finding
from tracekit.analyze.thread_states import by_process, extent, sampled, stretches, union, wanted
from tracekit.model.trace import States, Trace

SLUG = "gil-contention"

LISTED = 20
NAMED = 3
WAITED_SHARE = 0.3  # of what it so waited and ran: two threads that compute wait for a half, hashing ones for a tenth
WAITED_NS = 100_000_000  # by less nobody is delayed noticeably
CONTENDED_SHARE = 0.05  # of the process's time: below, threads met now and then, which costs next to nothing
CONTENDED_NS = 200_000_000
MILD_SHARE = 0.2  # of the process's time: below, it is worth knowing and no more
IDLE_SHARE = 0.5  # of its time a thread that hardly computes does not want to run
HARDLY = 0.1  # of the time that it wanted to run, it ran
COMPUTES_SHARE = 0.1  # of the process's time: who runs as long may be who the others waited for

GIL = "waiting for the GIL"

# The threads by which a pool passes jobs to its processes, as Python names them; an executor's second one has but a number.
_PASSER = re.compile(r"Thread-\d+ \(_handle_(?:workers|tasks|results)\)|QueueFeederThread|QueueManagerThread")
_NUMBERED = re.compile(r"Thread-\d+")

_CURE = (
    "Only one thread of a process runs Python code at a time, so more threads do not help, nor does `asyncio.to_thread(...)`: "
    "give what computes to a ProcessPoolExecutor, or let code in C do it that releases the GIL (NumPy, hashlib, zlib). If it "
    "has to be threads, fewer of them get as much done and delay the others less."
)
_CURE_OF_PASSING = (
    "Send less to the pool, whose own threads had the GIL for most of this time, to pass jobs to its processes and results back: "
    "larger chunks (`chunksize` in `map`), smaller arguments and results (a file name, or a key, in place of the data); what is "
    "too small to be passed is done sooner in the process itself. pool-overhead tells what passing takes."
)


class _Case(NamedTuple):
    """A process in which threads waited for the GIL."""

    process: int
    rows: list[States]
    competing: list[States]
    delayed: list[States]
    start: int
    span: int
    contended: int
    is_passing: bool  # whether a pool's own threads had the GIL most of the time


def find(trace: Trace, _threshold_ns: int) -> list[Finding]:
    """One finding for each process whose threads waited for the GIL for long."""
    cases = [_case(trace, process, rows) for process, rows in by_process(trace).items()]
    return [_finding(trace, case) for case in cases if case is not None]


def _case(trace: Trace, process: int, rows: list[States]) -> _Case | None:
    waiting = [row for row in rows if row.gil >= max(WAITED_NS, WAITED_SHARE * (row.gil + row.running))]
    if not waiting:
        return None
    span = extent(*stretches(trace, [row.thread for row in rows]))
    of_gil = stretches(trace, [row.thread for row in waiting], GIL)
    contended = union(*of_gil)
    if contended < max(CONTENDED_NS, CONTENDED_SHARE * span):
        return None
    waiting.sort(key=lambda row: -row.gil)
    delayed = [row for row in waiting if _hardly_computes(row)]
    competing = [row for row in waiting if not _hardly_computes(row)]
    return _Case(
        process, rows, competing, delayed, int(of_gil[0].min()), span, contended, _is_passing(trace, process, rows)
    )


def _is_passing(trace: Trace, process: int, rows: list[States]) -> bool:
    pools = sum(pool.process == process and pool.started > 0 for pool in trace.pools)
    names = [trace.threads[row.thread].name for row in rows]
    # With more of them than pools some are the program's.
    is_one_each = sum(bool(_NUMBERED.fullmatch(name)) for name in names) <= pools
    held = {True: 0, False: 0}
    for row, name in zip(rows, names):
        held[bool(_PASSER.fullmatch(name) or (is_one_each and _NUMBERED.fullmatch(name)))] += _may_hold(row)
    return pools > 0 and held[True] > held[False]


def _hardly_computes(row: States) -> bool:
    return wanted(row) <= (1 - IDLE_SHARE) * sampled(row) and row.running <= HARDLY * wanted(row)


def _may_hold(row: States) -> int:
    """For how long at most it ran with the GIL."""
    return row.running - max(row.unlocked, 0)


def _finding(trace: Trace, case: _Case) -> Finding:
    worst = (case.competing or case.delayed)[0]
    computing = sorted(
        (row for row in case.rows if _may_hold(row) >= COMPUTES_SHARE * case.span or row in case.competing),
        key=lambda row: -row.running,
    )
    cores = sum(row.running for row in case.rows) / case.span
    took, alone = (0, 0) if case.is_passing else _estimate(trace, case.competing)
    return Finding(
        slug=SLUG,
        severity="warning" if case.contended >= MILD_SHARE * case.span else "info",
        start_s=case.start / 1e9,
        duration_s=case.contended / 1e9,
        track=trace.threads[worst.thread].name,
        sentence=_sentence(trace, case, computing, cores, took, alone),
        advice=_CURE_OF_PASSING if case.is_passing else _CURE,
        details={
            "pid": trace.processes[case.process].pid,
            "threads": [_told(trace, row) for row in case.competing[:LISTED]],
            "delayed": [_told(trace, row) for row in case.delayed[:LISTED]],
            "computing": [trace.threads[row.thread].name for row in computing[:LISTED]],
            "cores_used": cores,
            "took_s": took / 1e9 if took else None,
            "alone_s": alone / 1e9 if took else None,
            "gain_s": (took - alone) / 1e9 if took else None,
        },
    )


def _estimate(trace: Trace, competing: list[States]) -> tuple[int, int]:
    """How long those who competed took, and would take in processes of their own (ns); 0 where nobody competed."""
    if len(competing) < 2:
        return 0, 0
    took = extent(*stretches(trace, [row.thread for row in competing]))
    shared = sum(row.running for row in competing) // trace.cores if trace.cores else 0
    return took, min(took, max(shared, *(sampled(row) - row.gil for row in competing)))


def _told(trace: Trace, row: States) -> dict[str, Any]:
    return {
        "name": trace.threads[row.thread].name,
        "tid": trace.threads[row.thread].tid,
        "running_s": row.running / 1e9,
        "gil_s": row.gil / 1e9,
        "gil_share": row.gil / sampled(row),
        "longest_ready_s": row.longest_ready / 1e9,
    }


def _sentence(trace: Trace, case: _Case, computing: list[States], cores: float, took: int, alone: int) -> str:
    parts = []
    if case.competing:
        parts.append(
            f"{_who(trace, case.competing)} waited for the GIL for {_shares(case.competing)} of {_whose(case.competing)} time, "
            f"{_sum(case.competing)} in all, and all threads of the process together used {cores:.2f} cores."
        )
    if case.delayed:
        hardly = "compute" if len(case.delayed) > 1 else "computes"
        worst = words.duration(max(row.longest_ready for row in case.delayed))
        others = f" while {_names(trace, computing)} computed" if computing and not case.competing else ""
        parts.append(
            f"{_who(trace, case.delayed)}, which hardly {hardly}, had to wait for it for {_sum(case.delayed)} all the same, "
            f"{_shares(case.delayed)} of {_whose(case.delayed)} time, at worst {worst} in a row{others}."
        )
    if took > alone:
        room = f"on the {trace.cores} cores that there are" if trace.cores else "with a core for each"
        parts.append(
            f"In processes of their own, {room}, those who computed would have taken about {words.duration(alone)} in place "
            f"of {words.duration(took)}."
        )
    return " ".join(parts)


def _who(trace: Trace, rows: list[States]) -> str:
    names = _names(trace, rows)
    return f"{len(rows)} threads ({names})" if len(rows) > 1 else f"The thread {names}"


def _whose(rows: list[States]) -> str:
    return "their" if len(rows) > 1 else "its"


def _names(trace: Trace, rows: list[States]) -> str:
    loops = {loop.thread for loop in trace.loops}
    names = [
        trace.threads[row.thread].name + (" (an event loop's)" if row.thread in loops else "") for row in rows[:NAMED]
    ]
    return words.listed(names + ([f"{len(rows) - NAMED} more"] if len(rows) > NAMED else []))


def _shares(rows: list[States]) -> str:
    """The share of its time that each one waited for the GIL, from the lowest to the highest."""
    shares = sorted(row.gil / sampled(row) for row in rows)
    low, high = f"{shares[0]:.0%}", f"{shares[-1]:.0%}"
    return high if low == high else f"{low[:-1]} to {high}"


def _sum(rows: list[States]) -> str:
    return words.duration(sum(row.gil for row in rows))
