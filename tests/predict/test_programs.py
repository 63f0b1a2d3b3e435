"""The work of programs that do not say what their steps are, laid out by hand. Knows no recording; times are in ms."""

from __future__ import annotations

from typing import Any

import pytest
from hand_made_states import MS, lay_states

from tracekit.model.builder import Builder
from tracekit.model.trace import Category, FlowKind, Pool, TrackKind
from tracekit.predict.parts import Kind, Strand
from tracekit.predict.work import work_of


class Program:
    """A process with a main thread that lives for a second."""

    def __init__(self, life: float = 1000) -> None:
        self.builder = Builder("app.py")
        self.builder.cores = 2
        self.process = self.builder.process(10, "app.py", started=0, ended=round(life * MS))
        self.main = self.thread("MainThread", 0, life, main=True)

    def thread(self, name: str, start: float, end: float, **fields: Any) -> int:
        """A thread and its life."""
        tid = 10 + len(self.builder.threads)
        row = self.builder.thread(self.process, tid, name, started=round(start * MS), ended=round(end * MS), **fields)
        self.slice(row, start, end, name, Category.THREAD)
        return row

    def slice(self, thread: int, start: float, end: float, name: str, category: Category, **args: Any) -> int:
        """A slice on a thread."""
        track = self.builder.track(TrackKind.THREAD, thread)
        return self.builder.slice(track, round(start * MS), round(end * MS), name, category, args=args)

    def states(self, thread: int, *parts: tuple[float, str], start: float = 0) -> None:
        """What a thread was seen to do."""
        lay_states(self.builder, thread, *parts, start=start)


class Looped(Program):
    """A program with a loop on its main thread."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = self.builder.loop(self.process, self.main, "Loop")
        self.states(self.main, (1000, "running"))
        self.last: dict[str, float] = {}
        self.tasks: dict[str, int] = {}

    def turn(self, name: str, start: float, end: float, what: str = "", why: str = "created") -> int:
        """A task runs; since it did so last it has awaited something."""
        builder = self.builder
        task = self.tasks.setdefault(name, len(self.tasks))
        if task == len(builder.tasks):
            builder.task(self.process, self.loop, name, coroutine=name, file="/app/app.py", line=task)
        track = builder.track(TrackKind.TASK, task)
        if name in self.last:
            begun, ended = round(self.last[name] * MS), round((start - 1) * MS)
            builder.slice(track, begun, ended, f"awaiting {what}", Category.AWAITING, task=task, args={"what": what})
            args = {"kind": why}
            builder.slice(track, ended, round(start * MS), "ready", Category.READY, task=task, args=args)
        builder.slice(track, round(start * MS), round(end * MS), "running", Category.RUNNING, task=task)
        self.last[name] = end
        own = builder.track(TrackKind.THREAD, self.main)
        return builder.slice(own, round(start * MS), round(end * MS), name, Category.STEP, task=task)

    def flow(self, kind: FlowKind, time: float, target: int) -> None:
        """An arrow from the loop's thread."""
        self.builder.flow(kind, self.builder.track(TrackKind.THREAD, self.main), round(time * MS), target)


def needs(strand: Strand) -> dict[str, float]:
    """What a strand needs in all, ms by kind."""
    sums = {kind.name: sum(piece.ns for piece in strand.pieces if piece.kind == kind) / MS for kind in Kind}
    return {kind: ms for kind, ms in sums.items() if ms}


def test_tasks_are_strands() -> None:
    """A task runs and waits as it did, without the time in which it waited for its loop."""
    app = Looped()
    app.turn("a", 100, 110)
    app.turn("a", 200, 230, "sleep", "timer")
    app.turn("a", 300, 310, "stream read", "I/O")

    work = work_of(app.builder.build())

    (strand,) = work.strands
    assert needs(strand) == {"GIL": 50, "TIMER": 89, "IO": 69}
    assert [piece.kind for piece in strand.pieces] == [Kind.GIL, Kind.TIMER, Kind.GIL, Kind.IO, Kind.GIL]
    assert work.traced_model == "asyncio"
    assert (work.head_ns, work.tail_ns, work.wall_ns) == (100 * MS, 690 * MS, 1000 * MS)
    assert not work.exact


def test_tasks_that_wait_for_each_other() -> None:
    """Where a task wakes or creates another one it is cut, and that one comes after the part before the cut."""
    app = Looped()
    app.turn("a", 100, 110)
    created = app.turn("b", 120, 130)
    app.turn("a", 200, 210, "sleep", "timer")
    woken = app.turn("b", 220, 240, "queue.get", "queue put")
    app.turn("a", 300, 310, "sleep", "timer")
    app.flow(FlowKind.CREATE, 105, created)
    app.flow(FlowKind.WAKE, 205, woken)

    strands = work_of(app.builder.build()).strands

    assert [(strand.name, strand.after) for strand in strands] == [
        ("a", ()),
        ("b", (0,)),
        ("a", (0,)),
        ("b", (1, 2)),
        ("a", (2,)),
    ]
    assert needs(strands[3]) == {"GIL": 20}


def test_who_gathers_comes_after_all() -> None:
    """A task that waited for several comes after each, though only the last one woke it."""
    app = Looped()
    app.turn("main", 100, 110)
    children = [app.turn(name, start, start + 10) for name, start in (("a", 120), ("b", 140))]
    woken = app.turn("main", 200, 210, "gather", "task done")
    for child in children:
        app.flow(FlowKind.CREATE, 105, child)
    app.flow(FlowKind.WAKE, 145, woken)

    assert [strand.after for strand in work_of(app.builder.build()).strands] == [(), (0,), (0,), (0, 1, 2)]


def test_jobs_that_a_task_waits_for() -> None:
    """A job is a step of the task that waited for it, without the time in which it was queued."""
    app = Looped()
    worker = app.thread("asyncio_0", 100, 900)
    app.states(worker, (800, "running"), start=100)
    app.turn("a", 100, 110)
    job = app.slice(worker, 150, 250, "crunch", Category.JOB, function="crunch", file="/app/app.py", line=3)
    app.turn("a", 300, 310, "executor job", "executor job")
    app.flow(FlowKind.SUBMIT, 105, job)

    (strand,) = work_of(app.builder.build()).strands

    assert needs(strand) == {"GIL": 120}
    step = strand.steps[strand.pieces[1].step]
    assert (step.name, step.line, step.kind, step.awaitable) == ("crunch", 3, "compute", False)


def test_jobs_of_a_pool_are_strands() -> None:
    """Without a loop, the jobs of a pool are; one that a job submitted comes after it."""
    app = Program()
    worker, other = app.thread("w0", 100, 900), app.thread("w1", 100, 900)
    app.states(worker, (50, "running"), (750, "polling"), start=100)
    app.states(other, (800, "polling"), start=100)
    app.slice(worker, 100, 150, "crunch", Category.JOB)
    inner = app.slice(other, 160, 260, "fetch", Category.JOB)
    app.builder.flow(FlowKind.SUBMIT, app.builder.track(TrackKind.THREAD, worker), 120 * MS, inner)

    work = work_of(app.builder.build())

    assert [(strand.name, strand.after, needs(strand)) for strand in work.strands] == [
        ("crunch", (), {"GIL": 50}),
        ("fetch", (0,), {"IO": 100}),
    ]
    assert [(step.kind, step.awaitable) for strand in work.strands for step in strand.steps] == [
        ("compute", False),
        ("io", True),
    ]
    assert work.traced_model == "thread-pool"
    assert (work.head_ns, work.tail_ns) == (100 * MS, 740 * MS)


def test_threads_are_strands() -> None:
    """Threads that somebody started are strands, each in the order in which it did things."""
    app = Program()
    for name in ("w0", "w1"):
        thread = app.thread(name, 100, 300, starter=app.main)
        app.states(thread, (100, "running"), (20, "waiting for the GIL"), (80, "polling"), start=100)

    work = work_of(app.builder.build())

    assert work.traced_model == "threads"
    assert len(work.strands) == 2
    assert needs(work.strands[0]) == {"GIL": pytest.approx(100), "IO": pytest.approx(80)}
    kinds = [piece.kind for piece in work.strands[0].pieces]
    assert kinds == sorted(kinds)


def test_calls_that_recur_are_strands() -> None:
    """Spans of one name that a single thread goes through are what could be arranged otherwise."""
    app = Program()
    app.states(app.main, (100, "running"), *[(50, "running"), (150, "polling")] * 4, (100, "running"))
    for number in range(4):
        app.slice(app.main, 100 + 200 * number, 300 + 200 * number, "load", Category.SPAN)

    work = work_of(app.builder.build())

    assert work.traced_model == "sequential"
    assert [(strand.name, needs(strand)) for strand in work.strands] == [("load", {"GIL": 50, "IO": 150})] * 4
    assert (work.head_ns, work.tail_ns) == (100 * MS, 100 * MS)


def test_a_program_in_which_nothing_recurs() -> None:
    """The main thread is the only strand, and a note says so."""
    app = Program()
    app.states(app.main, (600, "running"), (400, "sleeping"))

    work = work_of(app.builder.build())

    assert [needs(strand) for strand in work.strands] == [{"GIL": 600, "IO": 400}]
    assert any("nothing in this trace recurs" in note for note in work.notes)


def test_an_empty_trace() -> None:
    """Of a trace in which nobody did anything there is no work, and a note says so."""
    work = work_of(Builder("app.py").build())

    assert work.strands == ()
    assert work.notes


def test_how_many_workers_its_pools_may_have() -> None:
    """The workers of those pools count that ran jobs; where one does not say how many it may have, it is not known."""
    for limits, workers in (((3,), 3), ((3, 4), 7), ((3, 0), 0)):
        app = Program()
        app.builder.pools.append(Pool(app.process, "ThreadPoolExecutor", limit=9))
        for number, limit in enumerate(limits, 1):
            app.builder.pools.append(Pool(app.process, "ThreadPoolExecutor", limit=limit))
            worker = app.thread(f"worker {number}", 0, 1000)
            for start in (0, 500):
                app.slice(worker, start, start + 400, "fetch", Category.JOB, pool=number, queued_ns=0)

        assert work_of(app.builder.build()).workers == workers
