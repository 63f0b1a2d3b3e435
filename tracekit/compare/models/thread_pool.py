"""Thread pool: a ThreadPoolExecutor of its usual size; a task is a job. Knows no other model."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

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
    executor = ThreadPoolExecutor()

    def start(task: Task, arguments: Arguments) -> None:
        future = executor.submit(perform.whole, task, arguments, journal)
        future.add_done_callback(lambda done: inbox.put(task, done.result))

    try:
        return conduct(plan, journal, start, inbox.wait)
    finally:
        executor.shutdown(wait=bool(journal.ended), cancel_futures=True)
