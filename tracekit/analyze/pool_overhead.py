"""pool-overhead: the jobs of a process pool took longer on their way than they ran. Knows no other question.

On its way is what a job takes to be pickled, transferred and unpickled, and its result likewise; not what it waits in the
queue. Its own keys:

    pool            its name
    jobs            how many of them ran
    ran_p50_s       how long they ran
    travel_p50_s    how long they and their results were on their way
    travel_s        all of them together
    sent_p50_bytes, received_p50_bytes      how large they and their results were
    chunksize       of a `map`: so many calls in a job make its way a tenth of its run; None where that is not the cure

`duration_s` is the time that all of them were on their way.
"""

from __future__ import annotations

import math

from tracekit.analyze import words
from tracekit.analyze.finding import Finding
from tracekit.analyze.place import users
from tracekit.analyze.pools import PoolRow, Spread, pools
from tracekit.model.trace import Trace

SLUG = "pool-overhead"

FEWEST = 10  # jobs; of larger ones one is enough
LARGE_BYTES = 1_000_000
_WANTED_SHARE = 0.1  # of the run


def find(trace: Trace, threshold_ns: int) -> list[Finding]:
    """One finding for each pool whose jobs were on their way for longer than they ran, by more than `threshold_ns` in all."""
    return [
        _finding(row, row.travel)
        for row in pools(trace)
        if row.travel is not None
        and row.travel.p50 > row.run.p50
        and row.travel.total - row.run.total > threshold_ns
        and (row.ran >= FEWEST or _size(row) >= LARGE_BYTES)
    ]


def _size(row: PoolRow) -> int:
    return sum(0 if size is None else size.p50 for size in (row.sent, row.received))


def _finding(row: PoolRow, travel: Spread) -> Finding:
    size, say = _size(row), words.duration
    large = size >= LARGE_BYTES
    sent, received = (0 if one is None else one.p50 for one in (row.sent, row.received))
    per_call = max(1, row.run.total // max(1, row.items))
    chunk: int | None = math.ceil(travel.p50 / (_WANTED_SHARE * per_call))
    if large:
        chunk = None
        cure = (
            f"{words.size(size)} go through a pipe for each job: send a file name, a key or a block of shared memory instead, "
            "let workers load what they need in an initializer, or use threads."
        )
    elif chunk is None or chunk * max(1, row.pool.limit) > row.items:
        chunk = None
        cure = f"All of it is {say(row.run.total)} of work: that is done sooner in the process itself."
    else:
        cure = (
            f"Put more into one job: with chunksize={chunk} in `map` its way would take a tenth of its run; or run calls of "
            f"{say(per_call)} in the process itself."
        )
    return Finding(
        slug=SLUG,
        severity="warning",
        start_s=row.start / 1e9,
        duration_s=travel.total / 1e9,
        track=row.name,
        sentence=(
            f"{words.count(row.ran, 'job')} of {row.name} ran {say(row.run.p50)} (p50) and took {say(travel.p50)} to be "
            f"pickled, transferred and unpickled, with results: {say(travel.total)} in all against {say(row.run.total)} of work; "
            f"{words.size(sent)} went there and {words.size(received)} came back (p50)."
        ),
        advice=cure,
        **users(row.most)._asdict(),
        details={
            "pool": row.name,
            "jobs": row.ran,
            "ran_p50_s": row.run.p50 / 1e9,
            "travel_p50_s": travel.p50 / 1e9,
            "travel_s": travel.total / 1e9,
            "sent_p50_bytes": sent,
            "received_p50_bytes": received,
            "chunksize": chunk,
        },
    )
