"""lock-contention: threads waited for a lock that others held, for a good part of their time. Knows no other question.

Whoever waits for work, in line for the lock of the workers' queue or not, an event or another's end waits for nobody's lock.
What a deadlock held up is told there. Its own keys:

    lock            as "Lock 3"
    pid             of its process; null where processes share it
    waits           how often somebody waited for it
    waited_s, longest_s     all of it, and the longest wait
    share           the part of the lives of the threads that waited
    waiters         those threads, at most LISTED, the one that waited longest first: name, waited_s, share
    held_by         the threads that held it when a wait began, at most LISTED: name, waited_s (how long others did for it)
    held_at         where it was taken then, at most LISTED: function, file, line, waited_s
    waits_at        where they waited, likewise
    most_waiting    how many stood in line at once
    handed_on       how often who got it left others waiting
    convoy          whether the lock went from hand to hand most of the time: then its threads run one at a time

`duration_s` is how long all of them waited together.
"""

from __future__ import annotations

from typing import Any

from tracekit.analyze import deadlock, words
from tracekit.analyze.finding import Finding
from tracekit.analyze.lock_table import LockRow, locks
from tracekit.analyze.lock_waits import who
from tracekit.analyze.place import Place, library_of, users
from tracekit.model.trace import Trace

SLUG = "lock-contention"

LISTED = 10
LEAST_SHARE = 0.05
_CONVOY = 3  # times from hand to hand, at least

_CURE = (
    "Hold the lock for less: do in it what needs it and nothing else, above all no I/O and no long computing; or share less, "
    "with a lock (and a part of the data) for each thread, or a queue to one thread that owns the data."
)


def find(trace: Trace, threshold_ns: int) -> list[Finding]:
    """One finding for each lock that was waited for longer than `threshold_ns`, at once or for a share of its threads' lives."""
    return [
        _finding(trace, row)
        for row in locks(trace, without=deadlock.told(trace, threshold_ns))
        if row.is_contended and row.waited > threshold_ns and (row.share >= LEAST_SHARE or row.longest > threshold_ns)
    ]


def _finding(trace: Trace, row: LockRow) -> Finding:
    held_at, where = [place for place, _ in row.held_at], [place for place, _ in row.where]
    return Finding(
        slug=SLUG,
        severity="warning",
        start_s=row.first / 1e9,
        duration_s=row.waited / 1e9,
        track=trace.threads[row.waiters[0].thread].name,
        sentence=_sentence(trace, row),
        advice=_CURE,
        **users(*held_at, *where)._asdict(),
        library=library_of(*held_at, *where),
        details={
            "lock": row.lock,
            "pid": None if row.is_shared else row.pid,
            "waits": row.times,
            "waited_s": row.waited / 1e9,
            "longest_s": row.longest / 1e9,
            "share": row.share,
            "waiters": [
                {
                    "name": who(trace, waiter.thread, row.is_shared),
                    "waited_s": waiter.waited / 1e9,
                    "share": waiter.share,
                }
                for waiter in row.waiters[:LISTED]
            ],
            "held_by": [{"name": name, "waited_s": waited / 1e9} for name, waited in row.holders[:LISTED]],
            "held_at": _places(row.held_at),
            "waits_at": _places(row.where),
            "most_waiting": row.most_waiting,
            "handed_on": row.handed_on,
            "convoy": _is_convoy(row),
        },
    )


def _places(places: tuple[tuple[Place, int], ...]) -> list[dict[str, Any]]:
    return [{**place._asdict(), "waited_s": waited / 1e9} for place, waited in places[:LISTED] if place.function]


def _is_convoy(row: LockRow) -> bool:
    return row.handed_on >= _CONVOY and row.handed_on * 2 >= row.taken


def _sentence(trace: Trace, row: LockRow) -> str:
    if len(row.waiters) == 1:
        threads, whose = who(trace, row.waiters[0].thread, row.is_shared), "its"
    else:
        threads, whose = words.count(len(row.waiters), "thread"), "their"
    waited = words.duration(row.waited)
    often = "once" if row.times == 1 else f"{row.times} times, the longest {words.duration(row.longest)}"
    whole = f"{threads} waited {waited} for {row.lock}, {row.share:.0%} of {whose} time: {often}"
    held = []
    if row.holders:
        most = row.holders[0][1] * 2 > sum(waited for _, waited in row.holders)
        held.append(f"by {row.holders[0][0]}" if most else f"by {len(row.holders)} threads")
    if row.held_at:
        held.append(f"in {row.held_at[0][0]}")
    if held:
        mostly = "mostly " if len(row.held_at) > 1 or (len(row.holders) > 1 and most) else ""
        whole += f"; it was held {mostly}{' '.join(held)}"
    if _is_convoy(row):
        whole += (
            f"; up to {row.most_waiting} stood in line, and {row.handed_on} of {row.taken} times who got it left others "
            "waiting: a convoy, in which one runs at a time"
        )
    return f"{whole}."
