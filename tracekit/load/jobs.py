"""Jobs: what an executor was given and what ran of it, in this process or in a worker process. Knows no other records.

Here each image's part is collected; pools.py joins the parts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.load.details import Detail
from tracekit.load.image import Image, Log
from tracekit.model.trace import Args, FlowKind
from tracekit.spool.layout import parse_code

_WHOLE = 0  # the only piece of a job


class Submit(NamedTuple):
    """A job as it was submitted; `executor` is the serial of its executor, 0 where that is not known."""

    track: int
    time: int
    serial: int
    executor: int
    work: int  # -1: it runs on a thread that knows its serial
    name: str
    place: Args
    lazy: bool


class Run(NamedTuple):
    """A job, or a piece of one, that ran on a worker: one that knows its serial, or only its pool's number of it."""

    serial: int  # 0: not known
    work: int
    piece: int
    items: int
    executor: int  # 0: not known
    track: int
    thread: int
    time: int
    handle: int
    name: str
    place: Args


class Pickled(NamedTuple):
    """Something that was made into bytes or read from them; `end` is None where it was still in the making."""

    what: int
    executor: int
    work: int
    piece: int
    track: int
    begin: int
    end: int | None
    size: int | None
    error: str


class Told(NamedTuple):
    """A thread tells how a job ended; or one that had waited goes on with its result."""

    serial: int
    track: int
    time: int


class Executor(NamedTuple):
    """An executor of this process, as it was first seen."""

    name: str
    limit: int


class Ready(NamedTuple):
    """A callback that one thread scheduled on another one's loop.

    `job` is the one that ended with that, None where none did; `in_loop`: a loop ran on the thread that scheduled it.
    """

    track: int
    time: int
    thread: str
    in_loop: bool
    job: str | None = None


class Jobs:
    """The jobs of one image and what it submitted to others, and callbacks that one thread schedules on another."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.builder = image.builder
        self.executors: dict[int, Executor] = {}
        self.submits: dict[int, Submit] = {}
        self.runs: list[Run] = []
        self.ends: dict[int, int] = {}  # of runs, by their handles
        self.pickled: list[Pickled] = []
        self.told: dict[int, Told] = {}
        self.taken: list[Told] = []
        self.workers: list[tuple[int, int, int]] = []  # pid, executor, when it was started
        self.ready_since: int | None = None  # when this process, a worker, first waited for a job
        self._places: dict[int, Args] = {}  # by the number of their code
        self._callbacks: dict[int, int] = {}
        self._callback_readies: dict[int, Ready] = {}

    def enroll(self, log: Log) -> None:
        """Adds what this thread submitted, pickled and told. All threads come before any run."""
        for at in np.flatnonzero(log.kind == events.JOB_SUBMIT).tolist():
            self._submit(log, at)
        for at in np.flatnonzero(log.kind == events.POOL_WORKER).tolist():
            executor = self._executor(self._details(int(log.slot[at])))
            if executor:
                self.workers.append((int(log.b[at]), executor, int(log.time[at])))
            elif self.ready_since is None:
                self.ready_since = int(log.time[at])
        for at in np.flatnonzero(log.kind == events.JOB_TOLD).tolist():
            told = Told(int(log.b[at]), log.track, int(log.time[at]))
            self.told[told.serial] = told
        for at in np.flatnonzero(log.kind == events.RESULT_TAKEN).tolist():
            self.taken.append(Told(int(log.b[at]), log.track, int(log.time[at])))
        self._enroll_pickled(log)

    def _submit(self, log: Log, at: int) -> None:
        details, serial = self._details(int(log.slot[at])), int(log.b[at])
        self.submits[serial] = Submit(
            track=log.track,
            time=int(log.time[at]),
            serial=serial,
            executor=self._executor(details),
            work=_payload(details, events.WORK, -1),
            name=self.image.name(int(log.a[at])),
            place=self._place(details),
            lazy=events.LAZY in details,
        )

    def _details(self, slot: int) -> dict[int, Detail]:
        """The details of a record by their kinds; none of these comes twice."""
        return {detail.kind: detail for detail in self.image.details.of(slot)}

    def _executor(self, details: dict[int, Detail]) -> int:
        """The serial of the executor that a record tells of; it is remembered."""
        executor = details.get(events.EXECUTOR)
        if executor is None:
            return 0
        if executor.payload not in self.executors or events.WORKERS in details:
            limit = _payload(details, events.WORKERS, 0)
            self.executors[executor.payload] = Executor(self.image.name(executor.a), limit)
        return executor.payload

    def _place(self, details: dict[int, Detail]) -> Args:
        """Where the function is defined; shared by all jobs of it."""
        code = details.get(events.CODE)
        if code is None:
            return {}
        place = self._places.get(code.payload)
        if place is None:
            function, file, line = parse_code(self.image.name(code.payload))
            place = {"function": function, "file": file, "line": line} if function else {}
            self._places[code.payload] = place
        return place

    def _enroll_pickled(self, log: Log) -> None:
        opened: dict[int, int] = {}
        which = np.flatnonzero((log.kind == events.PICKLE_BEGIN) | (log.kind == events.PICKLE_END)).tolist()
        for at in which:
            what, time = int(log.a[at]), int(log.time[at])
            if log.kind[at] == events.PICKLE_BEGIN:
                opened[what] = time
            elif what in opened:
                details = self._details(int(log.slot[at]))
                work, piece = _payload(details, events.WORK, -1), _payload(details, events.INDEX, _WHOLE)
                size = details[events.BYTES].payload if events.BYTES in details else None
                error = self.image.name(details[events.ERROR].payload) if events.ERROR in details else ""
                key = what, self._executor(details), work, piece
                self.pickled.append(Pickled(*key, log.track, opened.pop(what), time, size, error))
        # Bytes that came and were no job's are not told of again; what is being made is, unless a kill cut it off.
        if which and which[-1] == len(log.kind) - 1 and not self.image.header.ended:
            what, time = int(log.a[which[-1]]), int(log.time[which[-1]])
            if what in opened and what in (events.PICKLE_JOB, events.PICKLE_RESULT):
                self.pickled.append(Pickled(what, 0, -1, _WHOLE, log.track, time, None, None, ""))

    def begin(self, serial: int, log: Log, time: int, handle: int, name: str) -> None:
        """A job of this process begins to run."""
        self.runs.append(Run(serial, -1, _WHOLE, 0, 0, log.track, log.thread, time, handle, name, {}))

    def begin_remote(self, work: int, log: Log, time: int, handle: int, name: str, slot: int) -> None:
        """A job, or a piece of one, begins to run on a worker that knows only its pool's number of it."""
        details = self._details(slot)
        piece, items = _payload(details, events.INDEX, _WHOLE), _payload(details, events.ITEMS, 0)
        executor, place = self._executor(details), self._place(details)
        self.runs.append(Run(0, work, piece, items, executor, log.track, log.thread, time, handle, name, place))

    def end(self, handle: int, time: int) -> None:
        """A run has ended."""
        self.ends[handle] = time

    def job(self, serial: int) -> str:
        """The name of a job that was submitted here, "" where that was not seen."""
        submit = self.submits.get(serial)
        return "" if submit is None else submit.name

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


def _payload(details: dict[int, Detail], kind: int, default: int) -> int:
    detail = details.get(kind)
    return default if detail is None else detail.payload
