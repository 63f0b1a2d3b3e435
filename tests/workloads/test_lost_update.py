"""What the traces of the lost update must show: the interleaving that loses it. Compares times only within one trace."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from tests_support import Row, spans_of

Workload = Callable[..., Any]

ROUNDS = 10


class Access(NamedTuple):
    """A read or a write, by whom, and of what value."""

    what: str
    who: str
    value: int


def accesses(run: Any) -> list[Access]:
    """What Alice and Bob did, in the order of time."""
    trace = run.trace
    names = {track: trace.threads[row.owner].name for track, row in enumerate(trace.tracks)}
    spans = [span for span in spans_of(trace) if span.name != "deposit" and names[span.track] != "MainThread"]
    return [Access(span.name, names[span.track], span.args["value"]) for span in spans]


def deposits(run: Any) -> list[Row]:
    """The deposits, in the order of time."""
    return [span for span in spans_of(run.trace) if span.name == "deposit"]


def test_both_read_before_either_writes(workload: Workload) -> None:
    """In each round both read the same value and both write the one after it: one of the two updates is lost."""
    run = workload("lost_update")
    seen = accesses(run)
    assert len(seen) == 4 * ROUNDS
    for number in range(ROUNDS):
        first, second, third, fourth = seen[4 * number : 4 * number + 4]
        assert (first.what, second.what, third.what, fourth.what) == ("read", "read", "write", "write")
        assert {first.who, second.who} == {third.who, fourth.who} == {"Alice", "Bob"}
        assert first.value == second.value == number
        assert third.value == fourth.value == number + 1
    assert f"{2 * ROUNDS} deposits, {ROUNDS} of them lost" in run.stdout


def test_deposits_overlap(workload: Workload) -> None:
    """The two deposits of a round lie beside each other, which is what loses one of them."""
    seen = deposits(workload("lost_update"))
    for one, other in zip(seen[::2], seen[1::2], strict=True):
        assert one.track != other.track
        assert other.start < one.end


def test_with_a_lock(workload: Workload) -> None:
    """With a lock each read is followed by the same thread's write, and each deposit counts."""
    run = workload("lost_update", "--locked")
    seen = accesses(run)
    for read, write in zip(seen[::2], seen[1::2], strict=True):
        assert (read.what, write.what, read.who) == ("read", "write", write.who)
    assert [access.value for access in seen[1::2]] == list(range(1, 2 * ROUNDS + 1))
    assert all(before.end <= after.start for before, after in pairwise(deposits(run)))
    assert "0 of them lost" in run.stdout


def test_nothing_is_found(workload: Workload) -> None:
    """Two threads that meet at a barrier are in nobody's way, so nobody is accused."""
    assert not workload("lost_update").found("lock-contention")
    assert not workload("lost_update").found("deadlock")


@pytest.mark.parametrize(("arguments", "lost"), [((), ROUNDS), (("--locked",), 0)])
def test_with_plain_python(plain: Callable[..., Any], arguments: tuple[str, ...], lost: int) -> None:
    """Without tracekit the program does the same."""
    assert plain("lost_update", *arguments) == (0, f"{2 * ROUNDS} deposits, {lost} of them lost\n", "")
