"""Beats: when looks were taken, out of what was seen of a beacon. Knows no file."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracekit.load.beats import Zero, find_zero, times_of

MS = 1_000_000
BEATS = np.array([1000 * MS + at * MS for at in range(101)])
ZERO = 950 * MS + 123_456


def zero_of(stamps: list[int], numbers: list[int]) -> Zero | None:
    return find_zero(BEATS, np.array(stamps, np.int64), np.array(numbers, np.int64))


def numbers(times: list[int]) -> list[int]:
    """Which beat lasted at each time."""
    return [(time - int(BEATS[0])) // MS for time in times]


def test_no_look() -> None:
    """Without a look at the beacon there is no zero, whatever else was seen."""
    assert zero_of([], []) is None
    assert find_zero(BEATS[:0], np.array([5]), np.array([0])) is None
    assert zero_of([5, 5], [-1, 100]) is None


def test_one_look() -> None:
    """One look tells it to within half of a beat."""
    zero = zero_of([1010 * MS + 300_000 - ZERO], [10])
    assert zero is not None
    assert abs(zero.time - ZERO) <= zero.error <= MS // 2 + 1
    assert zero.looks == 1


@given(st.lists(st.integers(0, 100 * MS - 1), min_size=5, max_size=30))
def test_many_looks(times: list[int]) -> None:
    """The true zero is never further away than is said, and the more is seen the less that is."""
    looks = [int(BEATS[0]) + time for time in times]
    zero = zero_of([look - ZERO for look in looks], numbers(looks))
    assert zero is not None
    assert abs(zero.time - ZERO) <= zero.error + 1
    assert zero.looks == len(times)
    inside = [time % MS for time in times]
    assert zero.error <= (MS - (max(inside) - min(inside))) // 2 + 1


@given(st.lists(st.integers(0, 99 * MS), min_size=8, max_size=30), st.integers(2 * MS, 30 * MS))
def test_looks_that_were_stamped_late(times: list[int], late: int) -> None:
    """What most looks agree on counts; one that was held up before it was stamped is known to within its beat all the same."""
    looks = sorted(int(BEATS[0]) + time for time in times)
    stamps, seen = np.array(looks) - ZERO, np.array(numbers(looks))
    stamps[-1] += late
    zero = find_zero(BEATS, stamps, seen)
    assert zero is not None
    assert abs(zero.time - ZERO) <= zero.error + 1
    assert zero.looks == len(times) - 1

    times_found = times_of(BEATS, stamps, seen, zero)
    assert (np.diff(times_found) >= 0).all()
    assert (np.abs(times_found[:-1] - looks[:-1]) <= zero.error + 1).all()
    assert abs(int(times_found[-1]) - looks[-1]) <= MS


def test_between_two_beats() -> None:
    """A look that saw no beat has the time of its stamp."""
    zero = Zero(ZERO, 10, 5)
    assert times_of(BEATS, np.array([7, 9]), np.array([-1, 100]), zero).tolist() == [ZERO + 7, ZERO + 9]
