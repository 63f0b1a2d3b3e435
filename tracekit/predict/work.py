"""Work of a trace: what was done, apart from the model it was done under. Knows which traces say it, which must be asked."""

from __future__ import annotations

from tracekit.model.trace import Trace
from tracekit.predict.parts import Work
from tracekit.predict.programs import work_of_program
from tracekit.predict.spans import has_steps, work_of_steps


def work_of(trace: Trace) -> Work:
    """The work that a trace shows.

    Raises:
        TracekitError: the trace holds several runs of the same work.
    """
    return work_of_steps(trace) if has_steps(trace) else work_of_program(trace)
