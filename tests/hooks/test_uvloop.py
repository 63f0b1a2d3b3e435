"""The hook for uvloop: what it sees beyond what all loops share (test_asyncio.py), and what it leaves as it is."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from recorded_waits import creations, dues, images, waits
from tests_support import rows_of

import tracekit as tk
from tracekit import events
from tracekit.model.trace import Trace
from tracekit.spool.core import core

uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")


@pytest.fixture
def run(recorded: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Runs a coroutine on a loop of uvloop in a session; gives the recording."""

    def run(main: Any, **options: Any) -> Any:
        with recorded(**options) as recording:
            loop = uvloop.new_event_loop()
            try:
                loop.run_until_complete(main)
            finally:
                loop.close()
        return recording

    return run


def task(trace: Trace, name: str) -> Any:
    """The one task of a name."""
    (row,) = [row for row in trace.tasks if row.name == name]
    return row


def test_timers_say_when_they_were_due(run: Callable[..., Any]) -> None:
    """The callback of call_later and of call_at tells when it was due; one that was due at once says nothing."""
    called = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        loop.call_later(0, called.append, "at once")
        loop.call_later(0.002, called.append, "later")
        loop.call_at(loop.time() + 0.005, ended.set_result, None)
        await ended

    before = time.monotonic_ns()
    recording = run(main())

    assert called == ["at once", "later"]
    found = dues(recording.directory)
    assert len(found) == 2
    assert before < found[0] < found[1] < time.monotonic_ns()
    assert len([row for row in rows_of(recording.trace, "CALLBACK") if row.name.endswith("set_result")]) == 1


def test_where_and_for_what_a_task_waits(run: Callable[..., Any]) -> None:
    """As on asyncio's own loops: the user's line at the end of a step that waits, and the line that created the task."""

    async def child() -> None:
        await asyncio.sleep(0.001)

    async def main() -> None:
        await asyncio.create_task(child(), name="child")

    recording = run(main())

    (wait,) = waits(recording.directory)["child"]
    assert wait == ("child", child.__code__.co_firstlineno + 1, "sleep")
    assert creations(recording.directory)["child"] == main.__code__.co_firstlineno + 1


def test_cancelled_future_is_named_as_the_cause(run: Callable[..., Any]) -> None:
    """A task that wakes because what it waits for was cancelled says so."""

    async def main() -> None:
        waiting = asyncio.create_task(asyncio.sleep(60), name="waiting")
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])

    recording = run(main())

    (image,) = images(recording.directory)
    causes = [
        a for log in image.logs for kind, a in zip(log.kind.tolist(), log.a.tolist()) if kind == events.TASK_READY
    ]
    assert causes.count(events.READY_CANCELLED) == 1


def test_readers_writers_and_signals(run: Callable[..., Any]) -> None:
    """What libuv calls for a descriptor or a signal is a callback with a name, each time it is called."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)

        def read() -> None:
            if ours.recv(1) == b"b":
                loop.remove_reader(ours)
                ended.set_result(None)
            theirs.send(b"b")

        def interrupted() -> None:
            loop.remove_signal_handler(signal.SIGUSR1)
            loop.add_reader(ours, read)
            theirs.send(b"a")

        loop.add_signal_handler(signal.SIGUSR1, interrupted)
        os.kill(os.getpid(), signal.SIGUSR1)
        await ended
        ours.close()
        theirs.close()

    trace = run(main()).trace

    names = [row.name.rpartition(".")[2] for row in rows_of(trace, "CALLBACK")]
    assert names.count("read") == 2
    assert names.count("interrupted") == 1


def test_callback_of_another_thread(run: Callable[..., Any]) -> None:
    """An arrow leads from the thread that hands a callback over to where it runs."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(ended.set_result, None))
        thread.start()
        await ended
        thread.join()

    trace = run(main()).trace

    (row,) = [row for row in rows_of(trace, "CALLBACK") if row.name.endswith("set_result")]
    assert row.start in {int(trace.slices.start[target]) for target in trace.flows.target}


def test_no_frame_of_ours_under_a_step(run: Callable[..., Any]) -> None:
    """With the C core the stack under a step and under a callback is the one that it has without a session."""
    if core.fast is None:
        pytest.skip("the core in Python has frames")
    stacks: list[list[str]] = []

    def look() -> None:
        stacks.append([frame.name for frame in traceback.extract_stack() if frame.filename != __file__])

    async def main() -> None:
        asyncio.get_running_loop().call_soon(look)
        await asyncio.sleep(0)
        look()

    plain = uvloop.new_event_loop()
    plain.run_until_complete(main())
    plain.close()
    run(main())

    assert stacks[:2] == stacks[2:]


def test_exceptions_pass_through(run: Callable[..., Any]) -> None:
    """A callback's exception reaches the loop's handler, a step's KeyboardInterrupt whoever runs the loop; both slices end."""
    seen: list[Any] = []

    def bad() -> None:
        raise LookupError

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: seen.append(context["exception"]))
        loop.call_soon(bad)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(main())

    assert [type(error) for error in seen] == [LookupError]


def test_handles_look_as_ever(run: Callable[..., Any]) -> None:
    """What a handle says of itself is said of the callback, and a method keeps its name and its documentation."""

    def callback() -> None:
        pass

    shown: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_debug(True)
        shown.append(repr(loop.call_soon(callback)))
        shown.append(loop.call_soon.__name__)
        assert "callback" in str(uvloop.Loop.call_soon.__doc__)
        await asyncio.sleep(0)

    run(main())

    assert "callback" in shown[0]
    assert shown[1] == "call_soon"


def test_subclass_that_overrides(recorded: Callable[..., Any]) -> None:
    """A loop's class of the program's own may override call_soon and call ours: each callback runs once, and is seen once."""
    calls: list[Any] = []

    class Loop(uvloop.Loop):  # type: ignore[misc, name-defined]
        def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
            calls.append(callback)
            return super().call_soon(callback, *args, context=context)

    def once() -> None:
        calls.append(1)

    async def main() -> None:
        asyncio.get_running_loop().call_soon(once)
        await asyncio.sleep(0)

    with recorded() as recording:
        loop = Loop()
        loop.run_until_complete(main())
        loop.close()

    assert calls.count(once) == calls.count(1) == 1
    assert [row.name for row in rows_of(recording.trace, "CALLBACK")].count(once.__qualname__) == 1


def test_nothing_is_kept_alive(recorded: Callable[..., Any]) -> None:
    """A callback, its loop and a task go when they would go without a session, cycles through a timer's handle included."""

    class Owner:
        def called(self) -> None:
            pass

    kept = []
    with recorded():
        loop = uvloop.new_event_loop()
        owner = Owner()
        owner.handle = loop.call_later(60, owner.called)  # type: ignore[attr-defined]
        kept.append(weakref.ref(owner))
        owner.handle.cancel()  # type: ignore[attr-defined]
        del owner
        gc.collect()
        assert kept[0]() is None

        waiting = loop.create_task(asyncio.sleep(0))
        loop.run_until_complete(waiting)
        kept += [weakref.ref(waiting), weakref.ref(loop)]
        del waiting
        assert kept[1]() is None
        loop.close()
        del loop
        gc.collect()
        assert kept[2]() is None


def test_session_in_a_step(recorded: Callable[..., Any]) -> None:
    """Of a session that begins in a step the rest of that step is there, and what is in it lies in it."""
    made = recorded()

    async def main() -> None:
        with made:
            with tk.span("in the rest"):
                pass
            await asyncio.sleep(0)

    loop = uvloop.new_event_loop()
    loop.run_until_complete(main())
    loop.close()

    (span,) = rows_of(made.trace, "PART")
    step = rows_of(made.trace, "STEP")[0]
    assert step.start <= span.start <= span.end <= step.end
    assert span.task == step.task


def test_sessions_come_and_go(recorded: Callable[..., Any]) -> None:
    """A loop goes on through several sessions; what one scheduled runs in the next, and is of that one's recording."""
    ran: list[int] = []
    made = [recorded() for _ in range(3)]

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number, each in enumerate(made):
            with each:
                loop.call_soon(ran.append, number)
                await asyncio.create_task(asyncio.sleep(0), name=f"in {number}")
                loop.call_soon(ran.append, 10 + number)
            loop.call_soon(ran.append, 20 + number)
        await asyncio.sleep(0)

    loop = uvloop.new_event_loop()
    loop.run_until_complete(main())
    loop.close()

    assert sorted(ran) == [0, 1, 2, 10, 11, 12, 20, 21, 22]
    for number, each in enumerate(made):
        assert task(each.trace, f"in {number}").outcome == "done"


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
        loop = uvloop.new_event_loop()
        loop.run_until_complete(main())
        loop.close()

    assert sorted(ran) == [1, 1, 2, 2, 3, 3, 4]
    assert capsys.readouterr().err.count("uvloop hook failed and was removed") == 1
    assert recording.trace.notes
