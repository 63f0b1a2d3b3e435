"""Spans, calls and samples of one run in the real trace processor: each lies in the other. Runs the real viztracer and py-spy."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.perfetto.processor import TraceProcessor
from tracekit.observe import pyspy

pytestmark = [
    pytest.mark.perfetto,
    pytest.mark.skipif(pyspy.executable() is None, reason="py-spy is not installed"),
]

# In a thread and in tasks, of two processes. What it computes is few calls, of which viztracer would record each.
_PROGRAM = """
    import asyncio, subprocess, sys, threading, time
    import tracekit as tk

    def known():
        end = time.perf_counter() + 0.03
        while time.perf_counter() < end:
            sum(range(20_000))

    async def job():
        for _ in range(8):
            with tk.span("known"):
                known()
            await asyncio.sleep(0.005)

    async def main():
        await asyncio.gather(job(), job())

    def thread():
        for _ in range(12):
            with tk.span("known"):
                known()

    child = subprocess.Popen([sys.executable, __file__, "child"]) if len(sys.argv) == 1 else None
    worker = threading.Thread(target=thread, name="worker")
    worker.start()
    asyncio.run(main())
    worker.join()
    if child is not None:
        child.wait()
"""

WORKLOADS = Path(__file__).parents[2] / "workloads"

# What of a thread lies in a span of the same name, of all that there is of it, by process and thread.
_CALLS = """select p.pid, t.name as thread, count(*) as n, sum(exists(
        select 1 from ancestor_slice(c.id) a where a.name = 'known' and a.category in ('span', 'part'))) as inside
    from slice c join thread_track tt on c.track_id = tt.id join thread t using (utid) join process p using (upid)
    where c.category = 'call' and c.name like 'known (%' group by p.pid, t.utid"""
_ON_TASKS = """select count(*) as n, sum(exists(select 1 from ancestor_slice(c.id) a where a.name = 'known')) as inside
    from slice c join process_track pt on c.track_id = pt.id where c.name like 'known (%'"""
# The calls of the article's computing function: in what of tracekit's they lie, on their thread and on their task's track.
_COMPUTING = """select a.name as within, a.category as kind, count(*) as n from slice c, ancestor_slice(c.id) a
    where c.name like 'cpu_bound (%' and (a.category in ('thread', 'step') or a.name = 'running') group by a.name, a.category"""
_SAMPLES = """with recursive
    up(id, frame_id, parent_id) as (
        select id, frame_id, parent_id from stack_profile_callsite
        union all select u.id, c.frame_id, c.parent_id from up u join stack_profile_callsite c on c.id = u.parent_id),
    inner_of(id) as (select distinct u.id from up u join stack_profile_frame f on f.id = u.frame_id where f.name = '{name}')
    select p.pid, t.name as thread, count(*) as n, sum(exists(
        select 1 from slice c join thread_track tt on c.track_id = tt.id
        where tt.utid = s.utid and c.category = 'call' and c.name like '{name} (%' and s.ts between c.ts and c.ts + c.dur
    )) as inside
    from cpu_profile_stack_sample s join inner_of i on i.id = s.callsite_id join thread t using (utid) join process p using (upid)
    group by p.pid, t.utid"""


def test_one_timeline(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """viztracer's calls of a function lie in tracekit's spans around them, and py-spy's samples in those calls: on threads and,
    in coroutines, on their tasks, of two processes, and Perfetto complains of nothing.
    """
    (tmp_path / "program.py").write_text(textwrap.dedent(_PROGRAM))
    command = [sys.executable, "-m", "tracekit", "run", "-q", "--viztracer", "--py-spy", "-o", "out.json", "program.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    trace_processor.load(tmp_path / "out.json")
    assert trace_processor.complaints() == {}

    calls = trace_processor.query(_CALLS)
    assert (
        sorted((row["thread"], row["n"], row["inside"]) for row in calls)
        == [("MainThread", 16, 16)] * 2 + [("worker", 12, 12)] * 2
    )
    assert len({row["pid"] for row in calls}) == 2
    assert trace_processor.query(_ON_TASKS) == [{"n": 32, "inside": 32}]

    samples = trace_processor.query(_SAMPLES.format(name="known"))
    assert len(samples) == 4
    # A busy machine takes py-spy off the processor while it reads, so that not all of them do.
    assert all(row["inside"] > row["n"] / 2 for row in samples)
    assert sum(row["inside"] for row in samples) > 0.8 * sum(row["n"] for row in samples)


@pytest.mark.parametrize(
    ("workload", "within"),
    [
        ("article_threads", {("2s CPU Bound", "thread")}),
        ("article_asyncio", {("MainThread", "thread"), ("2s CPU Bound", "step"), ("running", "task")}),
    ],
)
def test_the_article_on_one_timeline(
    workload: str, within: set[tuple[str, str]], trace_processor: TraceProcessor, tmp_path: Path
) -> None:
    """The article's computing function is one call by viztracer, which lies in its thread's life or its task's step as tracekit
    saw them, and py-spy's samples of it lie in that call: on a thread, and as a task.
    """
    # Of the calls in it, hundreds of thousands, each lasts a few nanoseconds.
    recorders = ["--viztracer=min_duration=1ms", "--py-spy=250"]
    program = [str(WORKLOADS / f"{workload}.py"), "--scale", "0.4"]
    command = [sys.executable, "-m", "tracekit", "run", "-q", *recorders, "-o", "out.json", *program]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    trace_processor.load(tmp_path / "out.json")
    assert trace_processor.complaints() == {}

    enclosing = trace_processor.query(_COMPUTING)
    assert {(row["within"], row["kind"]) for row in enclosing} == within
    assert {row["n"] for row in enclosing} == {1}

    samples = trace_processor.query(_SAMPLES.format(name="cpu_bound"))
    assert len(samples) == 1
    # A busy machine takes py-spy off the processor while it reads, so that not all of them do.
    assert samples[0]["inside"] >= 0.8 * samples[0]["n"]
