"""Jobs: who submitted what an executor runs, in this process or in a worker process. Knows no other records."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.load.image import Image, Log
from tracekit.model.trace import Args, FlowKind


class _Submit(NamedTuple):
    track: int
    time: int
    executor: str
    place: Args


class _Remote(NamedTuple):
    """A job that runs in a worker process, as far as the worker knows it."""

    work: int
    time: int
    handle: int
    place: Args


class Ready(NamedTuple):
    """A callback that one thread scheduled on another one's loop.

    `job` is the one that ended with that, None where none did; `in_loop`: a loop ran on the thread that scheduled it.
    """

    track: int
    time: int
    thread: str
    in_loop: bool
    job: str | None = None


class Pool(NamedTuple):
    """An executor that started a worker process at some time."""

    time: int
    jobs: Jobs
    executor: int


def pools_by_worker(everybody: list[Jobs]) -> dict[int, list[Pool]]:
    """The pools of all images, by the pid of the worker."""
    pools: dict[int, list[Pool]] = {}
    for jobs in everybody:
        for worker, executor, time in jobs.workers:
            pools.setdefault(worker, []).append(Pool(time, jobs, executor))
    return pools


class Jobs:
    """The jobs of one image and what it submitted to others, and callbacks that one thread schedules on another."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.builder = image.builder
        self._submits: dict[int, _Submit] = {}
        self._works: dict[tuple[int, int], _Submit] = {}  # by executor and work number
        self._remotes: list[_Remote] = []
        self._callbacks: dict[int, int] = {}
        self._callback_readies: dict[int, Ready] = {}
        self.workers: list[tuple[int, int, int]] = []  # pid, executor, when it was started

    def enroll(self, log: Log) -> None:
        """Adds what this thread submitted. All threads come before any job."""
        image = self.image
        for at in np.flatnonzero(log.kind == events.JOB_SUBMIT):
            slot, time = int(log.slot[at]), int(log.time[at])
            executor = image.detail(slot, events.EXECUTOR)
            name = "" if executor is None else image.name(executor.a)
            submit = _Submit(log.track, time, name, image.place(slot) or {})
            self._submits[int(log.b[at])] = submit
            work = image.detail(slot, events.WORK)
            if executor is not None and work is not None:
                self._works[executor.payload, work.payload] = submit
        for at in np.flatnonzero(log.kind == events.POOL_WORKER):
            executor = image.detail(int(log.slot[at]), events.EXECUTOR)
            if executor is not None:
                self.workers.append((int(log.b[at]), executor.payload, int(log.time[at])))

    def begin(self, serial: int, time: int, handle: int) -> None:
        """A job of this process begins to run."""
        submit = self._submits.get(serial)
        if submit is not None:
            self._link(submit, time, handle)

    def begin_remote(self, work: int, time: int, handle: int, slot: int) -> None:
        """A job begins to run that another process submitted; `link_remotes` finds out which."""
        self._remotes.append(_Remote(work, time, handle, self.image.place(slot) or {}))

    def link_remotes(self, pools_of: dict[int, list[Pool]]) -> None:
        """Finds the submits of the jobs that ran here for another process, once all images have been read.

        Args:
            pools_of: what `pools_by_worker` returned.
        """
        if not self._remotes:
            return
        pid, born = self.image.header.pid, self.image.header.start_monotonic
        # A pid may be used again: the pool whose note of the worker is nearest to the worker's own start.
        pools = [pool for pool in pools_of.get(pid, ()) if pool.jobs is not self]
        owner = min(pools, key=lambda pool: abs(pool.time - born), default=None)
        for remote in self._remotes:
            submit = None if owner is None else owner.jobs._works.get((owner.executor, remote.work))
            if submit is not None:
                self._link(submit, remote.time, remote.handle)
            elif remote.place:
                self.builder.annotate(remote.handle, remote.place)

    def callback_ready(self, serial: int, ready: Ready) -> None:
        """A thread scheduled a callback on another thread's loop."""
        self._callback_readies[serial] = ready

    def mark_result(self, serial: int, job: str) -> None:
        """Scheduling that callback was the last thing that a job did."""
        self._callback_readies[serial] = self._callback_readies[serial]._replace(job=job)

    def ready(self, serial: int) -> Ready | None:
        """Who scheduled a callback from another thread, once all threads have been walked."""
        return self._callback_readies.get(serial)

    def callback(self, serial: int, handle: int) -> None:
        """That callback runs."""
        self._callbacks[serial] = handle

    def finish(self) -> None:
        """Draws the arrows to callbacks, once all threads have been read."""
        for serial, handle in self._callbacks.items():
            ready = self._callback_readies.get(serial)
            if ready is not None:
                kind = FlowKind.WAKE if ready.job is None else FlowKind.RESULT
                self.builder.flow(kind, ready.track, ready.time, handle)

    def _link(self, submit: _Submit, time: int, handle: int) -> None:
        args: Args = {"queued_ns": max(0, time - submit.time), **submit.place}
        if submit.executor:
            args["executor"] = submit.executor
        self.builder.annotate(handle, args)
        self.builder.flow(FlowKind.SUBMIT, submit.track, submit.time, handle)
