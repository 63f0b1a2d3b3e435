"""Stacks: which of the sampled stacks stands for a block, and what of it is the program's business."""

from __future__ import annotations

from typing import Any

import pytest

from tracekit.analyze.blocks import blocks
from tracekit.analyze.place import Place
from tracekit.analyze.stacks import Sampled, Stacks, users_frame

MS = 1_000_000
ASYNCIO = "/usr/lib/python3.12/asyncio"
USER = ("work", "/app/work.py", 3)


def during(hand_made: Any) -> Sampled | None:
    """What was sampled in the only block."""
    trace = hand_made.build()
    (block,) = blocks(trace, 50 * MS)
    return Stacks(trace).during(block)


def functions(hand_made: Any) -> list[str]:
    sampled = during(hand_made)
    assert sampled is not None
    return [frame.function for frame in sampled.stack]


def test_nothing(hand_made) -> None:
    """Without a stack inside the block there is none, whatever was sampled before and after it."""
    hand_made.step("a", 100, 300)
    hand_made.stack(50, USER)
    hand_made.stack(350, USER)
    assert during(hand_made) is None


@pytest.mark.parametrize(
    "outer",
    [
        [("Handle._run", f"{ASYNCIO}/events.py", 80), ("run", f"{ASYNCIO}/runners.py", 1), ("main", "/app/main.py", 1)],
        [("Runner.run", f"{ASYNCIO}/runners.py", 118), ("main", "/app/main.py", 1)],
        [("run", "/venv/lib/python3.12/site-packages/uvloop/__init__.py", 69), ("main", "/app/main.py", 1)],
        [("_run", f"{ASYNCIO}/events.py", 80), ("run_forever", f"{ASYNCIO}/base_events.py", 6)],
    ],
)
def test_the_loops_own_frames(hand_made, outer: list[tuple[str, str, int]]) -> None:
    """The loop's frames, and what is around them, are cut off; asyncio's others are not."""
    hand_made.step("a", 0, 100)
    hand_made.stack(50, USER, ("wait_for", f"{ASYNCIO}/tasks.py", 5), ("outer", "/app/work.py", 9), *outer)
    assert functions(hand_made) == ["work", "wait_for", "outer"]


def test_a_loop_in_a_loop(hand_made) -> None:
    """Of two loops one in the other, the inner one's turn counts."""
    hand_made.step("a", 0, 100)
    run = ("Handle._run", f"{ASYNCIO}/events.py", 80)
    hand_made.stack(50, USER, run, ("nested", "/app/work.py", 1), run)
    assert functions(hand_made) == ["work"]


def test_torn(hand_made) -> None:
    """A stack that lacks the loop's own frames was read while it changed: one that has them counts, however short its time."""
    hand_made.step("a", 0, 1000)
    run = ("Handle._run", f"{ASYNCIO}/events.py", 80)
    hand_made.stack(20, ("<genexpr>", "/app/work.py", 3), USER, run)
    hand_made.stack(600, ("<genexpr>", "/app/work.py", 3))
    assert functions(hand_made) == ["<genexpr>", "work"]


def test_our_own_frames(hand_made) -> None:
    """What the recorder does is not shown as the program's."""
    hand_made.step("a", 0, 100)
    site = "/venv/lib/python3.12/site-packages/tracekit"
    hand_made.stack(50, ("intern", f"{site}/spool/names.py", 1), ("run", f"{site}/hooks/ready.py", 2), USER)
    assert functions(hand_made) == ["work"]


def test_the_longest(hand_made) -> None:
    """A sample stands for the time around it: later ones are farther apart, and count for more."""
    hand_made.step("a", 0, 1000)
    for time in (10, 20, 30):
        hand_made.stack(time, ("short", "/app/work.py", 1))
    for time in (100, 500):
        hand_made.stack(time, ("long", "/app/work.py", 9))
    sampled = during(hand_made)

    assert sampled is not None
    assert (sampled.stack[0].function, sampled.samples, sampled.agreeing) == ("long", 5, 2)


def test_one_function_on_several_lines(hand_made) -> None:
    """Samples agree on the program's innermost function, whatever it calls; the line is that of most of the time."""
    hand_made.step("a", 0, 100)
    hand_made.stack(10, ("lib", "/usr/lib/python3.12/json/decoder.py", 1), ("work", "/app/work.py", 3))
    hand_made.stack(20, ("work", "/app/work.py", 4))
    hand_made.stack(60, ("work", "/app/work.py", 4))
    sampled = during(hand_made)

    assert sampled is not None
    assert (sampled.stack[0].line, sampled.agreeing) == (4, 3)


def test_where_samples_part(hand_made) -> None:
    """Of samples of which no two are the same the one is shown that lies where the most of the time went, call by call."""
    hand_made.step("a", 0, 1000)
    library, work = "/usr/lib/python3.12/json/decoder.py", ("work", "/app/work.py", 4)
    hand_made.stack(100, ("work", "/app/work.py", 3))
    for time, line in ((200, 7), (300, 8), (450, 9)):
        hand_made.stack(time, ("scan", library, line), ("load", library, 1), work)
    hand_made.stack(980, ("close", library, 5), ("work", "/app/work.py", 5))
    sampled = during(hand_made)

    assert sampled is not None
    assert [frame.function for frame in sampled.stack] == ["scan", "load", "work"]
    assert (sampled.samples, sampled.agreeing) == (5, 5)


@pytest.mark.parametrize(
    ("stack", "at"),
    [
        ([("<genexpr>", "/app/a.py", 3), ("work", "/app/a.py", 3)], 1),
        ([("work.<locals>.<lambda>", "/app/a.py", 3), ("sort", "/app/a.py", 2)], 1),
        ([("<lambda>", "/app/a.py", 3), ("<genexpr>", "/app/a.py", 3), ("work", "/app/a.py", 3)], 2),
        ([("<lambda>", "/app/a.py", 3), ("other", "/app/b.py", 3)], 0),
        ([("<lambda>", "/app/a.py", 3), ("loads", "/usr/lib/python3.12/json/__init__.py", 3)], 0),
        ([("loads", "/usr/lib/python3.12/json/__init__.py", 3), ("<module>", "/app/a.py", 3)], 1),
        ([("loads", "/usr/lib/python3.12/json/__init__.py", 3)], 1),
        ([], 0),
    ],
)
def test_the_programs_innermost_function(stack: list[tuple[str, str, int]], at: int) -> None:
    """A comprehension or lambda goes by the function around it, where that is on the stack in the same file."""
    assert users_frame(tuple(Place(*frame) for frame in stack)) == at


def test_no_stack(hand_made) -> None:
    """A thread that was seen without its stack tells nothing."""
    hand_made.step("a", 0, 100)
    hand_made.stack(50)
    assert during(hand_made) is None
