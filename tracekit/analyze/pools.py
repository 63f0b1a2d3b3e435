"""Pools: what each executor's jobs waited, ran and cost on their way, and how many of its workers were busy. Knows no sentence.

Of a job in pieces each piece counts as one. Times are in ns. Percentiles are values that were there (nearest rank).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from tracekit.analyze.place import Place
from tracekit.model.trace import Args, Category, Flag, FlowKind, Int64, Pool, Trace, TrackKind

_GOING = ("pickled_ns", "transfer_ns", "unpickled_ns")
_BATCH_DONE = 0.1  # so many of a batch may have ended when the last of it is submitted
_COMING = ("result_pickled_ns", "result_transfer_ns", "result_unpickled_ns")


@dataclass(frozen=True, slots=True)
class Spread:
    """The median, the 95th percentile, the largest of some values, and their sum."""

    p50: int
    p95: int
    longest: int
    total: int

    @classmethod
    def of(cls, values: Int64) -> Spread | None:
        """None where there is no value."""
        if not len(values):
            return None
        p50, p95 = np.percentile(values, (50, 95), method="inverted_cdf").tolist()
        return cls(int(p50), int(p95), int(values.max()), int(values.sum()))


@dataclass(frozen=True, slots=True)
class PoolRow:
    """One executor and its jobs; where nothing of a kind was seen it is None.

    Attributes:
        index: in `Trace.pools`.
        name: its class, with a number where its process has several.
        start, end: the first submit (where that was not seen, the first run), and the end of the last run.
        last_begun: when the last run began.
        ran: how many jobs or pieces ran; `unfinished` of them had not ended.
        started_by: of those, how many were submitted by a job of the same pool.
        busy_mean, busy_peak: how many workers ran a job, on average between start and end, and at most.
        wanted: so many workers would have been enough for 95 % of that time.
        streamed: of the time that jobs were queued, the part in which new ones kept coming while others were done already; the
            rest is that of batches, which were given all at once.
        full: of the time that jobs were queued, the part in which all workers that there may be were busy; None: not known.
        travel: what pickling, transfer and unpickling took of each job that went to another process and back.
        sent, received: bytes of each job and of each result.
        most: the function that most of its jobs ran.
    """

    index: int
    name: str
    pid: int
    pool: Pool
    start: int
    end: int
    last_begun: int
    ran: int
    unfinished: int
    started_by: int
    queued: Spread | None
    run: Spread
    travel: Spread | None
    sent: Spread | None
    received: Spread | None
    busy_mean: float
    busy_peak: int
    wanted: int
    streamed: float
    full: float | None
    most: Place
    items: int

    @property
    def is_of_threads(self) -> bool:
        """Whether its workers are threads."""
        return not self.pool.started


def pools(trace: Trace) -> list[PoolRow]:
    """The pools that ran at least one job, those that ran longest in all first."""
    slices = trace.slices
    jobs: defaultdict[int, list[tuple[int, Args]]] = defaultdict(list)
    for row in np.flatnonzero((slices.category == Category.JOB) & (slices.args >= 0)).tolist():
        args = trace.args[slices.args[row]]
        pool = args.get("pool")
        if isinstance(pool, int) and 0 <= pool < len(trace.pools):
            jobs[pool].append((row, args))
    inner = _submitted_inside(trace)
    rows = [_row(trace, pool, own, inner[pool]) for pool, own in jobs.items()]
    return sorted(rows, key=lambda row: -row.run.total)


def name_of(trace: Trace, index: int) -> str:
    """What a pool is called: its class, with a number where there are several of it."""
    pool = trace.pools[index]
    alike = sum(other.name == pool.name for other in trace.pools)
    number = 1 + sum(other.name == pool.name for other in trace.pools[:index])
    return f"{pool.name} {number}" if alike > 1 else pool.name


def _row(trace: Trace, index: int, jobs: list[tuple[int, Args]], started_by: int) -> PoolRow:
    slices, pool = trace.slices, trace.pools[index]
    rows = np.array([row for row, _ in jobs], np.int64)
    begin, end = slices.start[rows], slices.end[rows]
    lead = np.array([_lead(args) for _, args in jobs], np.int64)
    queued = np.array([_number(args, "queued_ns") for _, args in jobs], np.int64)
    known = queued >= 0
    since = np.where(known, np.maximum(begin - lead, 0), begin)
    start, last = int(since.min()), int(end.max())
    travel = np.array([_travel(args) for _, args in jobs], np.int64)
    sent, received = (
        np.array([_number(args, key) for _, args in jobs], np.int64) for key in ("pickled_bytes", "result_bytes")
    )
    busy, wanted = _Level(begin, end), _Level(since, end)
    places = Counter(Place.of(args) for _, args in jobs)
    return PoolRow(
        index=index,
        name=name_of(trace, index),
        pid=trace.processes[pool.process].pid,
        pool=pool,
        start=start,
        end=last,
        last_begun=int(begin.max()),
        ran=len(rows),
        unfinished=int(((slices.flags[rows] & int(Flag.UNFINISHED)) != 0).sum()),
        started_by=started_by,
        queued=Spread.of(queued[known]),
        run=Spread.of(end - begin) or Spread(0, 0, 0, 0),
        travel=Spread.of(travel[travel >= 0]),
        sent=Spread.of(sent[sent >= 0]),
        received=Spread.of(received[received >= 0]),
        busy_mean=int((end - begin).sum()) / max(1, last - start),
        busy_peak=busy.peak,
        wanted=wanted.enough(start, last),
        streamed=_streamed(since, np.where(known, queued, 0), end),
        full=busy.share_at(pool.limit, since[known], since[known] + queued[known]) if pool.limit else None,
        most=places.most_common(1)[0][0],
        items=sum(max(1, _number(args, "items")) for _, args in jobs),
    )


def _streamed(since: Int64, queued: Int64, end: Int64) -> float:
    """The part of the queued time that lies in periods in which jobs still came when others of the period had ended."""
    order = np.argsort(since, kind="stable")
    since, queued, end = since[order], queued[order], end[order]
    reached = np.maximum.accumulate(end)
    firsts = np.flatnonzero(np.concatenate(([True], since[1:] >= reached[:-1])))
    streamed = 0
    for first, last in zip(firsts.tolist(), [*firsts[1:].tolist(), len(since)]):
        done = int((end[first:last] <= since[last - 1]).sum())
        if done > _BATCH_DONE * (last - first):
            streamed += int(queued[first:last].sum())
    return streamed / max(1, int(queued.sum()))


def _number(args: Args, key: str) -> int:
    value = args.get(key)
    return value if isinstance(value, int) else -1


def _lead(args: Args) -> int:
    """How long before its run a job was submitted."""
    return sum(max(0, _number(args, key)) for key in ("queued_ns", *_GOING))


def _travel(args: Args) -> int:
    """What a job and its result took on their way; -1 where not all of that was seen."""
    parts = [_number(args, key) for key in (*_GOING, *_COMING)]
    return -1 if min(parts) < 0 else sum(parts)


def _submitted_inside(trace: Trace) -> Counter[int]:
    """By pool: how many of its jobs were submitted by one of its jobs, on the thread that ran that."""
    slices, flows = trace.slices, trace.flows
    pool_of: dict[int, int] = {}
    on_track: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for row in np.flatnonzero((slices.category == Category.JOB) & (slices.args >= 0)).tolist():
        pool = trace.args[slices.args[row]].get("pool")
        if isinstance(pool, int) and trace.tracks[slices.track[row]].kind == TrackKind.THREAD:
            pool_of[row] = pool
            on_track[int(slices.track[row])].append((int(slices.start[row]), int(slices.end[row]), pool))
    found: Counter[int] = Counter()
    for at in np.flatnonzero(flows.kind == FlowKind.SUBMIT).tolist():
        own = on_track.get(int(flows.track[at]))
        pool = pool_of.get(int(flows.target[at]))
        if not own or pool is None:
            continue
        time = int(flows.time[at])
        place = int(np.searchsorted([start for start, _, _ in own], time, side="right")) - 1
        found[pool] += place >= 0 and own[place][1] >= time and own[place][2] == pool
    return found


class _Level:
    """How many of some stretches of time there are at each moment."""

    def __init__(self, begin: Int64, end: Int64) -> None:
        times = np.concatenate((begin, end))
        steps = np.concatenate((np.ones(len(begin), np.int64), -np.ones(len(end), np.int64)))
        order = np.lexsort((steps, times))  # at one time ends come first
        self._times: Int64 = times[order]
        self._counts: Int64 = np.cumsum(steps[order])
        self.peak = int(self._counts.max())

    def enough(self, start: int, end: int) -> int:
        """So many that there were not more for 95 % of the time from start to end."""
        lengths = np.diff(self._times, append=end)
        order = np.argsort(self._counts, kind="stable")
        reached = np.cumsum(lengths[order])
        at = int(np.searchsorted(reached, 0.95 * max(1, end - start)))
        return int(self._counts[order][min(at, len(order) - 1)])

    def share_at(self, level: int, begin: Int64, end: Int64) -> float:
        """The part of some stretches of time, added up, in which there were at least `level`."""
        lengths = np.diff(self._times, append=self._times[-1])
        before = np.concatenate(([0], np.cumsum(np.where(self._counts >= level, lengths, 0))))

        def full_until(times: Int64) -> Int64:
            at = np.searchsorted(self._times, times, side="right") - 1
            inside = np.where(at >= 0, times - self._times[np.maximum(at, 0)], 0)
            inside = np.where((at >= 0) & (self._counts[np.maximum(at, 0)] >= level), inside, 0)
            full: Int64 = before[np.maximum(at, 0)] * (at >= 0) + inside
            return full

        total = int((end - begin).sum())
        return float((full_until(end) - full_until(begin)).sum()) / total if total else 0.0
