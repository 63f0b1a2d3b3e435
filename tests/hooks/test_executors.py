"""The hook for executors, on real pools of threads and processes."""

from __future__ import annotations

import multiprocessing
import pickle
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

import pytest
from tests_support import rows_of

from tracekit.model.trace import FlowKind


def double(number: int) -> int:
    return number * 2


def test_thread_pool(recorded: Callable[..., Any]) -> None:
    """Each job is a slice on the worker that ran it, with its queue wait, and an arrow from where it was submitted."""
    with recorded() as recording, ThreadPoolExecutor(2, thread_name_prefix="pool") as pool:
        assert list(pool.map(double, range(5))) == [0, 2, 4, 6, 8]

    trace = recording.trace
    jobs = rows_of(trace, "JOB")
    assert [job.name for job in jobs] == ["double"] * 5
    assert all(job.args["queued_ns"] >= 0 and job.args["outcome"] == "done" for job in jobs)
    assert [FlowKind(kind) for kind in trace.flows.kind].count(FlowKind.SUBMIT) == 5


def test_failing_job(recorded: Callable[..., Any]) -> None:
    """A job that raises says so; its traceback is the one that it has without a session."""

    def fail() -> None:
        raise LookupError("mine")

    def frames() -> list[str]:
        with ThreadPoolExecutor(1) as pool:
            try:
                pool.submit(fail).result()
            except LookupError as error:
                return [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        raise AssertionError

    plain = frames()
    with recorded() as recording:
        traced = frames()

    assert traced == plain
    (job,) = rows_of(recording.trace, "JOB")
    assert job.error
    assert job.args["error"] == "LookupError"


def test_cancelled_job_never_runs(recorded: Callable[..., Any]) -> None:
    """A job that is cancelled in the queue has no slice."""
    started, gate = threading.Event(), threading.Event()

    def hold() -> None:
        started.set()
        gate.wait()

    with recorded() as recording, ThreadPoolExecutor(1) as pool:
        pool.submit(hold)
        started.wait()
        waiting = pool.submit(double, 1)
        assert waiting.cancel()
        gate.set()
        with pytest.raises(CancelledError):
            waiting.result()

    assert len(rows_of(recording.trace, "JOB")) == 1


METHODS = multiprocessing.get_all_start_methods()


@pytest.mark.parametrize("method", METHODS)
def test_process_pool(run_python: Callable[..., Any], method: str) -> None:
    """Jobs of a process pool are slices in its workers, each joined to where it was submitted, however workers start."""
    ran = run_python(
        f"""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        def square(number):
            if number == 3:
                raise ValueError(number)
            return number * number

        if __name__ == "__main__":
            with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("{method}")) as pool:
                futures = [pool.submit(square, number) for number in range(4)]
                print([future.exception() or future.result() for future in futures])
        """
    )

    assert ran.stderr == ""
    assert ran.stdout == "[0, 1, 4, ValueError(3)]\n"
    assert ran.status == 0
    trace = ran.trace
    jobs = rows_of(trace, "JOB")
    assert [job.name for job in jobs] == ["square"] * 4
    assert sorted(job.args["outcome"] for job in jobs) == ["done", "done", "done", "failed"]
    parent = next(index for index, process in enumerate(trace.processes) if process.parent is None)
    assert all(trace.tracks[job.track].process != parent for job in jobs)
    submits = [row for row in range(len(trace.flows)) if trace.flows.kind[row] == FlowKind.SUBMIT]
    assert len(submits) == 4
    assert all(trace.tracks[trace.flows.track[row]].process == parent for row in submits)


def test_call_item_pickles_as_before(recorded: Callable[..., Any]) -> None:
    """What the pool sends to its workers names nothing of ours."""
    from concurrent.futures.process import _CallItem

    plain = pickle.dumps(_CallItem(1, double, (2,), {}))
    with recorded():
        assert pickle.dumps(_CallItem(1, double, (2,), {})) == plain


def test_pool_that_was_there_before(recorded: Callable[..., Any]) -> None:
    """A pool from before the session is taken in with its next job."""
    with ThreadPoolExecutor(1, thread_name_prefix="early") as pool:
        pool.submit(double, 1).result()
        with recorded() as recording:
            pool.submit(double, 2).result()
        pool.submit(double, 3).result()

    trace = recording.trace
    assert len(rows_of(trace, "JOB")) == 1
    (worker,) = [thread for thread in trace.threads if thread.name.startswith("early")]
    assert worker.begun_before
