"""Tasks that are started eagerly: their first step runs within the call that makes them. Since Python 3.12."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from spool_records import Record, records_of
from tests_support import spans_of

import tracekit as tk
from tracekit import events
from tracekit.spool.core import PACKAGE, core

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="there are no eager tasks")

_TOLD = (events.TASK_CREATED, events.STEP_BEGIN, events.STEP_END, events.TASK_READY, events.TASK_DONE, events.TASK_NAME)


@pytest.fixture
def run(recorded: Callable[..., Any]) -> Callable[..., list[Record]]:
    """Runs a coroutine on a new loop whose tasks are eager, in a session; gives the records of this thread."""

    def run(main: Coroutine[Any, Any, Any], factory: Any = "eager") -> list[Record]:
        async def eagerly() -> None:
            eager = asyncio.eager_task_factory  # type: ignore[attr-defined]
            asyncio.get_running_loop().set_task_factory(eager if factory == "eager" else factory)
            await main

        with recorded() as recording:
            asyncio.run(eagerly())
        return records_of(recording.directory)

    return run


def life(records: list[Record], name: str) -> list[str]:
    """What is said of the task of this name, in order."""
    (serial,) = {
        record.b for record in records if record.kind in (events.TASK_CREATED, events.TASK_NAME) and record.name == name
    }
    return [events.BY_KIND[record.kind].name for record in records if record.kind in _TOLD and record.b == serial]


async def finish() -> None:
    pass


async def fail() -> None:
    raise LookupError


async def turn() -> None:
    await asyncio.sleep(0)


async def wait_for(future: asyncio.Future[None]) -> None:
    await future


_STEP = ["step begin", "step end"]
_TURN = ["task created", "step begin", "task ready", "step end", "step begin", "task done", "step end"]

in_c = pytest.mark.skipif(core.fast is None, reason="the core in Python sees only what a factory makes")


class Heir(asyncio.Task):  # type: ignore[type-arg]
    """A task that is initialised as asyncio's is."""


class Successor(asyncio.Task):  # type: ignore[type-arg]
    """A task that is initialised by itself first."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)


def start(kind: Any, coroutine: Coroutine[Any, Any, Any], **options: Any) -> Any:
    """A task that is started eagerly, without a factory."""
    return kind(coroutine, loop=asyncio.get_running_loop(), eager_start=True, **options)


def test_one_that_ends_at_once(run: Callable[..., list[Record]]) -> None:
    """A task that ends in its first step is there: made, run, done, within the step of its maker."""

    async def main() -> None:
        await asyncio.create_task(finish(), name="child")

    records = run(main())

    assert life(records, "child") == ["task created", "step begin", "task done", "step end"]
    steps = [record for record in records if record.kind in (events.STEP_BEGIN, events.STEP_END)]
    assert [record.b for record in steps[:4]] == [1, 2, 2, 1]
    (created,) = [record for record in records if record.name == "child"]
    assert events.LATE not in created.details
    assert (created.text(created.details[events.CREATED_AT]) or "").endswith(f"{main.__code__.co_firstlineno + 1}")


def test_one_that_fails_at_once(run: Callable[..., list[Record]]) -> None:
    """So is one that fails, with its exception's class."""

    async def main() -> None:
        with pytest.raises(LookupError):
            await asyncio.create_task(fail(), name="child")

    records = run(main())

    (done,) = [record for record in records if record.kind == events.TASK_DONE and record.a == events.OUTCOME_FAILED]
    assert done.text(done.details[events.ERROR]) == "LookupError"
    assert life(records, "child") == ["task created", "step begin", "task done", "step end"]


def test_one_that_yields(run: Callable[..., list[Record]]) -> None:
    """A task that is scheduled again within its first step is the same one when that comes."""

    async def main() -> None:
        await asyncio.create_task(turn(), name="child")

    assert life(run(main()), "child") == _TURN


def test_one_that_waits(run: Callable[..., list[Record]]) -> None:
    """A task that waits says for what after its first step as after any other."""

    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        child = asyncio.create_task(wait_for(future), name="child")
        future.set_result(None)
        await child

    records = run(main())

    assert life(records, "child") == ["task created", *_STEP, "task ready", "step begin", "task done", "step end"]
    (end,) = [record for record in records if record.kind == events.STEP_END and record.b == 2 and record.details]
    assert (end.text(end.details[events.AWAITS] & 0xFFFF_FFFF) or "").startswith("wait_for")


def test_one_within_another(run: Callable[..., list[Record]]) -> None:
    """A task that is made eagerly by one that is: each has its own step, the inner one's within the outer one's."""

    async def outer() -> None:
        await asyncio.create_task(turn(), name="inner")

    async def main() -> None:
        await asyncio.create_task(outer(), name="outer")

    records = run(main())

    steps = [record.b for record in records if record.kind in (events.STEP_BEGIN, events.STEP_END)]
    assert steps[:6] == [1, 2, 3, 3, 2, 1]
    assert life(records, "inner").count("step begin") == 2


def test_one_without_a_name(run: Callable[..., list[Record]]) -> None:
    """The name that asyncio gives it is told as soon as it is known."""

    async def main() -> None:
        names.append((await_me := asyncio.create_task(turn())).get_name())
        await await_me

    names: list[str] = []
    records = run(main())

    told = [
        record.name for record in records if record.b == 2 and record.kind in (events.TASK_CREATED, events.TASK_NAME)
    ]
    assert told[0] == ""
    assert told[-1] == names[0]


def test_a_group(run: Callable[..., list[Record]]) -> None:
    """The tasks of a group, some of which end at once."""

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(finish(), name="quick")
            group.create_task(turn(), name="slow")

    records = run(main())

    assert life(records, "quick").count("step begin") == 1
    assert life(records, "slow").count("step begin") == 2


@pytest.mark.skipif(core.fast is not None, reason="the core in C sees the class in C only")
def test_the_pure_python_task(run: Callable[..., list[Record]]) -> None:
    """Tasks of the class in Python are seen like those of C."""

    def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
        return asyncio.tasks._PyTask(coroutine, loop=loop, eager_start=True, **options)  # type: ignore[attr-defined]

    async def main() -> None:
        await asyncio.create_task(finish(), name="quick")
        await asyncio.create_task(turn(), name="slow")

    records = run(main(), factory)

    assert life(records, "quick") == ["task created", "step begin", "task done", "step end"]
    assert life(records, "slow").count("step begin") == 2


def test_a_factory_that_is_not_eager(run: Callable[..., list[Record]]) -> None:
    """A factory that makes ordinary tasks, and even asks whether the loop runs, is not taken for an eager one."""
    made: list[Any] = []

    def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
        loop.is_running()
        made.append(asyncio.Task(coroutine, loop=loop, **options))
        return made[-1]

    async def main() -> None:
        await asyncio.create_task(turn(), name="child")

    records = run(main(), factory)

    assert life(records, "child")[:4] == ["task created", "step begin", "task ready", "step end"]
    assert [task.get_name() for task in made][:1] == ["child"]


def test_a_factory_that_fails(run: Callable[..., list[Record]]) -> None:
    """What a factory raises reaches the program, whether or not it had begun to run a task."""

    def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
        asyncio.eager_task_factory(loop, coroutine, **options)  # type: ignore[attr-defined]
        raise ZeroDivisionError

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await asyncio.create_task(finish())
        asyncio.get_running_loop().set_task_factory(None)

    records = run(main(), factory)

    steps = [(record.kind, record.b) for record in records if record.kind in (events.STEP_BEGIN, events.STEP_END)]
    assert steps[:4] == [(events.STEP_BEGIN, 1), (events.STEP_BEGIN, 2), (events.STEP_END, 2), (events.STEP_END, 1)]


def test_the_users_factory_stays(recorded: Callable[..., Any]) -> None:
    """A loop's factory is the user's own whenever it is asked for; before, within and after a session."""

    def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
        return asyncio.Task(coroutine, loop=loop, **options)

    loop = asyncio.new_event_loop()
    loop.set_task_factory(factory)
    with recorded():
        loop.run_until_complete(turn())
        assert loop.get_task_factory() is factory
        loop.set_task_factory(None)
        assert loop.get_task_factory() is None
        loop.set_task_factory(factory)
        assert loop.get_task_factory() is factory
        with pytest.raises(TypeError):
            loop.set_task_factory("no factory")  # type: ignore[arg-type]
    assert loop._task_factory is factory  # type: ignore[attr-defined]
    loop.close()


def test_a_session_within_a_step(recorded: Callable[..., Any]) -> None:
    """A session that begins in a loop whose tasks are eager sees the next one; it may end while that one waits."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
        future = loop.create_future()
        with made:
            child = asyncio.create_task(wait_for(future), name="child")
        assert loop.get_task_factory() is asyncio.eager_task_factory  # type: ignore[attr-defined]
        future.set_result(None)
        await child

    made = recorded()
    asyncio.run(main())

    assert life(records_of(made.directory), "child")[:3] == ["task created", *_STEP]


def test_a_loop_in_another_thread(recorded: Callable[..., Any]) -> None:
    """Two loops with eager tasks in two threads do not get in each other's way."""

    async def main(name: str) -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
        for number in range(100):
            await asyncio.create_task(turn(), name=f"{name}{number}")

    with recorded() as recording:
        thread = threading.Thread(target=asyncio.run, args=(main("there"),))
        thread.start()
        asyncio.run(main("here"))
        thread.join()

    steps = {row.name: row.steps for row in recording.trace.tasks}
    assert [steps[f"{name}{number}"] for name in ("here", "there") for number in range(100)] == [2] * 200


def test_an_interrupt_in_the_first_step(recorded: Callable[..., Any]) -> None:
    """What leaves the loop through an eager step leaves the trace sound."""

    async def interrupt() -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
        await asyncio.create_task(interrupt(), name="child")

    with recorded() as recording, pytest.raises(KeyboardInterrupt):
        asyncio.run(main())

    assert "child" in [row.name for row in recording.trace.tasks]


@in_c
@pytest.mark.parametrize("kind", [asyncio.Task, Heir, Successor])
def test_one_without_a_factory(run: Callable[..., list[Record]], kind: Any) -> None:
    """A task that its class alone starts is seen like one that a factory makes, and so are those of a subclass."""

    async def main() -> None:
        await start(kind, turn(), name="child")

    records = run(main(), None)

    assert life(records, "child") == _TURN
    steps = [record.b for record in records if record.kind in (events.STEP_BEGIN, events.STEP_END)]
    assert steps[:4] == [1, 2, 2, 1]


@in_c
def test_one_without_a_factory_on_uvloop(recorded: Callable[..., Any]) -> None:
    """Likewise on uvloop."""
    uvloop = pytest.importorskip("uvloop")

    async def main() -> None:
        await start(asyncio.Task, turn(), name="child")

    with recorded() as recording:
        uvloop.run(main())

    assert life(records_of(recording.directory), "child") == _TURN


@in_c
def test_a_span_in_its_first_step(recorded: Callable[..., Any]) -> None:
    """A span that begins in it is the task's own, not that of the task that made it."""

    async def work() -> None:
        with tk.span("work"):
            await asyncio.sleep(0)

    async def main() -> None:
        await start(asyncio.Task, work(), name="child")

    with recorded() as recording:
        asyncio.run(main())

    (span,) = spans_of(recording.trace)
    assert recording.trace.tasks[recording.trace.tracks[span.track].owner].name == "child"


@in_c
def test_no_frame_of_ours(recorded: Callable[..., Any]) -> None:
    """Nothing of tracekit stands in the stack of an eager step, whoever makes the task."""
    seen: list[str] = []

    async def look() -> None:
        frame: Any = sys._getframe()
        while frame is not None:
            seen.append(frame.f_code.co_filename)
            frame = frame.f_back

    async def main() -> None:
        await start(asyncio.Task, look())
        await asyncio.eager_task_factory(asyncio.get_running_loop(), look())  # type: ignore[attr-defined]

    with recorded():
        asyncio.run(main())

    assert seen
    assert not [file for file in seen if file.startswith(PACKAGE)]


def test_one_that_is_not_eager_after_all(run: Callable[..., list[Record]]) -> None:
    """A task that says that it is not eager begins when the loop comes to it."""

    async def main() -> None:
        await asyncio.Task(finish(), name="child", eager_start=False)  # type: ignore[call-arg]

    records = run(main(), None)

    assert life(records, "child") == ["task created", "step begin", "task done", "step end"]
    steps = [record.b for record in records if record.kind in (events.STEP_BEGIN, events.STEP_END)]
    assert steps[:4] == [1, 1, 2, 2]


@in_c
def test_one_that_cannot_be_made(run: Callable[..., list[Record]]) -> None:
    """What the class says of wrong arguments reaches the program, and later tasks are seen."""

    async def main() -> None:
        coroutine = turn()
        with pytest.raises(TypeError, match="coroutine"):
            start(asyncio.Task, 3)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"unexpected|invalid"):
            start(asyncio.Task, coroutine, colour="red")
        coroutine.close()
        await start(asyncio.Task, turn(), name="child")

    assert life(run(main(), None), "child") == _TURN


@in_c
def test_after_the_session(recorded: Callable[..., Any]) -> None:
    """What was a class before, within and after a session makes tasks after it, and the next session sees them."""

    async def main() -> None:
        for kind in kinds:
            await start(kind, turn(), name=kind.__name__)

    with recorded():
        kinds = [asyncio.Task, Heir, type("Late", (asyncio.Task,), {})]
    asyncio.run(main())
    with recorded() as again:
        asyncio.run(main())

    records = records_of(again.directory)
    assert [life(records, kind.__name__) for kind in kinds] == [_TURN] * 3
