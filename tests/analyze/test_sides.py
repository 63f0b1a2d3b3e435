"""What is to be known of two traces before they are compared, from traces laid out by hand. Knows no difference."""

from __future__ import annotations

import pytest
from laid_out_programs import alone, threads

from tracekit.analyze.sides import notes, side_of
from tracekit.model.trace import Trace


def said(before: Trace, after: Trace) -> list[str]:
    return notes(side_of(before), side_of(after))


def test_what_it_was() -> None:
    """A side is the program, its machine and how long it took."""
    side = side_of(alone("running", life=300))

    assert (side.program, side.cores, side.wall, side.has_locks) == ("app.py", 2, 300_000_000, False)


@pytest.mark.parametrize(("watched", "sampled"), [(True, True), (False, False)])
def test_watched(watched: bool, sampled: bool) -> None:
    """Whether threads were watched from outside shows in their states."""
    assert side_of(alone("running", watched=watched)).is_sampled == sampled


def test_notes() -> None:
    """Nothing is to be known of two runs alike; of one that nobody watched, and of one on a busy machine, that."""
    assert said(threads("running"), threads("running")) == []
    (note,) = said(threads("running"), alone("running", watched=False))
    assert note.startswith("The second one was not watched from outside")
    (note,) = said(alone("runnable"), alone("running"))
    assert note.startswith("While the first one ran other programs had the cores")
