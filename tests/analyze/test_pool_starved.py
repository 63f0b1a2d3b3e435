"""pool-starved: jobs that wait long because all workers are busy. Knows no recording."""

from __future__ import annotations

import pytest
from hand_made_pools import MS, HandMadePool

from tracekit.analyze import pool_starved
from tracekit.analyze.finding import Finding

THRESHOLD = 50 * MS


def find(made: HandMadePool) -> list[Finding]:
    return pool_starved.find(made.build(), THRESHOLD)


def stream(jobs: int = 20, every: float = 50, run: float = 100, **options: int) -> HandMadePool:
    """A pool of one worker to which jobs come twice as often as it can do them."""
    made = HandMadePool(limit=1, **options)
    for number in range(jobs):
        made.job(number * every, max(number * run, number * every), max(number * run, number * every) + run)
    return made


def test_too_few_threads() -> None:
    """Jobs that keep coming and wait for a worker are told with their waits, their runs and how many workers they wanted."""
    (finding,) = find(stream())
    assert (finding.slug, finding.severity, finding.function) == ("pool-starved", "warning", "work")
    assert finding.sentence == (
        "Jobs of ThreadPoolExecutor waited 450 ms for a worker (p50), 900 ms (p95), 950 ms at most, and then ran 100 ms (p50): "
        "its only worker was busy for 100% of that wait, 1.0 on average over 20 jobs."
    )
    assert finding.advice.startswith(
        "With 10 workers nobody would have waited for 95% of the time: raise max_workers from 1"
    )
    assert (finding.details["wanted"], finding.details["queued_p95_s"], finding.details["nested"]) == (10, 0.9, 0)


@pytest.mark.parametrize(
    ("cores", "advice"),
    [
        (1, "More than 1 workers would only share these cores: make the jobs cheaper, or take fewer at a time."),
        (4, "Raise max_workers from 1 to 4 (the machine has 4 cores): 10 would have been enough for 95% of the time."),
        (0, "Raise max_workers from 1 to 10: 10 would have been enough for 95% of the time."),
    ],
)
def test_too_few_processes(cores: int, advice: str) -> None:
    """Of processes no more are advised than there are cores."""
    (finding,) = find(stream(started=1, cores=cores))
    assert finding.advice == advice


def batch(limit: int = 1, **options: int) -> HandMadePool:
    """Twenty jobs, submitted at once."""
    made = HandMadePool(limit=limit, **options)
    for number in range(20):
        made.job(0, number // limit * 100, number // limit * 100 + 100, worker=number % limit)
    return made


def test_all_is_well() -> None:
    """Silent are: short waits, a batch on threads, a batch on all cores, waits while a worker was free."""
    assert find(stream(every=100)) == []
    assert find(batch()) == []
    assert find(batch(limit=2, started=2, cores=2)) == []
    idle = HandMadePool(limit=2)
    for number in range(20):
        idle.job(number * 100, number * 200 + 10, number * 200 + 60)
    assert find(idle) == []


def test_batch_on_a_part_of_the_machine() -> None:
    """A batch on fewer processes than there are cores could have been done sooner."""
    (finding,) = find(batch(limit=2, started=2, cores=4))
    assert (finding.severity, finding.details["wanted"]) == ("info", 20)
    assert finding.advice.startswith("Raise max_workers from 2 to 4")


def test_jobs_that_wait_for_their_own_pool() -> None:
    """Where jobs submit jobs to their own pool and hold a worker meanwhile, that is said, even of a batch."""
    made = batch(limit=2)
    made.job(50, 1000, 1100, worker=0, by=1)
    (finding,) = find(made)
    assert "1 of them was submitted by jobs of the same pool, which hold a worker while they wait" in finding.sentence
    assert finding.advice.startswith("Jobs of a pool must not wait for jobs of the same pool")
    assert finding.details["nested"] == 1


def test_a_pool_that_stands_still() -> None:
    """Where all workers are held by jobs whose own jobs nobody begins, the pool stands still until the end."""
    made = HandMadePool(limit=2)
    made.hang(0, worker=0)
    made.hang(1000, worker=1)
    made.pool.submitted, made.pool.waiting, made.pool.nested = 4, 2, 2
    (finding,) = find(made)
    assert (finding.severity, finding.start_s, finding.duration_s) == ("error", 1.0, 9.0)
    assert finding.sentence == (
        "ThreadPoolExecutor stands still: all of its 2 workers were busy with jobs that had not ended when the recording did, "
        "and 2 jobs that these submitted to the same pool were never begun."
    )


@pytest.mark.parametrize(("nested", "hanging"), [(0, 2), (1, 1)])
def test_a_pool_that_goes_on(nested: int, hanging: int) -> None:
    """Jobs that had not ended are no standstill while a worker is free, or where they wait for nobody of their own."""
    made = HandMadePool(limit=2)
    for worker in range(hanging):
        made.hang(0, worker)
    made.pool.waiting = made.pool.nested = nested
    assert find(made) == []
