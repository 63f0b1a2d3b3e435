"""Pickling: what is seen at the connections of a pool, and that nothing else is changed. Knows no pool."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

import pytest

from tracekit import events
from tracekit.hooks.pickling import Pickling


@pytest.fixture
def pickling() -> Pickling:
    """What fails in it fails the test."""

    def fail(error: BaseException) -> None:
        raise error

    return Pickling(fail)


def test_taps_and_their_release(recorded: Callable[..., Any], pickling: Pickling) -> None:
    """A tapped pipe carries what it did, and is as it was once the taps are gone."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    with receiver, sender:
        plain = dict(receiver.__dict__), dict(sender.__dict__)
        pickling.tap_sender(sender, list, task=True)
        pickling.tap_results(receiver, list)
        task = (1, 2, len, ("x" * 1000,), {})
        with recorded() as recording:
            sender.send(task)
            assert receiver.recv() == task
            sender.send_bytes(b"no job")
            assert receiver.recv_bytes() == b"no job"
        pickling.release()
        assert (receiver.__dict__, sender.__dict__) == plain

    (slice_,) = recording.trace.slices.name[recording.trace.slices.category == 18]
    assert recording.trace.strings[slice_] == "pickling a job"


def test_a_tap_holds_no_connection(pickling: Pickling) -> None:
    """A connection that nobody has any more is closed at once, as it is without a tap."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    pickling.tap_sender(sender, list, task=True)
    del sender
    with receiver, pytest.raises(EOFError):
        receiver.recv_bytes()


def test_what_is_no_connection_is_left_alone(pickling: Pickling) -> None:
    """Pipes of another making are not touched."""

    class Wrapped:
        pass

    wrapped: Any = Wrapped()
    pickling.tap_sender(wrapped, list, task=True)
    pickling.tap_jobs(wrapped)
    assert wrapped.__dict__ == {}


def test_an_end_of_something_else(recorded: Callable[..., Any], pickling: Pickling) -> None:
    """Only what was begun ends; what was given up has no size, and says why."""
    with recorded() as recording:
        pickling.end(events.PICKLE_JOB, size=1)
        pickling.begin(events.PICKLE_RESULT)
        pickling.end(events.PICKLE_JOB, size=1)
        pickling.give_up(TypeError())
        pickling.give_up(TypeError())

    trace = recording.trace
    (row,) = [row for row in range(len(trace.slices)) if trace.slices.category[row] == 18]
    assert trace.args[trace.slices.args[row]] == {"error": "TypeError"}
