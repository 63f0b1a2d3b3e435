"""Coroutines: runs a plan on one asyncio loop, one coroutine a task and one a poll. Knows no model: they say how to do a step."""

from __future__ import annotations

import asyncio

from tracekit.compare.perform import result_of
from tracekit.compare.plan import Agenda
from tracekit.compare.polls import Polls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, TypeAlias

    from tracekit.compare.journal import Journal
    from tracekit.compare.perform import Arguments
    from tracekit.compare.plan import Plan
    from tracekit.compare.polls import Recurring
    from tracekit.workload import Task

    DoStep: TypeAlias = Callable[[Task, int, Arguments], Awaitable[Arguments]]


def run(plan: Plan, journal: Journal, step: DoStep) -> dict[str, Any]:
    """Run a plan; the results by name.

    Args:
        plan, journal: what to run, and where it is noted.
        step: carries out one step of a task; what the next one is called with.

    Raises:
        TracekitError: a task failed; the others are cancelled then.
    """
    return asyncio.run(_main(plan, journal, step))


async def _main(plan: Plan, journal: Journal, step: DoStep) -> dict[str, Any]:
    agenda = Agenda(plan)
    polls = Polls(plan, journal)
    tasks: dict[str, asyncio.Task[Any]] = {}
    for task in plan.tasks:
        tasks[task.name] = asyncio.create_task(_whole(task, tasks, agenda, step), name=task.name)
    polling = [asyncio.create_task(_poll(one), name=one.poll.name) for one in polls.all]
    try:
        await _all(list(tasks.values()), polling)
        polls.look()
        journal.finish()
    finally:
        await _cancel([*tasks.values(), *polling])
    return agenda.in_order()


async def _whole(task: Task, tasks: dict[str, asyncio.Task[Any]], agenda: Agenda, step: DoStep) -> None:
    for name in task.after:
        await tasks[name]
    arguments = agenda.arguments(task)
    for number in range(len(task.steps)):
        arguments = await step(task, number, arguments)
    agenda.done(task, result_of(arguments))


async def _poll(recurring: Recurring) -> None:
    while True:
        recurring.turn()
        await asyncio.sleep(recurring.left)


async def _all(tasks: list[asyncio.Task[Any]], polling: list[asyncio.Task[None]]) -> None:
    """Wait until all tasks are done, or one has failed, or a poll."""
    together = asyncio.gather(*tasks)
    for poll in polling:
        poll.add_done_callback(lambda _: together.cancel())
    try:
        await together
    except asyncio.CancelledError:
        for poll in polling:
            if poll.done():
                poll.result()
        raise


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
