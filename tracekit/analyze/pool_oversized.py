"""pool-oversized: worker processes were started and never ran a job. Knows no other question.

Its own keys:

    pool            its name
    workers         how many were started
    used            of these, how many ran a job
    busy_mean, busy_peak      workers that ran a job, at a time
"""

from __future__ import annotations

from tracekit.analyze import words
from tracekit.analyze.finding import Finding
from tracekit.analyze.place import users
from tracekit.analyze.pools import PoolRow, pools
from tracekit.model.trace import Trace

SLUG = "pool-oversized"

FEWEST = 2  # workers that were not used
LEAST_SHARE = 0.25  # of those that were started


def find(trace: Trace, _threshold_ns: int) -> list[Finding]:
    """One finding for each pool that started more worker processes than it used, by a quarter at least.

    Where workers are replaced by others some of these come too late for a job: there it is silent.
    """
    return [
        _finding(row)
        for row in pools(trace)
        if row.pool.started <= row.pool.limit
        and row.pool.started - row.pool.used >= max(FEWEST, LEAST_SHARE * row.pool.started)
    ]


def _finding(row: PoolRow) -> Finding:
    started, used = row.pool.started, row.pool.used
    return Finding(
        slug=SLUG,
        severity="info",
        start_s=row.start / 1e9,
        duration_s=(row.end - row.start) / 1e9,
        track=row.name,
        sentence=(
            f"{started - used} of {started} workers of {row.name} never ran a job; {row.busy_mean:.1f} were busy on average, "
            f"{row.busy_peak} at most, over {words.count(row.ran, 'job')}."
        ),
        advice=f"Each is a process that is started and takes memory: max_workers={row.busy_peak} would have been enough.",
        **users(row.most)._asdict(),
        details={
            "pool": row.name,
            "workers": started,
            "used": used,
            "busy_mean": row.busy_mean,
            "busy_peak": row.busy_peak,
        },
    )
