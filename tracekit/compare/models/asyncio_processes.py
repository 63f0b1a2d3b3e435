"""asyncio with processes: coroutines for what can be awaited, a pool of processes for what computes, threads for the rest.

Knows no other model.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from tracekit.compare import coroutines, perform, workers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor
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
    processes = workers.pool()
    threads = ThreadPoolExecutor()
    if _has_both(plan):
        processes.submit(_nothing)  # the workers are forked before there is a thread whose locks they would inherit

    async def step(task: Task, number: int, arguments: Arguments) -> Arguments:
        asked = task.steps[number]
        if asked.awaitable:
            return await perform.awaited(task, number, arguments, journal, asyncio.sleep)
        if asked.kind == "compute":
            return await _compute(processes, task, number, arguments, journal)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(threads, perform.step, task, number, arguments, journal)

    try:
        return coroutines.run(plan, journal, step)
    finally:
        threads.shutdown(wait=bool(journal.ended), cancel_futures=True)
        workers.end(processes, failed=not journal.ended)


async def _compute(
    processes: ProcessPoolExecutor, task: Task, number: int, arguments: Arguments, journal: Journal
) -> Arguments:
    loop = asyncio.get_running_loop()
    try:
        result, events = await loop.run_in_executor(
            processes, perform.step_elsewhere, perform.bare(task), number, arguments
        )
    except Exception as error:
        raise workers.unsent(task.name, error) from error
    journal.take(events)
    return result


def _has_both(plan: Plan) -> bool:
    steps = [step for task in plan.tasks for step in task.steps]
    return any(step.kind == "compute" for step in steps) and any(
        step.kind == "io" and not step.awaitable for step in steps
    )


def _nothing() -> None:
    """A job that only makes a pool start."""
