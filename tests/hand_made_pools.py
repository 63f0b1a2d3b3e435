"""A pool whose jobs are laid out by hand, for the tests of questions. Knows no recording; times are in ms."""

from __future__ import annotations

from tracekit.model.builder import Builder
from tracekit.model.trace import Args, Category, Flag, FlowKind, Pool, Trace, TrackKind

MS = 1_000_000


class HandMadePool:
    """A trace of one process with one pool of threads, or of processes whose workers are threads here all the same.

    Args:
        limit: how many workers there may be; each has a track.
        started: how many processes were started; 0: it is a pool of threads.
    """

    def __init__(self, limit: int = 2, started: int = 0, cores: int = 0, life: float = 10_000) -> None:
        self.builder = Builder("hand-made.py")
        self.builder.cores = cores
        self.builder.process(100, "hand-made.py", started=0, ended=int(life * MS))
        self.life = life
        self.main = self._track("MainThread", main=True)
        self.workers = [self._track(f"worker-{number}") for number in range(limit)]
        name = "ProcessPoolExecutor" if started else "ThreadPoolExecutor"
        self.pool = Pool(0, name, limit=limit, started=started)
        self.builder.pools.append(self.pool)

    def _track(self, name: str, main: bool = False) -> int:
        thread = self.builder.thread(0, 100 + len(self.builder.threads), name, main=main)
        track = self.builder.track(TrackKind.THREAD, thread)
        self.builder.slice(track, 0, int(self.life * MS), name, Category.THREAD)
        return track

    def job(
        self,
        submit: float,
        start: float,
        end: float,
        worker: int = 0,
        by: int | None = None,
        flags: int = 0,
        **args: int,
    ) -> None:
        """A job that was submitted by the main thread, or by what worker `by` runs; `args` in ms and bytes."""
        on_way = sum(args.get(key, 0) for key in ("pickled_ns", "transfer_ns", "unpickled_ns"))
        said: Args = {"queued_ns": round((start - submit) * MS) - on_way, "pool": 0, **args}
        said |= {"function": "work", "file": "/app/work.py", "line": 7}
        track = self.workers[worker]
        handle = self.builder.slice(track, round(start * MS), round(end * MS), "work", Category.JOB, flags, args=said)
        source = self.main if by is None else self.workers[by]
        self.builder.flow(FlowKind.SUBMIT, source, round(submit * MS), handle)
        self.pool.submitted += 1

    def hang(self, start: float, worker: int) -> None:
        """A job that had not ended when the recording did."""
        self.job(start, start, self.life, worker, flags=int(Flag.UNFINISHED))

    def build(self) -> Trace:
        return self.builder.build(exit_status=0)
