"""The hooks for event loops, on real loops: asyncio's own, and uvloop's where it is installed."""

from __future__ import annotations

import asyncio
import collections
import gc
import importlib.util
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests_support import rows_of

import tracekit as tk
from tracekit.model.trace import FlowKind, Trace

NewLoop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> NewLoop:
    """How to make a loop of each kind."""
    if request.param == "asyncio":
        return asyncio.new_event_loop
    if importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    import uvloop

    return uvloop.new_event_loop


@pytest.fixture
def run(new_loop: NewLoop, recorded: Callable[..., Any]) -> Iterator[Callable[..., Trace]]:
    """Runs a coroutine on a new loop in a session; gives the trace."""

    def run(main: Any, **options: Any) -> Trace:
        with recorded(**options) as recording:
            loop = new_loop()
            try:
                loop.run_until_complete(main)
            finally:
                loop.run_until_complete(loop.shutdown_default_executor())
                loop.close()
        trace: Trace = recording.trace
        return trace

    return run


def task(trace: Trace, name: str) -> Any:
    """The one task of a name."""
    (row,) = [row for row in trace.tasks if row.name == name]
    return row


def test_task_life(run: Callable[..., Trace]) -> None:
    """A task has its creator, its coroutine and where that is defined, its steps, and its outcome."""

    async def child() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.create_task(child(), name="child")

    trace = run(main())

    row = task(trace, "child")
    assert row.outcome == "done"
    assert row.coroutine.endswith("child")
    assert (row.file, row.line) == (__file__, child.__code__.co_firstlineno)
    assert row.creator.startswith("Task-")
    assert row.steps == 2
    assert row.ready + row.running + row.awaiting == row.ended - row.created


def test_outcomes(run: Callable[..., Trace]) -> None:
    """Done, failed with the exception's name, and cancelled are told apart."""

    async def fail() -> None:
        raise LookupError

    async def main() -> None:
        loop = asyncio.get_running_loop()
        tasks = [
            loop.create_task(asyncio.sleep(0), name="good"),
            loop.create_task(fail(), name="bad"),
            loop.create_task(asyncio.sleep(60), name="stopped"),
        ]
        await asyncio.sleep(0)
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    trace = run(main())

    assert task(trace, "good").outcome == "done"
    assert (task(trace, "bad").outcome, task(trace, "bad").error) == ("failed", "LookupError")
    assert task(trace, "stopped").outcome == "cancelled"


def test_exception_that_nobody_retrieves_is_still_reported(run: Callable[..., Trace]) -> None:
    """Looking at a task's outcome does not count as retrieving its exception: asyncio's own warning stays."""
    seen: list[dict[str, Any]] = []

    async def fail() -> None:
        raise LookupError

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: seen.append(context))
        lost = asyncio.create_task(fail())
        await asyncio.wait([lost])
        del lost
        await asyncio.sleep(0)
        gc.collect()

    run(main())

    assert [context["message"] for context in seen] == ["Task exception was never retrieved"]


def test_who_wakes_whom(run: Callable[..., Trace]) -> None:
    """An arrow leads from the step that sets an event to the step that it causes."""

    async def setter(event: asyncio.Event) -> None:
        event.set()

    async def main() -> None:
        event = asyncio.Event()
        asyncio.get_running_loop().create_task(setter(event), name="setter")
        await event.wait()

    trace = run(main())

    steps = rows_of(trace, "STEP")
    (setting,) = [row for row in steps if row.task == "setter"]
    wakes = [
        (int(trace.flows.time[row]), int(trace.slices.start[trace.flows.target[row]]))
        for row in range(len(trace.flows))
        if trace.flows.kind[row] == FlowKind.WAKE
    ]
    (woken,) = [target for time, target in wakes if setting.start <= time <= setting.end]
    assert [row.task.startswith("Task-") for row in steps if row.start == woken] == [True]


def test_executor_job(run: Callable[..., Trace]) -> None:
    """asyncio.to_thread: submitted by the task, run on the worker under the function's own name, and its end wakes the task."""

    awaited = threading.Event()

    def compute() -> int:
        awaited.wait()  # a job that is done before anybody awaits it wakes nobody
        return 5

    async def main() -> None:
        asyncio.get_running_loop().call_later(0, awaited.set)
        assert await asyncio.to_thread(compute) == 5

    trace = run(main())

    (job,) = rows_of(trace, "JOB")
    assert job.name.endswith("compute")
    assert trace.tracks[job.track].kind.name == "THREAD"
    kinds = [FlowKind(kind) for kind in trace.flows.kind]
    assert FlowKind.SUBMIT in kinds
    assert FlowKind.RESULT in kinds


def test_long_step_says_where_it_stopped(run: Callable[..., Trace]) -> None:
    """A step longer than the threshold carries the function, file and line of the innermost await where it ended."""

    async def inner() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        await inner()

    trace = run(main(), threshold=0)

    places = [row.args for row in rows_of(trace, "STEP") if row.args.get("file") == __file__]
    assert [place["function"].rpartition(".")[2] for place in places] == ["inner"]
    assert places[0]["line"] == inner.__code__.co_firstlineno + 1


def test_callbacks(run: Callable[..., Trace]) -> None:
    """Callbacks that are no steps have slices of their own, timers too; a cancelled one has none."""

    def soon() -> None:
        pass

    def later() -> None:
        pass

    def never() -> None:
        raise AssertionError

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(never).cancel()
        loop.call_soon(soon)
        called = loop.create_future()
        loop.call_later(0, lambda: (later(), called.set_result(None)))
        await called

    trace = run(main())

    names = [row.name.rpartition(".")[2] for row in rows_of(trace, "CALLBACK")]
    assert "soon" in names
    assert "<lambda>" in names
    assert "never" not in names


def test_several_loops_in_several_threads(new_loop: NewLoop, recorded: Callable[..., Any]) -> None:
    """Each loop runs on its own thread, with its own tasks."""

    def serve(name: str) -> None:
        async def main() -> None:
            await asyncio.sleep(0)

        loop = new_loop()
        loop.run_until_complete(loop.create_task(main(), name=name))
        loop.close()

    with recorded() as recording:
        threads = [threading.Thread(target=serve, args=(f"main{number}",)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    trace = recording.trace
    loops = {task(trace, f"main{number}").loop for number in range(3)}
    assert len({trace.loops[loop].thread for loop in loops}) == 3


def test_session_in_the_middle_of_a_running_loop(new_loop: NewLoop, recorded: Callable[..., Any]) -> None:
    """A loop that runs already is taken in: tasks from before are marked, new ones seen whole; the loop goes on afterwards."""
    made = recorded()

    async def old(event: asyncio.Event) -> None:
        await event.wait()

    async def main() -> None:
        event = asyncio.Event()
        earlier = asyncio.create_task(old(event), name="earlier")
        await asyncio.sleep(0)
        with made:
            event.set()
            await asyncio.create_task(asyncio.sleep(0), name="new")
            await earlier
        await asyncio.create_task(asyncio.sleep(0), name="after")

    loop = new_loop()
    loop.run_until_complete(main())
    loop.close()

    trace = made.trace
    assert task(trace, "earlier").begun_before
    assert not task(trace, "new").begun_before
    assert task(trace, "new").outcome == "done"
    assert "after" not in [row.name for row in trace.tasks]


def test_looking_at_the_queue_ends_no_step(recorded: Callable[..., Any]) -> None:
    """A program that looks at its loop's queue from within a step does not end the step in the trace."""

    async def main() -> None:
        ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
        assert len(ready) == 0
        assert not ready
        with tk.span("after the look"):
            pass

    with recorded() as recording:
        asyncio.run(main())

    (step,) = [row for row in rows_of(recording.trace, "STEP") if "main" in task(recording.trace, row.task).coroutine]
    (span,) = rows_of(recording.trace, "PART")
    assert step.start <= span.start <= span.end <= step.end


def test_task_that_nobody_holds(recorded: Callable[..., Any]) -> None:
    """A task that only the garbage collector can reach once its step is over goes then, with asyncio's own complaint."""
    complaints: list[str] = []
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _loop, context: complaints.append(context["message"]))

    async def wait() -> None:
        await loop.create_future()

    with recorded():
        loop.create_task(wait())  # noqa: RUF006
        loop._run_once()  # type: ignore[attr-defined]
        assert len(loop._ready) == 0  # type: ignore[attr-defined]
        gc.collect()
    loop.close()

    assert complaints == ["Task was destroyed but it is pending!"]


def test_loop_run_within_its_own_step(recorded: Callable[..., Any]) -> None:
    """A loop that is run again from within a step (as nest_asyncio does): the inner steps lie within the outer one."""
    loop = asyncio.new_event_loop()

    async def inner() -> None:
        await asyncio.sleep(0)

    async def outer() -> None:
        nested = loop.create_task(inner(), name="inner")
        asyncio.tasks._leave_task(loop, asyncio.current_task())  # type: ignore[arg-type]
        while not nested.done():
            loop._run_once()  # type: ignore[attr-defined]
        asyncio.events._set_running_loop(loop)  # what nest_asyncio does when it is back
        tk.instant("back")
        asyncio.tasks._enter_task(loop, me)

    with recorded() as recording:
        me = loop.create_task(outer(), name="outer")
        loop.run_until_complete(me)
        loop.close()

    steps = rows_of(recording.trace, "STEP")
    (around,) = [row for row in steps if row.task == "outer"]
    within = [row for row in steps if row.task == "inner"]
    assert len(within) == 2
    (back,) = recording.trace.instants.time
    assert all(around.start <= row.start <= row.end <= back <= around.end for row in within)


def test_cancelled_callbacks_leave_nothing_behind(recorded: Callable[..., Any]) -> None:
    """What another thread scheduled and cancelled is forgotten: no later callback is taken for it."""
    ran = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def schedule() -> None:
            for _ in range(100):
                loop.call_soon_threadsafe(ran.append, 0).cancel()

        thread = threading.Thread(target=schedule)
        thread.start()
        thread.join()  # the loop stands still: none of them runs before it is cancelled
        await asyncio.sleep(0)
        for number in range(1, 101):
            loop.call_soon(ran.append, number)
        await asyncio.sleep(0)

    with recorded() as recording:
        asyncio.run(main())

    assert ran == list(range(1, 101))
    trace = recording.trace
    appends = [row.start for row in rows_of(trace, "CALLBACK") if row.name.endswith("append")]
    targets = {int(trace.slices.start[target]) for target in trace.flows.target}
    assert len(appends) == 100
    assert not targets & set(appends)


def test_failing_hook_loses_no_callback(recorded: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    """A task whose name cannot be read breaks the hook: it goes, says so once, and every callback still runs, once."""

    class Strange(asyncio.Task):  # type: ignore[type-arg]
        def get_name(self) -> str:
            raise ZeroDivisionError

    ran = []

    async def child(number: int) -> None:
        ran.append(number)
        await asyncio.sleep(0)
        ran.append(number)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(child(1)), Strange(child(2), loop=loop), asyncio.create_task(child(3))]
        loop.call_soon(ran.append, 4)
        await asyncio.wait(tasks)

    with recorded() as recording:
        asyncio.run(main())

    assert sorted(ran) == [1, 1, 2, 2, 3, 3, 4]
    assert capsys.readouterr().err.count("asyncio hook failed and was removed") == 1
    assert recording.trace.notes


def test_no_callback_is_lost_while_sessions_come_and_go(recorded: Callable[..., Any]) -> None:
    """Other threads schedule all the time, while sessions begin and end in the running loop: each callback runs once."""
    loop = asyncio.new_event_loop()
    ran: list[int] = []
    sent: list[int] = []
    over = threading.Event()

    def send(first: int) -> None:
        number = first
        while number < 40_000 and not over.is_set():  # without an end they may outrun a slow loop for ever
            loop.call_soon_threadsafe(ran.append, number)
            sent.append(number)
            number += 2

    async def main() -> None:
        for _ in range(20):
            with recorded():
                await asyncio.sleep(0)
            await asyncio.sleep(0)

    senders = [threading.Thread(target=send, args=(first,)) for first in range(2)]
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for sender in senders:
            sender.start()
        loop.run_until_complete(main())
        over.set()
        for sender in senders:
            sender.join()
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        sys.setswitchinterval(switch)
        over.set()
        loop.close()

    assert sorted(ran) == sorted(sent)


def test_session_beside_a_loop_that_runs_in_another_thread(recorded: Callable[..., Any]) -> None:
    """It is taken in between two of its callbacks; what its tasks do from then on is seen."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def serve(stop: asyncio.Event) -> None:
        await stop.wait()

    async def make_event() -> asyncio.Event:
        return asyncio.Event()

    stop = asyncio.run_coroutine_threadsafe(make_event(), loop).result()
    serving = asyncio.run_coroutine_threadsafe(serve(stop), loop)
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()  # by now the server waits
    with recorded() as recording:
        # One round trip for the loop to be taken in, one for the server to end.
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
        loop.call_soon_threadsafe(stop.set)
        serving.result()
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()

    trace = recording.trace
    (row,) = [task for task in trace.tasks if task.coroutine.endswith("serve")]
    assert row.begun_before
    assert row.outcome == "done"
    assert not trace.threads[trace.loops[row.loop].thread].main


def test_loop_gets_its_queue_back(recorded: Callable[..., Any]) -> None:
    """After the session a loop of asyncio has a plain queue again, with what was scheduled still in it."""
    ran = []
    loop = asyncio.new_event_loop()
    with recorded():
        loop.call_soon(ran.append, 1)
        loop.run_until_complete(asyncio.sleep(0))
        loop.call_soon(ran.append, 2)

    assert type(loop._ready) is collections.deque  # type: ignore[attr-defined]
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert ran == [1, 2]


def test_loop_in_another_thread_gets_its_queue_back(recorded: Callable[..., Any]) -> None:
    """So does one that goes on running in another thread, and no callback is lost."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    with recorded():
        thread.start()
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
    queue = type(loop._ready)  # type: ignore[attr-defined]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()

    assert queue is collections.deque


def test_no_frame_of_ours_under_a_step(recorded: Callable[..., Any]) -> None:
    """On asyncio's own loops the stack under a step is the one it has without a session."""

    async def stack() -> list[str]:
        await asyncio.sleep(0)
        return [f"{frame.filename}:{frame.name}" for frame in traceback.extract_stack()[-4:]]

    plain = asyncio.run(stack())
    with recorded():
        traced = asyncio.run(stack())

    assert traced == plain


def test_debug_mode_stays_intact(recorded: Callable[..., Any], caplog: Any) -> None:
    """asyncio's own slow-callback warning comes as it would."""

    async def main() -> None:
        asyncio.get_running_loop().slow_callback_duration = 0
        await asyncio.sleep(0)

    with recorded():
        asyncio.run(main(), debug=True)

    assert any("took" in record.message for record in caplog.records)


def test_python_tasks(recorded: Callable[..., Any]) -> None:
    """Tasks of the pure Python class are seen like those of C."""

    async def child() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.ensure_future(child())

    def python_task(loop: Any, coroutine: Any, **more: Any) -> Any:
        return asyncio.tasks._PyTask(coroutine, loop=loop, **more)  # type: ignore[attr-defined]

    with recorded() as recording:
        loop = asyncio.new_event_loop()
        loop.set_task_factory(python_task)
        loop.run_until_complete(main())
        loop.close()

    assert [row.outcome for row in recording.trace.tasks] == ["done", "done"]
    assert sum(row.steps for row in recording.trace.tasks) == 4


def test_pending_task_at_the_end(recorded: Callable[..., Any]) -> None:
    """A task that is still waiting when the session stops is there, as pending and unfinished."""
    loop = asyncio.new_event_loop()
    with recorded() as recording:
        waiting = loop.create_task(asyncio.sleep(3600), name="waiting")
        loop.run_until_complete(asyncio.sleep(0))
    waiting.cancel()
    loop.run_until_complete(asyncio.gather(waiting, return_exceptions=True))
    loop.close()

    trace = recording.trace
    assert task(trace, "waiting").outcome == "pending"
    (life,) = [row for row in rows_of(trace, "TASK") if row.name.startswith("waiting")]
    assert life.unfinished


def test_one_loop_after_another(recorded: Callable[..., Any]) -> None:
    """asyncio.run again and again: each has a loop of its own, whose tasks are all there and done."""

    async def main() -> None:
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))

    with recorded() as recording:
        for _ in range(20):
            asyncio.run(main())

    trace = recording.trace
    assert len({row.loop for row in trace.tasks}) == 20
    assert {row.outcome for row in trace.tasks} == {"done"}


def test_async_generators_are_finished(run: Callable[..., Trace]) -> None:
    """An async generator that nobody iterates any more is closed by a task that asyncio makes; it is there like any other."""
    closed = []

    async def numbers(name: str) -> Any:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            closed.append(name)

    async def main() -> None:
        async for _ in numbers("dropped"):
            break
        gc.collect()
        for _ in range(3):
            await asyncio.sleep(0)
        kept.append(numbers("kept"))
        await kept[0].__anext__()
        await asyncio.get_running_loop().shutdown_asyncgens()

    kept: list[Any] = []
    trace = run(main())

    assert closed == ["dropped", "kept"]
    assert {row.outcome for row in trace.tasks} == {"done"}
    assert len(trace.tasks) >= 3


def test_debug_mode_tracks_origins(recorded: Callable[..., Any]) -> None:
    """In debug mode asyncio records where coroutines and tasks are made as it would; its frames are not ours."""

    async def child() -> None:
        pass

    async def main() -> tuple[Any, ...]:
        coroutine = child()
        task = asyncio.get_running_loop().create_task(coroutine)
        origin = (coroutine.cr_origin or ())[:4]
        stack = task._source_traceback[-2:]  # type: ignore[attr-defined]
        await task
        return sys.get_coroutine_origin_tracking_depth(), origin, [(frame.name, frame.lineno) for frame in stack]

    plain = asyncio.run(main(), debug=True)
    with recorded():
        traced = asyncio.run(main(), debug=True)

    assert traced == plain
    assert plain[1]


def test_subclassed_loop(recorded: Callable[..., Any]) -> None:
    """A loop that overrides what schedules and what runs works as it did, and what runs on it is seen."""
    scheduled = []

    class Loop(asyncio.SelectorEventLoop):
        def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
            scheduled.append(callback)
            return super().call_soon(callback, *args, context=context)

        def _run_once(self) -> None:
            super()._run_once()  # type: ignore[misc]

    async def child() -> None:
        await asyncio.sleep(0)

    with recorded() as recording:
        loop = Loop()
        loop.run_until_complete(loop.create_task(child(), name="child"))
        loop.close()

    assert len(scheduled) >= 2
    row = task(recording.trace, "child")
    assert (row.steps, row.outcome) == (2, "done")


def test_a_queue_of_somebody_else(recorded: Callable[..., Any]) -> None:
    """A loop whose queue somebody else has replaced, before or after us, keeps that one and loses no callback."""

    class Theirs(collections.deque):  # type: ignore[type-arg]
        pass

    ran = []
    before, after = asyncio.new_event_loop(), asyncio.new_event_loop()
    before._ready = Theirs()  # type: ignore[attr-defined]
    with recorded():
        before.run_until_complete(asyncio.sleep(0))
        assert type(before._ready) is Theirs  # type: ignore[attr-defined]
        after.run_until_complete(asyncio.sleep(0))
        after.call_soon(ran.append, 1)
        after._ready = Theirs(after._ready)  # type: ignore[attr-defined]
        after.run_until_complete(asyncio.sleep(0))
    assert type(after._ready) is Theirs  # type: ignore[attr-defined]
    after.run_until_complete(asyncio.sleep(0))
    before.close()
    after.close()
    assert ran == [1]


def test_many_tasks_leave_nothing(run_python: Callable[..., Any]) -> None:
    """However many tasks come and go, the process holds no more memory for them than for a few."""
    # In a process of its own: what other libraries' threads hold in this one is not ours.
    ran = run_python("""
        import asyncio, gc, sys

        async def child():
            await asyncio.sleep(0)

        async def main(count):
            for _ in range(count // 100):
                await asyncio.gather(*(child() for _ in range(100)))
            gc.collect()
            return sys.getallocatedblocks()

        loop = asyncio.new_event_loop()
        loop.run_until_complete(main(500))
        before = loop.run_until_complete(main(500))
        print(loop.run_until_complete(main(10_000)) - before)
        loop.close()
    """)
    assert int(ran.stdout) < 1000
