"""Files as viztracer, py-spy and PyTorch write them, by the ways in which they name things. Knows no reader's inside."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from foreign_events import drawn, event, whole

from tracekit.load import load
from tracekit.load.foreign.calls import parse, parse_thread
from tracekit.model.check import check
from tracekit.model.trace import Category, Trace

Reading = Any

ASYNC_PROGRAM = """
    import asyncio, threading

    def work(n):
        return sum(i * i for i in range(n))

    async def child(k):
        await asyncio.sleep(0)
        work(3)

    async def main():
        await asyncio.gather(child(1), child(2))

    thread = threading.Thread(target=work, args=(3,), name="helper")
    thread.start()
    thread.join()
    asyncio.run(main())
"""


@pytest.fixture(scope="module")
def viztraced(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """What viztracer wrote of a program with a thread and tasks."""
    folder = tmp_path_factory.mktemp("viztracer")
    (folder / "app.py").write_text(textwrap.dedent(ASYNC_PROGRAM))
    command = [sys.executable, "-m", "viztracer", "--log_async", "-o", "out.json", "app.py"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=100)
    trace = load(folder / "out.json")
    assert check(trace) == []
    return trace


def test_viztracers_calls(viztraced: Trace) -> None:
    """viztracer's calls are CALL slices on their threads, named after the function, with file and line."""
    helper = next(thread.name for thread in viztraced.threads if not thread.main)  # viztracer may call it otherwise
    work = [row for row in drawn(viztraced) if row.name == "work" and row.track == helper]
    assert len(work) == 1
    assert Path(work[0].args["file"]).name == "app.py"
    assert work[0].args["line"] == 4
    kinds = {
        category
        for category, on in zip(*(column.tolist() for column in (viztraced.slices.category, viztraced.slices.track)))
        if viztraced.tracks[on].kind.name == "THREAD"
    }
    assert kinds == {Category.CALL, Category.THREAD}
    assert len(viztraced.threads) == 2
    assert [thread.main for thread in viztraced.threads if thread.name == "MainThread"] == [True]


def test_viztracers_tasks(viztraced: Trace) -> None:
    """The threads that viztracer invents for tasks are tracks of tasks, and what ran in them is on the loop's thread as well."""
    tracks = {track.name for track in viztraced.tracks if track.kind.name == "NAMED"}
    assert {"Task-1", "Task-2", "Task-3"} <= tracks
    lives = {row.name for row in drawn(viztraced) if row.name == row.track}
    assert {"Task-1", "Task-2", "Task-3"} <= lives
    on_tasks = [row for row in drawn(viztraced) if row.name == "work" and row.track.startswith("Task-")]
    assert len(on_tasks) == 2
    for row in on_tasks:
        assert row._replace(track="MainThread", kind="THREAD") in drawn(viztraced)
    assert any("invented for tasks" in note for note in viztraced.notes)


def test_threads_that_are_no_tasks(read: Reading) -> None:
    """A thread that only might be a task by its number stays a thread, where its calls do not lie in a loop's."""
    run = "Handle._run (/lib/asyncio/events.py:78)"
    events = [
        whole(0, 50, run, cat="fee"),
        whole(5, 20, "f (a.py:1)", cat="FEE", tid=0x123450),
        whole(5, 80, "f (a.py:1)", cat="fee", tid=0x123460),
        whole(6, 2, "f (a.py:1)", cat="fee", tid=0x123470),
        *(
            event("M", name="thread_name", tid=tid, args={"name": name})
            for tid, name in (
                (1, "MainThread"),
                (0x123450, "Task-7"),
                (0x123460, "other"),
                (0x123470, "Thread-1 (run)"),
            )
        ),
    ]
    trace = read(events)
    assert {thread.name for thread in trace.threads} == {"MainThread", "other", "Thread-1 (run)"}
    assert [track.name for track in trace.tracks if track.kind.name == "NAMED"] == ["Task-7"]


def test_viztracers_overflow(read: Reading) -> None:
    """That viztracer's ring was too small is told."""
    events = [whole(0, 1, "f (a.py:1)", cat="fee")]
    document = {"traceEvents": events, "viztracer_metadata": {"overflow": True}, "file_info": {"files": {"a.py": "x"}}}
    assert any("buffer was full" in note for note in read(document).notes)


def test_py_spys_chrome_traces(read: Reading) -> None:
    """Threads that py-spy tells apart by large numbers stay apart, and take name and number from their outermost frame."""

    def frame(ph: str, ts: int, name: str, tid: int, line: int = 0) -> dict[str, Any]:
        return event(ph, ts, name, 20, tid, cat="py-spy", args={"filename": "app.py" if line else "", "line": line})

    first, second = 139759066069888, 139759053194944
    events = [
        frame("B", 10, "thread (20)", first),
        frame("B", 10, "main", first, 5),
        frame("B", 10, "thread (21): waiter", second),
        frame("E", 30, "main", first, 6),
        frame("E", 30, "thread (20)", first),
        frame("E", 40, "thread (21): waiter", second),
    ]
    trace = read(events)
    assert [(thread.tid, thread.name, thread.main) for thread in trace.threads] == [
        (20, "main", True),
        (21, "waiter", False),
    ]
    (main,) = (row for row in drawn(trace) if row.name == "main")
    assert (main.start, main.end, main.args) == (0, 20000, {"file": "app.py", "line": 5})
    assert Category.SAMPLE in trace.slices.category


def test_pytorchs_profile(read: Reading) -> None:
    """PyTorch's operators and kernels keep their categories, its Python functions are calls, and its arrows are drawn."""
    gpu = {"pid": 0, "tid": 7}
    events = [
        whole(100, 50, "torch/nn/modules/module.py(1501): _call_impl", cat="python_function", pid=9, tid=9),
        whole(
            110, 20, "aten::linear", cat="cpu_op", pid=9, tid=9, args={"External id": 1, "Input Dims": [[32, 4], []]}
        ),
        whole(160, 30, "gemm", cat="kernel", **gpu, args={"stream": 7}),
        event("s", 110, "ac2g", 9, 9, id=1, cat="ac2g"),
        event("f", 160, "ac2g", **gpu, id=1, cat="ac2g", bp="e"),
        event("M", name="process_name", pid=0, args={"name": "python"}),
        event("M", name="process_labels", pid=0, args={"labels": "GPU 0"}),
        event("M", name="thread_name", **gpu, args={"name": "stream 7 "}),
        whole(90, 200, "PyTorch Profiler (0)", cat="Trace", pid="Spans", tid="PyTorch Profiler"),
        event("i", 90, "Iteration Start: PyTorch Profiler", "Traces", "Trace PyTorch Profiler", s="g"),
    ]
    trace = read({"schemaVersion": 1, "deviceProperties": [{}], "traceEvents": events, "baseTimeNanoseconds": 10**18})
    found = {row.name: row for row in drawn(trace)}
    assert found["_call_impl"].args == {"file": "torch/nn/modules/module.py", "line": 1501}
    assert found["aten::linear"].args == {"category": "cpu_op", "External id": 1, "Input Dims": [[32, 4], []]}
    assert len(trace.flows) == 1
    assert {process.name for process in trace.processes} == {"process 9", "python (GPU 0)", "Spans", "Traces"}
    assert (trace.wall_start, trace.notes) == (10**18 + 90_000, [])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("work (/a b/app (1).py:12)", ("work", "/a b/app (1).py", 12)),
        ("C.f.<locals>.<lambda> (x.py:1)", ("C.f.<locals>.<lambda>", "x.py", 1)),
        ("app.py(3): f", ("f", "app.py", 3)),
        ("builtins.sum", ("builtins.sum", "", 0)),
        ("f (x)", ("f (x)", "", 0)),
        ("", ("", "", 0)),
    ],
)
def test_names_of_calls(name: str, expected: tuple[str, str, int]) -> None:
    """A call's name is parted into function, file and line, or stays as it is."""
    assert parse(name) == expected


def test_names_of_threads() -> None:
    """py-spy's outermost frame says which thread it is; nothing else does."""
    assert parse_thread("thread (12): MainThread") == (12, "MainThread")
    assert parse_thread("thread (12)") == (12, "")
    assert parse_thread("thread (x)") is None
