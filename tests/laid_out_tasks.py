"""Tasks of a loop that run for a moment and await something, laid out by hand as traces. Knows no test; times are in ms."""

from __future__ import annotations

from typing import NamedTuple

from hand_made_states import lay_states
from laid_out_programs import FILE, Laid

from tracekit.model.trace import Category, Trace, TrackKind

LINE = 5
_RAN_MS = 0.5


class Row(NamedTuple):
    """A task that runs for a moment, then awaits something, again and again; times are in ms.

    Attributes:
        waits: how long, for what, woken by which kind of wake-up.
        within: the function that awaits it.
    """

    coroutine: str
    waits: list[tuple[float, str, str]]
    within: str = "fetch"
    begin: float = 0
    outcome: str = "done"


def looped(*tasks: Row, loop: str = "Loop", others: str = "") -> Trace:
    """A loop with such tasks.

    Args:
        others: what another thread is seen to do for all of the time.
    """
    life = max(row.begin + sum(wait[0] + _RAN_MS for wait in row.waits) + _RAN_MS for row in tasks)
    laid = Laid(life)
    builder = laid.builder
    number = builder.loop(laid.process, laid.main, loop)
    laid.slice(laid.main, 0, life, loop, Category.LOOP)
    lay_states(builder, laid.main, (life, "polling"))
    if others:
        lay_states(builder, laid.thread("other", 0, life, starter=laid.main), (life, others))
    turns = [turn for row in tasks for turn in _lay(laid, number, row)]
    for start, end, task, name in sorted(turns):
        laid.slice(laid.main, start, end, name, Category.STEP, task=task)
    builder.loops[number].open = laid.ns(life)
    return builder.build(exit_status=0)


def _lay(laid: Laid, loop: int, row: Row) -> list[tuple[float, float, int, str]]:
    """Lays a task, and tells when it ran."""
    builder, at, turns = laid.builder, row.begin, []
    name = f"Task-{len(builder.tasks) + 1}"
    task = builder.task(laid.process, loop, name, coroutine=row.coroutine, file=FILE, line=3, outcome=row.outcome)
    for length, what, kind in [*row.waits, (0, "", "")]:
        _phase(laid, task, Category.RUNNING, at, at + _RAN_MS, "running")
        turns.append((at, at + _RAN_MS, task, name))
        at += _RAN_MS
        if what:
            place = {"function": row.within, "file": FILE, "line": LINE}
            _phase(laid, task, Category.AWAITING, at, at + length - 0.1, f"awaiting {what}", what=what, **place)
            _phase(
                laid, task, Category.READY, at + length - 0.1, at + length, "ready", kind=kind, cause="callback _ready"
            )
            at += length
    own = builder.tasks[task]
    own.created, own.ended, own.steps = laid.ns(row.begin), laid.ns(at), len(turns)
    builder.slice(builder.track(TrackKind.TASK, task), own.created, own.ended, name, Category.TASK, task=task)
    return turns


def _phase(laid: Laid, task: int, category: Category, start: float, end: float, label: str, **args: object) -> None:
    begin, length = laid.ns(start), laid.ns(end) - laid.ns(start)
    track = laid.builder.track(TrackKind.TASK, task)
    laid.builder.slice(track, begin, begin + length, label, category, task=task, args=args or None)
    row, name = laid.builder.tasks[task], category.name.lower()
    setattr(row, name, getattr(row, name) + length)


def asked(times: int, what: str = "sleep", kind: str = "timer", each: float = 50) -> list[tuple[float, str, str]]:
    """As many waits."""
    return [(each, what, kind)] * times
