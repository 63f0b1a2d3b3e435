"""Pools: joins what each image knows of jobs: submitted here, pickled, run there, and their results on the way back.

Knows no record. A process pool's job goes through two processes; who started a worker tells which pool it belongs to.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from tracekit import events
from tracekit.load.jobs import Jobs, Pickled, Run, Submit, Told
from tracekit.model.builder import Builder
from tracekit.model.trace import Args, Category, Flag, FlowKind, Pool

_MADE = {
    events.PICKLE_JOB: "pickling {}",
    events.UNPICKLE_JOB: "unpickling {}",
    events.PICKLE_RESULT: "pickling the result of {}",
    events.UNPICKLE_RESULT: "unpickling the result of {}",
}
_Key = tuple[int, int, int, int]  # what, executor, work, piece


class _Home(NamedTuple):
    """Where the jobs of a worker come from; `executor` is 0 where that is told with each."""

    jobs: Jobs
    executor: int


def link(everybody: list[Jobs], builder: Builder) -> None:
    """Lays on tracks what only several images together tell, and adds the pools."""
    linker = _Linker(everybody, builder)
    for number, jobs in enumerate(everybody):
        linker.lay_pickled(number, jobs)
    for jobs in everybody:
        linker.link(jobs)
    linker.finish()


class _Linker:
    def __init__(self, everybody: list[Jobs], builder: Builder) -> None:
        self._everybody = everybody
        self._builder = builder
        self._rows: dict[tuple[int, int], int] = {}  # pools, by the number of the image and the executor
        self._number = {id(jobs): number for number, jobs in enumerate(everybody)}
        self._works: dict[tuple[int, int, int], Submit] = {}  # by the number of the image, executor and work
        self._pickled: dict[int, dict[_Key, Pickled]] = {}
        self._laid: defaultdict[int, dict[_Key, int]] = defaultdict(dict)  # the slices of these
        self._workers: defaultdict[int, list[tuple[int, _Home]]] = defaultdict(list)  # by pid: when, whose
        self._begun: set[tuple[int, int]] = set()  # the number of the image and the serial of the job
        self._used: defaultdict[int, set[int]] = defaultdict(set)  # threads, by pool
        self._running: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)  # track, from, to, by pool
        for number, jobs in enumerate(everybody):
            self._enroll(number, jobs)

    def _enroll(self, number: int, jobs: Jobs) -> None:
        same: Counter[str] = Counter()
        for serial, executor in sorted(jobs.executors.items()):
            same[executor.name] += 1
            self._rows[number, serial] = len(self._builder.pools)
            started = sum(own == serial for _, own, _ in jobs.workers)
            row = Pool(jobs.image.process, executor.name, same[executor.name], executor.limit, started)
            self._builder.pools.append(row)
        for submit in jobs.submits.values():
            if submit.work >= 0:
                self._works[number, submit.executor, submit.work] = submit
            row_of = self._rows.get((number, submit.executor))
            if row_of is not None:
                self._builder.pools[row_of].submitted += 1
        for pid, executor_serial, time in jobs.workers:
            self._workers[pid].append((time, _Home(jobs, executor_serial)))
        self._pickled[number] = {(one.what, one.executor, one.work, one.piece): one for one in jobs.pickled}

    def lay_pickled(self, number: int, jobs: Jobs) -> None:
        """Draws what was pickled and read on the threads of an image."""
        names = {(run.work, run.piece): run.name for run in jobs.runs}
        for one in jobs.pickled:
            submit = self._works.get((number, one.executor, one.work)) or self._only(jobs, one)
            name = names.get((one.work, one.piece), "a job") if submit is None else submit.name
            flags = Flag.ERROR if one.error else 0 if one.end is not None else Flag.UNFINISHED
            end = jobs.image.last if one.end is None else one.end
            args: Args = {"bytes": one.size} if one.size is not None else {}
            args |= {"error": one.error} if one.error else {}
            said = _MADE.get(one.what, "{}").format(name)
            handle = self._builder.slice(one.track, one.begin, end, said, Category.PICKLE, flags, args=args)
            self._laid[number][one.what, one.executor, one.work, one.piece] = handle

    def _only(self, jobs: Jobs, one: Pickled) -> Submit | None:
        """The only job that can be meant, where its executor is not told: it could not be pickled."""
        if one.executor or not one.error:
            return None
        submits = [submit for submit in jobs.submits.values() if submit.work == one.work]
        return submits[0] if len(submits) == 1 else None

    def link(self, jobs: Jobs) -> None:
        """Finds where what ran in an image came from."""
        home = self._home(jobs)
        number = self._number[id(jobs)]
        free = jobs.ready_since  # since when the worker could have begun the next job
        for run in jobs.runs:
            own = home if not run.serial and not run.executor else _Home(jobs, run.executor)
            args: Args = dict(run.place)
            if own is not None:
                at_home = self._number[id(own.jobs)]
                submit = own.jobs.submits.get(run.serial) or self._works.get((at_home, own.executor, run.work))
                if submit is not None:
                    args = self._came_from(own, submit, run, jobs, free)
                    self._builder.flow(FlowKind.SUBMIT, *self._source(at_home, submit, run), run.handle)
            args |= {"items": run.items, "chunk": run.piece} if run.items else {}
            result = self._pickled[number].get((events.PICKLE_RESULT, 0, run.work, run.piece))
            if result is not None:
                free = result.end
                args |= self._went_back(own, run, result)
            if args:
                self._builder.annotate(run.handle, args)
        self._lay_taken(jobs)

    def finish(self) -> None:
        """Counts what was told of each pool."""
        pools = self._builder.pools
        for row, used in self._used.items():
            pools[row].used = len(used)
        for number, jobs in enumerate(self._everybody):
            for submit in jobs.submits.values():
                at = self._rows.get((number, submit.executor))
                if at is None or submit.serial in jobs.told or (number, submit.serial) in self._begun:
                    continue
                pools[at].waiting += 1
                inside = (
                    track == submit.track and begin <= submit.time <= end for track, begin, end in self._running[at]
                )
                pools[at].nested += any(inside)

    def _source(self, at_home: int, submit: Submit, run: Run) -> tuple[int, int]:
        """Where the arrow to a run begins: at the submit; a thousand pieces of one job do not all begin at one point."""
        sent = self._pickled[at_home].get((events.PICKLE_JOB, submit.executor, submit.work, run.piece))
        if run.piece and sent is not None and sent.end is not None:
            return sent.track, sent.end
        return submit.track, min(submit.time + run.piece, run.time)

    def _home(self, jobs: Jobs) -> _Home | None:
        """Whose worker a process is. A pid may be used again: the note of a worker that is nearest to its own start counts."""
        born = jobs.image.header.start_monotonic
        homes = [(time, home) for time, home in self._workers.get(jobs.image.header.pid, ()) if home.jobs is not jobs]
        return min(homes, key=lambda one: abs(one[0] - born))[1] if homes else None

    def _came_from(self, home: _Home, submit: Submit, run: Run, jobs: Jobs, free: int | None) -> Args:
        """How a job came to its worker. Between submit and run it is queued whenever it is nothing else."""
        number, at_home = self._number[id(jobs)], self._number[id(home.jobs)]
        executor = submit.executor
        key = events.PICKLE_JOB, executor, submit.work, run.piece
        sent = self._pickled[at_home].get(key)
        came = self._pickled[number].get((events.UNPICKLE_JOB, 0, run.work, run.piece))
        queued: int | None = max(0, run.time - submit.time)
        args: Args = {}
        if submit.lazy:  # there was no such piece before it was sent
            queued = None if sent is None else max(0, run.time - sent.begin)
        if sent is not None and sent.end is not None and came is not None and sent.size is not None:
            unpickled = run.time - came.begin
            # It was on its way from when both it and the worker were ready.
            transfer = max(0, came.begin - max(sent.end, free or 0))
            pickled = sent.end - sent.begin
            queued = max(0, (queued or 0) - pickled - transfer - unpickled)
            args = {
                "pickled_bytes": sent.size,
                "pickled_ns": pickled,
                "transfer_ns": transfer,
                "unpickled_ns": unpickled,
            }
        row = self._rows.get((at_home, executor))
        known: Args = {} if queued is None else {"queued_ns": queued}
        known |= {**args, **submit.place}
        if row is not None:
            pool = self._builder.pools[row]
            known |= {"executor": pool.name, "worker": self._worker(home, run), "pool": row}
            self._used[row].add(run.thread)
            self._running[row].append((run.track, run.time, jobs.ends.get(run.handle, jobs.image.last)))
        self._begun.add((at_home, submit.serial))
        return known

    def _worker(self, home: _Home, run: Run) -> str:
        thread = self._builder.threads[run.thread]
        return (
            thread.name if thread.process == home.jobs.image.process else self._builder.processes[thread.process].name
        )

    def _went_back(self, home: _Home | None, run: Run, result: Pickled) -> Args:
        """How the result of a job came back."""
        if result.end is None or result.size is None:
            return {}
        args: Args = {"result_bytes": result.size, "result_pickled_ns": result.end - result.begin}
        if home is None:
            return args
        key = events.UNPICKLE_RESULT, home.executor, run.work, run.piece
        at_home = self._number[id(home.jobs)]
        seen = self._pickled[at_home].get(key)
        if seen is not None and seen.end is not None:
            self._builder.flow(FlowKind.RESULT, result.track, result.end, self._laid[at_home][key])
            args |= {
                "result_transfer_ns": max(0, seen.begin - result.end),
                "result_unpickled_ns": seen.end - seen.begin,
            }
        return args

    def _lay_taken(self, jobs: Jobs) -> None:
        """Draws where threads go on with results that they have waited for, and the arrows from those."""
        ends = {
            run.serial: Told(run.serial, run.track, jobs.ends[run.handle])
            for run in jobs.runs
            if run.handle in jobs.ends
        }
        for taken in jobs.taken:
            told = jobs.told.get(taken.serial) or ends.get(taken.serial)
            name = jobs.job(taken.serial) or "a job"
            args: Args = {"job": name}
            handle = self._builder.slice(
                taken.track, taken.time, taken.time, f"result of {name}", Category.RESULT, args=args
            )
            if told is not None:
                self._builder.flow(FlowKind.RESULT, told.track, min(told.time, taken.time), handle)
