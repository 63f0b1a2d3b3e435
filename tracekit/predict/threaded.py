"""Threaded: the models in which a thread or a process stays with a strand until it has ended. Knows only the scene.

In all but the first one a thread leads: it begins each strand when those before it have ended, and looks at the polls meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable

from tracekit.predict.engine import Box, Compute, Gil, Life, Take
from tracekit.predict.machine import costs_of
from tracekit.predict.parts import A_WORKER, STARTING
from tracekit.predict.scene import Scene

_USUAL_LIMIT, _MORE_THAN_CORES = 32, 4  # ThreadPoolExecutor's own default
_LOOK_NS = 0.1  # a thread that comes back needs the GIL before it can look at the clock


def pool_limit(cores: int) -> int:
    """How many threads a thread pool has when nobody says."""
    return min(_USUAL_LIMIT, cores + _MORE_THAN_CORES)


def sequential(scene: Scene) -> None:
    """One strand after another; polls are looked at between steps."""

    def life() -> Life:
        last = -1
        for index in scene.in_order():
            scene.freed_by[index] = last
            step = -1
            for piece in scene.strand(index).pieces:
                if piece.step != step:
                    yield from scene.look()
                step = piece.step
                yield from scene.do(index, piece)
            scene.ended(index)
            last = index
        yield from scene.look()
        scene.over = True

    scene.go(life())


def threads(scene: Scene) -> None:
    """A thread a strand."""
    _one_each(scene, scene.machine.thread_start_ns, 0, lambda: scene.gil, passes=False)


def interpreters(scene: Scene) -> None:
    """As threads, each with an interpreter of its own, and so a GIL."""
    _one_each(scene, scene.machine.thread_start_ns, scene.machine.interpreter_start_ns, Gil, passes=True)


def processes(scene: Scene) -> None:
    """A process a strand; results come back pickled."""
    _one_each(scene, scene.machine.fork_ns, scene.process_ns, Gil, passes=True)


def thread_pool(scene: Scene) -> None:
    """A pool of threads as large as it is when nobody says; a strand is a job."""
    _pool(scene, scene.limit(pool_limit(scene.machine.cores)), apart=False)


def process_pool(scene: Scene) -> None:
    """A pool of as many processes as there are cores when nobody says; a strand is a job."""
    _pool(scene, scene.limit(scene.machine.cores), apart=True)


def _lead(scene: Scene, begin: Callable[[int], Life], results: Box, taking: Callable[[int], float]) -> Life:
    """The thread that leads.

    Args:
        begin: begins a strand.
        results: where strands that have ended are put.
        taking: ns that it takes to get the result of one.
    """
    alarm = -1.0
    for index in scene.first():
        yield from begin(index)
    while not scene.done:
        yield from scene.look()
        due = min(scene.due.values(), default=alarm)
        if due > alarm:
            # It waits for a result until a poll is due, at most; where it waits until then already, that will do.
            alarm = due
            scene.engine.at(due, lambda: results.put(None))
        index = yield Take(results)
        yield Compute(_LOOK_NS)
        if index is not None:
            yield Compute(taking(index))
            for later in scene.ended(index):
                yield from begin(later)
    yield from scene.look()
    scene.over = True


def _one_each(scene: Scene, starting: float, own_start: float, gil: Callable[[], Gil], passes: bool) -> None:
    results = scene.box()
    # What a forked process is given it has; its result has to come back.
    half = own_start / 2

    def life(index: int) -> Life:
        yield Compute(half, strand=index)
        yield from scene.do_all(index)
        yield Compute(_result(scene, index)[0] if passes else 0.0, strand=index)
        results.put(index)
        yield Compute(half)

    def begin(index: int) -> Life:
        yield Compute(starting)
        scene.go(life(index), gil())

    scene.go(_lead(scene, begin, results, lambda index: _result(scene, index)[1] if passes else 0.0))


def _pool(scene: Scene, limit: int, apart: bool) -> None:
    jobs, results = scene.box(), scene.box()
    machine = scene.machine
    started = 0
    side = machine.job_ns / 2 if apart else 0.0

    def worker() -> Life:
        yield Compute(machine.pool_start_ns + scene.process_ns / 2 if apart else 0.0)
        while True:
            index, since, word = yield Take(jobs)
            scene.waited(index, word, since)
            yield Compute(side + _given(scene, index)[1] if apart else 0.0, strand=index)
            yield from scene.do_all(index)
            yield Compute(_result(scene, index)[0] if apart else 0.0, strand=index)
            results.put(index)

    def begin(index: int) -> Life:
        nonlocal started
        word = A_WORKER
        if started < limit:
            started, word = started + 1, STARTING
            yield Compute(machine.fork_ns if apart else machine.thread_start_ns)
            scene.go(worker(), Gil() if apart else scene.gil)
        yield Compute(side + _given(scene, index)[0] if apart else 0.0)
        jobs.put((index, scene.engine.now, word))

    scene.go(_lead(scene, begin, results, lambda index: _result(scene, index)[1] if apart else 0.0))


def _given(scene: Scene, index: int) -> tuple[float, float]:
    steps = scene.strand(index).steps
    return costs_of(scene.machine, steps[0].given) if steps else (0.0, 0.0)


def _result(scene: Scene, index: int) -> tuple[float, float]:
    steps = scene.strand(index).steps
    return costs_of(scene.machine, steps[-1].result) if steps else (0.0, 0.0)
