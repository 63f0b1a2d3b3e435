"""Looped: the models in which one thread takes turns at the strands, alone or with pools. Knows only the scene."""

from __future__ import annotations

from collections.abc import Callable

from tracekit.predict.engine import Box, Compute, Gil, Life, Take
from tracekit.predict.machine import costs_of
from tracekit.predict.parts import A_WORKER, OUTSIDE, THE_LOOP, TIMER, Kind, Piece, StepOf
from tracekit.predict.scene import Scene
from tracekit.predict.threaded import pool_limit

_TRIO_LIMIT = 40  # threads of trio.to_thread


def plain(scene: Scene) -> None:
    """asyncio: computing, and I/O without an async twin, block the loop."""
    _Loop(scene, lambda _: None, patient=lambda step: step.awaitable)


def with_threads(scene: Scene) -> None:
    """asyncio, with a pool of threads for computing steps and for I/O without an async twin."""
    pool = _Pool(scene, scene.limit(pool_limit(scene.machine.cores)), apart=False)
    _Loop(scene, lambda step: None if step.awaitable else pool)


def with_processes(scene: Scene) -> None:
    """asyncio, with a pool of processes for computing steps, and one of threads for I/O without an async twin."""
    workers = _Pool(scene, scene.limit(scene.machine.cores), apart=True)
    threads = _Pool(scene, pool_limit(scene.machine.cores), apart=False)
    _Loop(scene, lambda step: None if step.awaitable else workers if step.kind == "compute" else threads)


def gevent(scene: Scene) -> None:
    """gevent: whatever waits is left to the loop, computing blocks it."""
    _Loop(scene, lambda _: None, twins=False)


def trio(scene: Scene) -> None:
    """trio: timers are its own, I/O goes to threads, computing blocks it."""
    pool = _Pool(scene, _TRIO_LIMIT, apart=False)
    _Loop(scene, lambda step: pool if step.kind == "io" else None)


class _Pool:
    """Workers that are started when there is more to do than there are."""

    def __init__(self, scene: Scene, limit: int, apart: bool) -> None:
        self._scene, self._limit, self._apart = scene, limit, apart
        self._jobs: Box = scene.box()
        self._started = self._idle = 0

    def submit(self, index: int, pieces: tuple[Piece, ...], step: StepOf, then: Callable[[], None]) -> None:
        """Do some pieces of a strand there, then call back."""
        if self._idle:
            self._idle -= 1
        elif self._started < self._limit:
            self._started += 1
            self._scene.go(self._worker(), Gil() if self._apart else self._scene.gil)
        job = (index, pieces, step, then, self._scene.engine.now)
        if self._apart:
            self._scene.go(self._send(job, step))
        else:
            self._jobs.put(job)

    def _send(self, job: object, step: StepOf) -> Life:
        """The pool's own thread in the first process pickles what a worker is given."""
        yield Compute(self._scene.machine.job_ns / 2 + costs_of(self._scene.machine, step.given)[0])
        self._jobs.put(job)

    def _take(self, step: StepOf, then: Callable[[], None]) -> Life:
        yield Compute(costs_of(self._scene.machine, step.result)[1])
        then()

    def _worker(self) -> Life:
        machine, scene = self._scene.machine, self._scene
        yield Compute(
            machine.fork_ns + machine.pool_start_ns + scene.process_ns / 2 if self._apart else machine.thread_start_ns
        )
        while True:
            index, pieces, step, then, since = yield Take(self._jobs)
            scene.waited(index, A_WORKER, since)
            if self._apart:
                yield Compute(machine.job_ns / 2 + costs_of(machine, step.given)[1], strand=index)
            for piece in pieces:
                yield from scene.do(index, piece)
            if self._apart:
                yield Compute(costs_of(machine, step.result)[0], strand=index)
            if not self._jobs.things:
                self._idle += 1
            if self._apart:
                scene.go(self._take(step, then))
            else:
                then()


class _Loop:
    """An event loop, and what is ready to go on in it.

    Args:
        elsewhere: the pool that does a step, or None for the loop's own thread.
        patient: whether a step that the loop's thread does leaves its waiting to the loop, and does not block it.
        twins: whether I/O has async twins that are used.
    """

    def __init__(
        self,
        scene: Scene,
        elsewhere: Callable[[StepOf], _Pool | None],
        patient: Callable[[StepOf], bool] = lambda _: True,
        twins: bool = True,
    ) -> None:
        self._scene, self._elsewhere, self._patient = scene, elsewhere, patient
        self._drivers = _Pool(scene, len(scene.tasks), apart=False) if twins else None
        self._ready = scene.box()
        scene.go(self._run())
        for index in scene.first():
            self._queue(index, self._turn(index, 0))
        for index in scene.due:
            self._queue(index, self._polled(index))

    def _queue(self, index: int, turn: Life) -> None:
        self._ready.put((index, turn, self._scene.engine.now))

    def _run(self) -> Life:
        """The loop's thread: what is ready goes on, in its order, until it has to wait."""
        scene = self._scene
        while not scene.done:
            index, turn, since = yield Take(self._ready)
            scene.waited(index, THE_LOOP, since)
            yield Compute(scene.machine.step_ns, strand=index)
            yield from turn
        yield from scene.look()
        scene.over = True

    def _turn(self, index: int, position: int) -> Life:
        """A strand from one of its pieces on, until it waits; then the next turn is left to whoever ends the waiting."""
        strand, scene = self._scene.strand(index), self._scene
        while position < len(strand.pieces):
            piece = strand.pieces[position]
            step = strand.steps[piece.step] if piece.step < len(strand.steps) else StepOf("")
            end = _end_of_step(strand.pieces, position)
            pool = self._elsewhere(step) or self._twin(step, strand.pieces[position:end])
            if pool is not None:
                pool.submit(index, strand.pieces[position:end], step, self._resumption(index, end))
                return
            position += 1
            if piece.kind == Kind.TIMER or (piece.kind == Kind.IO and self._patient(step)):
                self._wait(index, piece, position)
                return
            yield from scene.do(index, piece)
        for later in scene.ended(index):
            self._queue(later, self._turn(later, 0))

    def _twin(self, step: StepOf, pieces: tuple[Piece, ...]) -> _Pool | None:
        """Where I/O that is computing in C is awaited, its driver has threads of its own for that."""
        if self._drivers is None or step.kind != "io" or not step.awaitable:
            return None
        free, waits = (sum(piece.ns for piece in pieces if piece.kind == kind) for kind in (Kind.FREE, Kind.IO))
        return self._drivers if free > waits else None

    def _resumption(self, index: int, position: int) -> Callable[[], None]:
        return lambda: self._queue(index, self._turn(index, position))

    def _wait(self, index: int, piece: Piece, position: int) -> None:
        begun, word = self._scene.engine.now, TIMER if piece.kind == Kind.TIMER else OUTSIDE

        def woken() -> None:
            self._scene.waited(index, word, begun)
            self._queue(index, self._turn(index, position))

        self._scene.engine.at(begun + piece.ns, woken)

    def _polled(self, index: int) -> Life:
        """A turn of a poll, then it waits for the next one."""
        yield from self._scene.turn(index)
        self._scene.engine.at(self._scene.due[index], lambda: self._queue(index, self._polled(index)))


def _end_of_step(pieces: tuple[Piece, ...], position: int) -> int:
    end = position
    while end < len(pieces) and pieces[end].step == pieces[position].step:
        end += 1
    return end
