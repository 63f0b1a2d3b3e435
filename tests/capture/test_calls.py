"""Calls that viztracer records beside us, in real programs: where they lie, what is missing, and what is left behind."""

from __future__ import annotations

import builtins
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests_support import Row, rows_of

import tracekit as tk
from tracekit.clock import monotonic_ns
from tracekit.load import load
from tracekit.load.call_files import read_calls
from tracekit.model.check import check
from tracekit.model.trace import Category, Flag, Trace, TrackKind
from tracekit.options import Options
from tracekit.spool.core import core
from tracekit.spool.directory import all_calls

Run = Callable[..., Any]

CALLS = Options(viztracer="")
SEES_ALL_THREADS = sys.version_info >= (3, 12)


def calls(trace: Trace, name: str) -> list[Row]:
    """The calls of a function of the program, by start; before 3.11 names are not qualified."""
    return [row for row in rows_of(trace, "CALL") if row.name.partition(" (")[0].rpartition(".")[2] == name]


def within(trace: Trace, inner: str, outer: str, kind: TrackKind) -> int:
    """How many calls of a function lie within a span on the same track of some kind."""
    spans = [row for row in rows_of(trace, "SPAN", "PART") if row.name == outer]
    return sum(
        any(span.track == call.track and span.start <= call.start and call.end <= span.end for span in spans)
        for call in calls(trace, inner)
        if call.kind == kind.name
    )


PROGRAM = """
    import asyncio, multiprocessing, sys, threading
    import tracekit as tk

    def known():
        return sum(range(100))

    def working():
        with tk.span("outer"):
            known()

    async def handling():
        with tk.span("across"):
            known()
            await asyncio.sleep(0)
            known()

    async def main():
        await asyncio.gather(handling(), handling())

    if __name__ == "__main__":
        thread = threading.Thread(target=working)
        thread.start()
        thread.join()
        asyncio.run(main())
        for method in ("fork", "spawn"):
            process = multiprocessing.get_context(method).Process(target=working)
            process.start()
            process.join()
        print(__import__("os").getpid())
"""


def test_calls_lie_in_spans(run_python: Run) -> None:
    """In threads, tasks, and processes that are forked and spawned, a call lies within the span that it ran in."""
    ran = run_python(PROGRAM, options=CALLS)
    trace = ran.trace

    assert ran.stderr == ""
    assert within(trace, "known", "outer", TrackKind.THREAD) == 3
    assert within(trace, "known", "across", TrackKind.THREAD) == 4
    assert within(trace, "known", "across", TrackKind.TASK) == 4
    pids = {trace.processes[trace.tracks[row.track].process].pid for row in calls(trace, "known")}
    assert len(pids) == 3
    assert [note for note in trace.notes if not note.startswith("session.json")] == []


def test_calls_of_tasks_lie_where_they_run(run_python: Run) -> None:
    """On a task's track calls lie within its phases of running, and say whose they are on its thread, too."""
    trace = run_python(PROGRAM, options=CALLS).trace
    running = rows_of(trace, "RUNNING")

    for call in (row for row in rows_of(trace, "CALL") if row.kind == "TASK"):
        around = [row for row in running if row.track == call.track and row.start <= call.start <= call.end <= row.end]
        assert around
        assert call.task
    assert {row.task for row in calls(trace, "known") if row.kind == "THREAD"} >= {"Task-2", "Task-3"}


def test_nothing_of_ours(run_python: Run) -> None:
    """Calls of tracekit's own functions are not the program's."""
    trace = run_python(PROGRAM, options=CALLS).trace

    package = str(Path(tk.__file__).parent)
    assert [row.name for row in rows_of(trace, "CALL") if package in row.name or row.name.startswith("tracekit")] == []


CLOCKS = """
    import time
    import tracekit as tk

    def within():
        pass

    for _ in range(200):
        with tk.span("around"):
            within()
    time.sleep(0.2)
    for _ in range(200):
        with tk.span("around"):
            within()
"""


def test_clock(run_python: Run) -> None:
    """The clocks agree to what is stated, a microsecond at most: as recorded, no call leaves its span by more, early or late."""
    from tracekit import events
    from tracekit.load import calls_clock, clock
    from tracekit.load.image import Image
    from tracekit.model.builder import Builder
    from tracekit.spool.reader import read_spool

    ran = run_python(CLOCKS, options=CALLS)
    (path,) = ran.directory.glob("*.spool")
    spool = read_spool(path)
    clock.convert([spool])
    builder = Builder()
    image = Image(spool, builder.process(1, "p"), builder)
    theirs = calls_clock.CallsClock(image)
    (log,) = image.logs
    names = [image.name(int(a)) for a in log.a[log.kind == events.SPAN_BEGIN]]
    file = read_calls(*all_calls(str(ran.directory)))
    own = np.array([file.names[name].startswith("within (") for name in file.name])
    begins, ends = log.time[log.kind == events.SPAN_BEGIN], log.time[log.kind == events.SPAN_END]

    assert names == ["around"] * 400
    assert 0 < theirs.error <= 1000
    assert int((theirs.ns(file.start[own]) - begins).min()) >= -theirs.error
    assert int((ends - theirs.ns(file.end[own])).min()) >= -theirs.error
    said = [args["calls"] for args in ran.trace.args if "calls" in args]
    assert said[0].endswith(f"in time to {theirs.error / 1000:.1f} µs")


LEAVING = {
    "os._exit": "os._exit(3)",
    "exec": "os.execv(sys.executable, [sys.executable, '-c', 'def known(): pass\\nknown()'])",
    "terminated": "os.kill(os.getpid(), signal.SIGTERM)",
}


@pytest.mark.parametrize("way", LEAVING)
def test_calls_survive(run_python: Run, way: str) -> None:
    """A process that ends without Python's own end has its calls; so has what it became by exec. SIGTERM takes the C core."""
    ran = run_python(f"import os, signal, sys\ndef known(): pass\nknown()\n{LEAVING[way]}", options=CALLS)

    assert ran.status == {"os._exit": 3, "exec": 0, "terminated": -15}[way]
    lost = way == "terminated" and core.fast is None
    assert len(calls(ran.trace, "known")) == (0 if lost else 2 if way == "exec" else 1)
    assert bool([note for note in ran.trace.notes if "viztracer" in note]) == lost


def test_killed(run_python: Run) -> None:
    """A process that is killed takes its calls along, and the trace says so."""
    ran = run_python("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", options=CALLS)

    assert rows_of(ran.trace, "CALL") == []
    assert any("viztracer's calls are missing: it was killed" in note for note in ran.trace.notes)


def test_exec_that_fails(run_python: Run) -> None:
    """What is called before and after an exec that fails is all there."""
    code = """
        import os
        def before(): pass
        def after(): pass
        before()
        try:
            os.execv("/nowhere", ["nowhere"])
        except FileNotFoundError:
            after()
    """
    trace = run_python(code, options=CALLS).trace

    assert [len(calls(trace, name)) for name in ("before", "after")] == [1, 1]


def test_workers_that_their_pool_terminates(run_python: Run) -> None:
    """multiprocessing.Pool ends its workers with SIGTERM; their calls are there all the same."""
    code = """
        import multiprocessing
        def known(number):
            return number
        if __name__ == "__main__":
            with multiprocessing.Pool(2) as pool:
                print(sum(pool.map(known, range(20), chunksize=1)))
    """
    ran = run_python(code, options=CALLS)

    assert ran.stdout == "190\n"
    missing = [note for note in ran.trace.notes if "viztracer" in note]
    if core.fast is None:  # it has no handler that is sure to run
        assert missing
    else:
        assert len(calls(ran.trace, "known")) == 20
        assert missing == []


def test_full_ring(run_python: Run) -> None:
    """More calls than viztracer keeps: the last ones are there, and it is said that the first ones are not."""
    code = "def f(): pass\nfor _ in range(1000): f()\n"
    trace = run_python(code, options=Options(viztracer="tracer_entries=100")).trace

    assert len(rows_of(trace, "CALL")) <= 100
    assert any("those that returned in the first" in note and "tracer_entries" in note for note in trace.notes)


def test_asked_for_less_and_more(run_python: Run) -> None:
    """What viztracer is asked for it does: no calls of functions in C, and what others are given."""
    code = "def f(x): return len(x)\nf('abc')\n"
    trace = run_python(code, options=Options(viztracer="ignore_c_function,log_func_args,log_func_retval")).trace

    assert [row.args for row in calls(trace, "f")] == [{"func_args": {"x": "'abc'"}, "return_value": "3"}]
    assert [row.name for row in rows_of(trace, "CALL") if row.name == "builtins.len"] == []


REGION = """
    import tracekit as tk
    def inside(): pass
    def outside(): pass
    outside()
    for _ in range(2):
        with tk.viztracer():
            inside()
            with tk.viztracer():
                inside()
            inside()
        outside()
"""


def test_region(run_python: Run) -> None:
    """Of a region only what runs in it is recorded, however often and nested; without a session it is nothing."""
    trace = run_python(REGION, options=Options()).trace

    assert len(calls(trace, "inside")) == 6
    assert calls(trace, "outside") == []


def test_region_within_all(run_python: Run) -> None:
    """Where all calls are recorded, a region changes nothing."""
    trace = run_python(REGION, options=CALLS).trace

    assert [len(calls(trace, name)) for name in ("inside", "outside")] == [6, 3]


def test_no_session() -> None:
    """A region without a session costs nothing and leaves nothing."""
    with tk.viztracer():
        assert sys.getprofile() is None
        assert "__viz_tracer__" not in builtins.__dict__


def test_session_of_a_block(tmp_path: Path) -> None:
    """`tk.session(viztracer=True)` has the calls of its block, also a second time, and leaves nothing behind."""

    def known() -> None:
        pass

    for at in range(2):
        with tk.session(tmp_path / f"{at}.json", viztracer=True, keep_viztracer=True, keep_session=True):
            known()
        assert sys.getprofile() is None
        assert "__viz_tracer__" not in builtins.__dict__
        trace = sound(tmp_path / f"{at}.json")
        assert len(calls(trace, "known")) == 1
        kept = tmp_path / f"{at}-viztracer-{os.getpid()}.json"
        assert b"known" in kept.read_bytes()
        assert kept.stat().st_mode & 0o77 == 0


def sound(path: Path) -> Trace:
    """The trace in a file, which must be sound."""
    trace = load(path)
    assert check(trace) == []
    return trace


def test_a_call_that_does_not_return(tmp_path: Path) -> None:
    """What is still running when the recording ends is there, up to that end, and marked."""

    def stopping() -> None:
        tk.stop()

    tk.start(tmp_path / "out.json", viztracer=True)
    stopping()
    (row,) = calls(sound(tmp_path / "out.json"), "stopping")

    assert row.unfinished


def test_threads_that_were_there_before(tmp_path: Path) -> None:
    """Where viztracer does not see a thread that began before it, the trace says so."""
    go, done = threading.Event(), threading.Event()

    def known() -> None:
        pass

    def running() -> None:
        go.wait()
        tk.instant("so that the thread is known")
        known()
        done.set()

    thread = threading.Thread(target=running)
    thread.start()
    with tk.session(tmp_path / "out.json", viztracer=True):
        go.set()
        done.wait()
    thread.join()
    trace = sound(tmp_path / "out.json")

    seen = bool(calls(trace, "known"))
    said = any("threads that had begun before viztracer did" in note for note in trace.notes)
    assert seen == SEES_ALL_THREADS
    assert said != seen


@pytest.mark.skipif(not SEES_ALL_THREADS, reason="sys.monitoring is there since 3.12")
def test_another_profiler(run_python: Run) -> None:
    """Who uses sys.monitoring as a profiler already is not pushed aside; the program is told, and goes on."""
    code = """
        import sys
        import tracekit as tk
        sys.monitoring.use_tool_id(2, "theirs")
        with tk.viztracer():
            pass
        print(sys.monitoring.get_tool(2))
    """
    ran = run_python(code, options=Options())

    assert ran.stdout == "theirs\n"
    assert ran.stderr.count("theirs profiles it already") == 1
    assert any("theirs profiles it already" in note for note in ran.trace.notes)


def test_not_installed(run_python: Run, tmp_path: Path) -> None:
    """Where viztracer is missing, the program runs, is recorded, and one line says what to do."""
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "viztracer.py").write_text("raise ImportError('gone')")
    ran = run_python("print(1)", options=CALLS, env={"PYTHONPATH": str(tmp_path / "without")})

    assert (ran.status, ran.stdout) == (0, "1\n")
    assert "pip install viztracer" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_the_program_sees_nothing(run_python: Run) -> None:
    """Besides what viztracer needs, its prints and trio's import are not the program's."""
    ran = run_python("import sys; print('trio' in sys.modules)", options=CALLS)

    assert (ran.stdout, ran.stderr) == ("False\n", "")


def test_threads_without_our_knowledge(run_python: Run) -> None:
    """Every call lies on a thread that has a life around it, and is flagged only where it did not return."""
    trace = run_python(PROGRAM, options=CALLS).trace
    lives = {row.track: row for row in rows_of(trace, "THREAD")}

    for row in rows_of(trace, "CALL"):
        if row.kind == "THREAD":
            assert lives[row.track].start <= row.start <= row.end <= lives[row.track].end
    flags = trace.slices.flags[trace.slices.category == Category.CALL]
    assert set(flags.tolist()) <= {0, int(Flag.UNFINISHED)}


def test_while_it_runs(recorded: Callable[..., Any]) -> None:
    """Of a process that goes on it is said that its calls are not here yet."""
    with recorded(viztracer="") as recording:
        trace = load(recording.directory, alive={os.getpid(): monotonic_ns()})

    assert any("its calls are not here yet" in note for note in trace.notes)
    assert rows_of(recording.trace, "CALL") != []


def test_another_profiler_comes_later(run_python: Run) -> None:
    """Where the program profiles itself, viztracer's calls end; the trace says so, or Python told the program (since 3.12)."""
    code = """
        import cProfile
        try:
            profile = cProfile.Profile()
            profile.enable()
            profile.disable()
        except ValueError as error:
            print(error)
    """
    ran = run_python(code, options=CALLS)

    told = any("viztracer stopped by itself" in note for note in ran.trace.notes)
    assert told != ("already active" in ran.stdout)


def test_greenlets(run_python: Run) -> None:
    """viztracer stops where a greenlet leaves functions that it was not seen to enter; the trace says so."""
    pytest.importorskip("greenlet")
    code = """
        import greenlet, warnings
        warnings.simplefilter("ignore")
        main = greenlet.getcurrent()
        def deep(depth):
            return deep(depth - 1) if depth else main.switch()
        one, other = greenlet.greenlet(deep), greenlet.greenlet(deep)
        one.switch(5)
        other.switch(1)
        one.switch()
        other.switch()
        def after(): pass
        after()
    """
    trace = run_python(code, options=CALLS).trace

    told = any("viztracer stopped by itself" in note for note in trace.notes)
    assert told != bool(calls(trace, "after"))
