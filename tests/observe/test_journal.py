"""Journal: what is written is read back, and a full file says so. Knows no process that is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
from observing import Writing

from tracekit import events
from tracekit.observe.procfs import Times
from tracekit.observe.pyspy import Frame, Stack
from tracekit.observe.weights import Weight
from tracekit.spool import layout
from tracekit.spool.limits import Limits


def test_samples(written: Writing) -> None:
    """A sample is read as it was written, with and without how often its thread lost a processor and had the GIL."""
    times = Times(1 << 60, 2, 3)
    written.journal.sample(100, 4_000_000, 4_194_304, events.STATE_CHILD, times)
    written.journal.sample(200, 4_000_000, 4_194_304, 0, times, 7)
    written.journal.sample(300, 4_000_000, 4_194_304, 0, times, None, 3 << 32 | 4)
    written.journal.sample(400, 4_000_000, 4_194_304, 0, times, 7, 1)

    details = {events.PID: 4_000_000, events.ON_CPU: 1 << 60, events.RUN_QUEUE: 2, events.SWITCHES: 3}
    assert written.samples() == [
        (100, 4_194_304, events.STATE_CHILD, details),
        (200, 4_194_304, 0, details | {events.INVOLUNTARY: 7}),
        (300, 4_194_304, 0, details | {events.GIL_LOOKS: 3 << 32 | 4}),
        (400, 4_194_304, 0, details | {events.INVOLUNTARY: 7, events.GIL_LOOKS: 1}),
    ]


def test_others(written: Writing) -> None:
    """So is a weight, a stack, and a note."""
    written.journal.weight(1, 7, Weight(100, None, None))
    written.journal.weight(2, 7, Weight(100, 50, 60))
    written.journal.stack(3, 7, Stack(8, [Frame("f", "a.py", 1), Frame("g", "a.py", 2)], True, True))
    written.journal.note(["a word"])

    assert [weight.details for weight in written.of_kind(events.WEIGHT)] == [
        {events.RSS: 100},
        {events.RSS: 100, events.PSS: 50, events.SHARED: 60},
    ]
    (stack,) = written.of_kind(events.STACK)
    assert (stack.time, stack.tid, stack.state, stack.details[events.PID]) == (3, 8, events.STACK_GIL, 7)
    assert layout.parse_code(written.spool().names[stack.details[events.FRAME]]) == ("g", "a.py", 2)
    assert written.notes() == ["a word"]


def test_full(tmp_path: Path) -> None:
    """Where its file may not grow it says so, as the last thing in it, and all that was written before is there."""
    written = Writing(tmp_path, Limits(max_bytes=200_000))
    count = 0
    while not written.journal.is_full:
        written.journal.sample(count, 1, 2, events.STATE_IO, Times(count, 0, 0))
        count += 1
    for _ in range(3000):
        written.journal.note(["lost"])

    assert [sample.time for sample in written.samples()] == list(range(count - 1))
    (note,) = written.notes()
    assert "--rate" in note
    assert written.spool().header.ended == layout.ENDED_MAX_SIZE
    written.journal.close()
    assert written.spool().header.ended == layout.ENDED_MAX_SIZE


def test_the_last_part(tmp_path: Path) -> None:
    """A flight recorder's keeps the newest, for ever."""
    written = Writing(tmp_path, Limits(flight_bytes=200_000))
    for count in range(20_000):
        written.journal.sample(count, 1, 2, events.STATE_IO, Times(count, 0, 0))

    times = [sample.time for sample in written.samples()]
    assert times == list(range(times[0], 20_000))
    assert 1000 < len(times) < 10_000
    assert not written.journal.is_full
    written.journal.close()


@pytest.mark.parametrize("flight", [0, 200_000])
def test_closed(tmp_path: Path, flight: int) -> None:
    """What comes after the end goes nowhere."""
    written = Writing(tmp_path, Limits(flight_bytes=flight))
    written.journal.close()
    for _ in range(3000):
        written.journal.sample(1, 1, 2, 0, Times(0, 0, 0))

    assert written.samples() == []
    assert written.spool().header.ended == layout.ENDED_NORMALLY
