"""Plan: what a workload asks for, checked; and which of its tasks may begin next. Knows no model and no clock."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from tracekit.compare.failure import is_of_the_call, told
from tracekit.errors import TracekitError, UsageError
from tracekit.workload import NOT_GIVEN, Poll, Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Any

    from tracekit.compare.find import Found


class Plan:
    """The tasks and polls of a workload, in its order: names are unique, what a task comes after is there and in no circle.

    Args:
        items: what the workload gave.

    Raises:
        UsageError: they make no plan.
    """

    def __init__(self, items: Iterable[Task | Poll]) -> None:
        listed = _listed(items)
        self.tasks = [item for item in listed if isinstance(item, Task)]
        self.polls = [item for item in listed if isinstance(item, Poll)]
        if not self.tasks:
            raise UsageError("the workload has no tasks: let it return a list with at least one task(...)")
        self.by_name = {task.name: task for task in self.tasks}
        self._check_names()
        self.ordered = self._ordered()

    def _check_names(self) -> None:
        seen: set[str] = set()
        for name in [task.name for task in self.tasks] + [poll.name for poll in self.polls]:
            if name in seen:
                raise UsageError(f"the workload has two of the name {name!r}: give each task and poll its own")
            seen.add(name)
        for task in self.tasks:
            for name in task.after:
                if name not in self.by_name:
                    raise UsageError(
                        f"task {task.name!r} comes after {name!r}, which the workload does not return: return it too"
                    )

    def _ordered(self) -> list[Task]:
        """The tasks in their own order, but each behind those that it comes after."""
        agenda = Agenda(self)
        place = {task.name: at for at, task in enumerate(self.tasks)}
        ready = [place[task.name] for task in agenda.first()]
        ordered = []
        heapify(ready)
        while ready:
            task = self.tasks[heappop(ready)]
            ordered.append(task)
            for later in agenda.done(task, None):
                heappush(ready, place[later.name])
        if len(ordered) < len(self.tasks):
            names = {task.name for task in self.tasks} - {task.name for task in ordered}
            circle = ", ".join(task.name for task in self.tasks if task.name in names)
            raise UsageError(f"these tasks wait for each other in a circle: {circle}; let one of them come first")
        return ordered


class Agenda:
    """What has been done of a plan and what may begin: each task once, when all that it comes after is done."""

    def __init__(self, plan: Plan) -> None:
        self.results: dict[str, Any] = {}
        self._tasks = plan.tasks
        self._waits = {task.name: len(set(task.after)) for task in plan.tasks}
        self._next: dict[str, list[Task]] = {task.name: [] for task in plan.tasks}
        for task in plan.tasks:
            for name in dict.fromkeys(task.after):
                self._next[name].append(task)

    @property
    def is_over(self) -> bool:
        """Every task is done."""
        return len(self.results) == len(self._tasks)

    def first(self) -> list[Task]:
        """The tasks that come after nothing."""
        return [task for task in self._tasks if not task.after]

    def done(self, task: Task, result: Any) -> list[Task]:
        """Keep a task's result; the tasks that may begin now."""
        self.results[task.name] = result
        ready = []
        for later in self._next[task.name]:
            self._waits[later.name] -= 1
            if not self._waits[later.name]:
                ready.append(later)
        return ready

    def arguments(self, task: Task) -> tuple[Any, ...]:
        """What a task's first step is called with."""
        if task.after:
            return ([self.results[name] for name in task.after],)
        return () if task.given is NOT_GIVEN else (task.given,)

    def in_order(self) -> dict[str, Any]:
        """The results by name, in the order of the plan's tasks."""
        return {task.name: self.results[task.name] for task in self._tasks}


class Prepared:
    """A workload that is set up: `with Prepared(found, scale) as plan`. What it has after its `yield` runs at the end.

    Raises:
        UsageError: what it gave makes no plan.
        TracekitError: it failed.
    """

    def __init__(self, found: Found, scale: float) -> None:
        self._found = found
        self._scale = scale
        self._generator: Iterator[Any] | None = None

    def __enter__(self) -> Plan:
        try:
            items = self._found.function(self._scale)
            if hasattr(items, "__await__") or hasattr(items, "__aiter__"):
                getattr(items, "close", bool)()  # or it would complain of never having been awaited
                raise UsageError(f"workload {self._found.name} is an `async def` function: make it a plain one")
            if hasattr(items, "send"):
                self._generator = items
                items = next(self._generator)
            return Plan(items)
        except TracekitError:
            self._end()
            raise
        except StopIteration:
            raise UsageError(
                f"workload {self._found.name} yields nothing: let it yield its list of tasks, once"
            ) from None
        except Exception as error:
            if is_of_the_call(error):
                raise UsageError(f"workload {self._found.name} takes one argument, the scale: {error}") from error
            raise TracekitError(f"workload {self._found.name} could not be set up: {told(error)}") from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._end()
        except UsageError:
            if kind is None:
                raise
        except Exception as failure:
            if kind is None:
                raise TracekitError(
                    f"workload {self._found.name} could not be cleaned up: {told(failure)}"
                ) from failure

    def _end(self) -> None:
        generator, self._generator = self._generator, None
        if generator is None:
            return
        for _ in generator:
            raise UsageError(f"workload {self._found.name} yields twice: let it yield the whole list of tasks at once")


def _listed(items: Any) -> list[Any]:
    if isinstance(items, (Task, Poll)):
        return [items]
    if items is None or isinstance(items, str) or not hasattr(items, "__iter__"):
        raise UsageError(f"the workload gave {_short(items)}: let it return a list of tasks, as [task(...), task(...)]")
    listed = list(items)
    for item in listed:
        if not isinstance(item, (Task, Poll)):
            raise UsageError(
                f"{_short(item)} in the workload's list is neither a task nor a poll: make it with task(...) or poll(...)"
            )
    return listed


def _short(thing: object) -> str:
    return f"a {type(thing).__name__}" if isinstance(thing, (list, tuple, dict, set)) else repr(thing)[:60]
