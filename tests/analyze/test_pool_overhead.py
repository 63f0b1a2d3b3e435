"""pool-overhead: jobs that take longer on their way than they run. Knows no recording."""

from __future__ import annotations

from hand_made_pools import MS, HandMadePool

from tracekit.analyze import pool_overhead
from tracekit.analyze.finding import Finding

THRESHOLD = 50 * MS


def work(jobs: int = 100, run: float = 1, way: float = 6, size: int = 200, items: int = 0) -> HandMadePool:
    made = HandMadePool(limit=1, started=1)
    parts = {
        f"{end}{part}_ns": round(way * MS / 6)
        for end in ("", "result_")
        for part in ("pickled", "transfer", "unpickled")
    }
    sizes = {"pickled_bytes": size, "result_bytes": 100} | ({"items": items} if items else {})
    for number in range(jobs):
        made.job(number * 10, number * 10 + way, number * 10 + way + run, **parts, **sizes)
    return made


def find(made: HandMadePool) -> list[Finding]:
    return pool_overhead.find(made.build(), THRESHOLD)


def test_small_jobs() -> None:
    """Many jobs that run shorter than they travel are told with both times and sizes, and with a chunk size that mends it."""
    (finding,) = find(work(jobs=1000, run=1, way=6))
    assert finding.sentence == (
        "1000 jobs of ProcessPoolExecutor ran 1.00 ms (p50) and took 6.00 ms to be pickled, transferred and unpickled, with "
        "results: 6.00 s in all against 1.00 s of work; 200 B went there and 100 B came back (p50)."
    )
    assert finding.details["chunksize"] == 60
    assert "chunksize=60" in finding.advice


def test_chunks_count_by_their_calls() -> None:
    """Where jobs are chunks already, the chunk size that is advised counts calls."""
    (finding,) = find(work(jobs=1000, run=1, way=6, items=4))
    assert finding.details["chunksize"] == 240


def test_so_little_work() -> None:
    """Where not even chunks would do, the process itself is told to do the work."""
    (finding,) = find(work(jobs=50, run=1))
    assert finding.details["chunksize"] is None
    assert finding.advice == "All of it is 50.0 ms of work: that is done sooner in the process itself."


def test_large_jobs() -> None:
    """Where size is what costs, the advice is to send less, even of few jobs."""
    (finding,) = find(work(jobs=2, run=1, way=60, size=50_000_000))
    assert finding.advice.startswith("50.0 MB go through a pipe for each job")
    assert (finding.details["sent_p50_bytes"], finding.details["chunksize"]) == (50_000_000, None)


def test_all_is_well() -> None:
    """Silent are: long jobs, a few small ones, and a way that costs little in all."""
    assert find(work(run=8)) == []
    assert find(work(jobs=5, way=60)) == []
    assert find(work(jobs=100, run=0.01, way=0.06)) == []
