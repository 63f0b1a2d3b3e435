"""Asked: the numbers that this version set out to reach, beside what was measured and what doing nothing cost. Prints nothing.

A number was asked for on one machine, whose floor is in the table as well. On another, faster or slower, the ratio to the
floor counts: `reached` says which of the two it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import loops
import probes
from clocks import Error
from kills import Lost
from rounds import Figures, ratio


@dataclass(frozen=True)
class Asked:
    """One row: texts, ready to be printed."""

    what: str
    asked: str
    measured: str
    floor: str
    reached: str


# Row, variant, ns that were asked for, ns that the floor cost then.
_PROBES = (
    ("`with span` recorded", probes.HOT, probes.ON, 45, 32),
    ("`@trace` on a function adds", probes.FUNCTION, probes.ON, 30, 13),
    ("instant", probes.INSTANT, probes.ON, 15, 7),
    ("`with span`, no session", probes.HOT, probes.OFF, 32, 32),
    ("`@trace`, no session", probes.FUNCTION, probes.OFF, 13, 13),
    ("instant, no session", probes.INSTANT, probes.OFF, 7, 7),
)
_LOOPS = ((loops.STORM, 1.10), (loops.QUEUES, 1.25), (loops.FUTURES, 1.25), (loops.CREATION, 1.25))
_NOISE = 1.1  # two runs of one no-op differ by as much
_SPAN_BYTES = 32
_CLOCK_NS = 200


def compare(figures: Figures, spool_bytes: float, lost: Lost, clock: Error | None) -> list[Asked]:
    """Every number that was asked for.

    Args:
        figures: of the probes and of the loops.
        spool_bytes: what a span takes.
        lost: what tracekit lost to kills.
        clock: None where the records' clock needs no conversion.
    """
    rows = [_probe(figures, *row) for row in _PROBES]
    warm, warm_floor = (figures[probes.key(probes.HOT, variant)] for variant in (probes.WARM, probes.WARM_FLOOR))
    rows.insert(1, _set_beside("  in a page that is there", warm, warm_floor, *_PROBES[0][3:]))
    rows += [_loop(figures, *row) for row in _LOOPS]
    rows.append(
        Asked(
            "memory of a recorded span",
            f"{_SPAN_BYTES} bytes",
            f"{spool_bytes:.1f} bytes",
            "",
            _word(round(spool_bytes) <= _SPAN_BYTES),
        )
    )
    rows.append(
        Asked(
            "spans lost to SIGKILL",
            "0",
            f"{lost.lost:,} of {lost.told:,}, {lost.kills} kills",
            "",
            _word(lost.lost == 0 < lost.told),
        )
    )
    if clock is not None:
        rows.append(
            Asked(
                "error of the clock, p99", f"{_CLOCK_NS} ns", f"{clock.p99:.0f} ns", "", _word(clock.p99 <= _CLOCK_NS)
            )
        )
    return rows


def _probe(figures: Figures, what: str, row: probes.Row, variant: str, reach: float, reach_floor: float) -> Asked:
    costs, floor = probes.costs(figures, row, variant), probes.costs(figures, row, probes.FLOOR)
    return _set_beside(what, costs, floor, reach, reach_floor)


def _set_beside(what: str, costs: list[float], floor: list[float], reach: float, reach_floor: float) -> Asked:
    times = ratio(costs, floor)
    if median(costs) <= reach:
        reached = "yes"
    elif times <= reach / reach_floor * _NOISE:
        reached = "yes, as a ratio"
    else:
        reached = f"no: {times:.2f}x the floor, {reach / reach_floor:.2f}x asked"
    return Asked(what, f"{reach} ns", f"{median(costs):.1f} ns", f"{median(floor):.1f} ns", reached)


def _loop(figures: Figures, name: str, reach: float) -> Asked:
    plain = figures[f"{name}: {loops.OFF}"]
    times = ratio(figures[f"{name}: {loops.ON}"], plain)
    return Asked(name, f"{reach:.2f}x", f"{times:.2f}x", f"{median(plain):,.0f} ns", _word(times <= reach))


def _word(reached: bool) -> str:
    return "yes" if reached else "no"
