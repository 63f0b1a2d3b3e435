"""Tables: a trace's processes, threads, loops, tasks and jobs as plain rows, in ns. Knows no way to show them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tracekit.analyze.awaited import awaited
from tracekit.analyze.cover import covered
from tracekit.analyze.waits import Waits, waits
from tracekit.model.trace import Category, Flag, Process, Task, Trace, TrackKind

_ADDED = ("count", "steps", "running", "ready", "awaiting")
_NOT_OCCUPIED = (Category.THREAD, Category.LOOP, Category.SELECT, Category.WAIT, Category.ACQUIRED, Category.CALL)


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A process; `wall` is how long it was seen, None for one that was not, and `untraced` says why, or is "".

    Where its end was not seen, `wall` goes up to the last that was seen of its threads. What comes behind `python` is as in
    model/trace.py's Process.
    """

    pid: int
    name: str
    command: str
    parent: int | None  # pid
    started: int
    ended: int | None
    wall: int | None
    threads: int
    untraced: str
    python: str
    status: int | None
    starting: int | None
    peak_rss: int
    pss: int
    shared: int


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """A thread; `occupied` is the time in spans, steps, callbacks and jobs, whether they computed or waited there.

    None where nothing was recorded on it but its life: then nobody knows what it did.
    """

    name: str
    pid: int
    tid: int
    started: int
    ended: int | None
    life: int
    occupied: int | None


@dataclass(frozen=True, slots=True)
class LoopRow:
    """An event loop; `used` is the part of its open time that went into steps and callbacks, None if it never ran.

    `ready` is how long its tasks waited for it.
    """

    name: str
    pid: int
    thread: str
    running: int
    open: int
    used: float | None
    ready: Waits


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task, or several of one coroutine (`count`) added up; `longest` is their longest step.

    `awaited` is what they awaited for the longest time, "" where that is not known.
    """

    name: str
    coroutine: str
    count: int
    steps: int
    running: int
    ready: int
    awaiting: int
    longest: int
    outcome: str
    awaited: str


@dataclass(frozen=True, slots=True)
class JobRow:
    """The jobs of one function in executors: how long they queued and ran together, and the worst of each.

    `queued` is None where no submit was seen.
    """

    function: str
    count: int
    queued: int | None
    longest_queued: int | None
    running: int
    longest: int


def processes(trace: Trace) -> list[ProcessRow]:
    """The processes, in the order in which they were seen."""
    threads = Counter(thread.process for thread in trace.threads)
    seen = _seen_until(trace)
    return [
        ProcessRow(
            pid=process.pid,
            name=process.name,
            command=process.command,
            parent=None if process.parent is None else trace.processes[process.parent].pid,
            started=process.started,
            ended=process.ended,
            wall=None if process.untraced and process.ended is None else _wall(process, seen[index]),
            threads=threads[index],
            untraced=process.untraced,
            python=process.python,
            status=process.status,
            starting=process.starting,
            peak_rss=process.peak_rss,
            pss=process.pss,
            shared=process.shared,
        )
        for index, process in enumerate(trace.processes)
    ]


def threads(trace: Trace) -> list[ThreadRow]:
    """The threads, in the order in which they were seen."""
    occupied, ends = _occupied(trace), _ends(trace)
    return [
        ThreadRow(
            name=thread.name,
            pid=trace.processes[thread.process].pid,
            tid=thread.tid,
            started=thread.started,
            ended=thread.ended,
            life=max(0, ends[index] - max(0, thread.started)),
            occupied=occupied.get(index),
        )
        for index, thread in enumerate(trace.threads)
    ]


def loops(trace: Trace) -> list[LoopRow]:
    """The event loops, in the order in which they were seen."""
    return [
        LoopRow(
            name=loop.name,
            pid=trace.processes[loop.process].pid,
            thread=trace.threads[loop.thread].name,
            running=loop.running,
            open=loop.open,
            used=loop.running / loop.open if loop.open else None,
            ready=ready,
        )
        for loop, ready in zip(trace.loops, waits(trace))
    ]


def tasks(trace: Trace) -> Iterator[TaskRow]:
    """The tasks, those with the longest step first; one after another, for there may be millions."""
    longest, waited = longest_steps(trace), awaited(trace)
    for index in sorted(range(len(longest)), key=lambda index: -longest[index]):
        task = trace.tasks[index]
        yield TaskRow(
            name=task.name,
            coroutine=task.coroutine,
            count=1,
            steps=task.steps,
            running=task.running,
            ready=task.ready,
            awaiting=task.awaiting,
            longest=longest[index],
            outcome=_outcome(task),
            awaited=next(iter(waited.get(index, ())), ""),
        )


def by_coroutine(rows: Iterable[TaskRow]) -> list[TaskRow]:
    """Rows of tasks added up by coroutine, those with the longest step first; the outcomes are counted."""
    groups: defaultdict[str, _Sum] = defaultdict(_Sum)
    for row in rows:
        groups[row.coroutine].add(row)
    added = [group.row(coroutine) for coroutine, group in groups.items()]
    return sorted(added, key=lambda row: -row.longest)


def jobs(trace: Trace) -> list[JobRow]:
    """The functions that executors ran, those that ran longest first."""
    slices = trace.slices
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for row in np.flatnonzero(slices.category == Category.JOB).tolist():
        groups[int(slices.name[row])].append(row)
    rows = [_job_row(trace, trace.strings[name], group) for name, group in groups.items()]
    return sorted(rows, key=lambda row: -row.running)


def longest_steps(trace: Trace) -> list[int]:
    """The longest step (ns) of each task, by the index of the task."""
    slices = trace.slices
    rows = np.flatnonzero((slices.category == Category.STEP) & (slices.task >= 0))
    longest = np.zeros(len(trace.tasks), dtype=np.int64)
    np.maximum.at(longest, slices.task[rows], slices.end[rows] - slices.start[rows])
    times: list[int] = longest.tolist()
    return times


def longest_step(trace: Trace) -> tuple[int, int] | None:
    """The longest step of all (ns) and the index of its task; None where no step was seen."""
    times = longest_steps(trace)
    longest = max(times, default=0)
    return (longest, times.index(longest)) if longest else None


def open_steps(trace: Trace) -> list[int]:
    """The tasks of the steps whose end was not seen; each lasted at least as long as its slice, nobody knows how long."""
    slices = trace.slices
    unfinished = (slices.flags & int(Flag.UNFINISHED)) != 0
    tasks: list[int] = slices.task[unfinished & (slices.category == Category.STEP) & (slices.task >= 0)].tolist()
    return tasks


def _outcome(task: Task) -> str:
    outcome = f"{task.outcome}: {task.error}" if task.error else task.outcome
    return f"{outcome} (begun before)" if task.begun_before else outcome


def _ends(trace: Trace) -> list[int]:
    """By the index of a thread: when it ended; where that was not seen, the last that was seen of it."""
    slices = trace.slices
    ends = np.array([thread.started for thread in trace.threads], dtype=np.int64)
    owner = np.array([row.owner if row.kind == TrackKind.THREAD else -1 for row in trace.tracks], dtype=np.int64)
    lives = np.flatnonzero(slices.category == Category.THREAD)
    thread = owner[slices.track[lives]]
    np.maximum.at(ends, thread[thread >= 0], slices.end[lives[thread >= 0]])
    return [int(end) if row.ended is None else row.ended for row, end in zip(trace.threads, ends.tolist())]


def _seen_until(trace: Trace) -> list[int]:
    """By the index of a process: the last that was seen of its threads."""
    seen = [process.started for process in trace.processes]
    for thread, end in zip(trace.threads, _ends(trace)):
        seen[thread.process] = max(seen[thread.process], end)
    return seen


def _wall(process: Process, seen_until: int) -> int:
    return max(0, (seen_until if process.ended is None else process.ended) - max(0, process.started))


def _occupied(trace: Trace) -> dict[int, int]:
    """By the index of a thread: the time that anything but its life, its loops and waits takes on its track."""
    slices = trace.slices
    rows = np.flatnonzero(~np.isin(slices.category, _NOT_OCCUPIED))
    track = slices.track[rows]
    times = {}
    for index, row in enumerate(trace.tracks):
        if row.kind != TrackKind.THREAD:
            continue
        low, high = np.searchsorted(track, [index, index + 1])
        if low < high:
            mine = rows[low:high]
            times[row.owner] = covered(slices.start[mine], slices.end[mine])
    return times


class _Sum:
    """Rows of tasks, added up."""

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()
        self._longest = 0
        self._outcomes: Counter[str] = Counter()
        self._waited: Counter[str] = Counter()

    def add(self, row: TaskRow) -> None:
        for name in _ADDED:
            self._numbers[name] += getattr(row, name)
        self._longest = max(self._longest, row.longest)
        self._outcomes[row.outcome] += row.count
        self._waited[row.awaited] += row.awaiting

    def row(self, coroutine: str) -> TaskRow:
        return TaskRow(
            name="",
            coroutine=coroutine,
            longest=self._longest,
            outcome=", ".join(f"{count} {outcome}" for outcome, count in self._outcomes.most_common()),
            awaited=self._waited.most_common(1)[0][0],
            **{name: self._numbers[name] for name in _ADDED},
        )


def _job_row(trace: Trace, function: str, rows: list[int]) -> JobRow:
    slices = trace.slices
    args = [trace.args[index] for index in slices.args[rows].tolist() if index >= 0]
    queued = [wait for row in args if isinstance(wait := row.get("queued_ns"), int)]
    ran = (slices.end[rows] - slices.start[rows]).tolist()
    return JobRow(
        function=function,
        count=len(rows),
        queued=sum(queued) if queued else None,
        longest_queued=max(queued, default=None),
        running=sum(ran),
        longest=max(ran),
    )
