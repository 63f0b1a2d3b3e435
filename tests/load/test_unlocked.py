"""Unlocked: looks at who has the GIL divide what a thread ran. Knows columns, and no trace; times are in ms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.load.samples import Samples
from tracekit.load.unlocked import unlocked
from tracekit.model.trace import Int64

MS = 1_000_000


def ms(*values: float) -> Int64:
    """Times in ns."""
    return np.array([round(value * MS) for value in values], np.int64)


def looked(time: Int64, *looks: tuple[int, int]) -> Samples:
    """Samples, and at how many looks at each the thread ran with the GIL and without it."""
    held, free = np.array(looks, np.int64).reshape(-1, 2).T
    none = time * 0
    return Samples(time, none, none, none, none, none, held, free)


def without(samples: Samples, running: Int64, runnable: Int64 | None = None) -> list[float] | None:
    """How long it ran without the GIL between each two samples."""
    found = unlocked(samples, running, running * 0 if runnable is None else runnable)
    return None if found is None else [ns / MS for ns in found.tolist()]


def test_what_the_ends_say() -> None:
    """What ran is divided as the looks at both ends say, and as one of them where the other is none."""
    samples = looked(ms(0, 10, 20, 30, 40), (1, 0), (1, 0), (0, 1), (0, 0), (0, 1))
    assert without(samples, ms(10, 10, 4, 2)) == [0, 5, 4, 2]


def test_looks_between() -> None:
    """Where there were several looks since the sample before, they alone tell."""
    samples = looked(ms(0, 10, 20), (1, 0), (0, 4), (3, 1))
    assert without(samples, ms(8, 8)) == [8, 2]


def test_the_nearest() -> None:
    """What ran where nobody saw it run is divided as looks near to it, and far from any as all of them."""
    times = ms(0, 100, 110, 200, 1000, 1010, 1020)
    samples = looked(times, (0, 1), (0, 0), (0, 0), (1, 0), (0, 0), (0, 0), (0, 0))
    assert without(samples, ms(0, 4, 0, 0, 6, 0)) == [0, 2, 0, 0, 3, 0]


def test_nothing_is_told() -> None:
    """Without a look nothing is told, nor of a single sample."""
    assert without(looked(ms(0, 10), (0, 0), (0, 0)), ms(10)) is None
    assert without(looked(ms(0), (1, 0)), ms()) is None
    assert without(looked(ms()), ms()) is None


def every_10_ms(looks: list[tuple[int, int]], ran: float, ready: float) -> float | None:
    """The share that ran without the GIL, of a thread that was the same between all looks."""
    samples = looked(ms(*(10 * at for at in range(len(looks)))), *looks)
    count = len(looks) - 1
    found = without(samples, ms(*[ran] * count), ms(*[ready] * count))
    return None if found is None else sum(found) / (ran * count)


def test_preempted() -> None:
    """A processor that was taken from a thread says nothing of the GIL: what is told is what was seen."""
    assert every_10_ms([(1, 0), (0, 1)] * 40, ran=4, ready=6) == pytest.approx(0.5)


def test_woken() -> None:
    """A thread that waits for the GIL and for a processor is seen without the GIL where it waits: as much of that is left out
    as may be such a wait, and as much again may be."""
    assert every_10_ms([(1, 0), (0, 1)] * 40, ran=4, ready=2) == pytest.approx((0.5 + 0.25) / 2)
    assert every_10_ms([(0, 1)] * 80, ran=4, ready=2) == 1
    assert every_10_ms([(1, 0)] * 80, ran=4, ready=2) == 0


def test_in_doubt() -> None:
    """Where most looks without the GIL may have been waits for a processor, nothing is told."""
    assert every_10_ms([(1, 0), (0, 1), (0, 1)] * 40, ran=1, ready=8) is None


_LOOK = st.tuples(st.integers(1, 400), st.integers(0, 2), st.integers(0, 2), st.integers(0, 100), st.integers(0, 100))


@given(st.lists(_LOOK, min_size=2, max_size=40))
def test_never_more_than_ran(looks: list[tuple[int, int, int, int, int]]) -> None:
    """Whatever was seen, a thread ran without the GIL for no longer than it ran, and never where all looks say that it had it."""
    length, held, free, ran, ready = np.array(looks, np.int64).T
    samples = looked(np.cumsum(length) * MS, *zip(held.tolist(), free.tolist()))
    room = np.diff(samples.time)
    running = room * ran[1:] // 100
    runnable = (room - running) * ready[1:] // 100
    found = unlocked(samples, running, runnable)
    if not runnable.any():
        assert (found is None) == (not held.any() and not free.any())
    if found is not None:
        assert (found >= 0).all()
        assert (found <= running).all()
        assert free.any() or not found.any()
        assert held.any() or found.tolist() == running.tolist()
