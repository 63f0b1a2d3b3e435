"""What is advised for tasks that await one thing after another, laid out by hand. Knows no recording."""

from __future__ import annotations

import pytest
from laid_out_programs import FILE
from laid_out_tasks import LINE, Row, asked, looped

from tracekit.model.check import check
from tracekit.predict.advice import advise

FETCHES = [(30.0, "DataQueue.read", "I/O"), (20.0, "StreamReader._wait", "I/O")] * 20
CASES = {
    "timers in a call": asked(20),
    "the outside": asked(20, "Connection.query", "I/O"),
    "two waits a call": FETCHES,
    "events of a library": [wait for _ in range(20) for wait in [(50.0, "event", "I/O"), (0.2, "checkpoint", "yield")]],
    "three calls": asked(3, each=300),
}


@pytest.mark.parametrize("waits", CASES.values(), ids=CASES)
def test_one_after_another(waits: list[tuple[float, str, str]]) -> None:
    """What one task awaits one after another is advised to be gathered, if it is independent: where, at best, not surely."""
    trace = looped(Row("main", waits))
    counsel = advise(trace)
    (advice,) = counsel.advice

    assert check(trace) == []
    assert (counsel.fine, counsel.unknown) == ((), ())
    assert (advice.now, advice.model, advice.confidence) == ("asyncio", "asyncio", "low")
    assert advice.change.startswith("If what main awaits one after another does not depend on each other")
    assert "asyncio.gather" in advice.change
    assert f"fetch ({FILE}:{LINE})" in advice.change
    assert (advice.hot.name, advice.hot.file, advice.hot.line) == ("fetch", FILE, LINE)
    assert (advice.gain_s, advice.gain_low_s) == (None, 0.0)
    assert advice.gain_high_s == pytest.approx(trace.duration / 1e9 * (2 / 3 if len(waits) == 3 else 0.9), rel=0.05)


@pytest.mark.parametrize(("loop", "word"), [("trio", "nursery"), ("gevent hub", "gevent.joinall")])
def test_other_loops(loop: str, word: str) -> None:
    """What is to be written is what the program's own library has for it."""
    (advice,) = advise(looped(Row("main", asked(20)), loop=loop)).advice

    assert word in advice.change
    assert "asyncio." not in advice.change


def test_beside_a_heartbeat() -> None:
    """A task that only sleeps again and again is nothing that goes on beside; it is not advised to do so at once."""
    heart = Row("heart", asked(49, each=20), "heart", outcome="cancelled")
    counsel = advise(looped(Row("main", asked(20)), heart))

    assert [advice.hot.name for advice in counsel.advice] == ["fetch"]


NOT_TOLD = {
    "a ticker": [Row("tick", asked(20), "tick")],
    "it accepts": [Row("serve", asked(20, "socket", "I/O"), "serve")],
    "it never ends": [Row("watch", asked(20, "Consumer.poll", "I/O"), outcome="cancelled")],
    "it works off a queue": [Row("work", [(50.0, "sleep", "timer"), (0.2, "queue.get", "queue put")] * 20)],
    "two calls, or one that is answered in two parts": [Row("main", asked(2, "Connection.query", "I/O"))],
    "one stream": [Row("main", asked(20, "StreamReader._wait", "I/O"))],
    "one answer of a library": [Row("main", asked(20, "event", "I/O"))],
}


@pytest.mark.parametrize("tasks", NOT_TOLD.values(), ids=NOT_TOLD)
def test_what_may_be_meant_so(tasks: list[Row]) -> None:
    """What keeps a pace, listens, or reads on is neither advised to be gathered nor called fine: which it is, is not told."""
    counsel = advise(looped(*tasks))

    assert (counsel.advice, counsel.fine) == ((), ())
    assert any("the trace does not say" in sentence and f"{FILE}:{LINE}" in sentence for sentence in counsel.unknown)


FINE = {
    "one wait": [Row("main", asked(1, each=1000))],
    "one long answer": [Row("main", [(30.0, "Connection.query", "I/O"), (900.0, "Connection.query", "I/O")])],
    "side by side": [Row("main", asked(20)) for _ in range(3)],
    "two heartbeats": [Row("heart", asked(20), "heart") for _ in range(2)],
}


@pytest.mark.parametrize("tasks", FINE.values(), ids=FINE)
def test_what_is_right(tasks: list[Row]) -> None:
    """A single wait, and tasks that wait side by side, are as they should be."""
    counsel = advise(looped(*tasks))

    assert (counsel.advice, counsel.unknown) == ((), ())


def test_what_they_mostly_do() -> None:
    """Tasks that hardly compute are said to wait, though what they compute is what would keep a loop from others."""
    (sentence,) = advise(looped(*[Row("main", asked(20, "Connection.query", "I/O"))] * 3)).fine

    assert f"main ({FILE}:3) is 99% waiting for the outside" in sentence


def test_beside_a_thread_that_computes() -> None:
    """While another thread computes something else goes on: what the loop awaits meanwhile is not the point."""
    assert advise(looped(Row("main", asked(20)), others="running")).advice == ()
