"""Observed: an observer's samples and stacks land on the threads that were seen. Spools are made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from observer_writer import ObserverWriter
from spool_writer import SpoolWriter
from tests_support import rows_of, trace_of

from tracekit import events
from tracekit.model.stacks import frames_of
from tracekit.model.stacks import rows_of as stack_of
from tracekit.model.trace import SampleSource, SampleState, Trace

_MS = 1_000_000
_PID = 100


@pytest.fixture
def program() -> SpoolWriter:
    """A program whose loop runs one step from 100 to 200 ms."""
    writer = SpoolWriter(pid=_PID)
    writer.record(1 * _MS, events.PROCESS_BEGIN, "program")
    writer.record(1 * _MS, events.THREAD_BEGIN, "MainThread", 1)
    writer.record(10 * _MS, events.LOOP_BEGIN, "Loop", 1)
    writer.record(20 * _MS, events.TASK_CREATED, "task", 1, writer.code("work"), (events.LOOP, 0, 1))
    writer.record(100 * _MS, events.STEP_BEGIN, 0, 1)
    writer.record(200 * _MS, events.STEP_END, 0, 1)
    writer.record(300 * _MS, events.LOOP_END, 0, 1)
    writer.record(300 * _MS, events.PROCESS_END)
    return writer


@pytest.fixture
def observer() -> ObserverWriter:
    """An observer's spool."""
    return ObserverWriter()


def step_args(trace: Trace) -> dict[str, Any]:
    (row,) = rows_of(trace, "STEP")
    return row.args


def test_where_the_time_went(tmp_path: Path, program: SpoolWriter, observer: ObserverWriter) -> None:
    """Of a step is told what the samples inside it cover: computing, waiting for a processor, and waiting otherwise."""
    observer.sample(90, events.STATE_RUNNING, on_cpu=5)
    observer.sample(110, events.STATE_RUNNING, on_cpu=10)
    observer.sample(150, events.STATE_SYSCALL, on_cpu=30, run_queue=5)
    observer.sample(190, events.STATE_SYSCALL, on_cpu=30, run_queue=5)
    observer.sample(210, events.STATE_SYSCALL, on_cpu=50, run_queue=5)

    args = step_args(trace_of(tmp_path, program, observer))
    assert args == {
        "sampled_ns": 80 * _MS,
        "cpu_ns": 20 * _MS,
        "run_queue_ns": 5 * _MS,
        "syscall_ns": 55 * _MS,
        "gil_ns": 0,
    }


def test_the_gil(tmp_path: Path, program: SpoolWriter, observer: ObserverWriter) -> None:
    """What a thread waited for between samples is what the samples say it was waiting for, also where one saw it run."""
    observer.sample(110, events.STATE_GIL)
    observer.sample(150, events.STATE_RUNNING)
    observer.sample(160, events.STATE_RUNNING)
    observer.sample(190, events.STATE_GIL)

    args = step_args(trace_of(tmp_path, program, observer))
    assert (args["gil_ns"], args["syscall_ns"]) == (80 * _MS, 0)


def test_what_was_not_told(tmp_path: Path, program: SpoolWriter, observer: ObserverWriter) -> None:
    """Where the kernel does not say what a thread waits for, nothing is said of it."""
    observer.sample(110, 0)
    observer.sample(190, 0, on_cpu=10)

    args = step_args(trace_of(tmp_path, program, observer))
    assert args == {"sampled_ns": 80 * _MS, "cpu_ns": 10 * _MS, "run_queue_ns": 0}


@pytest.mark.parametrize("times", [(), (150,), (90, 210), (90, 150, 210)])
def test_too_few_samples(
    tmp_path: Path, program: SpoolWriter, observer: ObserverWriter, times: tuple[int, ...]
) -> None:
    """Fewer than two samples inside a step tell nothing of it."""
    for time in times:
        observer.sample(time, events.STATE_RUNNING)

    assert "sampled_ns" not in step_args(trace_of(tmp_path, program, observer))


def test_a_stack(tmp_path: Path, program: SpoolWriter, observer: ObserverWriter) -> None:
    """A stack is a sample of its thread, with what the thread did, and stacks share the frames that they have in common."""
    observer.stack(150, ("inner", "a.py", 3), ("outer", "b.py", 7), gil=True)
    observer.stack(160, ("other", "a.py", 9), ("outer", "b.py", 7))
    trace = trace_of(tmp_path, program, observer)
    samples, frames = trace.samples, frames_of(trace)

    assert [trace.threads[thread].name for thread in samples.thread] == ["MainThread"] * 2
    assert samples.time.tolist() == [150 * _MS - 1, 160 * _MS - 1]  # the trace begins at 1 ns
    assert [[frames[row] for row in stack_of(trace, frame)] for frame in samples.frame] == [
        [("inner", "a.py", 3), ("outer", "b.py", 7)],
        [("other", "a.py", 9), ("outer", "b.py", 7)],
    ]
    assert len(frames) == 3
    assert samples.state.tolist() == [SampleState.GIL, SampleState.UNKNOWN]
    assert set(samples.source.tolist()) == {SampleSource.OBSERVER}


@pytest.mark.parametrize("whose", [{"pid": 5}, {"tid": 5}])
def test_somebody_elses(tmp_path: Path, program: SpoolWriter, observer: ObserverWriter, whose: dict[str, int]) -> None:
    """What was seen of threads that are not in the trace is left out."""
    observer.stack(150, ("f", "a.py", 1), **whose)
    observer.sample(110, events.STATE_RUNNING, **whose)
    observer.sample(190, events.STATE_RUNNING, **whose)
    trace = trace_of(tmp_path, program, observer)

    assert len(trace.samples) == 0
    assert "sampled_ns" not in step_args(trace)


def test_the_observer_is_no_process(tmp_path: Path, program: SpoolWriter, observer: ObserverWriter) -> None:
    """The observer is no part of the program, but what it has to say is said."""
    observer.record(_MS, events.NOTE, "nothing could be seen")
    trace = trace_of(tmp_path, program, observer)

    assert [process.pid for process in trace.processes] == [_PID]
    assert "nothing could be seen" in trace.notes


def test_only_an_observer(tmp_path: Path, observer: ObserverWriter) -> None:
    """A session of which only the observer's part is left is a trace of nothing."""
    observer.stack(150, ("f", "a.py", 1))
    observer.sample(110, events.STATE_RUNNING)

    assert trace_of(tmp_path, observer).processes == []


def test_damage(tmp_path: Path, program: SpoolWriter, observer: ObserverWriter) -> None:
    """Records that are cut off, out of order or absurd make no unsound trace."""
    observer.record(150 * _MS, events.SAMPLE, 1, _PID, (events.PID, 0, _PID))
    observer.record(150 * _MS, events.STACK, 0, _PID)
    observer.sample(190, 99, on_cpu=1 << 40)
    observer.sample(110, events.STATE_GIL, run_queue=1 << 40)
    observer.stack(1 << 42, ("f", "a.py", 1))
    observer.record(160 * _MS, events.STACK, 0, _PID, (events.PID, 0, _PID), (events.FRAME, 0, 12345))

    args = step_args(trace_of(tmp_path, program, observer))
    assert args["sampled_ns"] == 80 * _MS
    assert min(args.values()) >= 0
