"""Programs: the work of a trace that does not say itself what its steps are: tasks, jobs of pools, threads, processes, or calls.

What could be arranged otherwise is what recurs or goes on beside other things; the rest of the program runs alone, before it or
after. Of I/O it is taken that there is a way to await it, of what is passed to another process that it is small.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from tracekit.model.trace import Args, Category, FlowKind, Int64, Pool, Trace, TrackKind
from tracekit.predict.division import Divider, Needs, Stint, pieces_of
from tracekit.predict.lives import lives_of
from tracekit.predict.parts import NOTHING, Passing, StepOf, Strand, Work
from tracekit.predict.tasks import strands_of_tasks

_RECURS = 3
_WORTH = 0.3  # of the program's time: so much must calls take that are looked at
_SPREAD = 0.08
_AWAITABLE = "I/O is taken to have a way to be awaited; where it has none, asyncio needs threads for it"
_BYTES = "what would be passed to other processes was not seen; it is taken to be small"


def work_of_program(trace: Trace) -> Work:
    """The work of any program: that of the first of its shapes that is there."""
    for find in (_of_tasks, _of_lives, _of_jobs, _of_calls, _of_all):
        work = find(trace)
        if work is not None:
            return work
    return Work(trace.program, (), trace.cores, wall_ns=trace.duration, notes=("no thread was seen to do anything",))


def _of_tasks(trace: Trace) -> Work | None:
    strands, divider = strands_of_tasks(trace)
    pieces = [piece for strand in strands for piece in strand.pieces]
    if not pieces:
        return None
    rows = np.isin(trace.slices.category, (Category.STEP,))
    pools = _pools(trace)
    model = _loop_model(pools)
    notes = ["tasks are taken to pass each other things in the order in which they did", _BYTES]
    work = _work(trace, strands, divider, model, trace.slices.start[rows], trace.slices.end[rows], notes)
    return replace(work, workers=_workers(pools, model == "asyncio+processes"))


def _loop_model(pools: list[Pool]) -> str:
    if not pools:
        return "asyncio"
    return "asyncio+processes" if any(pool.started for pool in pools) else "asyncio+threads"


def _of_jobs(trace: Trace) -> Work | None:
    rows = _jobs(trace)
    if len(rows) < 2:
        return None
    pools = _pools(trace)
    apart = any(pool.started for pool in pools or trace.pools)
    work = _of_slices(trace, rows, "process-pool" if apart else "thread-pool", _within_jobs(trace))
    return replace(work, workers=_workers(pools, apart))


def _jobs(trace: Trace) -> Int64:
    """The slices of jobs on threads."""
    rows = np.flatnonzero(trace.slices.category == Category.JOB)
    return rows[[trace.tracks[track].kind == TrackKind.THREAD for track in trace.slices.track[rows].tolist()]]


def _pools(trace: Trace) -> list[Pool]:
    """The pools that ran jobs."""
    used = {args.get("pool") for args in trace.args if "queued_ns" in args}
    return [trace.pools[at] for at in sorted(at for at in used if isinstance(at, int) and 0 <= at < len(trace.pools))]


def _workers(pools: list[Pool], apart: bool) -> int:
    """How many workers pools of processes, or of threads, may have in all; 0 where that is not known of each."""
    limits = [pool.limit for pool in pools if bool(pool.started) == apart]
    return sum(limits) if all(limits) else 0


def _within_jobs(trace: Trace) -> dict[int, int]:
    """Of jobs that were submitted by a job: by which."""
    slices, flows = trace.slices, trace.flows
    found: dict[int, int] = {}
    jobs = np.flatnonzero(slices.category == Category.JOB)
    submitted = np.flatnonzero(flows.kind == FlowKind.SUBMIT)
    for track in set(slices.track[jobs].tolist()):
        own = jobs[slices.track[jobs] == track]
        own = own[np.argsort(slices.start[own], kind="stable")]
        flow = submitted[flows.track[submitted] == track]
        place = np.searchsorted(slices.start[own], flows.time[flow], side="right") - 1
        within = (place >= 0) & (flows.time[flow] <= slices.end[own][place])
        found.update(zip(flows.target[flow[within]].tolist(), own[place[within]].tolist()))
    return found


def _of_slices(trace: Trace, rows: Int64, model: str, after: dict[int, int]) -> Work:
    slices = trace.slices
    rows = rows[np.argsort(slices.start[rows], kind="stable")]
    stints = [
        Stint(
            trace.tracks[slices.track[row]].owner,
            int(slices.start[row]),
            int(slices.end[row]),
            trace.strings[slices.name[row]],
            True,
        )
        for row in rows.tolist()
    ]
    divider = Divider(trace, stints)
    numbers = {row: index for index, row in enumerate(rows.tolist())}
    strands = []
    for row, stint in zip(rows.tolist(), stints):
        args = trace.args[slices.args[row]] if slices.args[row] >= 0 else {}
        needs = divider.needs(stint)
        place = str(args.get("function", stint.kind)), str(args.get("file", "")), int(args.get("line", 0) or 0)
        strands.append(
            Strand(
                name=stint.kind,
                pieces=tuple(pieces_of(needs, 0)),
                after=(numbers[after[row]],) if after.get(row) in numbers else (),
                steps=(replace(_step(place, needs), given=_passing(args, ""), result=_passing(args, "result_")),),
                group=stint.kind,
            )
        )
    notes = [*_taken(strands), *([] if model == "process-pool" else [_BYTES])]
    return _work(trace, strands, divider, model, slices.start[rows], slices.end[rows], notes)


def _passing(args: Args, whose: str) -> Passing:
    """What a job of a pool of processes took to be passed there, or its result back."""
    size = args.get(f"{whose}bytes" if whose else "pickled_bytes")
    if not isinstance(size, int):
        return NOTHING
    return Passing(size, int(args.get(f"{whose}pickled_ns", -1)), int(args.get(f"{whose}unpickled_ns", -1)))


def _step(place: tuple[str, str, int], needs: Needs) -> StepOf:
    waits = needs.outside + needs.timer > needs.gil + needs.free
    return StepOf(*place, kind="" if not needs.seen else "io" if waits else "compute", awaitable=waits)


def _of_lives(trace: Trace) -> Work | None:
    """Threads or processes that are nobody's workers, each a strand, if they are more than the jobs of pools are."""
    lives, jobs = lives_of(trace), _jobs(trace)
    worked = int((trace.slices.end[jobs] - trace.slices.start[jobs]).sum())
    if lives is None or worked >= lives.total or (len(jobs) > 1 and not lives.are_placed):
        return None
    calls = _of_calls(trace) if lives.model == "sequential" else None
    if calls is not None:  # which the program marked itself
        return calls
    found = lives.strands(trace)
    if found is None:
        return None
    strands, divider, notes = found
    start, end = (np.array([getattr(life, side) for life in lives.lives], np.int64) for side in ("start", "end"))
    work = _work(trace, strands, divider, lives.model, start, end, [*_taken(strands), _BYTES, *notes])
    return replace(work, workers=lives.at_once if lives.model.endswith("-pool") else 0)


def _taken(strands: list[Strand]) -> list[str]:
    return [_AWAITABLE] if any(step.awaitable for strand in strands for step in strand.steps) else []


def _of_calls(trace: Trace) -> Work | None:
    """Spans, or calls that were recorded, of one name that recur on a thread, one after another."""
    slices = trace.slices
    length = slices.end - slices.start
    best: tuple[int, Int64] | None = None
    for category in (Category.SPAN, Category.CALL):
        groups: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for row in np.flatnonzero(slices.category == category).tolist():
            if trace.tracks[slices.track[row]].kind == TrackKind.THREAD:
                groups[int(slices.track[row]), int(slices.name[row])].append(row)
        for rows in groups.values():
            own = np.array(rows, np.int64)
            total = int(length[own].sum())
            apart = bool((slices.start[own][1:] >= slices.end[own][:-1]).all())
            if (
                len(rows) >= _RECURS
                and apart
                and total >= _WORTH * trace.duration
                and (best is None or total > best[0])
            ):
                best = total, own
        if best is not None:
            return _of_slices(trace, best[1], "sequential", {})
    return None


def _of_all(trace: Trace) -> Work | None:
    """The main thread as one strand, of which nothing can be arranged otherwise."""
    main = next((at for at, row in enumerate(trace.threads) if row.main), None)
    if main is None:
        return None
    row = trace.threads[main]
    stint = Stint(main, row.started, trace.duration if row.ended is None else row.ended, row.name, True)
    divider = Divider(trace, [stint])
    strand = Strand(
        row.name, tuple(pieces_of(divider.needs(stint), 0)), steps=(_step((row.name, "", 0), divider.needs(stint)),)
    )
    notes = [
        "nothing in this trace recurs or goes on beside other things, so that there is nothing to arrange otherwise"
    ]
    edges = np.array([stint.start], np.int64), np.array([stint.end], np.int64)
    return _work(trace, [strand], divider, "sequential", *edges, notes)


def _work(
    trace: Trace, strands: list[Strand], divider: Divider, model: str, start: Int64, end: Int64, notes: list[str]
) -> Work:
    head = int(start.min()) if len(start) else 0
    tail = trace.duration - (int(end.max()) if len(end) else 0)
    return Work(
        program=trace.program,
        strands=tuple(strands),
        cores=trace.cores,
        traced_model=model,
        wall_ns=trace.duration,
        head_ns=head,
        tail_ns=max(0, tail),
        notes=(*notes, *divider.notes()),
        spread=_SPREAD + divider.spread(),
        memory_bytes=trace.processes[0].peak_rss if trace.processes else 0,
    )
