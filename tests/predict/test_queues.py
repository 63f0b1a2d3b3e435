"""Threads that stand in a queue, from programs laid out by hand. Knows no recording; times are in ms."""

from __future__ import annotations

import pytest
from hand_made_states import lay_states
from laid_out_programs import FILE, Laid

from tracekit.model.trace import Category, Trace
from tracekit.predict.advice import advise


def queued(call: str, consuming: str, consumers: int = 1, share: float = 0.9, file: str = FILE) -> Trace:
    """A producer that stands in a queue again and again, and those who take from it.

    Args:
        call: what it stands in; "" where nobody recorded that.
        consuming: what those who take do (a state's name).
        share: of its time.
    """
    laid = Laid(1000)
    lay_states(laid.builder, laid.main, (1000, "waiting for a lock"))
    producer = laid.thread("producer", 0, 1000, starter=laid.main)
    lay_states(laid.builder, producer, *[(100 * share, "waiting for a lock"), (100 * (1 - share), "sleeping")] * 10)
    for number in range(10 if call else 0):
        args = {"lock": f"Lock {number}", "outcome": "taken", "function": "produce", "file": file, "line": 9}
        laid.slice(producer, number * 100, number * 100 + 100 * share, call, Category.WAIT, args=args)
    for number in range(consumers):
        lay_states(laid.builder, laid.thread(f"consumer-{number}", 0, 1000, starter=laid.main), (1000, consuming))
    return laid.builder.build(exit_status=0)


@pytest.mark.parametrize(("consumers", "more"), [(1, "more than one of them"), (3, "more than 3 of them")])
def test_a_full_queue(consumers: int, more: str) -> None:
    """Where a thread stands in `put` while those that take wait, more of these are advised, with no gain that nobody knows."""
    counsel = advise(queued("queue.Queue.put", "sleeping", consumers))

    (advice,) = counsel.advice
    assert more in advice.change
    assert "consumer" in advice.change
    assert "producer stood in queue.Queue.put" in advice.why
    assert "90%" in advice.why
    assert (advice.model, advice.gain_s) == ("", None)
    assert counsel.unknown == ()


def test_a_full_queue_before_those_who_compute() -> None:
    """Where those that take compute, more threads are not advised: that the queue is full is said."""
    counsel = advise(queued("queue.Queue.put", "running"))

    assert not any("more than one of them" in advice.change for advice in counsel.advice)
    assert any("queue was full" in sentence for sentence in counsel.unknown)


def test_an_empty_queue() -> None:
    """Of a thread that stands in `get` it is said that the queue was empty, so that more of its kind would not help."""
    counsel = advise(queued("queue.Queue.get", "sleeping"))

    assert any("queue was empty" in sentence for sentence in counsel.fine)
    assert not any("--locks" in sentence for sentence in counsel.unknown)


def test_something_else_that_nobody_holds() -> None:
    """Where waits were recorded nobody is told to record them, but what they were."""
    (sentence,) = [each for each in advise(queued("Event.wait", "sleeping")).unknown if "locks" in each]

    assert "longest in Event.wait" in sentence
    assert "--locks" not in sentence


@pytest.mark.parametrize(("call", "share"), [("", 0.9), ("queue.Queue.put", 0.3)])
def test_nothing_of_queues(call: str, share: float) -> None:
    """Where nobody recorded it, or hardly anybody stood there, nothing is said of a queue being full."""
    counsel = advise(queued(call, "sleeping", share=share))

    said = [*counsel.fine, *counsel.unknown, *(advice.why for advice in counsel.advice)]
    assert not any("the queue was" in sentence for sentence in said)


def test_a_librarys_own_queue() -> None:
    """Threads of a library that wait for work in its own queue are not told of."""
    counsel = advise(queued("queue.SimpleQueue.get", "sleeping", file="/usr/lib/python3.11/multiprocessing/pool.py"))

    assert not any("the queue was" in sentence for sentence in counsel.fine)
