"""What is said where too little was seen to advise anything, from programs laid out by hand. Knows no recording."""

from __future__ import annotations

import pytest
from hand_made_states import lay_states
from laid_out_programs import Laid, alone, calls, threads

from tracekit.model.trace import Trace
from tracekit.predict.advice import advise
from tracekit.predict.counsel import Counsel


def told(trace: Trace) -> Counsel:
    """What is advised, which must be nothing at all."""
    counsel = advise(trace)
    assert counsel.advice == ()
    assert counsel.fine == ()
    return counsel


@pytest.mark.parametrize(("life", "word"), [(50, "over after 50.0 ms"), (5000, "`tracekit run` has one")])
def test_nobody_looked(life: float, word: str) -> None:
    """Of a short program that nobody looked at it is said to give it more to do; of a long one to record it with an observer."""
    (sentence,) = told(alone("", life=life, watched=False)).unknown

    assert word in sentence
    assert ("--rate 1000" in sentence) == (life < 1000)


def seldom(many: int = 1, share: float = 0.2) -> Trace:
    """A program with some threads at whose begin nobody looked yet."""
    laid = Laid(200)
    lay_states(
        laid.builder,
        laid.main,
        (200 * share, "running" if many == 1 else "waiting for a lock"),
        start=200 * (1 - share),
    )
    for number in range(many if many > 1 else 0):
        row = laid.thread(f"work {number}", 0, 200, starter=laid.main)
        lay_states(laid.builder, row, (200 * share, "running"), start=200 * (1 - share))
    return laid.builder.build(exit_status=0)


@pytest.mark.parametrize("many", [1, 4])
def test_too_little_was_seen(many: int) -> None:
    """Where most of the time nobody looked, nothing is advised and nothing called fine: it is said what to record."""
    counsel = told(seldom(many))

    assert any("Too little was seen" in sentence and "--rate 1000" in sentence for sentence in counsel.unknown)
    assert counsel.models == {}


def test_enough_was_seen() -> None:
    """Where somebody looked for most of the time, that is not said."""
    assert not any("Too little" in sentence for sentence in advise(seldom(4, 0.9)).unknown)


def test_a_simulation_that_is_far_off() -> None:
    """Where what was traced takes much longer than its own simulation, nothing is called fine, and that is said."""
    counsel = told(threads("reading or writing", many=2, waiting="waiting for the GIL"))

    assert any(sentence.startswith("Simulated as it ran, threads") for sentence in counsel.unknown)


@pytest.mark.parametrize("trace", [threads("running", waiting="waiting for the GIL"), calls("running")])
def test_a_simulation_that_is_near(trace: Trace) -> None:
    """Where the simulation comes out as what was traced, nothing of that is said."""
    assert not any("Simulated" in sentence for sentence in advise(trace).unknown)
