"""Probes: what is timed of tracekit's public API, and the no-op that each is set beside. Knows no rival and no clock.

A row is a case: the probe as a program writes it, the floor of its kind, and where the thing traced costs something by
itself, that; the floor and the probe are then what they add to it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from floor import Floor
from recorded import has_flight, recorded
from rounds import Case, Figures, less, loop, stretches

import tracekit as tk


@dataclass(frozen=True)
class Row:
    """One probe."""

    name: str
    probe: str
    floor: str
    plain: str = ""


HOT = Row("with a span made once", "with hot: pass", "with manager: pass")
FUNCTION = Row("@trace, a function", "traced()", "forwarded()", "function()")
INSTANT = Row('instant("x")', 'instant("x")', 'call("x")')

ROWS = (
    HOT,
    Row('with span("x")', 'with span("x"): pass', 'with give("x"): pass'),
    Row('with span("x", n=1, s="a")', 'with span("x", n=1, s="a"): pass', 'with give("x", n=1, s="a"): pass'),
    Row(
        'with span(f"x {number}")',
        'with span(f"x {next(numbers)}"): pass',
        'with give(f"x {next(numbers)}"): pass',
    ),
    FUNCTION,
    Row("@trace, a method", "thing.traced()", "thing.forwarded()", "thing.method()"),
    Row("@trace, a coroutine", "await traced_coroutine()", "await forwarded_coroutine()", "await coroutine()"),
    INSTANT,
    Row('instant("x", n=1, s="a")', 'instant("x", n=1, s="a")', 'call("x", n=1, s="a")'),
    Row('counter("x", depth=4)', 'counter("x", depth=4)', 'call("x", depth=4)'),
)
FLIGHT_BYTES = 1 << 20

# Variants of a row: the keys of the cases are "row: variant".
FLOOR, PLAIN, OFF, ON = "floor", "plain", "no session", "session"
# Of HOT alone. A spool grows, so every so often a record is the first one in a new page, and the kernel must make that.
WARM_FLOOR, WARM, FLIGHT = "floor, most of the time", "session, most of the time", "session, flight recorder"


def key(row: Row, variant: str) -> str:
    """The key of a case."""
    return f"{row.name}: {variant}"


def names(floor: Floor) -> dict[str, Any]:
    """What the names in ROWS mean."""

    def function() -> None:
        pass

    async def coroutine() -> None:
        pass

    class Thing:
        def method(self) -> None:
            pass

        traced = tk.trace(method)
        forwarded = floor.forward(method)

    return {
        "hot": tk.span("hot"),
        "span": tk.span,
        "instant": tk.instant,
        "counter": tk.counter,
        "numbers": itertools.count(),
        "manager": floor.manager,
        "give": floor.give,
        "call": floor.call,
        "function": function,
        "coroutine": coroutine,
        "traced": tk.trace(function),
        "forwarded": floor.forward(function),
        "traced_coroutine": tk.trace(coroutine),
        "forwarded_coroutine": floor.forward(coroutine),
        "thing": Thing(),
    }


def cases(floor: Floor) -> list[Case]:
    """Every row: the floor, the probe with no session, and with one."""
    known = names(floor)
    found = []
    for row in ROWS:
        if row.plain:
            found.append(Case(key(row, PLAIN), loop(row.plain, known)))
        probe = loop(row.probe, known)
        found.append(Case(key(row, FLOOR), loop(row.floor, known)))
        found.append(Case(key(row, OFF), probe))
        found.append(Case(key(row, ON), probe, recorded))
    found.append(Case(key(HOT, WARM_FLOOR), stretches(HOT.floor, known)))
    found.append(Case(key(HOT, WARM), stretches(HOT.probe, known), recorded))
    if has_flight():
        found.append(Case(key(HOT, FLIGHT), loop(HOT.probe, known), lambda: recorded(flight_bytes=FLIGHT_BYTES)))
    return found


def costs(figures: Figures, row: Row, variant: str) -> list[float]:
    """What a variant of a row costs, round by round: all of it, or what it adds to the plain thing."""
    return less(figures, key(row, variant), key(row, PLAIN)) if row.plain else figures[key(row, variant)]
