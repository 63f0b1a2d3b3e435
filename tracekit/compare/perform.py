"""Perform: carries out one step, each under a span and a note in the journal. Knows no model; all models perform by it.

Arguments travel from step to step as what the next function is called with: nothing, or one thing.
"""

from __future__ import annotations

import time

from tracekit.compare.failure import is_of_the_call, told
from tracekit.compare.journal import BEGIN, END, Journal
from tracekit.errors import TracekitError
from tracekit.record.probes import span
from tracekit.workload import NOT_GIVEN, Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, TypeAlias

    from tracekit.record.probes import Span

    Arguments: TypeAlias = tuple[Any, ...]

_BETWEEN = "\u241e"  # names; a line end would not outlive the trace
_ROOM = 480  # bytes of one text argument of a span
_TEXTS = 10  # of one span


def whole(task: Task, arguments: Arguments, journal: Journal) -> Any:
    """Carry out a task, one step after the other, here; its result.

    Raises:
        TracekitError: a step failed.
    """
    for number in range(len(task.steps)):
        arguments = step(task, number, arguments, journal)
    return result_of(arguments)


def step(task: Task, number: int, arguments: Arguments, journal: Journal) -> Arguments:
    """Carry out one step here, blocking this thread; what the next one is called with.

    Raises:
        TracekitError: it failed.
    """
    asked = task.steps[number]
    with span_of(task, number):
        journal.note(task.name, number, BEGIN)
        try:
            if asked.function is None:
                time.sleep(asked.seconds)
            else:
                arguments = (asked.function(*arguments),)
        except (Exception, SystemExit) as error:
            raise failed(task, number, error) from error
        journal.note(task.name, number, END)
    return arguments


async def awaited(
    task: Task, number: int, arguments: Arguments, journal: Journal, sleep: Callable[[float], Awaitable[object]]
) -> Arguments:
    """Carry out one step that can be awaited; what the next one is called with.

    Args:
        sleep: the loop's own.

    Raises:
        TracekitError: it failed.
    """
    asked = task.steps[number]
    with span_of(task, number):
        journal.note(task.name, number, BEGIN)
        try:
            if asked.coroutine is None:
                await sleep(asked.seconds)
            else:
                arguments = (await asked.coroutine(*arguments),)
        except (Exception, SystemExit) as error:
            raise failed(task, number, error) from error
        journal.note(task.name, number, END)
    return arguments


def whole_elsewhere(task: Task, arguments: Arguments) -> tuple[Any, list[tuple[int, str, int, str]]]:
    """In a worker process: carry out a task; its result, and what is to be noted.

    Raises:
        TracekitError: a step failed.
    """
    journal = Journal()
    result = whole(task, arguments, journal)
    return result, [tuple(event) for event in journal.events]


def step_elsewhere(task: Task, number: int, arguments: Arguments) -> tuple[Arguments, list[tuple[int, str, int, str]]]:
    """In a worker process: carry out one step; what the next one is called with, and what is to be noted.

    Raises:
        TracekitError: it failed.
    """
    journal = Journal()
    arguments = step(task, number, arguments, journal)
    return arguments, [tuple(event) for event in journal.events]


def bare(task: Task) -> Task:
    """The task without what it is given, which its arguments hold already, to be sent to another process."""
    return Task(task.name, task.steps, NOT_GIVEN, task.after)


def result_of(arguments: Arguments) -> Any:
    """The result of a task whose last step left this."""
    return arguments[0] if arguments else None


def failed(task: Task, number: int, error: BaseException) -> TracekitError:
    """The one line for a step that failed."""
    asked = task.steps[number]
    called = "with one argument, what the step before passes on" if number else _called(task)
    return TracekitError(
        f"task {task.name!r} failed in step {number + 1} of {len(task.steps)} ({asked.name}): {told(error)}"
        + (f"; it is called {called}" if is_of_the_call(error) else "")
    )


def _called(task: Task) -> str:
    """What the first step gets."""
    if task.after:
        return "with one argument, the list of the results of those that it comes after"
    if task.given is NOT_GIVEN:
        return "without an argument, since the task is given none"
    return "with one argument, what the task is given"


def span_of(task: Task, number: int) -> Span:
    """The span of a step: named after its task, and all that a trace has to tell of it."""
    asked = task.steps[number]
    after = _after(task) if number == 0 and task.after else {}
    return span(
        task.name,
        tracekit_step=number,
        tracekit_kind=asked.kind,
        tracekit_step_name=asked.name,
        tracekit_awaitable=asked.awaitable,
        **({"tracekit_seconds": asked.seconds} if asked.kind == "sleep" else {}),
        **after,
    )


def _after(task: Task) -> dict[str, object]:
    """The names of those before, in as many texts as it takes, since one of them holds few characters."""
    texts = [""]
    for name in task.after:
        if texts[-1] and len((texts[-1] + _BETWEEN + name).encode()) > _ROOM:
            texts.append("")
        texts[-1] += _BETWEEN + name if texts[-1] else name
    named: dict[str, object] = {
        f"tracekit_after_{at}" if at else "tracekit_after": text for at, text in enumerate(texts[:_TEXTS])
    }
    left_out = sum(text.count(_BETWEEN) + 1 for text in texts[_TEXTS:])
    if left_out:
        named["tracekit_after_left_out"] = left_out
    return named
