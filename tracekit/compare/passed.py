"""Passed: notes, while a session records, what it would take to pass a step's arguments to another process. Knows no model.

Whoever predicts other models from such a trace could not know it otherwise; where nothing records, nothing is done.
"""

from __future__ import annotations

import pickle

from tracekit.clock import monotonic_ns
from tracekit.record import recorder
from tracekit.record.probes import instant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracekit.compare.perform import Arguments

NAME = "tracekit passed"


def note(task: str, step: int, arguments: Arguments) -> None:
    """Note what the arguments of a step are to be pickled; those of the step after the last one are the task's result."""
    if recorder.current is None or not arguments:
        return
    begun = monotonic_ns()
    try:
        packed = pickle.dumps(arguments)
        made = monotonic_ns()
        pickle.loads(packed)
    except Exception:  # what cannot be passed is told where a model has to pass it
        return
    instant(
        NAME,
        tracekit_task=task,
        tracekit_step=step,
        tracekit_bytes=len(packed),
        tracekit_pack_ns=made - begun,
        tracekit_unpack_ns=monotonic_ns() - made,
    )
