"""anyio on both of its backends: what the hooks for asyncio and trio see of it. No hook knows anyio."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from recorded_waits import creations, waits
from tests_support import rows_of

import tracekit as tk
from tracekit.model.trace import FlowKind, Trace

anyio = pytest.importorskip("anyio", reason="anyio is not installed")


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest, recorded: Callable[..., Any]) -> Callable[..., Any]:
    """Runs an async function on each backend in a session; gives the recording."""
    pytest.importorskip(request.param)

    def run(main: Any, fails: bool = False) -> Any:
        raises = pytest.raises(Exception, match=r"nursery|TaskGroup") if fails else contextlib.nullcontext()
        with recorded() as recording, raises:
            anyio.run(main, backend=request.param)
        return recording

    return run


def task(trace: Trace, name: str) -> Any:
    """The one task of a name."""
    (row,) = [row for row in trace.tasks if row.name == name]
    return row


def test_task_group(run: Callable[..., Any]) -> None:
    """Tasks of a group have their names, the user's coroutine, the task that started them, and their outcomes."""

    async def good() -> None:
        await anyio.sleep(0)

    async def bad() -> None:
        await anyio.wait_all_tasks_blocked()
        raise LookupError

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(good, name="good")
            group.start_soon(anyio.sleep_forever, name="stopped")
            group.start_soon(bad, name="bad")

    trace = run(main, fails=True).trace

    assert [task(trace, name).outcome for name in ("good", "bad", "stopped")] == ["done", "failed", "cancelled"]
    assert task(trace, "bad").error == "LookupError"
    assert task(trace, "good").coroutine.endswith("good")
    assert (task(trace, "good").file, task(trace, "good").line) == (__file__, good.__code__.co_firstlineno)
    assert {task(trace, name).creator for name in ("good", "bad", "stopped")} == {
        row.name for row in trace.tasks if row.coroutine.endswith("main")
    }


def test_user_frames_are_found_through_anyio(run: Callable[..., Any]) -> None:
    """Where a task was created and where it waits are lines of the user's, not of anyio's."""

    async def child(event: Any) -> None:
        await event.wait()

    async def main() -> None:
        event = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(child, event, name="child")
            await anyio.wait_all_tasks_blocked()
            event.set()

    recording = run(main)

    (wait,) = waits(recording.directory)["child"]
    assert (wait.function, wait.line) == ("child", child.__code__.co_firstlineno + 1)
    assert creations(recording.directory)["child"] == main.__code__.co_firstlineno + 3


def test_wake_up(run: Callable[..., Any]) -> None:
    """An arrow leads from the step that sends to the step that receives."""

    async def receive(stream: Any) -> None:
        assert await stream.receive() == 1

    async def main() -> None:
        sender, receiver = anyio.create_memory_object_stream(0)
        async with anyio.create_task_group() as group, sender, receiver:
            group.start_soon(receive, receiver, name="receiver")
            await anyio.wait_all_tasks_blocked()
            await sender.send(1)

    trace = run(main).trace

    targets = {
        (int(trace.slices.track[target]), int(trace.slices.start[target]))
        for target, kind in zip(trace.flows.target.tolist(), trace.flows.kind.tolist())
        if kind == FlowKind.WAKE
    }
    *_, last = [row for row in rows_of(trace, "STEP") if row.task == "receiver"]
    assert (last.track, last.start) in targets


def test_worker_thread(run: Callable[..., Any]) -> None:
    """What runs in anyio's worker threads runs on a thread of its own, and the task goes on afterwards."""

    workers = []

    def work() -> int:
        workers.append(threading.current_thread())
        with tk.span("work"):
            return 5

    async def main() -> None:
        assert await anyio.to_thread.run_sync(work) == 5

    trace = run(main).trace
    if not workers[0].daemon:  # trio's, which goes when it has had nothing to do for long
        workers[0].join()  # anyio tells it to end, and does not wait for that

    (span,) = rows_of(trace, "SPAN")
    assert not trace.threads[trace.tracks[span.track].owner].main
    assert {row.outcome for row in trace.tasks} == {"done"}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there the frame that asks is among those who refer to it")
def test_exceptions_are_let_go_of(recorded: Callable[..., Any]) -> None:
    """What anyio lets go of when a task has failed is not kept by us."""

    class Wrong(Exception):
        pass

    async def child(group: Any) -> None:
        async with group:
            raise Wrong

    async def main() -> list[Any]:
        found = None
        try:
            async with anyio.create_task_group() as outer:
                outer.start_soon(child, anyio.create_task_group())
        except BaseException as error:
            found = error.exceptions[0].exceptions[0]  # type: ignore[attr-defined]
        return [kept for kept in gc.get_referrers(found) if not hasattr(kept, "cr_frame")]

    with recorded():
        kept = anyio.run(main, backend="asyncio")

    assert kept == []
