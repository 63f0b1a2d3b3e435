"""Conduct: starts each task when those before it are done, and looks at the polls meanwhile. Models say how; it knows none.

For the models in which one thread leads, and the work is done elsewhere.
"""

from __future__ import annotations

from queue import Empty, SimpleQueue

from tracekit.compare.plan import Agenda
from tracekit.compare.polls import Polls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from tracekit.compare.journal import Journal
    from tracekit.compare.perform import Arguments
    from tracekit.compare.plan import Plan
    from tracekit.workload import Task


def conduct(
    plan: Plan,
    journal: Journal,
    start: Callable[[Task, Arguments], object],
    wait: Callable[[float | None], Iterable[tuple[Task, Any]]],
) -> dict[str, Any]:
    """Run a plan; the results by name.

    Args:
        plan, journal: what to run, and where it is noted.
        start: begins a task elsewhere, and returns at once.
        wait: waits until a task is done, at most so many seconds (None: as long as it takes); tasks and their results.

    Raises:
        TracekitError: a task failed; no other is started then.
    """
    agenda = Agenda(plan)
    polls = Polls(plan, journal)
    for task in agenda.first():
        start(task, agenda.arguments(task))
    while not agenda.is_over:
        for task, result in wait(polls.look()):
            for later in agenda.done(task, result):
                start(later, agenda.arguments(later))
    polls.look()
    journal.finish()
    return agenda.in_order()


class Inbox:
    """Where those who work elsewhere hand in what they have done."""

    def __init__(self) -> None:
        self._done: SimpleQueue[tuple[Task, Callable[[], Any]]] = SimpleQueue()

    def put(self, task: Task, get: Callable[[], Any]) -> None:
        """A task has ended: `get` gives its result, or raises what it failed of."""
        self._done.put((task, get))

    def wait(self, timeout: float | None) -> Iterable[tuple[Task, Any]]:
        """Wait for the next; see `conduct`."""
        try:
            task, get = self._done.get(timeout=timeout)
        except Empty:
            return ()
        return ((task, get()),)
