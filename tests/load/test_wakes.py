"""What tasks await and who wakes them, from the details of steps and from where wake-ups are written. Times in ns."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from spool_writer import Detail, SpoolWriter
from tests_support import Row, rows_of

from tracekit import events as e
from tracekit.model.trace import Trace
from tracekit.spool.layout import code_text

Loaded = Callable[..., Trace]


@pytest.fixture
def spool() -> SpoolWriter:
    """A main thread with a running loop, and two tasks, of which the second one has begun its first step at 140."""
    writer = SpoolWriter(start_monotonic=100)
    writer.record(100, e.THREAD_BEGIN, "MainThread", 1)
    writer.record(101, e.LOOP_BEGIN, "Loop", 1)
    writer.record(110, e.TASK_CREATED, "waker", 4, (e.CREATED_AT, 0, writer.name(code_text("main", "app.py", 8))))
    writer.record(111, e.TASK_CREATED, "waiter", 5)
    writer.record(140, e.STEP_BEGIN, 0, 5)
    return writer


def awaits(spool: SpoolWriter, function: str = "", file: str = "", where: tuple[str, str, int] | None = None) -> Detail:
    """An AWAITS detail."""
    user = spool.name(code_text(*(where or ("main", "app.py", 12))))
    what = spool.name(code_text(function, file, 1)) if function else user
    return e.AWAITS, 0, user | what << 32


def step(spool: SpoolWriter, time: int, serial: int = 5) -> None:
    """A short step of a task, its last one."""
    spool.record(time, e.STEP_BEGIN, 0, serial)
    spool.record(time + 5, e.TASK_DONE, e.OUTCOME_DONE, serial)
    spool.record(time + 5, e.STEP_END, 0, serial)


def waits(trace: Trace) -> tuple[Row, Row]:
    """What the waiter awaited, and how it was ready after that."""
    (awaiting,) = (row for row in rows_of(trace, "AWAITING") if row.task == "waiter")
    ready = [row for row in rows_of(trace, "READY") if row.task == "waiter" and row.start >= awaiting.end]
    return awaiting, ready[0]


LOCK = "Lock.acquire", "/lib/asyncio/locks.py"
SLEEP = "sleep", "/lib/asyncio/tasks.py"


def test_a_lock_that_a_task_releases(spool: SpoolWriter, loaded: Loaded) -> None:
    """A task awaits a lock at a line of the user's, until a step of another task releases it."""
    spool.record(150, e.STEP_END, 0, 5, awaits(spool, *LOCK))
    spool.record(160, e.STEP_BEGIN, 0, 4)
    spool.record(165, e.TASK_READY, 0, 5)
    spool.record(170, e.STEP_END, 0, 4)
    step(spool, 180)
    awaiting, ready = waits(loaded(spool))
    assert (awaiting.name, awaiting.start, awaiting.end) == ("awaiting lock", 50, 65)
    assert awaiting.args == {"what": "lock", "function": "main", "file": "app.py", "line": 12}
    assert (ready.start, ready.end, ready.args) == (65, 80, {"cause": "task waker", "kind": "lock release"})


def test_a_task_that_is_awaited(spool: SpoolWriter, loaded: Loaded) -> None:
    """Who awaits a task is told by its name, and is woken where it ends."""
    spool.record(150, e.STEP_END, 0, 5, awaits(spool), (e.AWAITED_TASK, 0, 4))
    spool.record(160, e.STEP_BEGIN, 0, 4)
    spool.record(164, e.TASK_DONE, e.OUTCOME_DONE, 4)
    spool.record(165, e.TASK_READY, 0, 5)
    spool.record(170, e.STEP_END, 0, 4)
    step(spool, 180)
    awaiting, ready = waits(loaded(spool))
    assert (awaiting.name, awaiting.args["task"]) == ("awaiting task waker", "waker")
    assert ready.args == {"cause": "task waker", "kind": "task done"}


@pytest.mark.parametrize(("due", "since"), [(155, 55), (120, 50), (300, 75)])
def test_a_timer(spool: SpoolWriter, loaded: Loaded, arrows: Callable[[Trace], object], due: int, since: int) -> None:
    """A sleeper is ready from when its timer was due, but never in its own step or later than it was woken."""
    spool.record(150, e.STEP_END, 0, 5, awaits(spool, *SLEEP))
    spool.record(170, e.CALLBACK_BEGIN, "wake", 0, spool.code("wake", "futures.py"), (e.DUE, 0, due))
    spool.record(175, e.TASK_READY, 0, 5)
    spool.record(176, e.CALLBACK_END)
    step(spool, 180)
    trace = loaded(spool)
    ready = [row for row in rows_of(trace, "READY") if row.task == "waiter"][-1]
    assert (ready.start, ready.end) == (70 if due == 300 else since, 80)
    assert ready.args == {"cause": "callback wake", "kind": "timer"}
    assert ("WAKE", "MainThread", 75, "waiter") in arrows(trace)  # type: ignore[operator]


def test_a_job_of_an_executor(spool: SpoolWriter, loaded: Loaded) -> None:
    """A plain future is known to be an executor's job once a callback that the job's thread scheduled wakes who awaits it."""
    spool.record(150, e.STEP_END, 0, 5, awaits(spool))
    spool.record(100, e.THREAD_BEGIN, "pool_0", 2, thread=2)
    spool.record(151, e.JOB_BEGIN, "resize", 3, thread=2)
    spool.record(160, e.CALLBACK_READY, 0, 8, thread=2)
    spool.record(161, e.JOB_END, e.OUTCOME_DONE, 3, thread=2)
    spool.record(170, e.CALLBACK_BEGIN, "_set_state", 0, (e.SCHEDULED, 0, 8))
    spool.record(175, e.TASK_READY, 0, 5)
    spool.record(176, e.CALLBACK_END)
    step(spool, 180)
    awaiting, ready = waits(loaded(spool))
    assert (awaiting.name, awaiting.args["job"]) == ("awaiting executor job", "resize")
    assert (awaiting.end, ready.start) == (60, 60)
    assert ready.args == {"cause": "thread pool_0", "kind": "executor job", "job": "resize"}


@pytest.mark.parametrize(("scheduled", "since"), [(160, 60), (172, 72)])
def test_another_thread(spool: SpoolWriter, loaded: Loaded, scheduled: int, since: int) -> None:
    """A callback that another thread scheduled hands on: that thread is who woke the task, which was ready since then."""
    spool.record(150, e.STEP_END, 0, 5, awaits(spool))
    spool.record(100, e.THREAD_BEGIN, "helper", 2, thread=2)
    spool.record(scheduled, e.CALLBACK_READY, 0, 8, thread=2)
    spool.record(170, e.CALLBACK_BEGIN, "Future.set_result", 0, (e.SCHEDULED, 0, 8))
    spool.record(175, e.TASK_READY, 0, 5)
    spool.record(176, e.CALLBACK_END)
    step(spool, 180)
    awaiting, ready = waits(loaded(spool))
    assert (awaiting.name, awaiting.start, awaiting.end) == ("awaiting future", 50, since)
    assert ready.args == {"cause": "thread helper", "kind": "another thread"}


def test_io(spool: SpoolWriter, loaded: Loaded) -> None:
    """A callback of a loop's transports wakes by I/O, whatever was awaited."""
    spool.record(150, e.STEP_END, 0, 5, awaits(spool))
    spool.record(170, e.CALLBACK_BEGIN, "_read_ready", 0, spool.code("_read_ready", "/lib/asyncio/selector_events.py"))
    spool.record(175, e.TASK_READY, 0, 5)
    spool.record(176, e.CALLBACK_END)
    step(spool, 180)
    assert waits(loaded(spool))[1].args == {"cause": "callback _read_ready", "kind": "I/O"}


def test_a_task_that_yields(spool: SpoolWriter, loaded: Loaded) -> None:
    """A task that makes itself ready is its own cause; the first wait's cause is its creation."""
    spool.record(145, e.TASK_READY, 0, 5)
    spool.record(150, e.STEP_END, 0, 5)
    step(spool, 180)
    ready = [row for row in rows_of(loaded(spool), "READY") if row.task == "waiter"]
    assert [row.args for row in ready] == [
        {"cause": "created", "kind": "created"},
        {"cause": "itself", "kind": "yield"},
    ]


@pytest.mark.parametrize(("outcome", "by"), [(e.OUTCOME_CANCELLED, "task waker"), (e.OUTCOME_DONE, "")])
def test_who_cancelled_it(spool: SpoolWriter, loaded: Loaded, outcome: int, by: str) -> None:
    """A task that ends cancelled knows who did that; one that went on to a result was not cancelled."""
    spool.record(150, e.STEP_END, 0, 5, awaits(spool, *SLEEP))
    spool.record(160, e.STEP_BEGIN, 0, 4)
    spool.record(165, e.TASK_READY, e.READY_CANCELLED, 5)
    spool.record(170, e.STEP_END, 0, 4)
    spool.record(180, e.STEP_BEGIN, 0, 5)
    spool.record(185, e.TASK_DONE, outcome, 5)
    spool.record(185, e.STEP_END, 0, 5)
    trace = loaded(spool)
    assert waits(trace)[1].args == {"cause": "task waker", "kind": "cancelled"}
    assert trace.tasks[1].cancelled_by == by
    life = next(row for row in rows_of(trace, "TASK") if row.task == "waiter")
    assert life.args.get("cancelled_by", "") == by


@pytest.mark.parametrize(
    ("seen", "outcome", "by"),
    [
        (True, e.OUTCOME_CANCELLED, "task canceller"),
        (False, e.OUTCOME_CANCELLED, ""),
        (True, e.OUTCOME_DONE, ""),
    ],
)
@pytest.mark.parametrize("gathered", [True, False])
def test_who_cancelled_what_it_awaited(
    spool: SpoolWriter, loaded: Loaded, gathered: bool, seen: bool, outcome: int, by: str
) -> None:
    """Who cancels what a task awaits cancels the task: by way of a gather, too; only where all of that was seen."""
    spool.record(145, e.TASK_CREATED, "canceller", 6)
    awaited = () if gathered else ((e.AWAITED_TASK, 0, 4),)
    spool.record(150, e.STEP_END, 0, 5, awaits(spool), *awaited)
    spool.record(151, e.STEP_BEGIN, 0, 4)
    spool.record(152, e.STEP_END, 0, 4, awaits(spool, *SLEEP))
    spool.record(153, e.STEP_BEGIN, 0, 6)
    if seen:
        spool.record(154, e.TASK_READY, e.READY_CANCELLED, 4)
    spool.record(155, e.STEP_END, 0, 6)
    spool.record(160, e.STEP_BEGIN, 0, 4)
    spool.record(161, e.TASK_DONE, outcome, 4)
    if gathered:
        spool.record(162, e.STEP_END, 0, 4)
        spool.record(163, e.CALLBACK_BEGIN, "gather.<locals>._done_callback", 0, (e.AWAITED_TASK, 0, 4))
        spool.record(164, e.TASK_READY, 0, 5)
        spool.record(165, e.CALLBACK_END)
    else:
        spool.record(162, e.TASK_READY, e.READY_CANCELLED if by else 0, 5)
        spool.record(163, e.STEP_END, 0, 4)
    spool.record(180, e.STEP_BEGIN, 0, 5)
    spool.record(185, e.TASK_DONE, outcome, 5)
    spool.record(185, e.STEP_END, 0, 5)
    trace = loaded(spool)
    assert {task.name: task.cancelled_by for task in trace.tasks} == {
        "waker": by if seen else "",
        "waiter": by,
        "canceller": "",
    }


def test_whose_end_is_told_of_a_task_that_is_not_known(spool: SpoolWriter, loaded: Loaded) -> None:
    """A callback that is told the end of a task that nothing else is known of names nobody."""
    spool.record(150, e.STEP_END, 0, 5, awaits(spool))
    spool.record(163, e.CALLBACK_BEGIN, "gather.<locals>._done_callback", 0, (e.AWAITED_TASK, 0, 77))
    spool.record(164, e.TASK_READY, 0, 5)
    spool.record(165, e.CALLBACK_END)
    spool.record(180, e.STEP_BEGIN, 0, 5)
    spool.record(185, e.TASK_DONE, e.OUTCOME_CANCELLED, 5)
    spool.record(185, e.STEP_END, 0, 5)
    assert [task.cancelled_by for task in loaded(spool).tasks] == ["", ""]


def test_what_a_pending_task_awaits(spool: SpoolWriter, loaded: Loaded) -> None:
    """What a task awaited when the trace ended is in its row and in the arguments of its life; so is who created it where."""
    spool.record(150, e.STEP_END, 0, 5, awaits(spool, "Queue.get", "/lib/asyncio/queues.py"))
    spool.record(190, e.INSTANT, "last")
    trace = loaded(spool)
    assert [task.awaits for task in trace.tasks] == ["", "queue.get"]
    assert trace.tasks[0].created_at == "main (app.py:8)"
    lives = {row.task: row.args for row in rows_of(trace, "TASK")}
    assert (lives["waker"]["created_at"], lives["waiter"]["awaits"]) == ("main (app.py:8)", "queue.get")


def test_an_older_recording(spool: SpoolWriter, loaded: Loaded) -> None:
    """Where a step's end says nothing, nothing is claimed."""
    spool.record(150, e.STEP_END, 0, 5)
    spool.record(160, e.TASK_READY, 0, 5)
    step(spool, 180)
    awaiting, ready = waits(loaded(spool))
    assert (awaiting.name, awaiting.args) == ("awaiting", {})
    assert ready.args["cause"] == "thread MainThread"
