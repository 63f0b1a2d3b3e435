"""Pools: jobs joined with where they came from and went back to. Times are ns since the first record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from spool_writer import SpoolWriter
from tests_support import rows_of

from tracekit import events as e
from tracekit.model.trace import Trace

Arrows = Callable[[Trace], list[object]]


def parent_of_pool(limit: int = 2) -> tuple[SpoolWriter, Any]:
    """A process that submits job 0 of an executor at 10, and has it pickled from 12 to 15."""
    spool = SpoolWriter(100, start_monotonic=100)
    pool = (e.EXECUTOR, spool.name("Pool"), 1)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(100, e.THREAD_BEGIN, "feeder", 2, thread=2)
    spool.record(105, e.POOL_WORKER, 0, 201, pool, (e.WORKERS, 0, limit))
    spool.record(110, e.JOB_SUBMIT, "work", 7, pool, (e.WORKERS, 0, limit), (e.WORK, 0, 0))
    spool.record(112, e.PICKLE_BEGIN, e.PICKLE_JOB, thread=2)
    spool.record(115, e.PICKLE_END, e.PICKLE_JOB, 0, pool, (e.WORK, 0, 0), (e.BYTES, 0, 64), thread=2)
    return spool, pool


def worker_of_pool(ready: int = 120) -> SpoolWriter:
    """Its worker, which gets the job from 30 on, runs it from 33 to 40, and has its result ready at 44."""
    spool = SpoolWriter(201, ppid=100, start_monotonic=106)
    spool.record(106, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(ready, e.POOL_WORKER, 0, 201)
    spool.record(130, e.PICKLE_BEGIN, e.UNPICKLE_JOB)
    spool.record(133, e.PICKLE_END, e.UNPICKLE_JOB, 0, (e.WORK, 0, 0), (e.BYTES, 0, 64))
    spool.record(133, e.REMOTE_JOB_BEGIN, "work", 0)
    spool.record(140, e.REMOTE_JOB_END, e.OUTCOME_DONE, 0)
    spool.record(141, e.PICKLE_BEGIN, e.PICKLE_RESULT)
    spool.record(144, e.PICKLE_END, e.PICKLE_RESULT, 0, (e.WORK, 0, 0), (e.BYTES, 0, 9))
    return spool


def test_way_there_and_back(loaded: Callable[..., Trace], arrows: Arrows) -> None:
    """From submit to run a job is pickled, transferred, unpickled, and else queued; its result goes to who waits for it."""
    parent, pool = parent_of_pool()
    parent.record(150, e.PICKLE_BEGIN, e.UNPICKLE_RESULT, thread=2)
    parent.record(152, e.PICKLE_END, e.UNPICKLE_RESULT, 0, pool, (e.WORK, 0, 0), (e.BYTES, 0, 9), thread=2)
    parent.record(155, e.JOB_TOLD, e.OUTCOME_DONE, 7, thread=2)
    parent.record(157, e.RESULT_TAKEN, 0, 7)
    trace = loaded(parent, worker_of_pool())

    (job,) = rows_of(trace, "JOB")
    assert {key: job.args[key] for key in job.args if key.endswith(("_ns", "_bytes"))} == {
        "queued_ns": 33 - 10 - 3 - 10 - 3,
        "pickled_bytes": 64,
        "pickled_ns": 3,
        "transfer_ns": 10,  # from when the worker was ready
        "unpickled_ns": 3,
        "result_bytes": 9,
        "result_pickled_ns": 3,
        "result_transfer_ns": 6,
        "result_unpickled_ns": 2,
    }
    assert (job.args["executor"], job.args["worker"], job.args["pool"]) == ("Pool", "process 201", 0)
    assert arrows(trace) == [
        ("SUBMIT", "MainThread", 10, "work"),
        ("RESULT", "MainThread", 44, "unpickling the result of work"),
        ("RESULT", "feeder", 55, "result of work"),
    ]
    assert [(row.name, row.start, row.end) for row in rows_of(trace, "PICKLE")] == [
        ("pickling work", 12, 15),
        ("unpickling work", 30, 33),
        ("pickling the result of work", 41, 44),
        ("unpickling the result of work", 50, 52),
    ]
    (row,) = trace.pools
    assert (row.name, row.limit, row.started, row.used) == ("Pool", 2, 1, 1)
    assert (row.submitted, row.waiting, row.nested) == (1, 0, 0)


def test_a_worker_that_was_ready_before(loaded: Callable[..., Trace]) -> None:
    """A worker that waited already is reached by the job from when it was pickled."""
    (job,) = rows_of(loaded(parent_of_pool()[0], worker_of_pool(ready=107)), "JOB")
    assert (job.args["transfer_ns"], job.args["queued_ns"]) == (15, 33 - 10 - 3 - 15 - 3)


def test_pieces_that_are_made_one_after_another(loaded: Callable[..., Trace]) -> None:
    """A piece that was made while its job ran already is queued from when it was there."""
    parent = SpoolWriter(100, start_monotonic=100)
    pool = (e.EXECUTOR, parent.name("Pool"), 1)
    parent.record(100, e.THREAD_BEGIN, "MainThread", 1)
    parent.record(105, e.POOL_WORKER, 0, 201, pool)
    parent.record(106, e.JOB_SUBMIT, "work", 7, pool, (e.WORK, 0, 0), (e.LAZY, 0, 0))
    parent.record(128, e.PICKLE_BEGIN, e.PICKLE_JOB)
    parent.record(129, e.PICKLE_END, e.PICKLE_JOB, 0, pool, (e.WORK, 0, 0), (e.INDEX, 0, 0), (e.BYTES, 0, 64))
    (job,) = rows_of(loaded(parent, worker_of_pool()), "JOB")
    assert job.args["queued_ns"] == 33 - 28 - 1 - 1 - 3


def test_pieces_begin_apart(loaded: Callable[..., Trace], arrows: Arrows) -> None:
    """The arrows to the pieces of one job begin at different points, the first one at its submit."""
    spool = SpoolWriter(100, start_monotonic=100)
    pool = (e.EXECUTOR, spool.name("ThreadPool"), 1)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(100, e.THREAD_BEGIN, "worker", 2, thread=2)
    spool.record(110, e.JOB_SUBMIT, "work", 7, pool, (e.WORK, 0, 5))
    for piece in range(3):
        index = (e.INDEX, 0, piece)
        spool.record(120 + piece * 10, e.REMOTE_JOB_BEGIN, "work", 5, pool, index, (e.ITEMS, 0, 2), thread=2)
        spool.record(125 + piece * 10, e.REMOTE_JOB_END, e.OUTCOME_DONE, 5, thread=2)
    trace = loaded(spool)
    assert arrows(trace) == [("SUBMIT", "MainThread", 10 + piece, "work") for piece in range(3)]
    assert [(job.args["chunk"], job.args["items"]) for job in rows_of(trace, "JOB")] == [(0, 2), (1, 2), (2, 2)]


def test_what_failed_to_be_pickled(loaded: Callable[..., Trace]) -> None:
    """A job that could not be pickled has a slice for the attempt with its error, and is not waited for."""
    spool = SpoolWriter(100, start_monotonic=100)
    pool = (e.EXECUTOR, spool.name("Pool"), 1)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(110, e.JOB_SUBMIT, "work", 7, pool, (e.WORK, 0, 0))
    spool.record(112, e.PICKLE_BEGIN, e.PICKLE_JOB)
    spool.record(115, e.PICKLE_END, e.PICKLE_JOB, 0, (e.WORK, 0, 0), (e.ERROR, 0, spool.name("TypeError")))
    spool.record(116, e.JOB_TOLD, e.OUTCOME_FAILED, 7, (e.ERROR, 0, spool.name("TypeError")))
    trace = loaded(spool)
    (row,) = rows_of(trace, "PICKLE")
    assert (row.name, row.error, row.args) == ("pickling work", True, {"error": "TypeError"})
    assert trace.pools[0].waiting == 0


def test_bytes_that_are_no_job(loaded: Callable[..., Trace]) -> None:
    """Of what came and was no job's nothing is shown."""
    spool = SpoolWriter(100, start_monotonic=100)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(112, e.PICKLE_BEGIN, e.UNPICKLE_RESULT)
    spool.record(115, e.INSTANT, "tick")
    spool.record(116, e.PICKLE_END, e.PICKLE_JOB, 0, (e.WORK, 0, 0), (e.BYTES, 0, 1))
    trace = loaded(spool)
    assert (rows_of(trace, "PICKLE"), trace.pools, trace.notes[1:]) == ([], [], [])


@pytest.mark.parametrize(("what", "shown"), [(e.PICKLE_JOB, [True]), (e.UNPICKLE_RESULT, [])])
def test_a_kill_while_something_is_pickled(loaded: Callable[..., Trace], what: int, shown: list[bool]) -> None:
    """What a kill cut off in the making is shown as unfinished; what had just come may have been anybody's."""
    spool = SpoolWriter(100, start_monotonic=100, ended=0)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(112, e.PICKLE_BEGIN, what)
    assert [row.unfinished for row in rows_of(loaded(spool), "PICKLE")] == shown


@pytest.mark.parametrize(("submitter", "nested"), [(2, 1), (1, 0)])
def test_jobs_that_nobody_begins(loaded: Callable[..., Trace], submitter: int, nested: int) -> None:
    """A job that was never begun is counted, and whether a job of the same pool submitted it."""
    spool = SpoolWriter(100, start_monotonic=100)
    pool = (e.EXECUTOR, spool.name("ThreadPoolExecutor"), 1)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(100, e.THREAD_BEGIN, "worker", 2, thread=2)
    spool.record(110, e.JOB_SUBMIT, "outer", 7, pool, (e.WORKERS, 0, 1))
    spool.record(112, e.JOB_BEGIN, "outer", 7, thread=2)
    spool.record(115, e.JOB_SUBMIT, "inner", 8, pool, thread=submitter)
    spool.record(190, e.INSTANT, "tick")
    (row,) = loaded(spool).pools
    assert (row.submitted, row.waiting, row.nested, row.used) == (2, 1, nested, 1)


def test_pools_of_one_class(loaded: Callable[..., Trace]) -> None:
    """Several pools of one class in a process are told apart by a number."""
    spool = SpoolWriter(100, start_monotonic=100)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    for serial in (1, 2):
        spool.record(110, e.JOB_SUBMIT, "work", serial, (e.EXECUTOR, spool.name("Pool"), serial))
    assert [(row.name, row.number) for row in loaded(spool).pools] == [("Pool", 1), ("Pool", 2)]
