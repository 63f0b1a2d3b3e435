"""What loop-blocked finds and says, on loops laid out by hand. Knows no recording; tests/workloads has real ones."""

from __future__ import annotations

import pytest
from laid_out_programs import blocked_loop

from tracekit.analyze.loop_blocked import FROZEN_NS, MANY, find
from tracekit.model.trace import UNLOCKED, Category, Flag, TrackKind

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
        "shares": {},
        "stack": [],
        "samples": 0,
        "agreeing": 0,
        "holders": [],
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


def test_who_waited_for_all_of_them(hand_made) -> None:
    """Of many blocks all who waited for any are told, each by its longest wait, through several of them where it was so."""
    for number in range(MANY):
        hand_made.step("a", 100 * number, 100 * number + 90)
    hand_made.ready("patient", 50, 390)
    hand_made.ready("early", 20, 90)
    hand_made.ready("late", 340, 390)
    (finding,) = find(hand_made.build(), THRESHOLD)
    assert finding.details["delayed"] == [
        {"task": "patient", "by_s": 0.31},
        {"task": "early", "by_s": 0.07},
        {"task": "late", "by_s": 0.05},
    ]
    assert finding.details["delayed_count"] == 3
    assert "; 3 tasks waited for it, the longest 310 ms (patient (work)), through several of these." in finding.sentence


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


LOOP = [
    ("Handle._run", "/usr/lib/python3.11/asyncio/events.py", 80),
    ("BaseEventLoop.run_forever", "/usr/lib/python3.11/asyncio/base_events.py", 607),
    ("<module>", "/app/main.py", 9),
]
COMPUTING = {"sampled_ns": 180, "cpu_ns": 170, "run_queue_ns": 10}


def sampled(shares: dict[str, int], of: float = 200) -> dict[str, int]:
    """The arguments of a step of `of` ms whose samples say so, in ms."""
    return {key: int(value * MS * of / 200) for key, value in shares.items()}


def test_where_the_time_went(hand_made) -> None:
    """With stacks, the function that the time went into is blamed, not the one where the step stopped."""
    stopped = {"function": "Shop.fetch", "file": "/app/shop.py", "line": 12}
    hand_made.step("a", 0, 200, args=stopped | sampled(COMPUTING))
    for time in (50, 100, 150):
        hand_made.stack(time, ("price", "/app/prices.py", 3), ("Shop.fetch", "/app/shop.py", 10), *LOOP)
    (finding,) = find(hand_made.build(), THRESHOLD)

    assert (finding.function, finding.file, finding.line) == ("price", "/app/prices.py", 3)
    assert (
        finding.sentence
        == "a (work) held the event loop for 200 ms in one step, in price (/app/prices.py:3), computing."
    )
    assert "process pool" in finding.advice
    assert [frame["function"] for frame in finding.details["stack"]] == ["price", "Shop.fetch"]
    assert (finding.details["verdict"], finding.details["samples"], finding.details["agreeing"]) == ("cpu", 3, 3)
    assert finding.details["shares"]["cpu"] == 0.944


def test_the_machine(hand_made) -> None:
    """A step that waited for a processor is no fault of the program, however long it took."""
    hand_made.step("a", 0, 2000, args=sampled({"sampled_ns": 190, "cpu_ns": 2, "run_queue_ns": 188}, of=2000))
    (finding,) = find(hand_made.build(), THRESHOLD)

    assert (finding.severity, finding.details["verdict"]) == ("info", "preempted")
    assert "the machine had given to others" in finding.sentence
    assert "No code is to blame" in finding.advice


def test_a_busy_machine(hand_made) -> None:
    """What blocks on a busy machine would block on any other: it is blamed, and the machine's part is told."""
    hand_made.step("a", 0, 2000, args=sampled({"sampled_ns": 190, "cpu_ns": 70, "run_queue_ns": 120}, of=2000))
    (finding,) = find(hand_made.build(), THRESHOLD)

    assert (finding.severity, finding.details["verdict"]) == ("error", "cpu")
    assert "computing (63% of the time it had no processor)" in finding.sentence


def test_the_machines_blocks_are_told_apart(hand_made) -> None:
    """Blocks that the machine caused do not make those of the program look harmless, nor the other way round."""
    for start in range(0, 8000, 1000):
        preempted = {"sampled_ns": 190, "run_queue_ns": 190}
        hand_made.step("a", start, start + 200, args=sampled(COMPUTING if start % 2000 else preempted))

    findings = find(hand_made.build(), THRESHOLD)
    assert sorted(finding.details["verdict"] for finding in findings) == ["cpu", "preempted"]
    assert [finding.details["count"] for finding in findings] == [4, 4]


def test_the_gil(hand_made) -> None:
    """A step that waited for the GIL names the threads that were seen to hold it."""
    hand_made.step("a", 0, 200, args=sampled({"sampled_ns": 180, "gil_ns": 150, "cpu_ns": 30}))
    hand_made.stack(100, ("spin", "/app/threads.py", 3), gil=True, thread="cruncher")
    hand_made.stack(100, ("rest", "/app/threads.py", 9), gil=False, thread="sleeper")
    (finding,) = find(hand_made.build(), THRESHOLD)

    assert finding.details["holders"] == ["cruncher"]
    assert "waiting for the GIL, which cruncher held" in finding.sentence
    assert "give what the other threads compute to processes" in finding.advice


def test_both(hand_made) -> None:
    """Where no single thing took the time, the two largest are told with their shares."""
    hand_made.step("a", 0, 200, args=sampled({"sampled_ns": 200, "cpu_ns": 100, "syscall_ns": 80}))
    (finding,) = find(hand_made.build(), THRESHOLD)

    assert finding.details["verdict"] == "mixed"
    assert "50% computing and 40% waiting in a system call" in finding.sentence


def test_the_library_that_was_called(hand_made) -> None:
    """Of libraries that call each other, the one that the program called is named, with the place that was reached in it."""
    hand_made.step("a", 0, 200, args=sampled({"sampled_ns": 190, "syscall_ns": 190}))
    site = "/venv/lib/python3.11/site-packages"
    hand_made.stack(
        100,
        ("SSLSocket.read", "/usr/lib/python3.11/ssl.py", 1166),
        ("urlopen", f"{site}/urllib3/connectionpool.py", 714),
        ("send", f"{site}/requests/adapters.py", 486),
        ("get", f"{site}/requests/api.py", 73),
        ("fetch", "/app/shop.py", 12),
        *LOOP,
    )
    (finding,) = find(hand_made.build(), THRESHOLD)

    assert finding.library is not None
    assert (finding.library["name"], finding.library["function"], finding.library["line"]) == ("requests", "send", 486)
    assert finding.function == "fetch"
    assert "in fetch (/app/shop.py:12), inside requests's send" in finding.sentence
    assert "httpx" in finding.advice


def test_a_library_of_its_own(hand_made) -> None:
    """Where no code of the program was on the stack, the library alone is named."""
    hand_made.task("a", coroutine="Server.serve", file="/venv/lib/python3.11/site-packages/server/app.py", line=3)
    hand_made.step("a", 0, 200, args=sampled(COMPUTING))
    hand_made.stack(100, ("parse", "/venv/lib/python3.11/site-packages/server/parser.py", 5), *LOOP)
    (finding,) = find(hand_made.build(), THRESHOLD)

    assert finding.function == ""
    assert finding.library is not None
    assert finding.library["function"] == "parse"
    assert "inside server's parse" in finding.sentence


def test_one_culprit_in_many_tasks(hand_made) -> None:
    """Blocks of one function are one finding, whichever coroutines call it."""
    for at in range(4):
        hand_made.task(f"task {at}", coroutine=f"handler_{at}")
        hand_made.step(f"task {at}", at * 1000, at * 1000 + 200)
        hand_made.stack(at * 1000 + 100, ("slow", "/app/slow.py", 1), (f"handler_{at}", "/app/work.py", 8), *LOOP)
    (finding,) = find(hand_made.build(), THRESHOLD)

    assert (finding.function, finding.details["count"]) == ("slow", 4)


@pytest.mark.parametrize(
    ("doing", "advice"), [(UNLOCKED, "a thread is enough"), ("running", "give it to a process pool")]
)
def test_computing_without_the_gil(doing: str, advice: str) -> None:
    """Where nobody saw the stack, what the thread was seen to do tells whether a thread is enough."""
    trace = blocked_loop(doing)
    step = next(
        row for row, start in enumerate(trace.slices.start) if trace.slices.args[row] >= 0 and start == 100 * MS
    )
    trace.args[int(trace.slices.args[step])].update(sampled(COMPUTING, of=600))
    (finding,) = find(trace, THRESHOLD)

    assert advice in finding.advice
