"""Process pool: a ProcessPoolExecutor with a worker for each core; a whole task is a job. Knows no other model."""

from __future__ import annotations

from tracekit.compare import perform, workers
from tracekit.compare.conduct import Inbox, conduct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Future
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
    executor = workers.pool()

    def start(task: Task, arguments: Arguments) -> None:
        try:
            future = executor.submit(perform.whole_elsewhere, perform.bare(task), arguments)
        except Exception as error:
            raise workers.unsent(task.name, error) from error
        future.add_done_callback(lambda done: inbox.put(task, lambda: _result(task, done, journal)))

    try:
        return conduct(plan, journal, start, inbox.wait)
    finally:
        workers.end(executor, failed=not journal.ended)


def _result(task: Task, done: Future[Any], journal: Journal) -> Any:
    try:
        result, events = done.result()
    except Exception as error:
        raise workers.unsent(task.name, error) from error
    journal.take(events)
    return result
