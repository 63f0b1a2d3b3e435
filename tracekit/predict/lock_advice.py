"""Lock advice: locks that threads stand in line for, which no other model would shorten. Knows no model."""

from __future__ import annotations

from tracekit.analyze import lock_contention, words
from tracekit.analyze.finding import Finding
from tracekit.analyze.lock_table import locks
from tracekit.analyze.place import Place
from tracekit.analyze.thread_states import sampled
from tracekit.model.trace import Trace
from tracekit.predict import queues
from tracekit.predict.counsel import Advice, Hot
from tracekit.predict.found import Found
from tracekit.predict.lives import places_of
from tracekit.predict.parts import Work

_MUCH = 0.25  # of the time of the threads that wait
_WORKERS = ("ThreadPoolExecutor-", "asyncio_", "Queue", "MainThread")


def find(trace: Trace, work: Work, threshold_ns: int) -> Found:
    """Advice for each lock, and each queue, that was waited for long."""
    findings = lock_contention.find(trace, threshold_ns)
    found = queues.find(trace, work, threshold_ns)
    found.advice.extend(_advice(trace, work, finding) for finding in findings)
    if not any(found):
        found.unknown.extend(_unknown(trace))
    return found


def _advice(trace: Trace, work: Work, finding: Finding) -> Advice:
    told = finding.details
    place = Place(finding.function, finding.file, finding.line)
    where = words.place(*place) if place.function else str(told["lock"])
    line = f", up to {told['most_waiting']} at once" if told["most_waiting"] > 1 else ""
    waited = words.count(len(told["waiters"]), "thread") + f" waited {_s(told['waited_s'])} for it{line}"
    share = told["waited_s"] * 1e9 / max(1, trace.duration)
    name = words.short_function(place.function) or str(told["lock"])
    return Advice(
        hot=Hot(name, place.file, place.line, "waiting for locks", told["waited_s"], share),
        now=work.traced_model or "threads",
        model="",
        change=f"Hold {told['lock']} for less in {where}: keep I/O and long computing out of it; or give each thread data of its "
        "own, or a queue to one thread that owns the data.",
        why=f"{waited}. No model helps: threads, processes and coroutines that need the same lock stand in the same line. What a "
        "shorter hold brings to the whole, the trace cannot tell.",
        confidence="high",
        wall_before_s=work.wall_ns / 1e9,
        late_before_s=told["longest_s"],
        costs=("Complexity: what the lock guards must stay right when it is held for less.",),
    )


def share(trace: Trace) -> float:
    """The part of their time that the program's own threads waited for locks, as far as they were looked at."""
    seen = _seen(trace)
    return sum(lock for lock, _ in seen) / max(1, sum(whole for _, whole in seen))


def _seen(trace: Trace) -> list[tuple[int, int]]:
    """Of each thread that is no library's: how long it waited for locks, and how long it was looked at."""
    places = places_of(trace)
    return [
        (row.lock, sampled(row))
        for row in trace.states
        if not trace.threads[row.thread].name.startswith(_WORKERS) and not places.get(row.thread, Place()).is_librarys
    ]


def _unknown(trace: Trace) -> list[str]:
    """Threads that were seen to wait for locks, of which nobody recorded which; or that nobody held them."""
    seen = _seen(trace)
    much = [(lock, whole) for lock, whole in seen if whole and lock >= _MUCH * whole]
    if not much:
        return []
    share = sum(lock for lock, _ in much) / sum(whole for _, whole in much)
    waited = (
        f"{words.count(len(much), 'thread')} waited {share:.0%} of the time for locks, or for conditions and queues, which are "
        "made of them"
    )
    rows = locks(trace)
    if not rows:
        return [f"{waited}; for which, and who held them, was not recorded: `tracekit run --locks` tells."]
    longest = max(rows, key=lambda row: row.waited)
    where = f" ({longest.where[0][0]})" if longest.where[0][0].file else ""
    return [
        f"{waited}: longest in {longest.name}{where}. No lock was held for long: they waited for what other threads did."
    ]


def _s(seconds: float) -> str:
    return words.duration(round(seconds * 1e9))
