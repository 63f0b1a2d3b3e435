"""pool-starved: jobs waited long in an executor's queue because all of its workers were busy. Knows no other question.

A batch that is submitted at once and worked off is no fault, unless the machine had cores for more workers; jobs that keep
coming faster than they are done are one, and so are jobs that wait for jobs of their own pool. Its own keys:

    pool            its name
    workers         how many it may have
    jobs            how many of them ran (pieces of a map each)
    queued_p50_s, queued_p95_s, queued_max_s     how long they waited until a worker took them
    ran_p50_s       how long they ran
    busy_mean, busy_peak      workers that ran a job
    wanted          so many workers would have been enough for 95 % of the time
    nested          jobs that were submitted by jobs of the same pool
    waiting         jobs that were never begun

`duration_s` is the longest wait; of a pool that stands still, the time since its last job began.
"""

from __future__ import annotations

from tracekit.analyze import words
from tracekit.analyze.finding import Finding, Severity
from tracekit.analyze.place import users
from tracekit.analyze.pools import PoolRow, Spread, pools
from tracekit.model.trace import Trace

SLUG = "pool-starved"

LEAST_FULL = 0.5  # of the time that jobs were queued, all workers were busy
LEAST_RATIO = 1.0  # queued, to run: the 95th percentile of the one to the median of the other
LEAST_STREAMED = 0.5  # of that time, jobs kept coming
MOST_GIL = 0.3  # of the time that they could have run, threads waited for the GIL: more of them do not help

_NESTED = (
    "Jobs of a pool must not wait for jobs of the same pool: each holds a worker while it waits. Submit the inner ones to a "
    "pool of their own, or run them in the job itself."
)


def find(trace: Trace, threshold_ns: int) -> list[Finding]:
    """One finding for each pool whose jobs waited longer than `threshold_ns` in five cases of a hundred, or for ever."""
    found = [_find(trace, row, threshold_ns) for row in pools(trace)]
    return [finding for finding in found if finding is not None]


def _find(trace: Trace, row: PoolRow, threshold_ns: int) -> Finding | None:
    if _stands_still(row):
        return _deadlock(trace, row)
    queued = row.queued
    if queued is None or queued.p95 <= threshold_ns or queued.p95 < LEAST_RATIO * row.run.p50:
        return None
    if row.full is None or row.full < LEAST_FULL:
        return None
    if row.started_by:
        return _starved(row, queued, "warning", _nested(row))
    if row.streamed >= LEAST_STREAMED:
        return _starved(row, queued, "warning", _more_workers(trace, row))
    if not row.is_of_threads and 0 < row.pool.limit < trace.cores:
        return _starved(row, queued, "info", _more_workers(trace, row))
    return None


def _stands_still(row: PoolRow) -> bool:
    return bool(row.pool.nested and row.pool.limit and row.unfinished >= row.pool.limit)


def _nested(row: PoolRow) -> tuple[str, str]:
    submitted = words.count(row.started_by, "of them was", "of them were")
    return f"; {submitted} submitted by jobs of the same pool, which hold a worker while they wait", _NESTED


def _more_workers(trace: Trace, row: PoolRow) -> tuple[str, str]:
    limit, cores = row.pool.limit, trace.cores
    if row.is_of_threads and _gil_share(trace, row) >= MOST_GIL:
        share = f"{_gil_share(trace, row):.0%}"
        return f"; the threads of its process waited for the GIL for {share} of the time that they could have run", (
            "More threads would only wait for the GIL as well: move the jobs to a process pool, or make them cheaper."
        )
    if row.is_of_threads:
        return "", (
            f"With {row.wanted} workers nobody would have waited for 95% of the time: raise max_workers from {limit} where the "
            "jobs wait for something, move them to a process pool where they compute, or take fewer at a time."
        )
    if cores and limit >= cores:
        return f"; the machine has {words.count(cores, 'core')} for them", (
            f"More than {limit} workers would only share these cores: make the jobs cheaper, or take fewer at a time."
        )
    has = f" (the machine has {words.count(cores, 'core')})" if cores else ""
    more = min(row.wanted, cores) if cores else row.wanted
    return (
        "",
        f"Raise max_workers from {limit} to {more}{has}: {row.wanted} would have been enough for 95% of the time.",
    )


def _gil_share(trace: Trace, row: PoolRow) -> float:
    """How much of the time in which they could have run the threads of a pool's process waited for the GIL."""
    own = [states for states in trace.states if trace.threads[states.thread].process == row.pool.process]
    able = sum(states.gil + states.running + states.runnable for states in own)
    return sum(states.gil for states in own) / able if able else 0.0


def _starved(row: PoolRow, queued: Spread, severity: Severity, told: tuple[str, str]) -> Finding:
    more, cure = told
    say = words.duration
    return _finding(
        row,
        severity,
        start=row.start,
        duration=queued.longest,
        sentence=(
            f"Jobs of {row.name} waited {say(queued.p50)} for a worker (p50), {say(queued.p95)} (p95), {say(queued.longest)} at "
            f"most, and then ran {say(row.run.p50)} (p50): {_all(row.pool.limit)} busy for "
            f"{row.full or 0:.0%} of that wait, {row.busy_mean:.1f} on average over {words.count(row.ran, 'job')}{more}."
        ),
        advice=cure,
    )


def _deadlock(trace: Trace, row: PoolRow) -> Finding:
    pool = row.pool
    return _finding(
        row,
        "error",
        start=row.last_begun,
        duration=trace.duration - row.last_begun,
        sentence=(
            f"{row.name} stands still: {_all(pool.limit)} busy with jobs that had not ended when the recording "
            f"did, and {words.count(pool.nested, 'job')} that these submitted to the same pool "
            f"{'was' if pool.nested == 1 else 'were'} never begun."
        ),
        advice=_NESTED,
    )


def _all(workers: int) -> str:
    return "its only worker was" if workers == 1 else f"all of its {workers} workers were"


def _finding(row: PoolRow, severity: Severity, start: int, duration: int, sentence: str, advice: str) -> Finding:
    queued = row.queued
    return Finding(
        slug=SLUG,
        severity=severity,
        start_s=start / 1e9,
        duration_s=duration / 1e9,
        track=row.name,
        sentence=sentence,
        advice=advice,
        **users(row.most)._asdict(),
        details={
            "pool": row.name,
            "workers": row.pool.limit or None,
            "jobs": row.ran,
            "queued_p50_s": None if queued is None else queued.p50 / 1e9,
            "queued_p95_s": None if queued is None else queued.p95 / 1e9,
            "queued_max_s": None if queued is None else queued.longest / 1e9,
            "ran_p50_s": row.run.p50 / 1e9,
            "busy_mean": row.busy_mean,
            "busy_peak": row.busy_peak,
            "wanted": row.wanted,
            "nested": row.started_by + row.pool.nested,
            "waiting": row.pool.waiting,
        },
    )
