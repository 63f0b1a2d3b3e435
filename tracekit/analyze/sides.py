"""Sides: what is to be known of two traces before they are compared, and whether they can be. Compares no number.

What nobody watched did not stop, and a machine that others used made everything longer.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracekit.analyze import core_starved
from tracekit.analyze.thread_states import FIELDS
from tracekit.model.trace import Category, States, Trace

# Of a thread's life, and ns: of a program that is over when it is looked at first nobody knows what it did.
_SEEN, _SEEN_ENOUGH = 0.2, 100_000_000


@dataclass(frozen=True, slots=True)
class Side:
    """What is to be known of one of the two traces.

    Attributes:
        cores, wall: of the machine, and ns from its begin to its end.
        is_sampled: whether its threads were watched from outside.
        has_locks: whether waits for locks were recorded.
        cores_left: how many cores it had while its threads wanted more and other programs had the rest; None where none had.
    """

    program: str
    command: str
    python: str
    cores: int
    wall: int
    is_sampled: bool
    has_locks: bool
    cores_left: float | None


def side_of(trace: Trace) -> Side:
    """What is to be known of a trace before it is compared."""
    first = next((row for row in trace.processes if row.parent is None), None)
    return Side(
        program=trace.program,
        command=first.command if first else "",
        python=first.python if first else "",
        cores=trace.cores,
        wall=trace.duration,
        is_sampled=_is_sampled(trace),
        has_locks=bool((trace.slices.category == Category.WAIT).any()),
        cores_left=_cores_left(trace),
    )


def notes(before: Side, after: Side) -> list[str]:
    """What must be known before the difference of two traces is believed; a sentence each."""
    return [*_of_both(before, after), *_busy(before, "first"), *_busy(after, "second")]


def _cores_left(trace: Trace) -> float | None:
    found = (finding.details for finding in core_starved.find(trace, 0))
    return next((row["cores_used"] for row in found if row["cause"] in ("others", "both")), None)


def _busy(side: Side, name: str) -> list[str]:
    """What is to be said where others had the machine."""
    if side.cores_left is None:
        return []
    return [
        f"While the {name} one ran other programs had the cores for a good part of the time (it used {side.cores_left:.2f} of "
        f"{side.cores} while its threads wanted more): its times are longer for that."
    ]


def _is_sampled(trace: Trace) -> bool:
    """Whether threads were watched from outside: one at least, and not for a blink only."""
    return any(_seen(trace, row) for row in trace.states)


def _seen(trace: Trace, row: States) -> bool:
    thread = trace.threads[row.thread]
    life = min(trace.duration, (trace.duration if thread.ended is None else thread.ended) - thread.started)
    seen: int = sum(getattr(row, state) for state in FIELDS)
    return seen >= min(_SEEN * life, _SEEN_ENOUGH)


def _of_both(before: Side, after: Side) -> list[str]:
    notes = []
    if before.program != after.program:
        notes.append(
            f"These are two programs, {before.program or 'one without a name'} and {after.program or 'one without a name'}: "
            "what has the same name in both is compared."
        )
    elif before.command != after.command and before.command and after.command:
        notes.append(f"They were started differently: `{before.command}`, then `{after.command}`.")
    if before.python != after.python and before.python and after.python:
        notes.append(f"They ran on different Pythons: {before.python}, then {after.python}.")
    if before.cores != after.cores and before.cores and after.cores:
        notes.append(f"They had a different number of cores: {before.cores}, then {after.cores}.")
    for side, other, name in ((before, after, "first"), (after, before, "second")):
        if other.has_locks and not side.has_locks:
            notes.append(
                f"The {name} one has no waits for locks, because nobody waited or because nobody recorded it (--locks), so they "
                "are not compared."
            )
        if other.is_sampled and not side.is_sampled:
            notes.append(
                f"The {name} one was not watched from outside, or hardly, so what threads did cannot be compared: run it for "
                "longer, or look more often (--rate)."
            )
    return notes
