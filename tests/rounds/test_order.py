"""Whether sequences are alike. Runs nothing."""

from __future__ import annotations

import pytest

from tracekit.rounds.order import disorder, same_order


def test_all_pairs() -> None:
    """Of three sequences two are alike: one pair of three."""
    assert same_order(["abc", "abc", "acb"]) == pytest.approx(1 / 3)


def test_one_run_tells_nothing() -> None:
    """There is no pair of one."""
    assert same_order(["abc"]) is None
    assert disorder(["abc"]) is None


def test_disorder_counts_neighbours() -> None:
    """One of three neighbours changed places; in the reverse all did; in what is alike none."""
    assert disorder(["abcd", "acbd"]) == pytest.approx(1 / 3)
    assert disorder(["abcd", "dcba"]) == 1.0
    assert disorder(["abcd", "abcd"]) == 0.0


def test_what_only_one_has() -> None:
    """An event that another run lacks is left out, and makes nothing alike."""
    assert disorder(["abxc", "abc"]) == 0.0
    assert same_order(["abxc", "abc"]) == 0.0
