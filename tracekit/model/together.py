"""Together: the rows of several Traces in one set of lists, and where each one is now. Knows rows, and no columns of times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields, replace
from typing import Any, TypeVar

import numpy as np

from tracekit.model.same import Place, same_processes, same_threads
from tracekit.model.trace import (
    STATE_FIELDS,
    Args,
    Int64,
    Loop,
    Pool,
    Process,
    States,
    Task,
    Thread,
    Trace,
    Track,
    TrackKind,
)

# A pid that two processes have: the second one's is so much higher, which no kernel gives out and anybody can read.
APART = 10_000_000

Row = TypeVar("Row", Process, Thread)

# Tracks of which a thread or process has one, also where several traces know of it.
_SINGLE = (TrackKind.THREAD, TrackKind.STATES, TrackKind.PROCESS)


class Together:
    """The rows of all traces.

    Args:
        traces: not changed.
        shifts: ns on the common clock at which each one begins; the earliest is 0.
        names: what the notes call them.
        apart: no two processes are one.

    Attributes:
        processes, threads, loops, tasks, tracks, states, pools, strings, args: as in Trace.
        places: for each trace, where its rows are in these lists, under the names of the columns that refer to them.
        shared: the tracks that several traces have something on.
        notes: what became of processes whose numbers several traces have, a sentence each.
    """

    def __init__(self, traces: Sequence[Trace], shifts: Sequence[int], names: Sequence[str], apart: bool) -> None:
        self._traces, self._shifts, self._names = traces, shifts, names
        self.processes: list[Process] = []
        self.threads: list[Thread] = []
        self.loops: list[Loop] = []
        self.tasks: list[Task] = []
        self.tracks: list[Track] = []
        self.states: list[States] = []
        self.pools: list[Pool] = []
        self.strings: list[str] = []
        self.args: list[Args] = []
        self.notes: list[str] = []
        self.shared: set[int] = set()
        self.places: list[dict[str, Int64]] = []
        same = {} if apart else same_processes(traces, shifts)
        self._same, self._same_threads = same, same_threads(traces, shifts, same)
        self._at: dict[tuple[str, Place], int] = {}
        self._known: dict[str, int] = {}
        self._single: dict[tuple[TrackKind, int], int] = {}
        for number in range(len(traces)):
            self._add(number)

    def _add(self, number: int) -> None:
        trace = self._traces[number]
        before = len(self.processes)
        taken, called = {row.pid for row in self.processes}, {row.name for row in self.processes}
        process = [self._process((number, at), taken, called) for at in range(len(trace.processes))]
        for at, row in enumerate(trace.processes):
            own = self.processes[process[at]]
            if row.parent is not None and (process[at] >= before or own.parent is None):
                own.parent = process[row.parent]
        thread = [self._thread((number, at), process) for at in range(len(trace.threads))]
        for at, starter in enumerate(row.starter for row in trace.threads):
            if starter is not None and self.threads[thread[at]].starter is None:
                self.threads[thread[at]].starter = thread[starter]
        loop = self._appended(
            self.loops, (replace(row, process=process[row.process], thread=thread[row.thread]) for row in trace.loops)
        )
        task = self._appended(self.tasks, (self._task(row, number, process, loop) for row in trace.tasks))
        self._add_states(trace, thread)
        pool = self._appended(self.pools, (replace(row, process=process[row.process]) for row in trace.pools))
        track = self._add_tracks(trace, process, thread, task)
        text = [self._string(value) for value in trace.strings]
        args = self._appended(self.args, (_args(row, pool) for row in trace.args))
        of = {"process": process, "thread": thread, "task": task, "track": track, "args": args}
        of |= dict.fromkeys(("name", "series", "function", "file"), text)
        self.places.append({name: np.array(where, np.int64) for name, where in of.items()})

    def _process(self, own: Place, taken: set[int], called: set[str]) -> int:
        """Adds a process, or what is known of one that is there already; returns its index.

        Args:
            taken, called: the pids and the names in the traces before.
        """
        number, at = own
        trace, name = self._traces[number], self._names[number]
        row = _shifted(trace.processes[at], self._shifts[number], "started")
        if own in self._same:
            first = self._same[own]
            index = self._at["process", own] = self._at["process", first]
            known = self.processes[index]
            self.processes[index] = _joined(known, replace(row, parent=known.parent))
            self.notes.append(f"{name}: process {row.pid} is taken for that of {self._names[first[0]]}")
            return index
        row.parent = None
        if row.pid in taken:
            row.pid = next(pid for pid in range(row.pid + APART, 1 << 62, APART) if pid not in taken)
            self.notes.append(
                f"{name}: process {trace.processes[at].pid} is called {row.pid} here, because another one has its number"
            )
        if row.name in called:
            row.name = f"{row.name} ({name})"
        self.processes.append(row)
        self._at["process", own] = len(self.processes) - 1
        return len(self.processes) - 1

    def _thread(self, own: Place, process: list[int]) -> int:
        number, at = own
        trace = self._traces[number]
        row = _shifted(trace.threads[at], self._shifts[number], "started")
        home = process[row.process]
        if own in self._same_threads:
            index = self._at["thread", own] = self._at["thread", self._same_threads[own]]
            known = self.threads[index]
            self.threads[index] = _joined(known, replace(row, starter=known.starter))
            return index
        was = trace.processes[row.process]
        tid = self.processes[home].pid if row.tid == was.pid else row.tid
        self.threads.append(replace(row, process=home, tid=tid, starter=None))
        self._at["thread", own] = len(self.threads) - 1
        return len(self.threads) - 1

    def _task(self, row: Task, number: int, process: list[int], loop: list[int]) -> Task:
        row = _shifted(row, self._shifts[number], "created")
        row.process, row.loop = process[row.process], None if row.loop is None else loop[row.loop]
        return row

    def _add_states(self, trace: Trace, thread: list[int]) -> None:
        there = {row.thread: row for row in self.states}
        for row in trace.states:
            known = there.get(thread[row.thread])
            if known is None:
                self.states.append(replace(row, thread=thread[row.thread]))
                continue
            for field in {*STATE_FIELDS.values(), "switches", "preempted"}:
                setattr(known, field, getattr(known, field) + getattr(row, field))
            known.longest_ready = max(known.longest_ready, row.longest_ready)
            is_told = known.unlocked >= 0 and row.unlocked >= 0
            known.unlocked = known.unlocked + row.unlocked if is_told else -1

    def _add_tracks(self, trace: Trace, process: list[int], thread: list[int], task: list[int]) -> list[int]:
        owners = {TrackKind.TASK: task, **dict.fromkeys((TrackKind.PROCESS, TrackKind.TASKS, TrackKind.NAMED), process)}
        places = []
        for row in trace.tracks:
            owner = owners.get(row.kind, thread)[row.owner]
            key = (row.kind, owner)
            if row.kind in _SINGLE and key in self._single:
                self.shared.add(self._single[key])
                places.append(self._single[key])
                continue
            self._single[key] = len(self.tracks)
            places.append(len(self.tracks))
            self.tracks.append(replace(row, owner=owner, process=process[row.process]))
        return places

    def _string(self, text: str) -> int:
        index = self._known.setdefault(text, len(self.strings))
        if index == len(self.strings):
            self.strings.append(text)
        return index

    def _appended(self, rows: list[Any], more: Iterable[Any]) -> list[int]:
        """Adds rows at the end of a list, and returns where they are."""
        first = len(rows)
        rows.extend(more)
        return list(range(first, len(rows)))


def _shifted(row: Any, shift: int, start: str) -> Any:
    """A copy of a row, with its times on the common clock."""
    ended = None if row.ended is None else row.ended + shift
    return replace(row, **{start: getattr(row, start) + shift, "ended": ended})


def _joined(best: Row, other: Row) -> Row:
    """A row with what another one knows of the same thing besides; its life holds both."""
    known: dict[str, Any] = {}
    for field in fields(best):
        if field.default is not MISSING and getattr(best, field.name) == field.default:
            known[field.name] = getattr(other, field.name)
    known["started"] = min(best.started, other.started)
    ends = [row.ended for row in (best, other) if row.ended is not None]
    known["ended"] = max(ends) if ends else None
    if isinstance(best, Thread) and isinstance(other, Thread):
        known["begun_before"] = min(best, other, key=lambda row: row.started).begun_before
    return replace(best, **known)


def _args(args: Args, pools: list[int]) -> Args:
    """Arguments that name a pool by its index, with the index that it has now."""
    pool = args.get("pool")
    if pools and isinstance(pool, int) and not isinstance(pool, bool) and 0 <= pool < len(pools):
        return {**args, "pool": pools[pool]}
    return args
