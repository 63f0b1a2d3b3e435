"""Advice: all that a trace advises to change, what is fine, what cannot be told. Knows who finds what, and puts it in order."""

from __future__ import annotations

from tracekit.model.trace import Trace
from tracekit.predict import (
    limits,
    lock_advice,
    lone_advice,
    loop_advice,
    model_advice,
    pool_advice,
    turn_advice,
    unseen,
)
from tracekit.predict.counsel import SURE_FIRST, Advice, Counsel
from tracekit.predict.found import Found
from tracekit.predict.machine import Machine, usual
from tracekit.predict.parts import Prediction, Work
from tracekit.predict.predict import predict
from tracekit.predict.work import work_of

THRESHOLD_NS = 50_000_000
_MUCH = 0.4  # of the threads' time: where they wait for locks so long, nothing is called fine


def advise(trace: Trace, machine: Machine | None = None, threshold_ns: int = THRESHOLD_NS) -> Counsel:
    """One recommendation for each hot spot of a program: what to change, what it should bring, what it costs, how sure that is.

    Args:
        machine: where it runs; the usual costs on the trace's cores where none is given.
        threshold_ns: a longer step of an event loop is a block.

    Raises:
        TracekitError: the trace holds several runs of the same work.
    """
    work = work_of(trace)
    machine = machine or usual(work.cores)
    found = Found([], [], unseen.find(trace))
    is_explained = bool(found.unknown)
    found.add(loop_advice.find(trace, work, machine, threshold_ns))
    found.add(lock_advice.find(trace, work, threshold_ns))
    is_open = bool(trace.states) and not found.advice
    too_little = unseen.too_little(work) if is_open else ""
    predicted = _predicted(work, machine) if is_open and not too_little else []
    by_itself = _by_itself(trace, work) if is_open and not too_little else Found([], [], [])
    now = next((row for row in predicted if row.model == work.traced_model), None)
    if now is not None:
        far = "" if is_explained else unseen.too_far(work, now)
        is_sure = not far and lock_advice.share(trace) < _MUCH and not any(by_itself)
        larger = pool_advice.find(trace, work, machine, now)
        found.add(larger if larger.advice else model_advice.find(trace, work, machine, predicted, is_sure))
        found.unknown.extend([far] if far else [])
    found.add(by_itself)
    if is_open and not too_little and not any(by_itself) and not found.advice:
        found.add(lone_advice.find(trace, work, machine))
    if too_little:
        found.unknown.append(too_little)
    return Counsel(
        program=work.program,
        wall_s=work.wall_ns / 1e9,
        now=work.traced_model,
        cores=machine.cores,
        advice=tuple(sorted(found.advice, key=_order)),
        fine=tuple(found.fine),
        unknown=tuple(found.unknown),
        bound=now.bound if now is not None else {},
        models={row.model: row for row in predicted},
        notes=work.notes if predicted else (),
    )


def _by_itself(trace: Trace, work: Work) -> Found:
    """How much a program on a loop lets go on at once, which no other model would change."""
    found = turn_advice.find(trace, work)
    if not any(found):
        found.add(limits.find(trace, work))
    return found


def _order(advice: Advice) -> tuple[float, int]:
    return -advice.worth, SURE_FIRST.index(advice.confidence)


def _predicted(work: Work, machine: Machine) -> list[Prediction]:
    """What the program is, and what it might be; nothing of work that is one piece under every model."""
    if not work.traced_model or len(work.strands) < 2:
        return []
    return predict(work, (work.traced_model, *model_advice.candidates(work)), machine)
