"""Journal: what happened when in one run of a workload: steps that begin and end, polls that take their turns. Knows no model.

Times are CLOCK_MONOTONIC in ns, which all processes of a machine share: what a worker notes comes back with its results.
"""

from __future__ import annotations

import time
from collections import namedtuple

from tracekit.clock import monotonic_ns
from tracekit.record.probes import span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracekit.record.probes import Span

BEGIN = "begin"
END = "end"

Event = namedtuple("Event", ("time", "task", "step", "what"))  # ns, its name, counted from 0, BEGIN or END
Polled = namedtuple("Polled", ("name", "due", "at"))  # which poll, when its turn was due, when it came; ns


class Journal:
    """The events of one run, when that began and ended, and the processor time (ns) that this process spent on it.

    In a worker process it is only what the worker did.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.polled: list[Polled] = []
        self.begun = 0
        self.ended = 0
        self.spent = 0
        self._span: Span | None = None

    def begin(self, model: str, workload: str) -> None:
        """The run begins: nothing of the model's has been started yet."""
        self._span = span("tracekit model", tracekit_model=model, tracekit_workload=workload)
        self._span.__enter__()
        self.spent = -time.process_time_ns()
        self.begun = monotonic_ns()

    def finish(self) -> None:
        """The last result is there; what the model still has to put away does not count."""
        if not self.ended:
            self.ended = monotonic_ns()
            self.spent += time.process_time_ns()
            if self._span is not None:
                self._span.__exit__(None, None, None)

    def note(self, task: str, step: int, what: str) -> None:
        """A step begins or ends, now."""
        self.events.append(Event(monotonic_ns(), task, step, what))

    def take(self, events: Iterable[tuple[int, str, int, str]]) -> None:
        """Add what a worker process noted."""
        self.events += [Event(*event) for event in events]

    def in_order(self) -> list[Event]:
        """All events, by time."""
        return sorted(self.events)
