"""The hook for executors, on real pools of threads and processes."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from typing import Any

import pytest
from tests_support import rows_of
from waiting import until

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


def test_cancelled_job_does_not_wait_for_ever(recorded: Callable[..., Any]) -> None:
    """Of a pool whose jobs were cancelled nothing is waiting at the end, whether a worker has met them or not."""
    started, gate = threading.Event(), threading.Event()

    def hold() -> None:
        started.set()
        gate.wait()

    with recorded() as recording:
        pool = ThreadPoolExecutor(1)
        pool.submit(hold)
        started.wait()
        pool.submit(double, 1)
        pool.shutdown(wait=False, cancel_futures=True)
        gate.set()
        pool.shutdown()

    (row,) = recording.trace.pools
    assert (row.name, row.limit, row.submitted, row.waiting) == ("ThreadPoolExecutor", 1, 2, 0)


@pytest.mark.parametrize("wait", [lambda futures: futures[0].result(), lambda futures: next(as_completed(futures))])
def test_whoever_waits_goes_on_with_the_result(recorded: Callable[..., Any], wait: Callable[[Any], Any]) -> None:
    """An arrow leads from the end of a job to where a thread goes on that had waited for it, in whatever way."""

    def wait_to_be_waited_for() -> None:
        until(lambda: futures and (futures[0]._condition._waiters or futures[0]._waiters))
        # as_completed adds itself and begins to wait then
        until(lambda: futures[0]._condition._waiters or futures[0]._waiters[0].event._cond._waiters)

    futures: list[Any] = []
    with recorded() as recording, ThreadPoolExecutor(1) as pool:
        futures.append(pool.submit(wait_to_be_waited_for))
        wait(futures)

    trace = recording.trace
    (taken,) = rows_of(trace, "RESULT")
    (job,) = rows_of(trace, "JOB")
    assert (taken.name, taken.end) == (f"result of {job.name}", taken.start)
    assert trace.tracks[taken.track].name == "MainThread"
    targets = [int(target) for kind, target in zip(trace.flows.kind, trace.flows.target) if kind == FlowKind.RESULT]
    assert [trace.strings[trace.slices.name[target]] for target in targets] == [taken.name]


def test_whoever_does_not_wait_is_not_told_of(recorded: Callable[..., Any]) -> None:
    """A result that was there already is no reason to wait."""
    with recorded() as recording, ThreadPoolExecutor(1) as pool:
        future = pool.submit(double, 1)
        until(future.done)
        assert future.result() == 2

    assert rows_of(recording.trace, "RESULT") == []


def test_jobs_that_wait_for_their_own_pool(recorded: Callable[..., Any]) -> None:
    """A job that a job of the same pool submitted and that nobody began is counted as such."""

    def outer() -> None:
        pool.submit(double, 1)
        done.set()
        gate.wait()

    done, gate = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with recorded() as recording:
            pool.submit(outer)
            done.wait()
        gate.set()

    (row,) = recording.trace.pools
    assert (row.submitted, row.waiting, row.nested) == (2, 1, 1)


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


WAY = (
    *("queued_ns", "pickled_ns", "transfer_ns", "unpickled_ns"),
    *("result_pickled_ns", "result_transfer_ns", "result_unpickled_ns"),
)


@pytest.mark.parametrize("method", METHODS)
def test_way_of_a_job(run_python: Callable[..., Any], method: str) -> None:
    """Each job of a process pool, and each chunk of a map, tells how it came there and back, and how large it was."""
    ran = run_python(
        """
        import multiprocessing, sys
        from concurrent.futures import ProcessPoolExecutor

        def join(texts):
            return "".join(texts)

        if __name__ == "__main__":
            with ProcessPoolExecutor(1, multiprocessing.get_context(sys.argv[1])) as pool:
                print(len(pool.submit(join, ["x" * 10_000] * 10).result()))
                print(list(pool.map(join, [["a", "b"], ["c"], ["d"]], chunksize=2)))
        """,
        method,
    )

    assert (ran.stdout, ran.stderr) == ("100000\n['ab', 'c', 'd']\n", "")
    trace = ran.trace
    large, *chunks = rows_of(trace, "JOB")
    assert [job.name for job in (large, *chunks)] == ["join"] * 3
    assert [job.args["items"] for job in chunks] == [2, 1]
    assert 10_000 < large.args["pickled_bytes"] < 100_000 < large.args["result_bytes"]  # the same text ten times
    submits = [time for kind, time in zip(trace.flows.kind, trace.flows.time.tolist()) if kind == FlowKind.SUBMIT]
    for submit, job in zip(sorted(submits), (large, *chunks)):
        assert sum(job.args[key] for key in WAY[:4]) == job.start - submit
        assert min(job.args[key] for key in WAY) >= 0
    names = {row.name for row in rows_of(trace, "PICKLE")}
    assert names == {f"{what}{end}join" for what in ("pickling ", "unpickling ") for end in ("", "the result of ")}
    (pool,) = trace.pools
    assert (pool.limit, pool.started, pool.used, pool.submitted, pool.waiting) == (1, 1, 1, 3, 0)


def test_job_that_cannot_be_pickled(run_python: Callable[..., Any]) -> None:
    """An error in pickling a job or its result reaches the program with the traceback that it has without a session."""
    code = """
        import traceback
        from concurrent.futures import ProcessPoolExecutor

        if __name__ == "__main__":
            with ProcessPoolExecutor(1) as pool:
                for job in (pool.submit(len, lambda: 1), pool.submit(eval, "lambda: 1")):
                    print("".join(traceback.format_exception(job.exception())))
    """
    ran = run_python(code)

    assert "pickle" in ran.stdout
    assert "tracekit" not in ran.stdout
    failed = [row.name for row in rows_of(ran.trace, "PICKLE") if row.error]
    assert failed == ["pickling len"]
    assert ran.trace.pools[0].waiting == 0


def test_broken_pool(run_python: Callable[..., Any]) -> None:
    """A worker that dies breaks its pool as it does without a session, and leaves a job that has not ended."""
    ran = run_python(
        """
        import os
        from concurrent.futures import ProcessPoolExecutor

        if __name__ == "__main__":
            with ProcessPoolExecutor(1) as pool:
                print([type(pool.submit(call, 1).exception()).__name__ for call in (abs, os._exit)])
        """
    )

    assert ran.stdout == "['NoneType', 'BrokenProcessPool']\n"
    trace = ran.trace
    assert [(job.name, job.unfinished) for job in rows_of(trace, "JOB")] == [("abs", False), ("_exit", True)]
    assert trace.pools[0].waiting == 0


@pytest.mark.skipif(sys.version_info < (3, 11), reason="max_tasks_per_child is new in 3.11")
def test_workers_that_are_replaced(run_python: Callable[..., Any]) -> None:
    """Each of the workers that follow one another runs the jobs of its pool."""
    ran = run_python(
        """
        from concurrent.futures import ProcessPoolExecutor

        if __name__ == "__main__":
            with ProcessPoolExecutor(1, max_tasks_per_child=1) as pool:
                print([pool.submit(abs, number).result() for number in (-1, -2)])
        """
    )

    assert ran.stdout == "[1, 2]\n"
    trace = ran.trace
    jobs = rows_of(trace, "JOB")
    assert [job.args["executor"] for job in jobs] == ["ProcessPoolExecutor"] * 2
    assert len({job.args["worker"] for job in jobs}) == 2
    assert trace.pools[0].started >= 2


def test_items_pickle_as_before(recorded: Callable[..., Any]) -> None:
    """What the pool sends to its workers, and they send back, names nothing of ours."""
    from concurrent.futures.process import _CallItem, _ResultItem

    items = _CallItem(1, double, (2,), {}), _ResultItem(1, result=4)
    plain = [pickle.dumps(item) for item in items]
    with recorded():
        assert [pickle.dumps(item) for item in items] == plain


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
