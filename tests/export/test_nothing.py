"""What a report says where nothing was found. Traces are made by hand."""

from __future__ import annotations

import pytest

from tracekit.analyze import THRESHOLD_NS
from tracekit.analyze.watched import is_watched
from tracekit.export._nothing import nothing_found
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, States, Trace, TrackKind

SECOND = 1_000_000_000


def one_thread(python: str = "", wait: bool = False, **states: int) -> Trace:
    """A program of one thread that was sampled for a second."""
    builder = Builder()
    process = builder.process(7, "app.py", python=python)
    thread = builder.thread(process, 7, "MainThread", main=True)
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, SECOND, "MainThread", Category.THREAD)
    if wait:
        builder.slice(track, 0, SECOND // 2, "Lock.acquire", Category.WAIT)
    if states:
        builder.states.append(States(thread, **states))
    return builder.build()


def test_from_outside() -> None:
    """Of a program that was only watched it is said that event loops are not seen, not that none ran."""
    trace = one_thread(sleep=SECOND)

    assert is_watched(trace)
    assert "From outside no event loop is seen" in nothing_found(trace, THRESHOLD_NS)


@pytest.mark.parametrize("trace", [one_thread("3.11", sleep=SECOND), one_thread(), one_thread("3.11")])
def test_what_recorded(trace: Trace) -> None:
    """A program that recorded, or of which no sample is there, was not only watched."""
    assert not is_watched(trace)
    assert "no event loop ran" in nothing_found(trace, THRESHOLD_NS)


@pytest.mark.parametrize(
    ("trace", "told"),
    [
        (one_thread("3.11", lock=SECOND * 3 // 4, sleep=SECOND // 4), True),
        (one_thread("3.11", lock=SECOND // 10, sleep=SECOND * 9 // 10), False),
        (one_thread("3.11", wait=True, lock=SECOND * 3 // 4, sleep=SECOND // 4), False),
    ],
    ids=["much", "little", "recorded"],
)
def test_waits_for_locks(trace: Trace, told: bool) -> None:
    """Where threads wait much for locks and nobody recorded for which, it is told how that is found out."""
    said = nothing_found(trace, THRESHOLD_NS)

    assert ("1 thread waited 75% of the time for locks" in said) is told
    assert ("--locks" in said) is told
