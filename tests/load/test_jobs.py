"""Jobs: from submit to run to result, on threads and in worker processes. Times are ns since the first record."""

from __future__ import annotations

from collections.abc import Callable

from spool_writer import SpoolWriter
from tests_support import rows_of

from tracekit import events as e
from tracekit.model.trace import Trace


def test_a_job_on_a_thread(loaded: Callable[..., Trace], arrows: Callable[[Trace], list[object]]) -> None:
    """A job knows how long it was queued, where its function is and how it ended; arrows lead to it and on from it."""
    spool = SpoolWriter(start_monotonic=100)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(110, e.JOB_SUBMIT, "work", 3, spool.code("work", "app.py", 7), (e.EXECUTOR, spool.name("Pool"), 1))
    spool.record(105, e.THREAD_BEGIN, "worker", 2, thread=2)
    spool.record(120, e.JOB_BEGIN, "work", 3, thread=2)
    spool.record(140, e.CALLBACK_READY, 0, 8, thread=2)
    spool.record(141, e.JOB_END, e.OUTCOME_FAILED, 3, (e.ERROR, 0, spool.name("OSError")), thread=2)
    spool.record(150, e.CALLBACK_BEGIN, "set_state", 0, (e.SCHEDULED, 0, 8))
    spool.record(151, e.CALLBACK_END)
    trace = loaded(spool)
    (job,) = rows_of(trace, "JOB")
    assert (job.name, job.start, job.end, job.error) == ("work", 20, 41, True)
    assert job.args == {
        "queued_ns": 10,
        "function": "work",
        "file": "app.py",
        "line": 7,
        "executor": "Pool",
        "worker": "worker",
        "pool": 0,
        "outcome": "failed",
        "error": "OSError",
    }
    assert arrows(trace) == [("SUBMIT", "MainThread", 10, "work"), ("RESULT", "worker", 40, "set_state")]


def test_a_callback_from_another_thread_is_no_result(
    loaded: Callable[..., Trace], arrows: Callable[[Trace], list[object]]
) -> None:
    """A callback that a job schedules in its middle was woken by it, but waited for no result."""
    spool = SpoolWriter(start_monotonic=100)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(100, e.THREAD_BEGIN, "worker", 2, thread=2)
    spool.record(120, e.JOB_BEGIN, "work", 3, thread=2)
    spool.record(130, e.CALLBACK_READY, 0, 8, thread=2)
    spool.record(135, e.INSTANT, "tick", thread=2)
    spool.record(140, e.JOB_END, e.OUTCOME_DONE, 3, thread=2)
    spool.record(150, e.CALLBACK_BEGIN, "progress", 0, (e.SCHEDULED, 0, 8))
    spool.record(151, e.CALLBACK_END)
    assert arrows(loaded(spool)) == [("WAKE", "worker", 30, "progress")]


def test_a_job_in_a_worker_process(loaded: Callable[..., Trace], arrows: Callable[[Trace], list[object]]) -> None:
    """A job of a process pool is led back to its submit: of the right executor, though both count from 0."""
    parent = SpoolWriter(100, start_monotonic=100)
    parent.record(100, e.THREAD_BEGIN, "MainThread", 1)
    for executor, time in ((1, 110), (2, 120)):
        pool = (e.EXECUTOR, parent.name("ProcessPoolExecutor"), executor)
        parent.record(time, e.JOB_SUBMIT, f"work {executor}", executor, pool, (e.WORK, 0, 0))
        parent.record(time + 1, e.POOL_WORKER, 0, 200 + executor, pool)
    worker = SpoolWriter(202, ppid=100, start_monotonic=130)
    worker.record(131, e.THREAD_BEGIN, "MainThread", 1)
    worker.record(140, e.REMOTE_JOB_BEGIN, "work 2", 0)
    worker.record(150, e.REMOTE_JOB_END, e.OUTCOME_DONE, 0)
    trace = loaded(parent, worker)
    (job,) = rows_of(trace, "JOB")
    assert (job.args["queued_ns"], job.args["outcome"], job.args["executor"]) == (20, "done", "ProcessPoolExecutor")
    assert arrows(trace) == [("SUBMIT", "MainThread", 20, "work 2")]


def test_a_result_from_another_process(loaded: Callable[..., Trace], arrows: Callable[[Trace], list[object]]) -> None:
    """A callback that a thread schedules when it tells the end of a process pool's job is that job's result."""
    spool = SpoolWriter(start_monotonic=100)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(100, e.THREAD_BEGIN, "manager", 2, thread=2)
    spool.record(110, e.JOB_SUBMIT, "work", 3, (e.EXECUTOR, spool.name("Pool"), 1), (e.WORK, 0, 0))
    spool.record(140, e.CALLBACK_READY, 0, 8, thread=2)
    spool.record(141, e.JOB_TOLD, e.OUTCOME_DONE, 3, thread=2)
    spool.record(150, e.CALLBACK_BEGIN, "set_state", 0, (e.SCHEDULED, 0, 8))
    spool.record(151, e.CALLBACK_END)
    trace = loaded(spool)
    assert arrows(trace) == [("RESULT", "manager", 40, "set_state")]
    assert (trace.pools[0].submitted, trace.pools[0].waiting) == (1, 0)


def test_an_unfinished_job(loaded: Callable[..., Trace]) -> None:
    """A job that a kill cut off runs to the last thing seen of its process, marked, without an outcome."""
    spool = SpoolWriter(start_monotonic=100, ended=0)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(120, e.JOB_BEGIN, "work", 3, thread=2)
    spool.record(190, e.INSTANT, "tick")
    (job,) = rows_of(loaded(spool), "JOB")
    assert (job.start, job.end, job.unfinished, job.args) == (20, 90, True, {})
