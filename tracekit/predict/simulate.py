"""Simulation: what some work would take under a model, on a machine. Knows no trace, and nothing of how likely it is."""

from __future__ import annotations

from collections.abc import Callable

from tracekit.errors import UsageError
from tracekit.predict import looped, threaded
from tracekit.predict.machine import Machine
from tracekit.predict.parts import A_WORKER, HEAD_TAIL, THE_GIL, THE_LOOP, Outcome, Stretch, Work
from tracekit.predict.path import path_of
from tracekit.predict.scene import Scene

MODELS: dict[str, Callable[[Scene], None]] = {
    "sequential": threaded.sequential,
    "threads": threaded.threads,
    "thread-pool": threaded.thread_pool,
    "processes": threaded.processes,
    "process-pool": threaded.process_pool,
    "asyncio": looped.plain,
    "asyncio+threads": looped.with_threads,
    "asyncio+processes": looped.with_processes,
    "gevent": looped.gevent,
    "trio": looped.trio,
    "interpreters": threaded.interpreters,
}
_QUEUED = (THE_LOOP, A_WORKER, THE_GIL)  # while it waits for these, a strand does not go on


def simulate(work: Work, model: str, machine: Machine) -> Outcome:
    """Run some work under a model, on paper.

    Args:
        model: one of MODELS.

    Raises:
        UsageError: there is no such model.
    """
    if model not in MODELS:
        raise UsageError(f"there is no model {model!r}; take one of {', '.join(MODELS)}")
    scene = Scene(work, machine, work.workers if model == work.traced_model else 0)
    MODELS[model](scene)
    scene.engine.run(lambda: scene.over or not scene.tasks)
    return _outcome(work, model, scene)


def _outcome(work: Work, model: str, scene: Scene) -> Outcome:
    head, tail = Stretch(-1, HEAD_TAIL, work.head_ns), Stretch(-1, HEAD_TAIL, work.tail_ns)
    path = tuple(stretch for stretch in (head, *path_of(scene), tail) if stretch.ns)
    moving = sum(
        ns
        for index in scene.tasks
        for spell in scene.spells[index]
        for word, ns in spell.parts.items()
        if word not in _QUEUED
    )
    return Outcome(
        model=model,
        wall_ns=work.head_ns + round(scene.engine.now) + work.tail_ns,
        late_ns=round(max(scene.late)) if scene.late else None,
        path=path,
        busy=moving / scene.engine.now if scene.engine.now else 0.0,
        ends=tuple(work.head_ns + round(scene.ends.get(index, scene.engine.now)) for index in range(len(work.strands))),
    )
