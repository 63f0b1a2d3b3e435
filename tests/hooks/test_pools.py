"""The hook for multiprocessing's pools, on real pools of processes and of threads, however their workers start."""

from __future__ import annotations

import multiprocessing
import multiprocessing.pool
from collections.abc import Callable
from typing import Any

import pytest
from tests_support import rows_of
from waiting import until

from tracekit.model.trace import FlowKind

METHODS = multiprocessing.get_all_start_methods()

PROGRAM = """
    import multiprocessing, sys

    def square(number):
        if number == 3:
            raise ValueError(number)
        return number * number

    def add(one, other):
        return one + other

    def prepare(what):
        global prepared
        prepared = what

    def recall(_):
        return prepared

    def numbers():
        yield from (4, 5)

    if __name__ == "__main__":
        with multiprocessing.get_context(sys.argv[1]).Pool(2, prepare, ("here",), maxtasksperchild=3) as pool:
            print(pool.apply(square, (2,)), pool.map(square, range(4, 14), 5), pool.starmap(add, [(1, 2), (3, 4)], 1))
            print(list(pool.imap(square, numbers())), sorted(pool.imap_unordered(square, (6, 7, 8), 2)), pool.map(square, []))
            print(pool.apply(recall, (0,)), len(pool.apply(bytes, (100_000,))))
            for arguments in ((3,), (lambda: 1,)):
                try:
                    pool.apply(square, arguments)
                except Exception as error:
                    print(type(error).__name__)
            pool.close()
            pool.join()
"""
WAY = (
    *("queued_ns", "pickled_ns", "transfer_ns", "unpickled_ns"),
    *("result_pickled_ns", "result_transfer_ns", "result_unpickled_ns"),
)

PRINTED = """4 [16, 25, 36, 49, 64, 81, 100, 121, 144, 169] [3, 7]
[16, 25] [36, 49, 64] []
here 100000
ValueError
"""


@pytest.mark.parametrize("method", METHODS)
def test_pool_of_processes(run_python: Callable[..., Any], method: str) -> None:
    """Every job and every piece of a map is a slice on the worker that ran it, with its way there and back; all works as ever."""
    ran = run_python(PROGRAM, method)

    assert ran.stderr == ""
    assert ran.stdout.startswith(PRINTED)
    trace = ran.trace
    (pool,) = trace.pools
    assert (pool.name, pool.limit, pool.submitted, pool.waiting) == ("Pool", 2, 9, 0)
    assert pool.started > pool.limit  # workers were replaced
    jobs = rows_of(trace, "JOB")
    assert sorted(job.name for job in jobs) == sorted(
        ["square"] * 2 + ["square"] * 2 + ["add"] * 2 + ["square"] * 2 + ["square"] * 2 + ["recall", "bytes"]
    )
    parent = pool.process
    for job in jobs:
        assert trace.tracks[job.track].process != parent
        assert job.args["worker"] == trace.processes[trace.tracks[job.track].process].name
        assert job.args["pickled_bytes"] > 0
        assert min(job.args[key] for key in WAY) >= 0
    assert sorted(job.args["items"] for job in jobs if "items" in job.args) == [1, 1, 1, 2, 5, 5]
    (large,) = [job for job in jobs if job.name == "bytes"]
    assert large.args["result_bytes"] > 100_000
    assert [job.args["error"] for job in jobs if job.error] == ["ValueError"]
    pickled = rows_of(trace, "PICKLE")
    assert [one.name for one in pickled if one.error] == ["pickling square"]
    kinds = [FlowKind(kind) for kind in trace.flows.kind]
    assert kinds.count(FlowKind.SUBMIT) == len(jobs)
    assert kinds.count(FlowKind.RESULT) >= len(jobs)


@pytest.mark.parametrize("method", METHODS)
def test_terminated_pool(run_python: Callable[..., Any], method: str) -> None:
    """A pool that is terminated while a worker is busy leaves a job that has not ended."""
    ran = run_python(
        """
        import multiprocessing, sys, time

        def hang(gate):
            gate.release()
            while True:
                time.sleep(1)

        if __name__ == "__main__":
            context = multiprocessing.get_context(sys.argv[1])
            with context.Manager() as manager:
                gate = manager.Semaphore(0)
                with context.Pool(1) as pool:
                    pool.apply_async(hang, (gate,))
                    gate.acquire()
                print("gone")
        """,
        method,
    )

    assert (ran.stdout, ran.stderr) == ("gone\n", "")
    (job,) = [job for job in rows_of(ran.trace, "JOB") if job.name == "hang"]
    assert job.unfinished


def double(number: int) -> int:
    return number * 2


def fail(number: int) -> int:
    raise LookupError(number)


def test_pool_of_threads(recorded: Callable[..., Any]) -> None:
    """Jobs of a pool of threads are slices on its threads, joined to where they were submitted."""
    with recorded() as recording, multiprocessing.pool.ThreadPool(2) as pool:
        assert pool.map(double, range(4), 2) == [0, 2, 4, 6]
        assert list(pool.imap_unordered(double, [1])) == [2]
        with pytest.raises(LookupError):
            pool.apply(fail, (1,))
        pool.close()
        pool.join()

    trace = recording.trace
    jobs = rows_of(trace, "JOB")
    assert [
        (job.name, job.args["outcome"], job.args.get("items")) for job in sorted(jobs, key=lambda job: job.name)
    ] == [
        ("double", "done", 2),
        ("double", "done", 2),
        ("double", "done", None),
        ("fail", "failed", None),
    ]
    assert all(job.args["executor"] == "ThreadPool" for job in jobs)
    assert (trace.pools[0].submitted, trace.pools[0].waiting) == (3, 0)


def test_whoever_waits_goes_on_with_the_result(recorded: Callable[..., Any]) -> None:
    """An arrow leads from the end of a job to where a thread goes on that had waited for it."""

    def wait_to_be_waited_for() -> int:
        until(lambda: result and result[0]._event._cond._waiters)
        return 1

    result: list[Any] = []
    with recorded() as recording, multiprocessing.pool.ThreadPool(1) as pool:
        result.append(pool.apply_async(wait_to_be_waited_for))
        assert result[0].get() == 1
        pool.close()
        pool.join()

    trace = recording.trace
    (taken,) = rows_of(trace, "RESULT")
    assert trace.tracks[taken.track].name == "MainThread"
    targets = [int(target) for kind, target in zip(trace.flows.kind, trace.flows.target) if kind == FlowKind.RESULT]
    assert [trace.strings[trace.slices.name[target]] for target in targets] == [taken.name]


def test_pool_that_was_there_before(recorded: Callable[..., Any]) -> None:
    """A pool of threads from before the session goes on; its later jobs are seen to be submitted, and where they ran is not."""
    with multiprocessing.pool.ThreadPool(1) as pool:
        with recorded() as recording:
            assert pool.apply(double, (2,)) == 4
        assert pool.apply(double, (3,)) == 6

    trace = recording.trace
    assert rows_of(trace, "JOB") == []
    assert [(row.name, row.submitted) for row in trace.pools] == [("ThreadPool", 1)]
