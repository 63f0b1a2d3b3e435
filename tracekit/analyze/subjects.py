"""Subjects: what a trace has numbers of and another trace of the program has as well, by names that both know. Compares nothing.

A subject is a task, a thread, a job or a span (what was to be done, whatever it runs as), a block of a loop, a wait, something
whose time went somewhere (a kind of work), or the threads of one name. Its numbers are ns, bytes or counts (NUMBERS says which),
each with how far chance may have moved it, where that shows.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tracekit.analyze import loop_blocked, tables, thread_states, words
from tracekit.analyze.awaited import awaited
from tracekit.analyze.lock_table import locks
from tracekit.analyze.place import Place
from tracekit.analyze.where import UNSEEN
from tracekit.analyze.work_kinds import NOT_TOLD, kinds
from tracekit.model.trace import Category, Task, Trace

TIME, SAMPLED, SIZE, COUNT = "time", "sampled time", "size", "count"
# The unit of each number.
NUMBERS = {
    **dict.fromkeys(
        ("took", "ran", "ready", "awaited", "longest", "total", "p99", "queued", "computing", "native", "waiting"), TIME
    ),
    **dict.fromkeys((*thread_states.FIELDS, "wall", "cpu"), SAMPLED),
    "memory": SIZE,
    **dict.fromkeys(("times", "delayed", "processes", "threads", "tasks"), COUNT),
}

PROGRAM, BLOCK, UNIT, WAIT, KIND, THREADS = "program", "block", "unit", "wait", "kind", "threads"
MANY = 8  # tasks of one coroutine: from there on a single one has no meaning

_SURE = 0.5
_DEFAULT_TASK = re.compile(r"Task-\d+")
_DEFAULT_THREAD = re.compile(
    r"Thread-\d+(?: \((?P<target>.*)\))?|Dummy-\d+|MainThread|QueueManagerThread|QueueFeederThread"
)
_WORKER = re.compile(
    r"ThreadPoolExecutor-\d+_\d+|asyncio_\d+|.*PoolWorker-\d+|(?:Fork|Spawn|ForkServer|)Process-[\d:]+"
)
# What threads wait for that have something to do. For a lock also those wait that have nothing: a pool's workers.
_SAID_OF = {"gil": "the GIL", "runnable": "a core"}


class Number(NamedTuple):
    """A number, and how far another run might be away from it by mere chance, as far as that shows in the trace."""

    value: int
    chance: int = 0


@dataclass(slots=True)
class Subject:
    """What numbers are told of.

    Attributes:
        topic: PROGRAM, BLOCK, UNIT, WAIT, KIND or THREADS.
        form: of a UNIT "task", "thread", "process", "job" or "span"; of a WAIT who waited, "task" or "thread"; of a KIND what it
            is of.
        kind: of a KIND, in words; `shares`: where its time went (work_kinds.KindRow).
        place: in the code, as far as it is known.
        what: as a person would say it, where the name alone says too little.
    """

    topic: str
    name: str
    form: str = ""
    place: Place = field(default_factory=Place)
    what: str = ""
    kind: str = ""
    shares: dict[str, float] = field(default_factory=dict)
    numbers: dict[str, Number] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same subject in another trace."""
        return self.topic, self.form, self.name


def crowded(trace: Trace) -> set[str]:
    """The coroutines of which there are so many tasks that they count together only."""
    counts = Counter(task.coroutine for task in trace.tasks)
    return {coroutine for coroutine, count in counts.items() if coroutine and count > MANY}


def subjects(trace: Trace, together: Collection[str], threshold_ns: int) -> list[Subject]:
    """Everything in a trace that another trace may have as well.

    Args:
        together: the coroutines whose tasks count together.
        threshold_ns: a longer step is a block.
    """
    found = [_program(trace), *_blocks(trace, threshold_ns), *_tasks(trace, together), *_threads(trace)]
    return [*found, *_jobs(trace), *_spans(trace), *_waits(trace), *_kinds(trace), *_states(trace)]


def _program(trace: Trace) -> Subject:
    numbers = {
        "wall": Number(trace.duration, _held_up(trace)),
        # Those that were only seen from outside may live from one look to the next: how many were is chance.
        "processes": Number(sum(row.parent is None or bool(row.python or row.started_at) for row in trace.processes)),
        "threads": Number(sum(not trace.processes[row.process].untraced for row in trace.threads)),
        "tasks": Number(len(trace.tasks)),
    }
    if trace.states:
        numbers["cpu"] = Number(sum(row.running for row in trace.states))
    memory = sum(process.pss or process.peak_rss for process in trace.processes)
    if memory:
        numbers["memory"] = Number(memory)
    ready = [row.ready for row in tables.loops(trace) if row.ready.count]
    if ready:
        numbers["p99"] = Number(max(row.p99 or 0 for row in ready))
        numbers["longest"] = Number(max(row.longest or 0 for row in ready))
    return Subject(PROGRAM, "", numbers=numbers)


def _held_up(trace: Trace) -> int:
    """How long main threads waited for a core in all: what others on the machine had, or may have had."""
    return sum(row.runnable for row in trace.states if trace.threads[row.thread].main)


def _blocks(trace: Trace, threshold_ns: int) -> Iterator[Subject]:
    """A subject for all blocks of one culprit."""
    groups: defaultdict[str, list[tuple[int, int, int, int, Place]]] = defaultdict(list)
    for finding in loop_blocked.find(trace, threshold_ns):
        if finding.details["verdict"] == "preempted":  # what the machine did
            continue
        name = words.short_function(finding.function or str(finding.details["coroutine"] or ""))
        place = Place(finding.function, finding.file, finding.line)
        times = (finding.details["count"], finding.details["total_s"], finding.duration_s)
        delayed = finding.details["delayed_count"]
        groups[name].append((times[0], round(times[1] * 1e9), round(times[2] * 1e9), delayed, place))
    for name, rows in groups.items():
        numbers = {
            "times": Number(sum(row[0] for row in rows)),
            "total": Number(sum(row[1] for row in rows)),
            "longest": Number(max(row[2] for row in rows)),
            "delayed": Number(max(row[3] for row in rows)),
        }
        yield Subject(BLOCK, name, place=rows[0][4], numbers=numbers)


def _tasks(trace: Trace, together: Collection[str]) -> Iterator[Subject]:
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for index, task in enumerate(trace.tasks):
        groups[_task_name(task, together)].append(index)
    longest = tables.longest_steps(trace)
    for name, rows in groups.items():
        tasks = [trace.tasks[row] for row in rows]
        ended = [task.ended - task.created for task in tasks if task.ended is not None and not task.begun_before]
        numbers = {
            "times": Number(len(tasks)),
            **({"took": _mean(ended)} if ended else {}),
            "ran": _sum(task.running for task in tasks),
            "ready": _sum(task.ready for task in tasks),
            "awaited": _sum(task.awaiting for task in tasks),
            "longest": Number(max(longest[row] for row in rows)),
        }
        first = tasks[0]
        place = Place(first.coroutine, first.file, first.line)
        yield Subject(UNIT, name, "task", place, words.task_label(name, first.coroutine), numbers=numbers)


def _task_name(task: Task, together: Collection[str]) -> str:
    is_own = bool(task.name) and not _DEFAULT_TASK.fullmatch(task.name) and task.coroutine not in together
    return task.name if is_own else words.short_function(task.coroutine) or task.name


def _threads(trace: Trace) -> Iterator[Subject]:
    """Threads that somebody gave something to do, and named; processes likewise, by their main threads."""
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for thread in trace.threads:
        process = trace.processes[thread.process]
        name, form = (process.name, "process") if thread.main else (thread.name, "thread")
        default = _DEFAULT_THREAD.fullmatch(name)
        name = (default["target"] or "") if default else name
        is_own = bool(name) and not _WORKER.fullmatch(name) and not (thread.main and process.parent is None)
        is_own &= not name.endswith(f" {thread.tid}")  # what the kernel calls one that nobody named
        is_own &= not (thread.main and process.untraced)  # seen by chance
        if is_own and thread.ended is not None and not thread.begun_before:
            groups[form, words.short_function(name)].append(thread.ended - thread.started)
    for (form, name), lives in groups.items():
        yield Subject(UNIT, name, form, numbers={"times": Number(len(lives)), "took": _mean(lives)})


def _jobs(trace: Trace) -> Iterator[Subject]:
    for row in tables.jobs(trace):
        numbers = {"times": Number(row.count), "took": Number(row.running // row.count), "ran": Number(row.running)}
        if row.queued is not None:
            numbers["queued"] = Number(row.queued)
        yield Subject(UNIT, words.short_function(row.function), "job", numbers=numbers)


def _spans(trace: Trace) -> Iterator[Subject]:
    slices = trace.slices
    rows = np.flatnonzero(slices.category == Category.SPAN)
    rows = rows[np.argsort(slices.name[rows], kind="stable")]
    names, first = np.unique(slices.name[rows], return_index=True)
    lengths = np.split(slices.end[rows] - slices.start[rows], first[1:])
    for name, own in zip(names.tolist(), lengths):
        numbers = {"times": Number(len(own)), "took": _mean(own.tolist())}
        yield Subject(UNIT, trace.strings[name], "span", numbers=numbers)


def _waits(trace: Trace) -> Iterator[Subject]:
    """What tasks awaited; what threads waited for, by the observer's sums, and lock by lock where that was recorded."""
    total: Counter[str] = Counter()
    for times in awaited(trace).values():
        total.update(times)
    for what, ns in total.items():
        yield Subject(WAIT, what, "task", numbers={"total": Number(ns)})
    for state, said in _SAID_OF.items() if trace.states else ():
        ns = sum(getattr(row, state) for row in trace.states)
        yield Subject(WAIT, said, "thread", numbers={state: Number(ns)})
    by_place: defaultdict[Place, list[tuple[int, int]]] = defaultdict(list)
    for lock in locks(trace):
        if lock.is_contended:
            held = lock.held_at[0][0] if lock.held_at else lock.where[0][0]
            by_place[held._replace(line=0)].append((lock.waited, lock.times))
    for place, rows in by_place.items():
        numbers = {"total": Number(sum(row[0] for row in rows)), "times": Number(sum(row[1] for row in rows))}
        yield Subject(WAIT, f"the lock of {words.short_function(place.function)}", "thread", place, numbers=numbers)


def _kinds(trace: Trace) -> Iterator[Subject]:
    """Where the time went of what was seen well enough to say so."""
    for row in kinds(trace):
        if row.kind == NOT_TOLD or row.confidence < _SURE or not row.name:
            continue
        computing, native = (row.shares.get("gil", 0) + row.shares.get("cpu", 0)), row.shares.get("native", 0)
        shares = {
            "computing": computing,
            "native": native,
            "waiting": 1 - computing - native - row.shares.get(UNSEEN, 0),
        }
        numbers = {name: Number(round(share * row.total_ns)) for name, share in shares.items()}
        place = Place(row.name, row.file, row.line)
        name = words.short_function(row.name)
        yield Subject(KIND, name, row.what, place, kind=row.kind, shares=row.shares, numbers=numbers)


def _states(trace: Trace) -> Iterator[Subject]:
    """What threads did, those of one name together: names of a pool's workers, and of pools, are the same but for numbers."""
    groups: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in trace.states:
        thread = trace.threads[row.thread]
        name = re.sub(r"\d+", "*", thread.name)
        groups[_whose(trace, thread.process, name)].update(
            {state: getattr(row, state) for state in thread_states.FIELDS} | {"times": 1}
        )
    for name, sums in groups.items():
        yield Subject(THREADS, name, numbers={state: Number(ns) for state, ns in sums.items()})


def _whose(trace: Trace, process: int, name: str) -> str:
    row = trace.processes[process]
    return name if row.parent is None else f"{name} of {re.sub(r'[0-9]+', '*', row.name)}"


def _sum(values: Iterable[int]) -> Number:
    numbers = list(values)
    return Number(sum(numbers), round(2 * _scatter(numbers) * len(numbers) ** 0.5))


def _mean(values: list[int]) -> Number:
    return Number(round(sum(values) / len(values)), round(2 * _scatter(values) / len(values) ** 0.5))


def _scatter(values: list[int]) -> float:
    """How far many values lie apart; a few were made different on purpose, as tasks that wait for 1, 2 and 3 s."""
    return float(np.std(values)) if len(values) > MANY else 0.0
