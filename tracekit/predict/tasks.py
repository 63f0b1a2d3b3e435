"""Tasks: the work of a program on an event loop. A task is cut where another waits for it, so that who waits for whom stays true.

Running parts are exact, and so is what was awaited: a timer, the outside, a job of a pool, or another task. In another model
tasks pass each other things in the order in which they did here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field

from tracekit.analyze.phases import phases
from tracekit.model.trace import Args, Category, FlowKind, Trace
from tracekit.predict.division import Divider, Stint, pieces_of
from tracekit.predict.parts import Kind, Piece, StepOf, Strand

_OF_TASKS = frozenset({"gather", "wait", "wait_for", "as_completed", "shield", "task group"})
_NOT_ITS_OWN = ("created", "yield", "cancelled")
_LITTLE_NS = 1_000_000  # a step of the loop that is shorter need not go elsewhere
_LIBRARY = "asyncio/base_events.py"
_WAITING, _COMPUTING = 0, 1  # of a task's steps; jobs follow


@dataclass(slots=True)
class _Turn:
    """A running part, and the wait before it."""

    start: int
    end: int
    waited: int = 0  # ns of waiting before it
    what: str = ""  # that it waited for
    why: str = ""  # it was woken
    jobs: list[int] = field(default_factory=list)  # slices of the jobs of pools that it waited for
    cut_after: bool = False
    after: set[tuple[int, int]] = field(default_factory=set)  # tasks and the turns of theirs that it comes after


def strands_of_tasks(trace: Trace) -> tuple[list[Strand], Divider]:
    """A strand for each part of a task, and for each job of a pool of which several were waited for at once."""
    turns = _turns(trace)
    _link(trace, turns)
    return _Parts(trace, turns).strands()


def _turns(trace: Trace) -> dict[int, list[_Turn]]:
    found: defaultdict[int, list[_Turn]] = defaultdict(list)
    rows = phases(trace)
    waited, what, why = 0, "", ""
    last = -1
    for task, category, start, end, row in zip(
        *(column.tolist() for column in (rows.task, rows.category, rows.start, rows.end, rows.row))
    ):
        if task != last:
            waited, what, why, last = 0, "", "", task
        args = _args(trace, row)
        if category == Category.AWAITING:
            waited, what = end - start, str(args.get("what", ""))
        elif category == Category.READY:
            why = str(args.get("kind", ""))
        else:
            found[task].append(_Turn(start, end, waited, what, why))
            waited, what, why = 0, "", ""
    return {
        task: own
        for task, own in found.items()
        if trace.tasks[task].loop is not None and not trace.tasks[task].file.endswith(_LIBRARY)
    }


def _args(trace: Trace, row: int) -> Args:
    number = int(trace.slices.args[row])
    return trace.args[number] if number >= 0 else {}


def _link(trace: Trace, turns: dict[int, list[_Turn]]) -> None:
    """Who woke whom, and whose job's result it was."""
    slices, flows = trace.slices, trace.flows
    starts = {task: [turn.start for turn in own] for task, own in turns.items()}
    on_thread = _by_thread(trace, turns)
    children: defaultdict[int, list[int]] = defaultdict(list)
    jobs: defaultdict[int, list[int]] = defaultdict(list)
    columns = (flows.kind, flows.track, flows.time, flows.target)
    for kind, track, time, target in zip(*(column.tolist() for column in columns)):
        by = _at(on_thread.get(trace.tracks[track].owner, []), time)
        if by is None:
            continue
        if kind == FlowKind.SUBMIT and slices.category[target] == Category.JOB:
            jobs[by[0]].append(target)
        task = int(slices.task[target])
        if kind not in (FlowKind.CREATE, FlowKind.WAKE) or task not in turns or task == by[0]:
            continue
        turn = turns[task][max(bisect_right(starts[task], int(slices.start[target])) - 1, 0)]
        if turn.why != "timer":
            turns[by[0]][by[1]].cut_after = True
            turn.after.add(by)
        if kind == FlowKind.CREATE:
            children[by[0]].append(task)
    _link_children(turns, children)
    for task, own in jobs.items():
        _link_jobs(trace, turns[task], own)


def _link_jobs(trace: Trace, turns: list[_Turn], jobs: list[int]) -> None:
    """Each job's result was waited for by the first turn after it whose wait says so."""
    for job in jobs:
        end = int(trace.slices.end[job])
        for turn in turns:
            if turn.start >= end and (turn.what == "executor job" or turn.what in _OF_TASKS):
                turn.jobs.append(job)
                break


def _link_children(turns: dict[int, list[_Turn]], children: dict[int, list[int]]) -> None:
    """Who waited for several tasks was woken by the last one, and comes after all of them."""
    for parent, own in children.items():
        for turn in turns[parent]:
            if turn.what in _OF_TASKS or turn.what.startswith("task "):
                ended = [child for child in own if turns[child][-1].end <= turn.start]
                turn.after |= {(child, len(turns[child]) - 1) for child in ended}


def _by_thread(trace: Trace, turns: dict[int, list[_Turn]]) -> dict[int, list[tuple[int, int, int, int]]]:
    found: defaultdict[int, list[tuple[int, int, int, int]]] = defaultdict(list)
    for task, own in turns.items():
        loop = trace.tasks[task].loop
        if loop is not None:
            found[trace.loops[loop].thread] += [(turn.start, turn.end, task, at) for at, turn in enumerate(own)]
    for rows in found.values():
        rows.sort()
    return found


def _at(rows: list[tuple[int, int, int, int]], time: int) -> tuple[int, int] | None:
    """Whose turn it was."""
    place = bisect_right(rows, (time, 1 << 62, 0, 0)) - 1
    return (rows[place][2], rows[place][3]) if place >= 0 and rows[place][1] >= time else None


class _Parts:
    """Puts strands together, each of the turns of one task between two cuts."""

    def __init__(self, trace: Trace, turns: dict[int, list[_Turn]]) -> None:
        self._trace, self._turns = trace, turns
        self._stints = {
            (task, at): self._turn_stint(task, turn) for task, own in turns.items() for at, turn in enumerate(own)
        }
        self._jobs = {job: self._job_stint(job) for own in turns.values() for turn in own for job in turn.jobs}
        self._divider = Divider(trace, [*self._stints.values(), *self._jobs.values()])
        self._part_of: dict[tuple[int, int], int] = {}
        self._found: list[Strand] = []

    def strands(self) -> tuple[list[Strand], Divider]:
        """All of them, in the order in which they began."""
        parts = sorted(
            (own[first].start, task, first, last) for task, own in self._turns.items() for first, last in _cuts(own)
        )
        job_strands: dict[int, int] = {}
        for _, task, first, last in parts:
            turn = self._turns[task][first]
            if len(turn.jobs) > 1:
                for job in turn.jobs:
                    job_strands[job] = self._add_job(job, task, first)
            self._add_part(task, first, last, [job_strands[job] for job in turn.jobs if job in job_strands])
        return self._found, self._divider

    def _add_part(self, task: int, first: int, last: int, jobs: list[int]) -> None:
        turns, row = self._turns[task], self._trace.tasks[task]
        steps = [
            StepOf(row.coroutine, row.file, row.line, "io", True),
            StepOf(row.coroutine, row.file, row.line, "compute"),
        ]
        pieces: list[Piece] = []
        for at in range(first, last + 1):
            pieces += self._waiting(turns[at], steps, alone=at == first and bool(turns[at].after or jobs))
            needs = self._divider.needs(self._stints[task, at])
            length = turns[at].end - turns[at].start
            # A short turn was not seen to wait itself, only others of its kind were, and it never gives the loop away.
            pieces += [Piece(Kind.GIL, length, _WAITING)] if length < _LITTLE_NS else pieces_of(needs, _COMPUTING)
        after = {self._part_of[other] for other in turns[first].after if other in self._part_of}
        if first:
            after.add(self._part_of[task, first - 1])
        index = len(self._found)
        self._part_of.update(dict.fromkeys(((task, at) for at in range(first, last + 1)), index))
        self._found.append(
            Strand(
                row.name,
                tuple(pieces),
                tuple(sorted(after | set(jobs))),
                steps=tuple(steps),
                group=row.coroutine or row.name,
            )
        )

    def _waiting(self, turn: _Turn, steps: list[StepOf], alone: bool) -> list[Piece]:
        """The wait before a turn; none where it was for other strands."""
        if len(turn.jobs) == 1:
            steps.append(self._step_of(turn.jobs[0]))
            return pieces_of(self._divider.needs(self._jobs[turn.jobs[0]]), len(steps) - 1)
        if alone or not turn.waited or turn.why in _NOT_ITS_OWN:
            return []
        return [Piece(Kind.TIMER if turn.why == "timer" else Kind.IO, turn.waited, _WAITING)]

    def _add_job(self, job: int, task: int, at: int) -> int:
        before = (self._part_of[task, at - 1],) if at else ()
        step = self._step_of(job)
        pieces = pieces_of(self._divider.needs(self._jobs[job]), 0)
        self._found.append(Strand(step.name, tuple(pieces), before, steps=(step,), group=step.name))
        return len(self._found) - 1

    def _step_of(self, job: int) -> StepOf:
        args, needs = _args(self._trace, job), self._divider.needs(self._jobs[job])
        kind = "compute" if needs.gil + needs.free >= needs.outside + needs.timer else "io"
        return StepOf(str(args.get("function", "")), str(args.get("file", "")), int(args.get("line", 0)), kind)

    def _turn_stint(self, task: int, turn: _Turn) -> Stint:
        row = self._trace.tasks[task]
        thread = self._trace.loops[row.loop].thread if row.loop is not None else 0
        return Stint(thread, turn.start, turn.end, f"task {row.coroutine or row.name}", True)

    def _job_stint(self, job: int) -> Stint:
        slices = self._trace.slices
        thread = self._trace.tracks[slices.track[job]].owner
        return Stint(
            thread, int(slices.start[job]), int(slices.end[job]), f"job {self._trace.strings[slices.name[job]]}", True
        )


def _cuts(turns: list[_Turn]) -> list[tuple[int, int]]:
    """The parts of a task: from which turn to which."""
    found, first = [], 0
    for at, turn in enumerate(turns):
        if at and (turn.after or len(turn.jobs) > 1 or turns[at - 1].cut_after):
            found.append((first, at - 1))
            first = at
    return [*found, (first, len(turns) - 1)]
