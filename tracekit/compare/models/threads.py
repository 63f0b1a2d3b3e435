"""Threads: one thread a task; polls in the main thread. Knows no other model."""

from __future__ import annotations

from threading import Thread

from tracekit.compare import perform
from tracekit.compare.conduct import Inbox, conduct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tracekit.compare.journal import Journal
    from tracekit.compare.perform import Arguments
    from tracekit.compare.plan import Plan
    from tracekit.workload import Task


def missing() -> str:
    """It runs everywhere."""
    return ""


def run(plan: Plan, journal: Journal) -> dict[str, Any]:
    """Run a plan; see the package."""
    inbox = Inbox()

    def start(task: Task, arguments: Arguments) -> None:
        # A daemon: where another task fails, nobody waits for this one.
        Thread(target=_work, args=(task, arguments, journal, inbox), name=task.name, daemon=True).start()

    return conduct(plan, journal, start, inbox.wait)


def _work(task: Task, arguments: Arguments, journal: Journal, inbox: Inbox) -> None:
    try:
        result = perform.whole(task, arguments, journal)
    except BaseException as error:
        failure = error
        inbox.put(task, lambda: _raise(failure))
    else:
        inbox.put(task, lambda: result)


def _raise(error: BaseException) -> Any:
    raise error
