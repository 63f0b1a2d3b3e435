"""What the traces of the article's programs must show, seen in real runs. Compares times only within one trace.

Knows the workloads' labels, and nothing of how a trace is made.
"""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tracekit.analyze import analyze
from tracekit.load import load
from tracekit.model.trace import Category, Process, Task, Thread, Trace, TrackKind

ROOT = Path(__file__).parents[2]
WORKLOADS = ROOT / "workloads"
WAITING = [f"{seconds}s IO Bound" for seconds in range(4)]
COMPUTING = "2s CPU Bound"
SCALE = "0.25"


def environment() -> dict[str, str]:
    """The caller's environment, in which this checkout's tracekit can be imported."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path}


def record(program: str, folder: Path) -> Trace:
    """The trace of one run."""
    out = folder / f"{program}.json"
    command = [
        sys.executable,
        "-m",
        "tracekit",
        "run",
        "-o",
        str(out),
        str(WORKLOADS / f"{program}.py"),
        "--scale",
        SCALE,
    ]
    done = subprocess.run(
        command, env=environment(), cwd=folder, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return load(out)


@pytest.fixture(scope="module")
def threads(tmp_path_factory) -> Trace:
    return record("article_threads", tmp_path_factory.mktemp("threads"))


@pytest.fixture(scope="module")
def asyncio_(tmp_path_factory) -> Trace:
    return record("article_asyncio", tmp_path_factory.mktemp("asyncio"))


@pytest.fixture(scope="module")
def processes(tmp_path_factory) -> Trace:
    return record("article_processes", tmp_path_factory.mktemp("processes"))


def life(row: Process | Thread) -> tuple[int, int]:
    """From when to when; an end that was not seen fails the test."""
    assert row.ended is not None, f"the end of {row.name} was not seen"
    return row.started, row.ended


def polls(trace: Trace) -> list[int]:
    """When the main thread of the first process polled."""
    tracks = [
        index
        for index, track in enumerate(trace.tracks)
        if track.kind == TrackKind.THREAD
        and trace.threads[track.owner].main
        and trace.threads[track.owner].process == 0
    ]
    here = np.isin(trace.instants.track, tracks) & (trace.instants.name == trace.strings.index("Poll"))
    times: list[int] = trace.instants.time[here].tolist()
    return times


def task(trace: Trace, name: str) -> tuple[int, Task]:
    """The only task of that name, with its index."""
    ((index, row),) = [(index, row) for index, row in enumerate(trace.tasks) if row.name == name]
    return index, row


def steps(trace: Trace, name: str) -> list[tuple[int, int]]:
    """From when to when each step of a task ran."""
    index, _ = task(trace, name)
    rows = np.flatnonzero((trace.slices.category == Category.STEP) & (trace.slices.task == index))
    return sorted(zip(trace.slices.start[rows].tolist(), trace.slices.end[rows].tolist()))


def ended(trace: Trace, name: str) -> int:
    _, row = task(trace, name)
    assert row.ended is not None
    return row.ended


class TestThreads:
    def test_five_threads_started_by_the_main_thread(self, threads) -> None:
        """Each thread has one slice for its life, under its own name, and the main thread started it."""
        main = next(index for index, thread in enumerate(threads.threads) if thread.main)
        started = [thread.name for thread in threads.threads if thread.starter == main]
        assert sorted(started) == sorted([*WAITING, COMPUTING])
        lives = threads.slices.name[threads.slices.category == Category.THREAD]
        assert {threads.strings[name] for name in lives.tolist()} >= {*WAITING, COMPUTING}

    def test_they_interleave(self, threads) -> None:
        """Threads that wait end while the computing one still runs: it holds nobody up."""
        by_name = {thread.name: life(thread) for thread in threads.threads}
        begin, end = by_name[COMPUTING]
        assert begin < by_name["1s IO Bound"][1] < end
        assert by_name["3s IO Bound"][0] < begin < end < by_name["3s IO Bound"][1]

    def test_no_poll_is_starved(self, threads) -> None:
        """Polls go on during the computing, never further apart than half of it."""
        begin, end = next(life(thread) for thread in threads.threads if thread.name == COMPUTING)
        times = polls(threads)
        assert len([time for time in times if begin < time < end]) >= 2
        assert max(after - before for before, after in pairwise(times)) < (end - begin) / 2

    def test_nothing_is_found(self, threads) -> None:
        """Nobody froze a loop here, so nobody is accused of it; that other programs have the cores may be told."""
        assert [finding for finding in analyze(threads) if finding.slug != "core-starved"] == []


class TestAsyncio:
    def test_computes_in_one_step(self, asyncio_) -> None:
        """The computing task runs in a single step, which is nearly all of the loop's work."""
        ((begin, end),) = steps(asyncio_, COMPUTING)
        others = sum(stop - start for name in (*WAITING, "Poll") for start, stop in steps(asyncio_, name))
        assert end - begin > others

    def test_no_poll_in_it(self, asyncio_) -> None:
        """No step of the polling task, nor of any other, lies in the computing one; the polling goes on after it."""
        ((begin, end),) = steps(asyncio_, COMPUTING)
        for name in (*WAITING, "Poll"):
            assert not [start for start, stop in steps(asyncio_, name) if start < end and stop > begin]
        assert steps(asyncio_, "Poll")[0][0] >= end

    def test_those_who_fell_due_end_with_the_block(self, asyncio_) -> None:
        """What fell due in the block ends right after it, before the next poll has slept out, and not before it."""
        ((begin, end),) = steps(asyncio_, COMPUTING)
        second_poll = steps(asyncio_, "Poll")[1][0]
        for name in ("0s IO Bound", "1s IO Bound", "2s IO Bound"):
            assert steps(asyncio_, name)[0][1] <= begin
            assert end <= ended(asyncio_, name) <= second_poll
        assert ended(asyncio_, "3s IO Bound") >= end

    def test_the_finding(self, asyncio_) -> None:
        """loop-blocked names the computing task, the trace's own length of its step, its code, and whom it held up."""
        ((begin, end),) = steps(asyncio_, COMPUTING)
        # Half of it as the threshold: on a busy machine the system may stop another step for a while.
        findings = [found for found in analyze(asyncio_, (end - begin) // 2) if found.slug != "core-starved"]
        (finding,) = findings
        assert (finding.slug, finding.details["task"]) == ("loop-blocked", COMPUTING)
        assert finding.function.partition(".<locals>")[0] == "cpu_bound"  # or the expression in it
        assert finding.file.endswith("workloads/article_asyncio.py")
        assert finding.line > 0
        assert (finding.start_s, finding.duration_s) == (begin / 1e9, (end - begin) / 1e9)
        delayed = {delay["task"]: delay["by_s"] for delay in finding.details["delayed"]}
        # Two were ready all the while, the sleepers from when they fell due.
        assert delayed["Poll"] == delayed["0s IO Bound"] == finding.duration_s
        assert 0 < delayed["1s IO Bound"] <= finding.duration_s
        assert "3s IO Bound" not in delayed


class TestProcesses:
    def test_own_pids(self, processes) -> None:
        """Six processes with six pids, five of them children of the first."""
        assert len({process.pid for process in processes.processes}) == len(processes.processes)
        names = [process.name for process in processes.processes if process.parent == 0]
        assert {*WAITING, COMPUTING} <= set(names)

    def test_they_overlap(self, processes) -> None:
        """The computing process runs at the same time as those that wait."""
        by_name = {process.name: life(process) for process in processes.processes}
        begin, end = by_name[COMPUTING]
        for name in ("2s IO Bound", "3s IO Bound"):
            start, stop = by_name[name]
            assert max(begin, start) < min(end, stop)

    def test_the_parent_polls_on(self, processes) -> None:
        """The parent's polls go on during the computing."""
        begin, end = next(life(process) for process in processes.processes if process.name == COMPUTING)
        assert [time for time in polls(processes) if begin < time < end]


@pytest.mark.parametrize("program", ["article_threads", "article_asyncio", "article_processes"])
def test_runs_with_plain_python(program, tmp_path) -> None:
    """Without tracekit the programs run as well, and print the article's messages."""
    command = [sys.executable, "-I", "-S", str(WORKLOADS / f"{program}.py"), "--scale", "0.02"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    for label in (*WAITING, COMPUTING):
        assert lines.index(f"{label} started") < lines.index(f"{label} finished")
    assert "Poll" in lines
    assert lines[-1].endswith(" completed")
