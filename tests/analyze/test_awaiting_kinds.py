"""What kind of thing a task awaited: by its name, and by who ended the wait. Knows the table's answers, and no loop."""

from __future__ import annotations

import pytest

from tracekit.analyze.awaiting_kinds import awaiting_kinds
from tracekit.analyze.phases import phases
from tracekit.analyze.spent import SHARES
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, TrackKind


def kind_of(awaited: str, then: Category | None = None, **args: object) -> str:
    """The kind of a wait of that name, of a task that is then in a phase, which has arguments."""
    builder = Builder("app.py")
    task = builder.task(builder.process(10, "app.py"), None, "Task-1")
    other = builder.task(0, None, "Task-2")
    track, beside = (builder.track(TrackKind.TASK, row) for row in (task, other))
    builder.slice(track, 0, 10, "Task-1", Category.RUNNING, task=task)
    builder.slice(track, 10, 20, awaited, Category.AWAITING, task=task)
    if then is not None:
        builder.slice(track, 20, 30, "then", then, task=task, args=args or None)
    # Another one's: nothing of it tells of the first.
    builder.slice(beside, 15, 25, "ready", Category.READY, task=other, args={"kind": "lock release"})
    trace = builder.build()
    found = phases(trace)
    (at,) = (at for at in range(len(found)) if found.category[at] == Category.AWAITING)
    kinds = awaiting_kinds(trace, found)
    assert all(SHARES[kind] == "unseen" for row, kind in enumerate(kinds.tolist()) if row != at)
    return SHARES[int(kinds[at])]


@pytest.mark.parametrize(
    ("awaited", "kind"),
    [
        ("sleep", "timer"),
        ("stream read", "io"),
        ("lock", "lock"),
        ("semaphore", "lock"),
        ("gather", "task"),
        ("queue.get", "task"),
        ("task Task-7", "task"),
        ("executor job", "job"),
        ("to_thread_run_sync", "job"),  # trio's
        ("SocketMixin.recv", "io"),  # gevent's
        ("LockType.acquire", "lock"),
        ("Library.method", "unseen"),
        ("future", "unseen"),
    ],
)
def test_names(awaited: str, kind: str) -> None:
    """What was awaited tells by its name, also where the trace ended before it came."""
    assert kind_of(f"awaiting {awaited}") == kind


@pytest.mark.parametrize(
    ("awaited", "wake", "kind"),
    [
        ("DataQueue.read", "I/O", "io"),
        ("wait_for", "timer", "timer"),
        ("future", "set_result", "task"),
        ("future", "executor job", "job"),
        ("future", "another thread", "job"),
        ("gather", "cancelled", "task"),
        ("Semaphore.acquire", "set_result", "lock"),  # trio's: the name says more than that somebody ended it
        ("Library.method", "cancelled", "unseen"),
    ],
)
def test_wakes(awaited: str, wake: str, kind: str) -> None:
    """Where the name may mean anything, who ended the wait tells."""
    assert kind_of(f"awaiting {awaited}", Category.READY, kind=wake, cause="task Task-2") == kind


def test_trios_run() -> None:
    """Whom no task and no timer wakes, but trio's run itself, waited for the outside."""
    assert kind_of("awaiting SocketStream.receive_some", Category.READY, cause="thread MainThread") == "io"
    assert kind_of("awaiting Library.method", Category.READY, cause="task Task-2") == "unseen"


def test_greenlets() -> None:
    """A greenlet that is switched to without a word waited for what another one did."""
    assert kind_of("awaiting future", Category.RUNNING) == "task"


def test_not_named() -> None:
    """A wait of which nothing is known is not told, whatever comes after it."""
    assert kind_of("awaiting") == "unseen"
    assert kind_of("awaiting", Category.READY) == "unseen"
