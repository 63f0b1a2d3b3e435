"""pool-oversized: worker processes that never run a job. Knows no recording."""

from __future__ import annotations

import pytest
from hand_made_pools import HandMadePool

from tracekit.analyze import pool_oversized


def made(limit: int, started: int, used: int) -> HandMadePool:
    pool = HandMadePool(limit=limit, started=started)
    pool.job(0, 0, 100)
    pool.pool.used = used
    return pool


def test_workers_without_work() -> None:
    """Workers that were started for nothing are counted, with how many would have been enough."""
    (finding,) = pool_oversized.find(made(8, 8, 2).build(), 0)
    assert finding.sentence == (
        "6 of 8 workers of ProcessPoolExecutor never ran a job; 1.0 were busy on average, 1 at most, over 1 job."
    )
    assert "max_workers=1 would have been enough" in finding.advice
    assert (finding.severity, finding.details["used"]) == ("info", 2)


@pytest.mark.parametrize(("limit", "started", "used"), [(8, 8, 7), (4, 4, 3), (2, 6, 2), (8, 0, 2)])
def test_all_is_well(limit: int, started: int, used: int) -> None:
    """Silent are: few workers too many, workers that replaced others, and threads."""
    assert pool_oversized.find(made(limit, started, used).build(), 0) == []
