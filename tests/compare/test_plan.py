"""Plans: what is checked, in which order tasks may begin, and when a workload sets up and cleans up. Knows no model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.compare.find import Found
from tracekit.compare.plan import Agenda, Plan, Prepared
from tracekit.errors import TracekitError, UsageError
from tracekit.workload import Task, poll, sleep, task


def found(function: Callable[[float], Any]) -> Found:
    return Found("jobs", function, "", "")


@st.composite
def graphs(draw: st.DrawFn) -> list[Task]:
    """Tasks in any order, each after some that come before it in another."""
    count = draw(st.integers(1, 12))
    tasks = [
        task(
            str(at),
            sleep(0),
            after=[str(draw(st.integers(0, at - 1))) for _ in range(draw(st.integers(0, 3)) if at else 0)],
        )
        for at in range(count)
    ]
    return draw(st.permutations(tasks))


@given(graphs())
def test_tasks_come_behind_those_before_them(tasks: list[Task]) -> None:
    """The order has every task once, each behind all that it comes after; ready ones in the order in which they are given."""
    ordered = Plan(tasks).ordered

    assert sorted(task.name for task in ordered) == sorted(task.name for task in tasks)
    done: set[str] = set()
    for at, task_ in enumerate(ordered):
        assert done.issuperset(task_.after)
        ready = [one for one in tasks if one.name not in done and done.issuperset(one.after)]
        assert ready[0] is ordered[at]
        done.add(task_.name)


@given(graphs())
def test_an_agenda_names_each_task_once(tasks: list[Task]) -> None:
    """In whatever order tasks end, each becomes ready once, and gets the results of those before it in their order."""
    plan = Plan(tasks)
    agenda = Agenda(plan)
    ready = agenda.first()
    begun = []
    while ready:
        task_ = ready.pop()
        assert not agenda.is_over
        begun.append(task_.name)
        assert agenda.arguments(task_) == (([f"result {name}" for name in task_.after],) if task_.after else ())
        ready += agenda.done(task_, f"result {task_.name}")

    assert agenda.is_over
    assert sorted(begun) == sorted(task.name for task in tasks)
    assert agenda.in_order() == {task.name: f"result {task.name}" for task in tasks}


def test_none_may_be_given() -> None:
    """What is given is an argument, also None; what is not given is none."""
    plan = Plan([task("a", sleep(0), given=None), task("b", sleep(0))])
    agenda = Agenda(plan)

    assert [agenda.arguments(one) for one in plan.tasks] == [(None,), ()]


@pytest.mark.parametrize(
    ("items", "says"),
    [
        ([], "has no tasks"),
        ([poll(1)], "has no tasks"),
        (None, "the workload gave None: let it return a list"),
        ("tasks", "the workload gave 'tasks'"),
        ([task("a", sleep(0)), 3], "3 in the workload's list is neither"),
        ([[task("a", sleep(0))]], "a list in the workload's list is neither"),
        ([task("a", sleep(0)), task("a", sleep(0))], "two of the name 'a'"),
        ([task("a", sleep(0)), poll(1, "a")], "two of the name 'a'"),
        ([task("a", sleep(0), after="b")], "'a' comes after 'b', which the workload does not return"),
        (
            [task("a", sleep(0)), task("b", sleep(0), after=["a", "c"]), task("c", sleep(0), after="b")],
            "in a circle: b, c; let",
        ),
    ],
)
def test_what_makes_no_plan_is_said(items: Any, says: str) -> None:
    """In one line, with the names that are concerned."""
    with pytest.raises(UsageError, match=says):
        Plan(items)


def test_one_task_is_a_workload_too() -> None:
    """Without a list around it."""
    assert [task.name for task in Plan(task("only", sleep(0))).tasks] == ["only"]  # type: ignore[arg-type]


def test_what_follows_the_yield_cleans_up() -> None:
    """Set-up comes before the plan is there, clean-up when it is over, also where it failed."""
    said = []

    def workload(scale: float) -> Any:
        said.append(f"up {scale}")
        try:
            yield [task("a", sleep(0))]
        finally:
            said.append("down")

    with Prepared(found(workload), 2.0) as plan:
        said.append(plan.tasks[0].name)
    with pytest.raises(KeyError), Prepared(found(workload), 1.0):
        raise KeyError

    assert said == ["up 2.0", "a", "down", "up 1.0", "down"]


def test_what_was_set_up_is_undone_where_it_makes_no_plan() -> None:
    """A server does not stay behind because the list is wrong."""
    said = []

    def workload(_: float) -> Any:
        try:
            yield []
        finally:
            said.append("down")

    with pytest.raises(UsageError, match="has no tasks"), Prepared(found(workload), 1.0):
        pass

    assert said == ["down"]


def _fails(_: float) -> Any:
    raise OSError("no room")


def _yields_nothing(_: float) -> Any:
    yield from ()


def _yields_each(_: float) -> Any:
    yield task("a", sleep(0))
    yield task("b", sleep(0))


async def _is_async(_: float) -> Any:
    return [task("a", sleep(0))]


async def _yields_async(_: float) -> Any:
    yield [task("a", sleep(0))]


def _takes_nothing() -> Any:
    return [task("a", sleep(0))]


def _fails_later(_: float) -> Any:
    yield [task("a", sleep(0))]
    raise OSError("no server")


@pytest.mark.parametrize(
    ("workload", "says"),
    [
        (_fails, r"could not be set up: OSError: no room \(test_plan.py, line \d+\)"),
        (_yields_nothing, "yields nothing"),
        (_yields_each, "yields twice: let it yield the whole list"),
        (_is_async, "is an `async def` function: make it a plain one"),
        (_yields_async, "is an `async def` function: make it a plain one"),
        (_takes_nothing, "takes one argument, the scale: "),
        (_fails_later, "could not be cleaned up: OSError: no server"),
    ],
)
def test_a_workload_that_fails_is_said(workload: Callable[[float], Any], says: str) -> None:
    """In one line, with the place in its own code."""
    with pytest.raises(TracekitError, match=says), Prepared(found(workload), 1.0):
        pass
