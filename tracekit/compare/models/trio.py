"""trio: one trio task a task on one loop; blocking I/O goes to its threads, what computes blocks the loop. Knows no other model.

The coroutine of an io step is one for asyncio, which trio cannot run: its plain function is called in a thread instead.
"""

from __future__ import annotations

from importlib import import_module

from tracekit.compare import perform
from tracekit.compare.plan import Agenda
from tracekit.compare.polls import Polls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from tracekit.compare.journal import Journal
    from tracekit.compare.perform import Arguments
    from tracekit.compare.plan import Plan
    from tracekit.compare.polls import Recurring
    from tracekit.workload import Task


def missing() -> str:
    """Why it cannot run here, or ""."""
    from importlib.util import find_spec

    return "" if find_spec("trio") else "trio is not installed; pip install trio"


def prepare() -> None:
    """Import it before the run is measured."""
    import_module("trio")


def run(plan: Plan, journal: Journal) -> dict[str, Any]:
    """Run a plan; see the package."""
    return _Nursery(plan, journal).run(import_module("trio"))


class _Nursery:
    """One run: its tasks, and the first failure, at which all others are cancelled."""

    def __init__(self, plan: Plan, journal: Journal) -> None:
        self._plan = plan
        self._journal = journal
        self._agenda = Agenda(plan)
        self._polls = Polls(plan, journal)
        self._failure: BaseException | None = None

    def run(self, trio: Any) -> dict[str, Any]:
        trio.run(self._main, trio)
        if self._failure is not None:
            raise self._failure
        return self._agenda.in_order()

    async def _main(self, trio: Any) -> None:
        async with trio.open_nursery() as polling:
            async with trio.open_nursery() as nursery:
                self._trio, self._nursery, self._polling = trio, nursery, polling
                for task in self._agenda.first():
                    nursery.start_soon(self._guarded, self._whole, task, name=task.name)
                for recurring in self._polls.all:
                    polling.start_soon(self._guarded, self._recur, recurring, name=recurring.poll.name)
            if self._failure is None:
                await self._guarded(self._finish)
            polling.cancel_scope.cancel()

    async def _finish(self) -> None:
        self._polls.look()
        self._journal.finish()

    async def _guarded(self, work: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        """A nursery would wrap what is raised in a group: keep it apart instead."""
        try:
            await work(*arguments)
        except Exception as error:
            self._failure = self._failure or error
            self._nursery.cancel_scope.cancel()
            self._polling.cancel_scope.cancel()

    async def _whole(self, task: Task) -> None:
        arguments = self._agenda.arguments(task)
        for number in range(len(task.steps)):
            arguments = await self._step(task, number, arguments)
        for later in self._agenda.done(task, perform.result_of(arguments)):
            self._nursery.start_soon(self._guarded, self._whole, later, name=later.name)

    async def _step(self, task: Task, number: int, arguments: Arguments) -> Arguments:
        kind = task.steps[number].kind
        if kind == "sleep":
            return await perform.awaited(task, number, arguments, self._journal, self._trio.sleep)
        if kind == "io":
            # Given up where another task has failed: a thread cannot be stopped.
            done: Arguments = await self._trio.to_thread.run_sync(
                perform.step, task, number, arguments, self._journal, abandon_on_cancel=True
            )
            return done
        return perform.step(task, number, arguments, self._journal)

    async def _recur(self, recurring: Recurring) -> None:
        while True:
            recurring.turn()
            await self._trio.sleep(recurring.left)
