"""asyncio with threads: coroutines for what can be awaited, a pool of threads for the rest. Knows no other model."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from tracekit.compare import coroutines, perform

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
    threads = ThreadPoolExecutor()

    async def step(task: Task, number: int, arguments: Arguments) -> Arguments:
        if task.steps[number].awaitable:
            return await perform.awaited(task, number, arguments, journal, asyncio.sleep)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(threads, perform.step, task, number, arguments, journal)

    try:
        return coroutines.run(plan, journal, step)
    finally:
        threads.shutdown(wait=bool(journal.ended), cancel_futures=True)
