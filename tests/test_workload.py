"""The words in which a workload is written: what they make, and what they say of what is wrong. Knows no model."""

from __future__ import annotations

import functools
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tracekit.errors import UsageError
from tracekit.workload import NOT_GIVEN, Poll, Step, Task, compute, io, poll, sleep, task

ROOT = str(Path(__file__).parents[1])


def load(number: int) -> int:
    return number


async def load_async(number: int) -> int:
    return number


def count() -> Any:
    yield 1


async def stream() -> Any:
    yield 1


def test_a_task_is_what_was_said() -> None:
    """Steps, what is given and what comes before stand in the task as they were written."""
    first = task("first", io(load, load_async), sleep(0.5), compute(load), given=None)
    last = task("last", compute(sum), after=[first, "other"])

    assert [(step.kind, step.name, step.seconds, step.awaitable) for step in first.steps] == [
        ("io", "load", 0.0, True),
        ("sleep", "sleep", 0.5, True),
        ("compute", "load", 0.0, False),
    ]
    assert (first.given, first.after) == (None, ())
    assert (last.given, last.after) == (NOT_GIVEN, ("first", "other"))


def test_after_takes_one_as_well_as_several() -> None:
    """One task, its name, and any iterable of them are fine."""
    first = task("first", compute(load))

    assert task("next", sleep(0), after=first).after == ("first",)
    assert task("next", sleep(0), after="first").after == ("first",)
    assert task("next", sleep(0), after=(one for one in [first])).after == ("first",)


def test_partials_and_callable_objects_are_functions() -> None:
    """A step is named after what is called in the end."""
    assert compute(functools.partial(load, 3)).name == "load"
    assert io(functools.partial(load, 3), functools.partial(load_async, 3)).awaitable
    assert compute(dict).name == "dict"


def test_an_io_step_without_a_twin_cannot_be_awaited() -> None:
    """Only a sleep, and I/O that has a coroutine, can."""
    assert not io(load).awaitable


@pytest.mark.parametrize("made", [task("a", io(load, load_async), given=1), poll(0.5), sleep(1), task("b", sleep(0))])
def test_nothing_changes_and_all_can_be_sent(made: Task | Poll | Step) -> None:
    """They are frozen, they show what they hold, and come out of a pickle as they went in."""
    with pytest.raises(AttributeError, match="does not change"):
        made.name = "other"

    assert repr(pickle.loads(pickle.dumps(made))) == repr(made)
    assert f"name={made.name!r}" in repr(made)


def test_what_was_not_given_stays_what_it_was() -> None:
    """The mark for a missing `given` is one and the same, also after it was sent."""
    assert pickle.loads(pickle.dumps(task("a", sleep(0)))).given is NOT_GIVEN


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: task("a"), "has no steps"),
        (lambda: task("a", load), "the function load is no step: wrap it"),
        (lambda: task("", sleep(0)), "is no name of a task"),
        (lambda: task("a\nb", sleep(0)), "is no name of a task"),
        (lambda: task("a␞b", sleep(0)), "is no name of a task"),
        (lambda: task(sleep(0)), "is no name of a task"),
        (lambda: task("a", sleep(0), given=1, after="b"), "has given and after"),
        (lambda: task("a", sleep(0), after=[1]), "after=1 is no task"),
        (lambda: compute(load(1)), "takes a function, not 1; give the function itself"),
        (lambda: compute(load_async), "`async def` function; use a plain one"),
        (lambda: compute(stream), "`async def` function; use a plain one"),
        (lambda: compute(count), "that is a generator"),
        (lambda: io(load_async), "give the plain one first"),
        (lambda: io(load, load), "the function load is no `async def` function"),
        (lambda: io(load, 3), "3 is no `async def` function"),
        (lambda: sleep(-1), r"sleep\(-1\): give it seconds"),
        (lambda: sleep("1"), "give it seconds"),
        (lambda: sleep(float("nan")), "give it seconds"),
        (lambda: poll(0), "give the seconds between two turns"),
        (lambda: poll(1, ""), "is no name of a poll"),
        (lambda: poll(1, "p", 3), "takes a function, not 3"),
    ],
)
def test_a_mistake_is_said_in_one_line(make: Any, says: str) -> None:
    """What is wrong, and how it is written instead."""
    with pytest.raises(UsageError, match=says) as error:
        make()

    assert "\n" not in str(error.value)


def test_it_is_light() -> None:
    """A worker that imports a workload's words gets nothing heavy with them."""
    heavy = ("typing", "dataclasses", "inspect", "asyncio", "logging", "numpy", "json", "multiprocessing")
    code = f"import sys; sys.path.insert(0, {ROOT!r}); import tracekit.workload; "
    code += f"print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
