"""Advice: all that a trace advises to change, what is fine, what cannot be told. Knows who finds what, and puts it in order."""

from __future__ import annotations

from tracekit.analyze import core_starved
from tracekit.model.trace import Trace
from tracekit.predict import lock_advice, lone_advice, loop_advice, model_advice
from tracekit.predict.counsel import SURE_FIRST, Advice, Counsel
from tracekit.predict.found import Found
from tracekit.predict.machine import Machine, usual
from tracekit.predict.parts import Prediction, Work
from tracekit.predict.predict import predict
from tracekit.predict.work import work_of

THRESHOLD_NS = 50_000_000


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
    found = Found([], [], _unseen(trace))
    found.add(loop_advice.find(trace, work, machine, threshold_ns))
    found.add(lock_advice.find(trace, work, threshold_ns))
    predicted = [] if found.advice or not trace.states else _predicted(work, machine)
    if predicted:
        found.add(model_advice.find(trace, work, machine, predicted))
    if not found.advice and trace.states:
        found.add(lone_advice.find(trace, work, machine))
    now = next((row for row in predicted if row.model == work.traced_model), None)
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


def _order(advice: Advice) -> tuple[float, int]:
    return -advice.worth, SURE_FIRST.index(advice.confidence)


def _predicted(work: Work, machine: Machine) -> list[Prediction]:
    """What the program is, and what it might be; nothing of work that is one piece under every model."""
    if not work.traced_model or len(work.strands) < 2:
        return []
    return predict(work, (work.traced_model, *model_advice.candidates(work)), machine)


def _unseen(trace: Trace) -> list[str]:
    if not trace.states:
        return [
            "Nobody watched the threads from outside, so that computing cannot be told from waiting: record it again with an "
            "observer (`tracekit run` has one, unless --rate is 0; `tk.start(rate=100)` starts one)."
        ]
    return [
        "Other programs had the cores for a good part of the time (this one used {cores_used:.2f} of {cores} while its threads "
        "wanted more), so that all took longer than it need: record it again where it is alone.".format(
            **finding.details
        )
        for finding in core_starved.find(trace, 0)
        if finding.details["cause"] in ("others", "both")
    ]
