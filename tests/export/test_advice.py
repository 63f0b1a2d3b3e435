"""Advice in words and as JSON, from programs laid out by hand. Knows no recording and no terminal."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import orjson
import pytest
from laid_out_programs import alone, blocked_loop, calls, convoy, threads

from tracekit.export.advice import brings, heading, render
from tracekit.export.advice_json import as_object
from tracekit.export.page import page
from tracekit.model.builder import Builder
from tracekit.model.trace import Trace
from tracekit.predict.advice import advise
from tracekit.predict.counsel import Advice, Counsel, Hot

ADVICE = Advice(
    Hot("crunch", "/app/work.py", 7, "computing under the GIL", 1.0, 0.5),
    "threads",
    "process-pool",
    "Change it.",
    "Because.",
    "high",
    wall_before_s=2.0,
    wall_after_s=1.25,
    gain_s=0.75,
    gain_low_s=0.5,
    gain_high_s=1.0,
    late_before_s=1.5,
    late_after_s=0.0001,
    costs=("Memory: some.", "Complexity: some."),
)


def printed(counsel: Counsel) -> str:
    """All that is printed, without line breaks and indents."""
    out = io.StringIO()
    render(counsel, page(out))
    return " ".join(out.getvalue().split())


def test_what_it_brings() -> None:
    """Before, after, the difference with its interval, and the worst wait before and after."""
    assert brings(ADVICE) == (
        "1.25 s in place of 2.00 s: 750 ms less (likely 500 ms to 1.00 s). "
        "Whoever is due waits less than 1 ms at worst, now 1.50 s."
    )


def test_only_a_bound() -> None:
    """Where only a bound is known no more is said."""
    bound = replace(ADVICE, gain_s=None, wall_after_s=None, late_before_s=None, late_after_s=None)

    assert brings(bound) == "At best 1.00 s in place of 2.00 s."


def test_no_shorter_but_nobody_waits() -> None:
    """A change that takes nobody's time and somebody's waiting says both."""
    same = replace(ADVICE, gain_s=0.0, wall_after_s=2.0, gain_low_s=0.0)

    assert brings(same).startswith("The program takes as long as before (2.00 s). Whoever is due waits")


def test_everything_in_its_order() -> None:
    """Place and models, what to change, what it brings, why, what it costs, how sure it is."""
    counsel = Counsel("app.py", 2.0, "threads", 2, (ADVICE,), ("This is right.",), ("That is not known.",))

    text = printed(counsel)

    parts = (
        "app.py: 2.00 s, as it ran: threads, 2 cores",
        "1. crunch (/app/work.py:7), computing under the GIL, 1.00 s: threads -> process-pool",
        "change Change it.",
        "brings 1.25 s in place of",
        "because Because.",
        "costs Memory: some. Complexity: some.",
        "sure? Quite sure (high).",
        "fine This is right.",
        "not told That is not known.",
    )
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_how_large_pools_are() -> None:
    """Beside the models stands how many workers the simulated pools have, since advice may name another number."""
    counsel = advise(threads("running", waiting="waiting for the GIL"))
    assert counsel.cores == 2

    assert "pools: as large as they are when nobody says, 6 threads, 2 processes" in printed(counsel)
    assert "pools:" not in printed(replace(counsel, models={}))


def test_nothing_to_advise() -> None:
    """Where there is nothing to say, that is said."""
    assert "Nothing to advise" in printed(Counsel("app.py", 2.0, "", 2))


def test_heading() -> None:
    """The heading says what bounds the time, as far as it is a good part."""
    counsel = Counsel("app.py", 2.0, "asyncio", 1, bound={"a timer": 1.5, "the loop": 0.45, "a core": 0.05})

    assert (
        heading(counsel) == "app.py: 2.00 s, as it ran: asyncio, 1 core; its longest chain: 75% a timer; 22% the loop"
    )


@pytest.mark.parametrize(
    "trace",
    [
        blocked_loop("running"),
        threads("running", waiting="waiting for the GIL"),
        calls("polling"),
        alone("running"),
        convoy(),
    ],
    ids=["loop", "threads", "calls", "alone", "lock"],
)
def test_json(trace: Trace) -> None:
    """The object holds what the text does, as plain values that any JSON writer takes; what is not known is null."""
    counsel = advise(trace)

    told = as_object(counsel)

    assert json.loads(orjson.dumps(told)) == told
    (advice,) = told["advice"]
    assert advice["brings"] == (brings(counsel.advice[0]) or None)
    assert (advice["model"] or "") == counsel.advice[0].model
    assert "" not in (advice["model"], advice["to_be_sure"], advice["hot"]["file"])
    assert {row["model"] for row in told["models"]} == set(counsel.models)


def test_an_empty_trace() -> None:
    """Nothing is printed of a trace of nothing but that there is nothing."""
    assert "app" in printed(advise(Builder("app").build()))
