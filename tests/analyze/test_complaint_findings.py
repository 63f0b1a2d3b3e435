"""never-awaited, exception-never-retrieved, task-lost: what Python and asyncio complained of. Knows no recording."""

from __future__ import annotations

from tracekit.analyze import exception_never_retrieved, never_awaited, task_lost, task_pending
from tracekit.model.trace import Category

LIBRARY = "/venv/lib/python3.11/site-packages/lib/a.py"
DROPPED = {"dropped_in": "handler", "dropped_file": "/app/web.py", "dropped_line": 9}
RAN = {"coroutine": "fetch", "file": "/app/net.py", "line": 4}


def test_never_awaited(hand_made) -> None:
    """One finding for each coroutine and place, with how often, and the line that threw it away."""
    for time in (1, 2):
        hand_made.instant(time, "coroutine was never awaited", **RAN, **DROPPED)
    hand_made.instant(3, "coroutine was never awaited", coroutine="other", file="", line=0)
    first, second = never_awaited.find(hand_made.build(), 0)
    assert first.sentence == (
        "The coroutine fetch was called and never awaited, so it never ran, 2 times: thrown away in handler (/app/web.py:9)."
    )
    assert (first.function, first.file, first.line) == ("handler", "/app/web.py", 9)
    assert (first.details["coroutine"], first.details["count"]) == ("fetch", 2)
    assert second.sentence == "The coroutine other was called and never awaited, so it never ran."


def test_a_library_that_forgets(hand_made) -> None:
    """Where a library dropped its own coroutine, the library is named and no function of the program is blamed."""
    place = {"dropped_in": "get", "dropped_file": LIBRARY, "dropped_line": 2}
    hand_made.instant(1, "coroutine was never awaited", coroutine="close", file=LIBRARY, line=1, **place)
    (finding,) = never_awaited.find(hand_made.build(), 0)
    assert finding.library is not None
    assert (finding.library["name"], finding.library["function"]) == ("lib", "get")
    assert finding.function == ""


def test_exception_never_retrieved(hand_made) -> None:
    """Tasks are told by coroutine and class of exception; a plain future by itself."""
    said = "Task exception was never retrieved"
    hand_made.instant(1, said, **RAN, task="Task-7", error="OSError")
    for time in (2, 3):
        hand_made.instant(time, said, **RAN, task=f"Task-{time}", error="KeyError")
    hand_made.instant(
        4, "Future exception was never retrieved", coroutine="", file="", line=0, task="", error="KeyError"
    )
    sentences = [finding.sentence for finding in exception_never_retrieved.find(hand_made.build(), 0)]
    assert sentences == [
        "Task-7 (fetch) (/app/net.py:4) failed with OSError, which nobody ever looked at.",
        "2 tasks of fetch (/app/net.py:4) failed with KeyError, which nobody ever looked at.",
        "1 future failed with KeyError, which nobody ever looked at.",
    ]


def test_an_instant_of_the_programs_own(hand_made) -> None:
    """An instant that only bears such a name is not a complaint."""
    hand_made.instant(1, "coroutine was never awaited", key=3)
    assert never_awaited.find(hand_made.build(), 0) == []


def test_task_lost(hand_made) -> None:
    """A task that was destroyed while a loop ran is lost, told once; that it is pending is not told a second time."""
    hand_made.task("a", coroutine="fetch", file="/app/net.py", line=4, steps=1)
    hand_made.phase("a", Category.AWAITING, 1, 9)
    hand_made.instant(5, "Task was destroyed but it is pending!", **RAN, task="a", error="")
    trace = hand_made.build()
    (finding,) = task_lost.find(trace, 0)
    assert finding.sentence.startswith("a (fetch) was thrown away while pending, because nothing referred to it")
    assert (finding.severity, finding.function) == ("error", "fetch")
    assert task_pending.find(trace, 0) == []


def test_left_over_is_not_lost(hand_made) -> None:
    """What is destroyed when no loop runs any more was left over, not lost."""
    hand_made.builder.instant(hand_made.track, 11_000_000_000, "Task was destroyed but it is pending!", dict(RAN))
    assert task_lost.find(hand_made.build(), 0) == []
