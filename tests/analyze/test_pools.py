"""Pools: figures of jobs and workers, counted from slices. Knows no recording."""

from __future__ import annotations

from hand_made_pools import MS, HandMadePool

from tracekit.analyze.pools import Spread, name_of, pools
from tracekit.model.trace import Pool


def test_figures() -> None:
    """Waits, runs, and how many workers were busy are those of the jobs."""
    made = HandMadePool(limit=2)
    made.job(0, 0, 100, worker=0)
    made.job(0, 0, 50, worker=1)
    made.job(0, 50, 100, worker=1)
    (row,) = pools(made.build())
    assert (row.name, row.pid, row.ran, row.unfinished) == ("ThreadPoolExecutor", 100, 3, 0)
    assert row.queued == Spread(0, 50 * MS, 50 * MS, 50 * MS)
    assert row.run == Spread(50 * MS, 100 * MS, 100 * MS, 200 * MS)
    assert (row.busy_mean, row.busy_peak, row.wanted, row.full) == (2.0, 2, 3, 1.0)
    assert (row.start, row.end, row.last_begun) == (0, 100 * MS, 50 * MS)
    assert (row.most.function, row.is_of_threads) == ("work", True)
    assert (row.travel, row.sent, row.received) == (None, None, None)


def test_waits_while_a_worker_was_free() -> None:
    """Only the part of a wait counts as full in which all workers were busy."""
    made = HandMadePool(limit=1)
    made.job(0, 0, 30)
    made.job(10, 90, 100)
    (row,) = pools(made.build())
    assert row.full == 20 / 80


def test_batches_and_streams() -> None:
    """Waits in a batch that was given at once are no stream's, even where batches follow one another."""
    batches = HandMadePool(limit=1)
    for begin in (0, 1000):
        for number in range(20):
            batches.job(begin, begin + number * 10, begin + number * 10 + 10)
    assert pools(batches.build())[0].streamed == 0
    stream = HandMadePool(limit=1)
    for number in range(20):
        stream.job(number * 5, number * 10, number * 10 + 10)
    assert pools(stream.build())[0].streamed == 1


def test_way_of_jobs() -> None:
    """What a job and its result took on their way counts only where all of it was seen."""
    way = {f"{end}{part}_ns": MS for end in ("", "result_") for part in ("pickled", "transfer", "unpickled")}
    made = HandMadePool(limit=1, started=1)
    made.job(0, 10, 20, pickled_bytes=100, result_bytes=7, **way)
    made.job(0, 20, 30, pickled_bytes=300, pickled_ns=MS)
    (row,) = pools(made.build())
    assert row.travel == Spread(6 * MS, 6 * MS, 6 * MS, 6 * MS)
    assert (row.sent, row.received) == (Spread(100, 300, 300, 400), Spread(7, 7, 7, 7))


def test_jobs_submitted_by_jobs() -> None:
    """A job counts as another's that was submitted on the thread, and during the run, of a job of the same pool."""
    made = HandMadePool(limit=2)
    made.job(0, 0, 100, worker=0)
    made.job(50, 60, 70, worker=1, by=0)
    made.job(110, 120, 130, worker=1, by=0)
    assert pools(made.build())[0].started_by == 1


def test_names() -> None:
    """Pools of one class are numbered through the trace."""
    made = HandMadePool()
    made.builder.pools.append(Pool(0, "ThreadPoolExecutor"))
    made.builder.pools.append(Pool(0, "Pool"))
    trace = made.build()
    assert [name_of(trace, index) for index in range(3)] == ["ThreadPoolExecutor 1", "ThreadPoolExecutor 2", "Pool"]


def test_pool_without_jobs() -> None:
    """A pool that ran nothing has no row."""
    assert pools(HandMadePool().build()) == []
