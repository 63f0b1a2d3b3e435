"""Pool advice: a loop's pool of threads that is too small for what waits in it. Knows one model: a loop with threads."""

from __future__ import annotations

from tracekit.analyze import words
from tracekit.model.trace import Trace
from tracekit.predict import model_advice
from tracekit.predict.changes import MOST_THREADS, larger_pool
from tracekit.predict.counsel import Advice
from tracekit.predict.found import Found
from tracekit.predict.machine import Machine
from tracekit.predict.model_advice import Group
from tracekit.predict.parts import A_WORKER, Kind, Prediction, Work

_MUCH = 0.2  # of the time, spent waiting for a worker


def find(trace: Trace, work: Work, machine: Machine, now: Prediction) -> Found:
    """Advice to give a loop's pool more threads, where what waits there waits for a thread first.

    Args:
        now: what is predicted of the model that it ran under.
    """
    group = model_advice.hottest(work, machine) if work.traced_model == "asyncio+threads" else None
    waited = now.bound.get(A_WORKER, 0.0)
    if group is None or group.kind not in (Kind.IO, Kind.TIMER) or waited < _MUCH * now.wall_s:
        return Found([], [], [])
    workers = work.workers or model_advice.workers_of(trace)
    if workers >= min(MOST_THREADS, len(group.strands)):
        return Found([], [], [])
    return Found([_advice(trace, work, machine, group, now, workers)], [], [])


def _advice(trace: Trace, work: Work, machine: Machine, group: Group, now: Prediction, workers: int) -> Advice:
    many, wall = len(group.strands), work.wall_ns / 1e9
    bound = {word: round(seconds * 1e9) for word, seconds in now.bound.items()}
    took = f"{words.duration(group.total)} for {words.count(many, 'call')}"
    return Advice(
        hot=model_advice.hot(work, group),
        now=work.traced_model,
        model=work.traced_model,
        change=larger_pool(group.what, many, workers),
        why=f"{model_advice.does(group)}, {took}. {model_advice.said_bound(bound, 'As it is,')}",
        confidence="medium",
        wall_before_s=wall,
        gain_low_s=0.0,
        gain_high_s=min(wall, now.bound[A_WORKER] * wall / now.wall_s),
        costs=model_advice.costs(trace, machine, group, "thread-pool", many),
    )
