"""Verdict: from the numbers to one word, by the rule that is written down."""

from __future__ import annotations

from typing import Any

import pytest

from tracekit.analyze.verdict import parts, verdict


@pytest.mark.parametrize(
    ("args", "word"),
    [
        ({"cpu_ns": 60}, "cpu"),
        ({"cpu_ns": 59}, "unknown"),
        ({"run_queue_ns": 80, "cpu_ns": 20}, "preempted"),  # 24 without that
        ({"run_queue_ns": 60, "cpu_ns": 40}, "cpu"),  # 48
        ({"run_queue_ns": 100}, "preempted"),
        ({"run_queue_ns": 50, "gil_ns": 25, "syscall_ns": 25}, "mixed"),
        ({"gil_ns": 70, "cpu_ns": 25}, "gil"),
        ({"syscall_ns": 100}, "syscall"),
        ({"syscall_ns": 10, "lock_ns": 20, "poll_ns": 20, "io_ns": 20, "sleep_ns": 20, "child_ns": 10}, "syscall"),
        ({"lock_ns": 35, "gil_ns": 65}, "gil"),
        ({"cpu_ns": 40, "syscall_ns": 40}, "mixed"),
        ({"cpu_ns": 30, "syscall_ns": 20}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_rule(args: dict[str, int], word: str) -> None:
    """What took 60 % of the time is the verdict; the want of a processor counts only where it alone made the block."""
    assert verdict({"sampled_ns": 100} | args, 120, 40) == word


def test_too_little_was_sampled() -> None:
    """Samples that cover less than 30 % of a step tell nothing of it."""
    args = {"sampled_ns": 100, "cpu_ns": 100}
    assert verdict(args, 333, 40) == "cpu"
    assert verdict(args, 334, 40) == "unknown"


@pytest.mark.parametrize(
    "args", [{}, {"sampled_ns": 0, "cpu_ns": 1}, {"sampled_ns": "x"}, {"sampled_ns": -5}, {"sampled_ns": True}]
)
def test_nothing_to_go_by(args: dict[str, Any]) -> None:
    """Without samples, or with nonsense in their place, there is no verdict."""
    assert parts(args) == {}
    assert verdict(args, 100, 40) == "unknown"


def test_no_share_is_more_than_all() -> None:
    """The scheduler counts by ticks: what adds up to more than the time that passed is all of it."""
    assert parts({"sampled_ns": 100, "cpu_ns": 104})["cpu"] == 1.0
