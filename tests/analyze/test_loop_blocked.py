"""What loop-blocked finds and says, on loops laid out by hand. Knows no recording; tests/workloads has real ones."""

from __future__ import annotations

import pytest

from tracekit.analyze.loop_blocked import FROZEN_NS, MANY, find
from tracekit.model.trace import Category, Flag, TrackKind

MS = 1_000_000
THRESHOLD = 50 * MS


def test_quiet(hand_made) -> None:
    """A loop whose steps are all short has no finding, and neither has a trace without a loop's turns."""
    assert find(hand_made.build(), THRESHOLD) == []
    hand_made.step("a", 0, 10)
    hand_made.step("a", 20, 30)
    assert find(hand_made.build(), THRESHOLD) == []


@pytest.mark.parametrize(("end", "count"), [(150, 0), (150.000001, 1)])
def test_longer_than_the_threshold(hand_made, end, count) -> None:
    """A step exactly as long as the threshold is no block; one nanosecond longer is."""
    hand_made.step("a", 100, end)
    assert len(find(hand_made.build(), THRESHOLD)) == count


def test_says_who_how_long_and_where(hand_made) -> None:
    """A block names its task, its length, its coroutine's place, its track, and since when."""
    hand_made.task("Task-6", coroutine="cpu_bound", file="/app/article.py", line=21)
    hand_made.step("Task-6", 100, 300)
    (finding,) = find(hand_made.build(), THRESHOLD)
    assert finding.sentence == (
        "Task-6 (cpu_bound) held the event loop for 200 ms in one step, in cpu_bound (/app/article.py:21)."
    )
    assert (finding.start_s, finding.duration_s, finding.track) == (0.1, 0.2, "MainThread")
    assert (finding.function, finding.file, finding.line) == ("cpu_bound", "/app/article.py", 21)
    assert finding.library is None
    assert finding.details == {
        "task": "Task-6",
        "coroutine": "cpu_bound",
        "verdict": "unknown",
        "stack": [],
        "delayed": [],
        "delayed_count": 0,
        "count": 1,
        "total_s": 0.2,
        "unfinished": False,
    }


def test_a_second_is_an_error(hand_made) -> None:
    """A block of a second is an error, a shorter one a warning."""
    hand_made.step("a", 0, FROZEN_NS / MS)
    hand_made.step("b", 2000, 2000 + FROZEN_NS / MS - 1)
    assert [finding.severity for finding in find(hand_made.build(), THRESHOLD)] == ["error", "warning"]


def test_the_users_own_frame(hand_made) -> None:
    """Where the step stopped in the user's code, that frame is blamed, and the sentence says that it stopped there."""
    hand_made.step("a", 0, 100, args={"function": "Shop.fetch", "file": "/app/shop.py", "line": 12})
    (finding,) = find(hand_made.build(), THRESHOLD)
    assert (finding.function, finding.file, finding.line) == ("Shop.fetch", "/app/shop.py", 12)
    assert finding.details["stack"] == [{"function": "Shop.fetch", "file": "/app/shop.py", "line": 12}]
    assert "which stopped in Shop.fetch (/app/shop.py:12)" in finding.sentence


def test_a_librarys_frame(hand_made) -> None:
    """Where the step stopped in a library, the library is named and the user's coroutine blamed."""
    frame = {"function": "get", "file": "/venv/lib/python3.11/site-packages/shoplib/client.py", "line": 5}
    hand_made.step("a", 0, 100, args=frame)
    (finding,) = find(hand_made.build(), THRESHOLD)
    assert (finding.function, finding.file, finding.line) == ("work", "/app/work.py", 7)
    assert finding.library == {"name": "shoplib", "version": None, **frame}
    assert "in work (/app/work.py:7), which stopped inside shoplib" in finding.sentence


def test_asyncios_own_frame_is_no_library(hand_made) -> None:
    """Nearly every step stops inside asyncio: that is no reason to blame it, only the stack tells."""
    frame = {"function": "sleep", "file": "/usr/lib/python3.11/asyncio/tasks.py", "line": 639}
    hand_made.step("a", 0, 100, args=frame)
    (finding,) = find(hand_made.build(), THRESHOLD)
    assert (finding.function, finding.library) == ("work", None)
    assert finding.details["stack"] == [frame]


def test_a_callback(hand_made) -> None:
    """A callback blocks its loop as well: without a task, with its own function."""
    hand_made.callback("on_timer", 0, 100, args={"function": "on_timer", "file": "/app/timer.py", "line": 3})
    (finding,) = find(hand_made.build(), THRESHOLD)
    assert finding.sentence == (
        "The callback on_timer held the event loop for 100 ms in one callback, in on_timer (/app/timer.py:3)."
    )
    assert finding.details["task"] is None
    assert finding.function == "on_timer"


def test_tasks_that_waited(hand_made) -> None:
    """Tasks ready during the block are listed with the time that they waited in it, the longest first."""
    hand_made.step("a", 100, 300)
    hand_made.ready("late", 250, 310)
    hand_made.ready("early", 50, 301)
    hand_made.ready("before", 10, 90)
    (finding,) = find(hand_made.build(), THRESHOLD)
    assert finding.details["delayed"] == [{"task": "early", "by_s": 0.2}, {"task": "late", "by_s": 0.05}]
    assert "; 2 tasks waited for it, the longest 200 ms (early (work))." in finding.sentence


def test_tasks_that_fell_due(hand_made) -> None:
    """A sleeper that the loop wakes right after the block was held up, for a time that nobody recorded: null."""
    hand_made.step("a", 100, 300)
    hand_made.task("sleeper")
    hand_made.callback("_set_result_unless_cancelled", 300.1, 300.2)
    hand_made.wake(300.15, hand_made.step("sleeper", 300.3, 300.4))
    (finding,) = find(hand_made.build(), THRESHOLD)
    assert finding.details["delayed"] == [{"task": "sleeper", "by_s": None}]
    assert "; 1 task fell due meanwhile and had to wait, how long was not recorded." in finding.sentence


def test_often(hand_made) -> None:
    """A coroutine that blocks often is one finding: its worst block, with count and sum; the rest stays apart."""
    for number in range(MANY):
        hand_made.step(f"Task-{number}", 1000 * number, 1000 * number + 100 + number)
    hand_made.task("other", coroutine="other")
    hand_made.step("other", 9000, 9060)
    often, other = find(hand_made.build(), THRESHOLD)
    total = sum(100 + number for number in range(MANY))
    assert (often.details["count"], often.details["total_s"]) == (MANY, total / 1000)
    assert often.duration_s == (100 + MANY - 1) / 1000
    assert often.start_s == MANY - 1
    assert often.sentence.startswith(
        f"work held the event loop {MANY} times in steps of {MANY} tasks, {total} ms in all, the longest 103 ms"
    )
    assert other.details["count"] == 1


def test_not_so_often(hand_made) -> None:
    """A few blocks of one coroutine are told one by one, each with its own time."""
    for number in range(MANY - 1):
        hand_made.step("a", 1000 * number, 1000 * number + 100)
    assert [finding.start_s for finding in find(hand_made.build(), THRESHOLD)] == [0.0, 1.0, 2.0]


def test_unfinished(hand_made) -> None:
    """A step whose end was not seen lasted at least as long as it was seen, and the finding says so."""
    hand_made.step("a", 9000, 10_000, flags=Flag.UNFINISHED)
    (finding,) = find(hand_made.build(), THRESHOLD)
    assert "for at least 1.00 s" in finding.sentence
    assert finding.sentence.endswith("; the recording ended inside it.")
    assert finding.details["unfinished"] is True


AIOHTTP = "/venv/lib/python3.11/site-packages/aiohttp/web_protocol.py"
SLEEP = {"function": "sleep", "file": "/usr/lib/python3.11/asyncio/tasks.py", "line": 639}
READ = {"function": "read", "file": "/venv/lib/python3.11/site-packages/shoplib/client.py", "line": 5}


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (None, {"name": "aiohttp", "function": "RequestHandler.start", "file": AIOHTTP, "line": 9}),
        (SLEEP, {"name": "aiohttp", "function": "RequestHandler.start", "file": AIOHTTP, "line": 9}),
        (READ, {"name": "shoplib", **READ}),
    ],
)
def test_a_librarys_coroutine(hand_made, args, named) -> None:
    """A server's coroutine is not the program's code: the library is named, and that the program's function is unknown."""
    hand_made.task("Task-2", coroutine="RequestHandler.start", file=AIOHTTP, line=9)
    hand_made.step("Task-2", 0, 100, args=args)
    (finding,) = find(hand_made.build(), THRESHOLD)
    assert (finding.function, finding.file, finding.line) == ("", "", 0)
    assert finding.library == {"version": None, **named}
    assert finding.sentence.endswith(
        f", while running {named['name']}'s {named['function']}; "
        "which function of the program it called, if any, was not seen."
    )
    assert finding.details["coroutine"] == "RequestHandler.start"


def test_the_users_frame_in_a_librarys_coroutine(hand_made) -> None:
    """Where such a step stopped in the program's own code, that is blamed and nothing else."""
    hand_made.task("Task-2", coroutine="RequestHandler.start", file=AIOHTTP, line=9)
    hand_made.step("Task-2", 0, 100, args={"function": "handle", "file": "/app/web.py", "line": 12})
    (finding,) = find(hand_made.build(), THRESHOLD)
    assert (finding.function, finding.library) == ("handle", None)
    assert "which stopped in handle (/app/web.py:12)" in finding.sentence


def test_pythons_own_coroutine(hand_made) -> None:
    """A coroutine of the standard library is no library, and not the program's either."""
    hand_made.task("Task-2", coroutine="wait_for", file="/usr/lib/python3.11/asyncio/tasks.py", line=1)
    hand_made.step("Task-2", 0, 100)
    (finding,) = find(hand_made.build(), THRESHOLD)
    assert (finding.function, finding.library) == ("", None)
    assert ", while running Python's own wait_for; which function" in finding.sentence


def test_a_librarys_callback(hand_made) -> None:
    """A callback of a library is not shown as the program's."""
    hand_made.callback("read", 0, 100, args=dict(READ))
    (finding,) = find(hand_made.build(), THRESHOLD)
    assert (finding.function, finding.file, finding.line) == ("", "", 0)
    assert finding.library == {"name": "shoplib", "version": None, **READ}
    assert "while running shoplib's read" in finding.sentence


def test_one_coroutine_in_two_processes(hand_made) -> None:
    """The same coroutine in several processes is one finding, which says in how many."""
    builder = hand_made.builder
    for number in range(2):
        hand_made.step(f"Task-{number}", 1000 * number, 1000 * number + 100)
    process = builder.process(101, "hand-made.py", started=0)
    thread = builder.thread(process, 101, "MainThread", main=True)
    loop, track = builder.loop(process, thread, "Loop"), builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 10_000 * MS, "MainThread", Category.THREAD)
    for number in range(2):
        task = builder.task(process, loop, "Task-1", coroutine="work", file="/app/work.py", line=7)
        start = 2000 * MS * number
        builder.slice(track, start, start + 200 * MS, "Task-1", Category.STEP, task=task)
    (finding,) = find(hand_made.build(), THRESHOLD)
    assert finding.details["count"] == 4
    assert "4 times in steps of 4 tasks in 2 processes, 600 ms in all" in finding.sentence
