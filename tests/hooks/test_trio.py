"""The hook for trio, on real runs."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from recorded_waits import Wait, creations, waits
from tests_support import rows_of

import tracekit as tk
from tracekit.model.trace import Category, Flag, FlowKind, Trace

trio = pytest.importorskip("trio", reason="trio is not installed")
pytest.importorskip("trio.testing")


@pytest.fixture
def run(recorded: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Runs an async function under trio in a session; gives the recording."""

    def run(main: Any, **options: Any) -> Any:
        with recorded(**options) as recording:
            trio.run(main)
        return recording

    return run


def task(trace: Trace, name: str) -> Any:
    """The one task of a name, whatever module it says it is of."""
    (row,) = [row for row in trace.tasks if row.name.rpartition(".")[2] == name]
    return row


def test_task_life(run: Callable[..., Any]) -> None:
    """A task has its creator, its coroutine and where that is defined, its loop, its steps, and its outcome."""

    async def child() -> None:
        await trio.sleep(0)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child, name="child")

    trace = run(main).trace

    row = task(trace, "child")
    assert row.outcome == "done"
    assert row.coroutine.endswith("child")
    assert (row.file, row.line) == (__file__, child.__code__.co_firstlineno)
    assert row.creator.endswith("main")
    assert trace.loops[row.loop].name == "trio"
    assert row.steps == 2
    assert row.ready + row.running + row.awaiting == row.ended - row.created


def test_where_a_task_was_created(run: Callable[..., Any]) -> None:
    """The creation names the user's line, also of the main task: that of `trio.run`."""

    async def child() -> None:
        pass

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child, name="child")

    recording = run(main)

    lines = creations(recording.directory)
    assert lines["child"] == main.__code__.co_firstlineno + 2
    assert "<init>" in lines


def test_outcomes(recorded: Callable[..., Any]) -> None:
    """Done, failed with the exception's name, and cancelled are told apart, also where a nursery's group says so."""

    async def fail() -> None:
        raise LookupError

    async def wait_in_a_nursery() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever, name="inner")
            await trio.sleep_forever()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 0, name="good")
            nursery.start_soon(trio.sleep_forever, name="stopped")
            nursery.start_soon(wait_in_a_nursery, name="group")
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(fail, name="bad")

    with recorded() as recording, pytest.raises(Exception, match="nursery"):
        trio.run(main)

    trace = recording.trace

    assert task(trace, "good").outcome == "done"
    assert (task(trace, "bad").outcome, task(trace, "bad").error) == ("failed", "LookupError")
    assert [task(trace, name).outcome for name in ("stopped", "group", "inner")] == ["cancelled"] * 3
    assert task(trace, "main").outcome == "failed"


def test_main_task_that_fails(recorded: Callable[..., Any]) -> None:
    """The main task's exception is its own, though trio hands nobody else a failure."""

    async def main() -> None:
        raise LookupError

    with recorded() as recording, pytest.raises(LookupError):
        trio.run(main)

    assert task(recording.trace, "main").error == "LookupError"
    assert task(recording.trace, "<init>").outcome == "done"


def test_where_and_for_what_a_task_waits(run: Callable[..., Any]) -> None:
    """At the end of a step stands the user's line that waits, and what of trio it has called; a checkpoint is no wait."""

    async def child(event: Any) -> None:
        await trio.lowlevel.checkpoint()
        await event.wait()

    async def main() -> None:
        event = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child, event, name="child")
            await trio.testing.wait_all_tasks_blocked()
            event.set()

    recording = run(main)

    assert waits(recording.directory)["child"] == [Wait("child", child.__code__.co_firstlineno + 2, "wait")]


def test_who_wakes_whom(run: Callable[..., Any]) -> None:
    """An arrow leads from the step that sets an event to the step that it causes."""

    async def setter(event: Any) -> None:
        event.set()

    async def waiter(event: Any) -> None:
        await event.wait()

    async def main() -> None:
        event = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waiter, event, name="waiter")
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(setter, event, name="setter")

    trace = run(main).trace

    steps = rows_of(trace, "STEP")
    (setting,) = [row for row in steps if row.task == "setter"]
    woken = [
        row.task
        for flow in range(len(trace.flows))
        for row in steps
        if trace.flows.kind[flow] == FlowKind.WAKE
        and setting.start <= trace.flows.time[flow] <= setting.end
        and trace.slices.start[trace.flows.target[flow]] == row.start
    ]
    assert "waiter" in woken


def test_spans_lie_on_their_tasks(run: Callable[..., Any]) -> None:
    """Spans of two tasks that take turns lie whole on the track of each."""

    async def work(name: str) -> None:
        with tk.span(name):
            await trio.lowlevel.checkpoint()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work, "a", name="A")
            nursery.start_soon(work, "b", name="B")

    trace = run(main).trace

    assert {row.name: row.task for row in rows_of(trace, "SPAN")} == {"a": "A", "b": "B"}


def test_long_step_says_where_it_stopped(run: Callable[..., Any]) -> None:
    """A step longer than the threshold carries the user's function and line where it ended."""

    async def main() -> None:
        await trio.lowlevel.checkpoint()

    trace = run(main, threshold=0).trace

    places = [(row.args["function"].rpartition(".")[2], row.args["line"]) for row in rows_of(trace, "STEP") if row.args]
    assert ("main", main.__code__.co_firstlineno + 1) in places


def test_several_runs_in_several_threads(recorded: Callable[..., Any]) -> None:
    """Each run is a loop of its own on its own thread."""

    async def main() -> None:
        await trio.lowlevel.checkpoint()

    with recorded() as recording:
        threads = [threading.Thread(target=trio.run, args=(main,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        trio.run(main)

    trace = recording.trace
    assert len({loop.thread for loop in trace.loops}) == 4
    assert [row.outcome for row in trace.tasks] == ["done"] * len(trace.tasks)


def test_session_in_the_middle_of_a_run(recorded: Callable[..., Any]) -> None:
    """A run that is there already is taken in: tasks from before are marked, new ones seen whole; it goes on afterwards."""
    made = recorded()

    async def old(event: Any) -> None:
        await event.wait()

    async def main() -> None:
        event = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(old, event, name="earlier")
            await trio.testing.wait_all_tasks_blocked()
            with made:
                event.set()
                nursery.start_soon(trio.sleep, 0, name="new")
                await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(trio.sleep, 0, name="after")

    trio.run(main)

    trace = made.trace
    assert task(trace, "earlier").begun_before
    assert task(trace, "earlier").outcome == "done"
    assert not task(trace, "new").begun_before
    assert task(trace, "new").outcome == "done"
    assert "after" not in [row.name for row in trace.tasks]
    (flags,) = trace.slices.flags[trace.slices.category == Category.LOOP]
    assert Flag.BEGUN_BEFORE in Flag(int(flags))


def test_session_beside_a_run_in_another_thread(recorded: Callable[..., Any]) -> None:
    """It is taken in by one of its own steps; what its tasks do from then on is seen, and its instrument goes afterwards."""
    made = recorded()
    tokens: list[Any] = []
    there = threading.Event()

    async def serve(stop: Any) -> None:
        tokens.append((trio.lowlevel.current_trio_token(), stop))
        there.set()
        await stop.wait()

    def target() -> None:
        trio.run(serve, trio.Event())

    thread = threading.Thread(target=target)
    thread.start()
    there.wait()
    token, stop = tokens[0]
    with made:
        trio.from_thread.run_sync(lambda: None, trio_token=token)
        trio.from_thread.run_sync(stop.set, trio_token=token)
        thread.join()

    row = task(made.trace, "serve")
    assert row.begun_before
    assert row.outcome == "done"


def test_guest_run(recorded: Callable[..., Any]) -> None:
    """In a guest run trio's steps lie in the host's callbacks, and both loops stay sound."""

    async def main() -> str:
        await trio.sleep(0.001)
        return "guest"

    async def host() -> Any:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        trio.lowlevel.start_guest_run(
            main, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=done.set_result
        )
        return (await done).unwrap()

    with recorded() as recording:
        assert asyncio.run(host()) == "guest"

    trace = recording.trace
    assert task(trace, "main").outcome == "done"
    callbacks = rows_of(trace, "CALLBACK")
    steps = [row for row in rows_of(trace, "STEP") if row.task == task(trace, "main").name]
    assert len(steps) == 2
    assert all(any(row.start <= step.start <= step.end <= row.end for row in callbacks) for step in steps[1:])
    assert not [note for note in trace.notes if "never began" in note]


def test_failing_hook_stops_nothing(recorded: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    """A task whose name cannot be read breaks the hook: it goes, says so once, and the run goes on."""

    class Strange(str):
        __slots__ = ()

        def __str__(self) -> str:
            raise ZeroDivisionError

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 0, name=Strange("strange"))
            nursery.start_soon(trio.sleep, 0)

    with recorded() as recording:
        trio.run(main)

    assert capsys.readouterr().err.count("trio hook failed and was removed") == 1
    assert recording.trace.notes


def test_program_that_does_without_trio(run_python: Callable[..., Any]) -> None:
    """The hook imports nothing that the program does not import; one that imports trio later is seen."""
    ran = run_python(
        """
        import sys
        assert not {"trio", "greenlet", "asyncio", "weakref"} & set(sys.modules), sorted(sys.modules)
        import trio

        async def main():
            await trio.sleep(0)

        trio.run(main)
        """,
        python=sys.executable,
    )

    assert ran.status == 0, ran.stderr
    assert task(ran.trace, "main").outcome == "done"
