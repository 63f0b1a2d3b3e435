"""deadlock: threads that wait for each other in a circle, and locks that nobody is left to release. Knows no other question.

A circle that nothing has ended when the trace does is one for ever; one that somebody gave up, by a timeout or an
exception, was one until then. A thread may also wait for what it holds itself (a warning: another one may release it),
and a lock may be held by a thread that has ended, or that a fork left behind in the parent. Its own keys:

    kind            "circle", "itself", "ended" or "forked"
    outcome         "unfinished" or "given up"
    threads         those in the circle, each of whom waits for the next one, or the one that waits: name, pid, tid, lock (null:
                    it waits for a thread to end), waits_at (function, file, line), held_by, held_at; null: not known
    behind          the names of the threads that wait for those, at most LISTED

`duration_s` is how long the circle was closed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from tracekit.analyze import words
from tracekit.analyze.finding import Finding
from tracekit.analyze.lock_waits import LockWait, has_unanswered, lock_waits, who
from tracekit.analyze.place import Place, library_of, users
from tracekit.model.lock_words import TAKEN, UNFINISHED
from tracekit.model.trace import Trace

SLUG = "deadlock"

LISTED = 20
_ALONE = ("ended", "forked")

_CURES = {
    "circle": (
        "Have every thread take these locks in the same order, or take them with a timeout, and let go of all of them when it "
        "passes."
    ),
    "itself": (
        "Use an RLock, which the thread that holds it may take again, or don't call what takes the lock from where it is held."
    ),
    "ended": "Take a lock by `with`, so that it is released however the block ends.",
    "forked": (
        "Don't fork while other threads run: start processes with the spawn or forkserver method, or before the threads; what "
        "must be locked at a fork can be taken before and released after it by os.register_at_fork."
    ),
}


class _Stuck(NamedTuple):
    """Waits that cannot end: each one's holder waits in the next, the last one's in the first; since and until when."""

    kind: str
    waits: tuple[LockWait, ...]
    since: int
    until: int

    @property
    def is_cut(self) -> bool:
        """Whether it was like this already when the trace began."""
        return all(wait.begun_before for wait in self.waits)


def find(trace: Trace, threshold_ns: int) -> list[Finding]:
    """One finding for each circle that was closed for longer than `threshold_ns`."""
    if not has_unanswered(trace, threshold_ns):
        return []
    waiting = _Waiting(trace)
    return [_finding(trace, stuck, waiting.behind(stuck)) for stuck in _stuck(trace, waiting, threshold_ns)]


def told(trace: Trace, threshold_ns: int) -> set[int]:
    """The slices of the waits that findings of this kind tell of."""
    if not has_unanswered(trace, threshold_ns):
        return set()
    waiting = _Waiting(trace)
    return {
        wait.slice for stuck in _stuck(trace, waiting, threshold_ns) for wait in (*stuck.waits, *waiting.behind(stuck))
    }


class _Waiting:
    """Who waits for what at which time."""

    def __init__(self, trace: Trace) -> None:
        self.all = lock_waits(trace)
        self._of_thread: defaultdict[int, list[LockWait]] = defaultdict(list)
        for wait in self.all:
            self._of_thread[wait.thread].append(wait)

    def at(self, thread: int, time: int) -> LockWait | None:
        """What a thread waits for up to that time and no shorter; of waits within each other the innermost."""
        found = [wait for wait in self._of_thread.get(thread, ()) if wait.start < time <= wait.end]
        return found[-1] if found else None

    def behind(self, stuck: _Stuck) -> list[LockWait]:
        """Those that wait for the stuck ones, directly or not, at the end."""
        threads = {wait.thread for wait in stuck.waits}
        there = [wait for wait in self.all if wait.start < stuck.until <= wait.end]
        # A holder that is gone waits for nobody, but others may wait for the same.
        same = {(wait.lock, wait.holder, wait.inherited) for wait in stuck.waits if stuck.kind in _ALONE}
        found: list[LockWait] = []
        while new := [
            wait
            for wait in there
            if wait.thread not in threads
            and (wait.holder in threads or (wait.lock, wait.holder, wait.inherited) in same)
        ]:
            found += new
            threads |= {wait.thread for wait in new}
        return found


def _stuck(trace: Trace, waiting: _Waiting, threshold_ns: int) -> Iterator[_Stuck]:
    known: set[object] = set()
    ends = [wait for wait in waiting.all if wait.outcome != TAKEN and wait.is_longer(threshold_ns)]
    for wait in sorted(ends, key=lambda wait: wait.end):
        stuck = _left_alone(trace, wait) or _circle(waiting, wait)
        if stuck is None or not (stuck.is_cut or stuck.until - stuck.since > threshold_ns):
            continue
        key = (
            (wait.lock, wait.holder, trace.threads[wait.thread].process)
            if stuck.kind in _ALONE
            else frozenset(wait.slice for wait in stuck.waits)
        )
        if key not in known:
            known.add(key)
            yield stuck


def _circle(waiting: _Waiting, first: LockWait) -> _Stuck | None:
    """The circle that a wait was part of up to its end."""
    chain = [first]
    while (holder := chain[-1].holder) is not None and not chain[-1].inherited:
        if holder == first.thread:
            since = max(wait.start for wait in chain)
            return _Stuck("circle" if len(chain) > 1 else "itself", tuple(chain), since, first.end)
        following = waiting.at(holder, first.end)
        if following is None or following in chain:
            return None
        chain.append(following)
    return None


def _left_alone(trace: Trace, wait: LockWait) -> _Stuck | None:
    """A wait for what a thread holds that is not there."""
    if wait.inherited:
        return _Stuck("forked", (wait,), wait.start, wait.end)
    holder = None if wait.holder is None or wait.is_join else trace.threads[wait.holder]
    if holder is None or wait.outcome != UNFINISHED:
        return None
    if holder.process != trace.threads[wait.thread].process and trace.processes[holder.process].status is not None:
        return _Stuck("ended", (wait,), max(wait.start, holder.ended or wait.start), wait.end)
    # What the main thread holds when the program ends is nobody's trouble any more.
    if holder.ended is None or holder.main:
        return None
    return _Stuck("ended", (wait,), max(wait.start, holder.ended), wait.end)


# In words.


def _finding(trace: Trace, stuck: _Stuck, behind: list[LockWait]) -> Finding:
    last = max(stuck.waits, key=lambda wait: wait.start)
    blamed = users(last.where, *(wait.where for wait in stuck.waits), *(wait.held_at for wait in stuck.waits))
    return Finding(
        slug=SLUG,
        severity="warning" if stuck.kind == "itself" else "error",
        start_s=stuck.since / 1e9,
        duration_s=(stuck.until - stuck.since) / 1e9,
        track=trace.threads[last.thread].name,
        sentence=_sentence(trace, stuck, behind),
        advice=_CURES[stuck.kind],
        **blamed._asdict(),
        library=library_of(*(wait.where for wait in stuck.waits)),
        details={
            "kind": stuck.kind,
            "outcome": stuck.waits[0].outcome,
            "threads": [_row(trace, wait) for wait in stuck.waits],
            "behind": [trace.threads[wait.thread].name for wait in behind[:LISTED]],
        },
    )


def _sentence(trace: Trace, stuck: _Stuck, behind: list[LockWait]) -> str:
    several = len({trace.threads[wait.thread].process for wait in stuck.waits}) > 1
    name = {wait.thread: who(trace, wait.thread, several) for wait in stuck.waits}
    lasted = f"{'at least ' if stuck.is_cut else ''}{words.duration(stuck.until - stuck.since)}"
    first = stuck.waits[0]
    over = first.outcome != UNFINISHED
    each = "; ".join(f"{name[wait.thread]} {_tells(trace, wait, stuck.kind, over, several)}" for wait in stuck.waits)
    if stuck.kind == "circle":
        until = f"until {name[first.thread]} gave up" if over else "when the recording ended"
        waits = "waited" if over else "wait"
        whole = f"{words.listed(list(name.values()))} {waits} for each other, for {lasted} {until}: {each}"
    else:
        whole = f"{each}; {'it gave up' if over else 'the recording ended'} after {lasted}"
    if behind:
        whole += f"; {words.count(len(behind), 'more thread')} wait{'s' * (len(behind) == 1)} behind"
    return f"{whole}."


def _tells(trace: Trace, wait: LockWait, kind: str, over: bool, several: bool) -> str:
    """What one of them waits for and why it does not get it."""
    waits = f"{'waited' if over else 'waits'}{_in(wait.where)} for"
    holder = None if wait.holder is None else trace.threads[wait.holder]
    name = "a thread" if wait.holder is None else who(trace, wait.holder, several)
    taken = _in(wait.held_at)
    if wait.is_join:
        return f"{waits} {name} to end"
    if kind == "itself":
        return f"{waits} {wait.lock}, which it took itself{taken}, so that only another thread could release it"
    if kind == "ended":
        return f"{waits} {wait.lock}, which {name} took{taken} and had not released when it ended"
    if kind == "forked":
        parent = "the parent" if holder is None else f"process {trace.processes[holder.process].pid}"
        return f"{waits} {wait.lock}, which {name} of {parent} held{taken} at the fork: no thread here can release it"
    return f"{waits} {wait.lock}, which {name} took{taken}"


def _in(place: Place) -> str:
    return f" in {place}" if place.function else ""


def _row(trace: Trace, wait: LockWait) -> dict[str, Any]:
    thread = trace.threads[wait.thread]
    return {
        "name": thread.name,
        "pid": trace.processes[thread.process].pid,
        "tid": thread.tid,
        "lock": None if wait.is_join else wait.lock,
        "waits_at": wait.where._asdict() if wait.where.function else None,
        "held_by": None if wait.holder is None else trace.threads[wait.holder].name,
        "held_at": wait.held_at._asdict() if wait.held_at.function else None,
    }
