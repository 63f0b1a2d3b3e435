"""asyncio: one coroutine a task on one loop, which computing blocks, and I/O without a coroutine. Knows no other model."""

from __future__ import annotations

import asyncio

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

    async def step(task: Task, number: int, arguments: Arguments) -> Arguments:
        if task.steps[number].awaitable:
            return await perform.awaited(task, number, arguments, journal, asyncio.sleep)
        return perform.step(task, number, arguments, journal)

    return coroutines.run(plan, journal, step)
