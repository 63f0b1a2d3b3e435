"""The tables of a report about threads seen from outside: what each did, and how they took turns. Knows rows, no sample."""

from __future__ import annotations

from rich.console import Console

from tracekit.analyze import thread_states, words
from tracekit.analyze.thread_states import StateRow, TurnsRow
from tracekit.export.page import paragraph, table
from tracekit.model.trace import Trace

_COLUMNS = (
    *("name", "pid", "seen"),
    *("ran", "no GIL", "ready", "GIL", "lock", "poll", "I/O", "sleep", "other"),
    *("held up", "switches", "preempted", ""),
)
_RAN, *_REST = thread_states.FIELDS
_UNLOCKED = "no GIL: how much of that without holding the GIL; "
_LEGEND = (
    "ready: no core for it; GIL, lock, poll, I/O, sleep: what it waited for; held up: the longest time in a row that it could "
    "have run and did not; switches: how often it was given a core; preempted: how often one was taken from it"
)


def states(trace: Trace, console: Console, most: int) -> None:
    """Prints them, those that were held up longest first; nothing where no thread was sampled."""
    rows = thread_states.threads(trace)
    worst = sorted(rows, key=lambda row: -(row.states["gil"] + row.states["runnable"]))
    several = len({row.pid for row in rows}) > 1
    left_out = len(rows) - most
    table(
        console,
        "What threads did, as seen from outside; those that were held up most first",
        _COLUMNS,
        (_row(row, several) for row in worst[:most]),
        left=2,
        rest=f"and {words.count(left_out, 'more thread')}" if left_out > 0 else "",
    )
    if rows:
        paragraph(console, (_UNLOCKED if any(row.unlocked for row in rows) else "") + _LEGEND, style="dim", indent=2)


def turns(trace: Trace, console: Console, most: int) -> None:
    """Prints how the threads of each process took turns on the cores."""
    rows = sorted(thread_states.turns(trace), key=lambda row: -row.switches)
    left_out = len(rows) - most
    table(
        console,
        "How threads took turns",
        ("process", "pid", "threads", "cores used", "switches/s", "one turn", ""),
        (_turns(row) for row in rows[:most]),
        left=1,
        rest=f"and {words.count(left_out, 'more process', 'more processes')}" if left_out > 0 else "",
    )


def _row(row: StateRow, several: bool) -> tuple[str, ...]:
    return (
        row.name,
        str(row.pid) if several else "",
        words.duration(row.sampled),
        _share(row.states[_RAN], row.sampled),
        _share(row.unlocked or 0, row.sampled),
        *(_share(row.states[field], row.sampled) for field in _REST),
        words.duration(row.longest_ready),
        str(row.switches),
        str(row.preempted or ""),
        "",
    )


def _share(part: int, whole: int) -> str:
    """A share of the time; "" for none at all, so that what there is stands out."""
    if not part or not whole:
        return ""
    return f"{part / whole:.0%}" if part >= whole / 200 else "<1%"


def _turns(row: TurnsRow) -> tuple[str, ...]:
    return (
        row.name,
        str(row.pid),
        str(row.threads),
        f"{row.running / row.span:.2f}" if row.span else "?",
        f"{row.per_second:.0f}",
        "?" if row.turn is None else words.duration(row.turn),
        "",
    )
