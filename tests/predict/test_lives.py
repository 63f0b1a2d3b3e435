"""The work of programs whose parts have a thread or a process each, laid out by hand. Knows no recording; times are in ms."""

from __future__ import annotations

import pytest
from hand_made_states import MS, lay_states

from tracekit.model.builder import Builder
from tracekit.model.check import check
from tracekit.model.trace import Category, Pool, Trace, TrackKind
from tracekit.predict.parts import Kind, Work
from tracekit.predict.work import work_of

FILE, LIBRARY = "/app/app.py", "/usr/lib/python3.11/concurrent/futures/thread.py"


class Program:
    """A process with a main thread that lives for a second, and what it starts."""

    def __init__(self) -> None:
        self.builder = Builder("app.py")
        self.builder.cores = 2
        self.first = self.process("app.py", 0, 1000, None)
        self.main = self.life(self.first, "MainThread", 0, 1000, main=True)

    def process(self, name: str, start: float, end: float, parent: int | None = 0, **more: object) -> int:
        """A process, of the same program unless it has a command of its own."""
        pid = 10 + len(self.builder.processes)
        fields = {"started": round(start * MS), "ended": round(end * MS), "parent": parent, "command": "app.py", **more}
        return self.builder.process(pid, name, **fields)

    def life(
        self, process: int, name: str, start: float, end: float, doing: str = "", at: object = None, main: bool = False
    ) -> int:
        """A thread, what it was started for, and what it was seen to do."""
        builder = self.builder
        times = {"started": round(start * MS), "ended": round(end * MS)}
        tid = builder.processes[process].pid if main else 100 + len(builder.threads)
        row = builder.thread(process, tid, name, main=main, starter=None if main else 0, **times)
        args = {"function": at[0], "file": at[1], "line": at[2]} if isinstance(at, tuple) else None
        track = builder.track(TrackKind.THREAD, row)
        builder.slice(track, times["started"], times["ended"], name, Category.THREAD, args=args)
        if doing:
            lay_states(builder, row, (end - start, doing), start=start)
        return row

    def thread(self, start: float, end: float, doing: str = "running", at: object = ("work", FILE, 3)) -> int:
        """A thread of the first process."""
        return self.life(self.first, f"Thread-{len(self.builder.threads)} (work)", start, end, doing, at)

    def child(
        self, start: float, end: float, doing: str = "running", at: object = ("work", FILE, 3), **more: object
    ) -> None:
        """A process with its main thread."""
        self.life(self.process("Process-1", start, end, **more), "MainThread", start, end, doing, at, main=True)

    def build(self) -> Trace:
        """The trace, which must be sound."""
        trace = self.builder.build()
        assert check(trace) == []
        return trace

    def work(self) -> Work:
        """Its work."""
        return work_of(self.build())


def places(work: Work) -> set[tuple[str, str, int]]:
    """What the steps of its strands say where they are."""
    return {(step.name, step.file, step.line) for strand in work.strands for step in strand.steps}


def test_threads_say_what_they_run() -> None:
    """Threads of one function are alike, and their steps say function, file and line."""
    app = Program()
    for _ in range(3):
        app.thread(100, 900)

    work = app.work()

    assert (work.traced_model, len(work.strands), len({strand.group for strand in work.strands})) == ("threads", 3, 1)
    assert places(work) == {("work", FILE, 3)}


def test_threads_of_an_older_trace() -> None:
    """Threads that nobody said the function of are alike by the name that Python gives them after it."""
    app = Program()
    for _ in range(2):
        app.thread(100, 900, at=None)

    assert {strand.group for strand in app.work().strands} == {"work"}


def test_threads_of_a_library_are_no_work() -> None:
    """Threads that a library started for itself are not taken for the program's work."""
    app = Program()
    lay_states(app.builder, app.main, (1000, "running"))
    for _ in range(2):
        app.thread(0, 1000, "waiting for a lock", at=("_worker", LIBRARY, 60))

    work = app.work()

    assert work.traced_model == "sequential"
    assert [strand.name for strand in work.strands] == ["MainThread"]


def test_processes_are_strands() -> None:
    """Processes that the program started are strands, by what they were started for."""
    app = Program()
    for _ in range(2):
        app.child(100, 900, "running")
    app.child(100, 500, "sleeping", at=("rest", FILE, 9))

    work = app.work()

    assert work.traced_model == "processes"
    assert places(work) == {("work", FILE, 3), ("rest", FILE, 9)}
    assert sum(piece.ns for piece in work.strands[0].pieces if piece.kind == Kind.GIL) == pytest.approx(800 * MS)
    assert (work.head_ns, work.tail_ns) == (100 * MS, 100 * MS)


def test_forks_are_strands() -> None:
    """Forked processes are known by the line that forked them."""
    app = Program()
    for _ in range(2):
        app.child(100, 900, at=None, started_at=f"main ({FILE}:7)")

    work = app.work()

    assert (work.traced_model, places(work)) == ("processes", {("main", FILE, 7)})


@pytest.mark.parametrize("kind", ["thread", "child"])
def test_one_after_another(kind: str) -> None:
    """What began when the one before it had ended ran sequentially, and a note says what is taken for granted."""
    app = Program()
    for number in range(4):
        getattr(app, kind)(200 * number, 200 * number + 190, "sleeping")

    work = app.work()

    assert (work.traced_model, len(work.strands)) == ("sequential", 4)
    assert any("depend on each other" in note for note in work.notes)


def test_a_few_at_a_time() -> None:
    """Where never more than a few went on at once, all the time, they ran as in a pool of so many."""
    app = Program()
    for batch in range(3):
        for _ in range(2):
            app.child(300 * batch, 300 * batch + 290)

    work = app.work()

    assert (work.traced_model, work.workers) == ("process-pool", 2)


def test_short_threads_that_hardly_meet() -> None:
    """Threads that were started one soon after the other are threads, though some ended before others began."""
    app = Program()
    for start, end in ((0, 400), (300, 700), (650, 1000)):
        app.thread(start, end)

    assert (app.work().traced_model, app.work().workers) == ("threads", 0)


def test_the_main_thread_computes_beside_them() -> None:
    """What the main thread computes beside its threads is a strand too; that it waits for them is not."""
    app = Program()
    lay_states(app.builder, app.main, (300, "running"), (700, "waiting for a lock"))
    for _ in range(2):
        app.thread(0, 1000)

    main = app.work().strands[-1]

    assert main.name == "MainThread"
    assert {piece.kind for piece in main.pieces} == {Kind.GIL}
    assert sum(piece.ns for piece in main.pieces) == pytest.approx(300 * MS, rel=0.02)


def test_threads_beside_a_main_thread_that_does_the_work() -> None:
    """Threads that only wait while the main thread computes are not the program's work."""
    app = Program()
    lay_states(app.builder, app.main, (1000, "running"))
    for _ in range(2):
        app.thread(0, 1000, "waiting for a lock")

    assert [strand.name for strand in app.work().strands] == ["MainThread"]


def test_other_programs() -> None:
    """Programs that nobody looked into are taken to wait, as a note says; the line that started them is their place."""
    app = Program()
    for number in range(3):
        app.process(
            "ls", 300 * number, 300 * number + 290, command="ls", untraced="no Python", started_at=f"run ({FILE}:5)"
        )

    work = app.work()

    assert (work.traced_model, places(work)) == ("sequential", {("run", FILE, 5)})
    assert {piece.kind for strand in work.strands for piece in strand.pieces} == {Kind.IO}
    assert any("nobody looked into the programs" in note for note in work.notes)


def test_other_programs_in_python() -> None:
    """A program that was traced computes without the GIL of the one that started it."""
    app = Program()
    for number in range(3):
        line = f"run ({FILE}:5)"
        app.child(300 * number, 300 * number + 290, at=None, command="other.py", started_at=line)

    assert {piece.kind for strand in app.work().strands for piece in strand.pieces} == {Kind.FREE}


def test_helpers_of_multiprocessing_are_no_work() -> None:
    """What multiprocessing starts for itself is not the program's."""
    app = Program()
    for module in ("resource_tracker", "forkserver"):
        app.process(module, 0, 1000, command=f"python -c from multiprocessing.{module} import main")

    assert [strand.name for strand in app.work().strands] == ["MainThread"]


def test_jobs_that_took_longer_are_the_work() -> None:
    """Where a pool's jobs last longer than a program's own threads, the jobs are its work."""
    app = Program()
    app.builder.pools.append(Pool(app.first, "ThreadPoolExecutor", limit=3))
    for number in range(3):
        worker = app.life(app.first, f"worker {number}", 0, 1000, "sleeping")
        track = app.builder.track(TrackKind.THREAD, worker)
        args = {"pool": 0, "queued_ns": 0, "function": "fetch", "file": FILE, "line": 5}
        app.builder.slice(track, 0, 900 * MS, "fetch", Category.JOB, args=args)
    for _ in range(2):
        app.thread(0, 500)

    work = app.work()

    assert (work.traced_model, work.workers, places(work)) == ("thread-pool", 3, {("fetch", FILE, 5)})


def test_programs_that_were_seen_twice() -> None:
    """A program that its parent told of counts once, though an observer has seen it, or its shell, as another process."""
    app = Program()
    for number in range(3):
        times = 300 * number, 300 * number + 290
        app.process("sh", *times, command="sh -c sleep", untraced="no Python", started_at=f"run ({FILE}:5)")
        app.process("sh", *times, command="sh -c sleep", untraced="no Python")

    assert len(app.work().strands) == 3
