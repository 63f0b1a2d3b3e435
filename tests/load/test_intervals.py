"""Intervals: whatever was sampled, the parts add up, and are the scheduler's own figures. Knows columns, and no trace."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit import events
from tracekit.load.intervals import FREE, NAMES, RUNNABLE, RUNNING, coarser, intervals, longest, pieces
from tracekit.load.samples import Samples

MS = 1_000_000
RUN, GIL, POLL, SLEEP = events.STATE_RUNNING, events.STATE_GIL, events.STATE_POLL, events.STATE_SLEEP


def seen(*rows: tuple[float, int, float, float, int]) -> Samples:
    """Samples as rows: time, state, on a processor, waiting for one, switches; times in ms."""
    time, state, on_cpu, run_queue, switches = zip(*rows)
    columns = [np.array([round(value * MS) for value in column], np.int64) for column in (time, on_cpu, run_queue)]
    none = np.zeros(len(rows), np.int64)
    return Samples(*columns, np.array(state, np.int64), np.array(switches, np.int64), none - 1, none, none)


def sums(samples: Samples) -> dict[str, float]:
    """How long each state lasted, in ms."""
    parts = intervals(samples).parts.sum(axis=0).tolist()
    return {name: ns / MS for name, ns in zip(NAMES, parts) if ns}


def drawn(samples: Samples) -> list[tuple[float, float, str]]:
    """Start, end and state of what is drawn, in ms."""
    return [(a / MS, b / MS, NAMES[state]) for a, b, state in zip(*(c.tolist() for c in pieces(intervals(samples))))]


def test_the_split() -> None:
    """Running and runnable are what the scheduler counted, and the rest is a wait of the kind that the samples saw."""
    samples = seen((0, GIL, 0, 0, 1), (10, GIL, 3, 1, 2))
    assert sums(samples) == {"running": 3, "runnable": 1, "waiting for the GIL": 6}


def test_the_order() -> None:
    """What was seen at the ends of an interval lies there; a thread gets ready before it runs."""
    samples = seen((0, GIL, 0, 0, 1), (10, POLL, 3, 1, 2))
    waits = [(0, 3, "waiting for the GIL"), (3, 4, "runnable"), (4, 7, "running"), (7, 10, "polling")]
    assert drawn(samples) == waits
    samples = seen((0, RUN, 0, 0, 1), (10, SLEEP, 3, 1, 2))
    assert drawn(samples) == [(0, 1, "runnable"), (1, 4, "running"), (4, 10, "sleeping")]


def test_neighbours_are_one() -> None:
    """A state that goes on over many looks is one slice."""
    samples = seen(*((10 * look, SLEEP, 0, 0, 1) for look in range(5)), (50, SLEEP, 0, 0, 1))
    assert drawn(samples) == [(0, 50, "sleeping")]


def test_counted_late() -> None:
    """What does not fit between two samples was before, because the scheduler counts when a wait or a turn is over."""
    samples = seen((0, RUN, 0, 0, 1), (10, RUN, 0, 0, 1), (20, RUN, 0, 0, 1), (30, RUN, 5, 22, 2))
    assert sums(samples) == {"running": 5, "runnable": 22, "not told": 3}
    assert drawn(samples)[:2] == [(0, 3, "not told"), (3, 20, "runnable")]


def test_a_wait_that_no_sample_saw() -> None:
    """A thread that ran at both ends and left the processor in between waited as it did shortly before or after."""
    near = seen((0, GIL, 0, 0, 1), (10, RUN, 5, 0, 2), (20, RUN, 10, 0, 3))
    assert sums(near) == {"running": 10, "waiting for the GIL": 10}
    far = seen((0, GIL, 0, 0, 1), (10, RUN, 5, 0, 2), (1010, RUN, 1005, 0, 2), (1020, RUN, 1010, 0, 3))
    assert sums(far) == {"running": 1010, "waiting for the GIL": 5, "not told": 5}


def test_a_processor_that_was_stolen() -> None:
    """A thread that never left its processor waited for nothing, whatever time is missing."""
    samples = seen((0, GIL, 0, 0, 1), (10, RUN, 10, 0, 2), (20, RUN, 17, 0, 2))
    assert sums(samples) == {"running": 17, "not told": 3}


def test_unseen() -> None:
    """Where much happened and nobody looked, nothing is drawn; where nothing happened, nobody had to look."""
    assert drawn(seen((0, SLEEP, 0, 0, 1), (60_000, SLEEP, 0, 0, 1))) == [(0, 60_000, "sleeping")]
    assert drawn(seen((0, SLEEP, 0, 0, 1), (60_000, SLEEP, 1, 0, 2), (60_010, SLEEP, 1, 0, 2))) == [
        (60_000, 60_010, "sleeping")
    ]
    # Of a thread that is ready all the time nothing is written down until it gets a processor.
    starved = seen((0, RUN, 0, 0, 1), (60_000, RUN, 1000, 59_000, 2))
    assert drawn(starved)[1:] == [(500, 59_500, "runnable"), (59_500, 60_000, "running")]


@pytest.mark.parametrize("rows", [[], [(5, RUN, 0, 0, 1)], [(5, RUN, 0, 0, 1), (5, GIL, 0, 0, 1)]])
def test_too_few(rows: list[tuple[float, int, float, float, int]]) -> None:
    """One look tells of no time at all."""
    empty = np.zeros(0, np.int64)
    samples = seen(*rows) if rows else Samples(*(empty,) * 8)
    assert len(intervals(samples)) == 0
    assert drawn(samples) == []


_GIL_LOOKS = st.tuples(st.integers(0, 2), st.integers(0, 2))
_LOOK = st.tuples(
    st.integers(1, 30), st.sampled_from([0, *events.STATES]), st.integers(0, 30), st.integers(0, 30), _GIL_LOOKS
)


@given(st.lists(_LOOK, min_size=2, max_size=30), st.integers(1, 30), st.booleans())
def test_everything_adds_up(looks: list[tuple[int, int, int, int, tuple[int, int]]], most: int, told: bool) -> None:
    """Whatever was seen, parts fill the time between the samples, and drawn or put together they are the same parts."""
    length, state, ran, ready, gil = (np.array(column, np.int64) for column in zip(*looks))
    switches = np.cumsum(ran > 0) if told else np.full(len(looks), -1)
    held, free = gil.T
    samples = Samples(np.cumsum(length), np.cumsum(ran), np.cumsum(ready), state, switches, switches, held, free)
    fine, told_of_gil = intervals(samples), bool(free.any())
    assert fine.parts.min() >= 0
    assert fine.parts.sum(axis=1).tolist() == (fine.end - fine.start).tolist()
    counted = np.array([samples.on_cpu[-1] - samples.on_cpu[0], samples.run_queue[-1] - samples.run_queue[0]])
    assert fine.running.sum() <= counted[0]
    assert fine.parts[:, RUNNABLE].sum() <= counted[1]
    assert told_of_gil or not fine.parts[:, FREE].any()
    for whole in (fine, coarser(fine, most)):
        start, end, kind = pieces(whole)
        assert (end > start).all()
        assert start[1:].tolist() == end[:-1].tolist()
        assert not ((kind[1:] == kind[:-1]) & (start[1:] == end[:-1])).any()
        lengths: Counter[int] = Counter()
        for which, ns in zip(kind.tolist(), (end - start).tolist()):
            lengths[which] += ns
        assert [lengths[which] for which in range(len(NAMES))] == fine.parts.sum(axis=0).tolist()
    assert len(coarser(fine, most)) <= max(most, 1)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), min_size=1, max_size=30))
def test_nothing_that_fits_is_lost(looks: list[tuple[int, int]]) -> None:
    """Running is exactly what was counted, unless a thread ran for longer than there was time since the first look."""
    length, ran = (np.array(column, np.int64) for column in zip(*looks))
    time, on_cpu = (np.append(0, np.cumsum(column)) for column in (length, ran))
    same = np.full(len(time), RUN)
    none = on_cpu * 0
    running = int(intervals(Samples(time, on_cpu, none, same, same, same, none, none)).parts[:, RUNNING].sum())
    beyond = max(int(on_cpu[at] - time[at]) for at in range(len(time)))
    assert running == on_cpu[-1] - max(0, beyond)


def test_the_longest() -> None:
    """The longest time in a row goes over stretches that touch, and over no gap."""
    start, end = np.array([0, 5, 9, 20]), np.array([5, 9, 12, 26])
    assert longest(start, end, np.array([True, True, False, True])) == 9
    assert longest(start, end, np.array([False, False, False, False])) == 0
