"""The hook for greenlets: gevent's, plain ones, and those in which libraries call from inside of a task."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from recorded_waits import Wait, creations, waits
from tests_support import rows_of

import tracekit as tk
from tracekit.hooks.greenlets import GreenletsHook
from tracekit.model.trace import Trace

greenlet = pytest.importorskip("greenlet", reason="greenlet is not installed")


@pytest.fixture
def gevent() -> Any:
    """gevent, where it is installed; its hub of this thread goes afterwards."""
    module = pytest.importorskip("gevent", reason="gevent is not installed")
    pytest.importorskip("gevent.event")
    yield module
    module.get_hub().destroy(destroy_loop=True)


def task(trace: Trace, name: str) -> Any:
    """The one task whose name ends so."""
    (row,) = [row for row in trace.tasks if row.name.rpartition(".")[2] == name]
    return row


def steps(trace: Trace, name: str) -> list[Any]:
    """The steps of the task whose name ends so."""
    return [row for row in rows_of(trace, "STEP") if row.task.rpartition(".")[2] == name]


def test_greenlet_life(gevent: Any, recorded: Callable[..., Any]) -> None:
    """A greenlet of gevent has its function and where that is defined, its creator, its hub, its steps and its outcome."""

    def work() -> None:
        gevent.sleep(0)

    def start() -> None:
        started.append(gevent.spawn(work))

    started: list[Any] = []
    with recorded() as recording:
        gevent.spawn(start).join()
        gevent.joinall(started)

    trace = recording.trace
    row = task(trace, "work")
    assert (row.outcome, row.steps) == ("done", 2)
    assert (row.file, row.line) == (__file__, work.__code__.co_firstlineno)
    assert row.creator.endswith("start")
    assert trace.loops[row.loop].name == "gevent hub"
    assert creations(recording.directory)[row.name] == start.__code__.co_firstlineno + 1


def test_outcomes(gevent: Any, recorded: Callable[..., Any]) -> None:
    """Done, failed with the exception's name, killed, and killed before it began are told apart."""

    def bad() -> None:
        raise LookupError

    with recorded() as recording:
        named = {name: gevent.Greenlet(gevent.sleep, 60) for name in ("stopped", "never")}
        named["bad"], named["good"] = gevent.Greenlet(bad), gevent.Greenlet(gevent.sleep)
        for name, each in named.items():
            each.name = name
            each.start()
        named.pop("never").kill()
        del each
        named["bad"].parent.handle_error = lambda *_: None
        gevent.sleep(0)
        named["stopped"].kill()
        gevent.joinall(list(named.values()))

    trace = recording.trace
    assert task(trace, "good").outcome == "done"
    assert (task(trace, "bad").outcome, task(trace, "bad").error) == ("failed", "LookupError")
    assert task(trace, "stopped").outcome == "cancelled"
    assert (task(trace, "never").outcome, task(trace, "never").steps) == ("cancelled", 0)


def test_where_a_greenlet_waits(gevent: Any, recorded: Callable[..., Any]) -> None:
    """At the end of a step stands the user's line that waits, and the function that it has called."""

    def work() -> None:
        gevent.sleep(0)

    with recorded() as recording:
        gevent.spawn(work).join()

    assert [wait for name, found in waits(recording.directory).items() for wait in found] == [
        Wait("work", work.__code__.co_firstlineno + 1, "sleep")
    ]


def test_hub_has_the_thread_only_while_the_main_stack_waits(gevent: Any, recorded: Callable[..., Any]) -> None:
    """Spans of the main stack and runs of the hub lie within each other or apart, and steps lie in the hub's runs."""

    def work() -> None:
        with tk.span("inner"):
            gevent.sleep(0)

    with recorded() as recording:
        each = gevent.spawn(work)
        with tk.span("outer"):
            gevent.sleep(0)
        each.join()

    trace = recording.trace
    loops = rows_of(trace, "LOOP")
    assert all(any(row.start <= step.start <= step.end <= row.end for row in loops) for step in steps(trace, "work"))
    spans = {row.name: row for row in rows_of(trace, "SPAN")}
    assert spans["outer"].kind == "THREAD"
    assert (spans["inner"].kind, spans["inner"].task) == ("TASK", task(trace, "work").name)
    assert spans["inner"].end > spans["outer"].end


def test_threads_have_hubs_of_their_own(gevent: Any, recorded: Callable[..., Any]) -> None:
    """Greenlets in another thread are seen there, also where that thread had begun before the session."""
    begun, go = threading.Event(), threading.Event()

    def serve(name: str) -> None:
        begun.set()
        go.wait()
        each = gevent.Greenlet(gevent.sleep)
        each.name = name
        each.start()
        each.join()
        gevent.get_hub().destroy(destroy_loop=True)

    early = threading.Thread(target=serve, args=("early",))
    early.start()
    begun.wait()
    with recorded() as recording:
        late = threading.Thread(target=serve, args=("late",))
        late.start()
        go.set()
        for thread in (early, late):
            thread.join()

    trace = recording.trace
    loops = [trace.loops[task(trace, name).loop] for name in ("early", "late")]
    assert len({loop.thread for loop in loops}) == 2
    assert not any(trace.threads[loop.thread].main for loop in loops)


def test_session_in_the_middle(gevent: Any, recorded: Callable[..., Any]) -> None:
    """A session may begin and end in a greenlet: those from before are marked, and afterwards nothing of ours is called."""
    made = recorded()

    def old() -> None:
        gevent.sleep(0.001)

    def new() -> None:
        gevent.sleep(0)

    def begin() -> None:
        with made:
            gevent.spawn(new).join()
            earlier.join()

    earlier = gevent.spawn(old)
    gevent.sleep(0)
    gevent.spawn(begin).join()

    trace = made.trace
    assert [task(trace, name).begun_before for name in ("old", "begin", "new")] == [True, True, False]
    assert task(trace, "old").outcome == "done"
    assert greenlet.gettrace() is None


def test_trace_function_that_was_there(recorded: Callable[..., Any]) -> None:
    """It is called for every switch as before, whatever it raises reaches the program, and it is there again afterwards."""
    seen = []

    def trace(event: str, _greenlets: Any) -> None:
        seen.append(event)

    greenlet.settrace(trace)
    try:
        with recorded():
            greenlet.greenlet(len).switch("abc")
        restored = greenlet.gettrace()
    finally:
        greenlet.settrace(None)

    assert seen == ["switch", "switch"]
    assert restored is trace


def test_plain_greenlets(recorded: Callable[..., Any]) -> None:
    """A plain greenlet has a track, its function's name once it has waited, and has failed where it passes an exception on."""

    def fail(parent: Any) -> None:
        with tk.span("in greenlet"):
            parent.switch()
        raise LookupError

    with recorded() as recording:
        each = greenlet.greenlet(fail)
        each.switch(greenlet.getcurrent())
        with pytest.raises(LookupError):
            each.switch()

    trace = recording.trace
    row = task(trace, "fail")
    assert (row.outcome, row.steps, row.loop) == ("failed", 2, None)
    (span,) = rows_of(trace, "SPAN")
    assert span.task == row.name


def test_greenlets_of_a_task_are_part_of_it(recorded: Callable[..., Any]) -> None:
    """As SQLAlchemy does it: a task runs plain code in a greenlet, which goes back to the task to await. All is that task's."""

    async def spawn(function: Any) -> Any:
        context = greenlet.greenlet(function)
        awaited = context.switch(greenlet.getcurrent())
        while not context.dead:
            awaited = context.switch(await awaited)
        return awaited

    def query(parent: Any) -> int:
        with tk.span("query"):
            return int(parent.switch(asyncio.sleep(0, 5)))

    async def other() -> None:
        with tk.span("other"):
            await asyncio.sleep(0)

    async def main() -> None:
        assert await asyncio.gather(spawn(query), other()) == [5, None]

    with recorded() as recording:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        loop.close()

    trace = recording.trace
    assert sorted(row.coroutine.rpartition(".")[2] for row in trace.tasks) == ["main", "other", "spawn"]
    spans = {row.name: row for row in rows_of(trace, "SPAN")}
    coroutines = {row.name: row.coroutine.rpartition(".")[2] for row in trace.tasks}
    assert coroutines[spans["query"].task] == "spawn"
    assert coroutines[spans["other"].task] == "other"
    assert {row.steps for row in trace.tasks} == {2}


def test_greenlets_that_nobody_ends(recorded: Callable[..., Any]) -> None:
    """Greenlets that are thrown away leave nothing behind in the hook, and are ended by greenlet itself."""

    def wait() -> None:
        greenlet.getcurrent().parent.switch()

    with recorded() as recording:
        for _ in range(100):
            greenlet.greenlet(wait).switch()
        (hook,) = [
            hook
            for later in recording._running.hooks
            for hook in getattr(later, "_hooks", ())
            if hook.name == "greenlets"
        ]
        known = len(hook._strands)

    assert known == 0
    assert {row.outcome for row in recording.trace.tasks} == {"done"}


def test_monkey_patched_program(run_python: Callable[..., Any]) -> None:
    """Where gevent stands in for `threading`, a thread is a greenlet that bears its name; no thread is there that is none."""
    pytest.importorskip("gevent", reason="gevent is not installed")
    ran = run_python(
        """
        from gevent import monkey
        monkey.patch_all()
        import threading, time

        def work():
            time.sleep(0.001)

        threads = [threading.Thread(target=work, name=f"worker {number}") for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """,
        python=sys.executable,
    )

    assert ran.status == 0, ran.stderr
    assert not ran.stderr
    trace = ran.trace
    assert sorted(row.name for row in trace.tasks) == ["worker 0", "worker 1"]
    assert {row.coroutine for row in trace.tasks} == {"work"}
    assert {row.outcome for row in trace.tasks} == {"done"}
    assert [row.name for row in trace.threads] == ["MainThread"]


def test_threads_that_have_ended_leave_nothing(recorded: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """However many threads come and go, the hook keeps only what it knows of those that are there."""
    pytest.importorskip("greenlet")
    made: list[GreenletsHook] = []
    install = GreenletsHook.install
    monkeypatch.setattr(GreenletsHook, "install", lambda hook: (made.append(hook), install(hook)))

    with recorded():
        kept = []
        for _ in range(50):
            thread = threading.Thread(target=lambda: None)
            thread.start()
            thread.join()
            kept.append(bytearray(500))  # else each has the place of the one before
        assert len(made[0]._tracers) < 10
