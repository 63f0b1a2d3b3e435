"""What is advised of tasks that hold a loop in turns, laid out by hand. Knows no recording, and no model but those of loops."""

from __future__ import annotations

from pathlib import Path

import pytest
from hand_made_crowds import MANY, ROUNDS, crowded_loop
from laid_out_programs import FILE

from tracekit.analyze import loop_blocked
from tracekit.model.check import check
from tracekit.model.trace import Trace
from tracekit.predict.counsel import Advice
from tracekit.predict.found import Found
from tracekit.predict.loop_advice import find
from tracekit.predict.machine import usual
from tracekit.predict.work import work_of

MS = 1_000_000
THRESHOLD = 50 * MS


def found(trace: Trace) -> Found:
    """What the loop's advice is."""
    assert check(trace) == []
    work = work_of(trace)
    return find(trace, work, usual(work.cores), THRESHOLD)


def only(trace: Trace) -> Advice:
    """The one recommendation."""
    (advice,) = found(trace).advice
    return advice


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A file in whose line 5 a coroutine sleeps with its thread."""
    file = tmp_path / "devices.py"
    file.write_text(
        "import time\n\nasync def poll_device(reads):\n    for _ in range(reads):\n        time.sleep(0.03)\n"
    )
    return str(file)


@pytest.mark.parametrize(("doing", "model"), [("sleeping", "asyncio+threads"), ("running", "asyncio+processes")])
def test_many_short_steps(doing: str, model: str) -> None:
    """Whose short steps take a loop's time is advised to go, by its coroutine's line, not who waits; how to see more is said."""
    advice = only(crowded_loop(doing))

    assert (advice.hot.name, advice.hot.file, advice.hot.line) == ("poll_device", FILE, 3)
    assert (advice.model, advice.confidence != "high") == (model, True)
    assert f"poll_device held the event loop {MANY * ROUNDS} times" in advice.why
    assert "none long enough to block it alone; 9 tasks waited" in advice.why
    assert advice.late_before_s == pytest.approx(0.22)
    assert advice.gain_s is not None
    assert advice.gain_s > 0.5
    assert advice.to_be_sure


def test_short_steps_of_which_a_stack_was_seen(source: str) -> None:
    """A stack of any of the short steps tells the line, and so the cure."""
    advice = only(crowded_loop("sleeping", source=source))

    assert (advice.hot.file, advice.hot.line) == (source, 5)
    assert "write `await asyncio.sleep(...)`" in advice.change
    assert "--threshold" not in advice.to_be_sure


@pytest.mark.parametrize(("step", "rest"), [(6, 0), (30, 400)])
def test_short_steps_that_hold_nobody_up_for_long(step: float, rest: float) -> None:
    """Where nobody waits as long as for a block, or the loop has most of its time left, short steps are no matter."""
    assert found(crowded_loop("sleeping", step=step, rest=rest)) == Found([], [], [])


def test_what_is_awaited_needs_no_thread(source: str) -> None:
    """Where the change is to await what waits, neither a thread is its model, nor its price, nor its reason."""
    advice = only(crowded_loop("sleeping", step=60, source=source))

    assert "write `await asyncio.sleep(...)`" in advice.change
    assert advice.model == advice.now == "asyncio"
    assert not any(word in text for text in (*advice.costs, advice.why) for word in ("thread", "lock"))


def test_counts_as_the_finding_does() -> None:
    """How many waited, and the longest of them through one block after another, is the same in a finding and its advice."""
    trace = crowded_loop("sleeping", step=60)
    advice, (finding,) = only(trace), loop_blocked.find(trace, THRESHOLD)

    assert advice.late_before_s == finding.details["delayed"][0]["by_s"] == pytest.approx(0.46)
    assert finding.details["delayed_count"] == 9
    assert (
        "; 9 tasks waited for it, the longest 460 ms (beat (heartbeat)), through several of these." in finding.sentence
    )
    assert "; 9 tasks waited for it." in advice.why
