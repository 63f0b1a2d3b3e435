"""Where the time of threads went: looked up in hand-made tracks of states. Knows no recording; times are in ms."""

from __future__ import annotations

import numpy as np
import pytest
from hand_made_states import MS, lay_states
from hypothesis import given
from hypothesis import strategies as some

from tracekit.analyze.where import ALL, LOOK_NS, Where
from tracekit.model.builder import Builder
from tracekit.model.trace import STATE_FIELDS, UNLOCKED, SampleSource, SampleState, Trace

EVERY = {
    "running": "cpu",
    UNLOCKED: "native",
    "runnable": "core",
    "waiting for the GIL": "gil wait",
    "waiting for a lock": "lock",
    "polling": "io",
    "reading or writing": "io",
    "sleeping": "timer",
    "waiting for a child": "other",
    "in a system call": "other",
    "not told": "other",
}


def one(
    *parts: tuple[float, str], unlocked: int = -1, times: int = 1, samples: tuple[tuple[float, int], ...] = ()
) -> Trace:
    """A thread, its states one after another, and what stacks that were sampled said of the GIL."""
    builder = Builder("app.py")
    thread = builder.thread(builder.process(10, "app.py"), 10, "MainThread")
    lay_states(builder, thread, *parts, times=times).unlocked = unlocked
    for time, state in samples:
        builder.sample(thread, round(time * MS), -1, SampleState(state), SampleSource.SAMPLER)
    return builder.build()


def there(found: dict[str, int]) -> dict[str, float]:
    """What is not nothing, in ms."""
    assert tuple(found) == ALL
    return {kind: ns / MS for kind, ns in found.items() if ns}


@pytest.mark.parametrize("state", STATE_FIELDS)
def test_every_state(state: str) -> None:
    """Each state that an observer tells of has a kind."""
    assert there(Where(one((10, state))).of(0, 2 * MS, 7 * MS)) == {EVERY[state]: 5}


def test_parts_of_stretches() -> None:
    """Of a stretch that begins and ends amid states only what lies inside counts."""
    where = Where(one((10, "running"), (10, "sleeping"), (10, "polling"), times=3))
    assert there(where.of(0, 5 * MS, 42 * MS)) == {"cpu": 15, "timer": 12, "io": 10}
    assert there(where.of(0, 12 * MS, 13 * MS)) == {"timer": 1}
    assert there(where.of(0, 12 * MS, 12 * MS)) == {}


def test_unseen() -> None:
    """What nobody saw is told as such: before and behind the states, and all of a thread that has none."""
    builder = Builder("app.py")
    process = builder.process(10, "app.py", started=0, ended=100 * MS)
    first, second = (builder.thread(process, 10 + number, "thread") for number in range(2))
    lay_states(builder, first, (10, "running"), start=20)
    where = Where(builder.build())
    assert there(where.of(first, 0, 100 * MS)) == {"cpu": 10, "unseen": 90}
    assert there(where.of(second, 0, 100 * MS)) == {"unseen": 100}


def test_who_had_the_gil() -> None:
    """Where an observer tells when a thread computed without the GIL, it had it the rest of the time."""
    where = Where(one((10, "running"), (5, UNLOCKED), unlocked=5 * MS))
    assert there(where.of(0, 0, 15 * MS)) == {"gil": 10, "native": 5}


def test_who_had_the_gil_in_part() -> None:
    """Where it tells so of a part only, the rest is not told."""
    where = Where(one((10, "running"), (5, UNLOCKED)))
    assert there(where.of(0, 0, 15 * MS)) == {"cpu": 10, "native": 5}


def test_samples_say_who_had_the_gil() -> None:
    """Else samples say it of the time around them, up to the middle between two, and not of waits."""
    has, has_not = SampleState.GIL, SampleState.ACTIVE
    where = Where(
        one((40, "running"), (10, "sleeping"), (50, "running"), samples=((10, has), (20, has_not), (30, has)))
    )
    assert there(where.of(0, 0, 100 * MS)) == {"gil": 15 + 15, "native": 10, "timer": 10, "cpu": 50}
    assert there(where.of(0, 12 * MS, 17 * MS)) == {"gil": 3, "native": 2}


def test_samples_that_never_have_the_gil() -> None:
    """A sampler that never says that somebody has the GIL does not know, so that being active means nothing."""
    where = Where(one((40, "running"), samples=((10, SampleState.ACTIVE), (20, SampleState.UNKNOWN))))
    assert there(where.of(0, 0, 40 * MS)) == {"cpu": 40}


def test_how_far_apart() -> None:
    """Looks are as far apart as usual, unless states change more often than such looks could tell."""
    assert Where(one((5000, "sleeping"))).apart(0) == LOOK_NS
    assert Where(one((1, "running"), (1, "sleeping"), times=50)).apart(0) == 2 * MS
    assert Where(Builder("app.py").build()).apart(0) == LOOK_NS


@given(
    some.lists(some.tuples(some.integers(1, 9), some.sampled_from(sorted(STATE_FIELDS))), max_size=30),
    some.lists(some.tuples(some.integers(0, 200), some.integers(0, 50)), min_size=1, max_size=10),
    some.lists(
        some.tuples(some.integers(0, 200), some.sampled_from((SampleState.GIL, SampleState.ACTIVE))), max_size=9
    ),
)
def test_adds_up(
    parts: list[tuple[int, str]], asked: list[tuple[int, int]], samples: list[tuple[int, SampleState]]
) -> None:
    """Whatever is asked, the kinds add up to the length, none is negative, and two halves make the whole."""
    where = Where(one(*parts, samples=tuple(samples)))
    starts = np.array([start for start, _ in asked], np.int64) * MS
    lengths = np.array([length for _, length in asked], np.int64) * MS
    whole = where.many(0, starts, starts + lengths)
    first, second = where.many(0, starts, starts + lengths // 3), where.many(0, starts + lengths // 3, starts + lengths)
    assert (sum(whole.values()) == lengths).all()
    for kind in ALL:
        assert (whole[kind] >= 0).all()
        assert (first[kind] + second[kind] == whole[kind]).all()
