"""Advice: what a trace advises to change, as text for a person, what brings most first. Knows no trace and finds nothing out."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tracekit.analyze import words
from tracekit.export.page import clean, headline, paragraph, put, table
from tracekit.predict.counsel import Advice, Counsel
from tracekit.predict.threaded import pool_limit

_CONFIDENCE = {"high": "quite sure", "medium": "fairly sure", "low": "not sure"}
_NOTHING_S = 0.005


def render(counsel: Counsel, console: Console) -> None:
    """Prints everything: a recommendation for each hot spot, what is fine, what cannot be told, the models side by side.

    Args:
        console: made by `page.page`.
    """
    paragraph(console, heading(counsel), style="bold")
    for number, advice in enumerate(counsel.advice, 1):
        console.print()
        _advice(number, advice, console)
    if counsel.advice and (counsel.fine or counsel.unknown):
        console.print()
    for sentence in counsel.fine:
        headline(console, "fine", sentence)
    for sentence in counsel.unknown:
        headline(console, "not told", sentence)
    if not (counsel.advice or counsel.fine or counsel.unknown):
        paragraph(
            console,
            "Nothing to advise: nothing in this trace takes long, or waits for long, that could be arranged otherwise.",
        )
    _models(counsel, console)
    for note in counsel.notes:
        headline(console, "note", f"{note[:1].upper()}{note[1:]}.")


def heading(counsel: Counsel) -> str:
    """What was traced."""
    ran = f", as it ran: {counsel.now}" if counsel.now else ""
    whole = sum(counsel.bound.values())  # as simulated, which may not be what it took
    bound = "; ".join(
        f"{seconds / whole:.0%} {word}" for word, seconds in counsel.bound.items() if seconds >= whole / 10
    )
    longest = f"; its longest chain: {bound}" if bound else ""
    return f"{counsel.program or 'a program'}: {_s(counsel.wall_s)}{ran}, {words.count(counsel.cores, 'core')}{longest}"


def brings(advice: Advice) -> str:
    """What the change should bring, in a sentence."""
    return " ".join(part for part in (_wall(advice), _late(advice)) if part)


def _wall(advice: Advice) -> str:
    if advice.wall_before_s is None or advice.gain_high_s is None or advice.gain_low_s is None:
        return "What it brings to the whole program's time cannot be told from this trace." if advice.model else ""
    before = _s(advice.wall_before_s)
    if advice.gain_s is None or advice.wall_after_s is None:
        least = max(0.0, advice.wall_before_s - advice.gain_high_s)
        return f"At best {_s(least)} in place of {before}."
    if abs(advice.gain_s) < max(_NOTHING_S, advice.wall_before_s / 100):
        return f"The program takes as long as before ({before})."
    between = f"{_s(advice.gain_low_s)} to {_s(advice.gain_high_s)}"
    return f"{_s(advice.wall_after_s)} in place of {before}: {_s(advice.gain_s)} less (likely {between})."


def _late(advice: Advice) -> str:
    if advice.late_before_s is None:
        return ""
    if advice.late_after_s is None:
        return f"At worst somebody waited {_s(advice.late_before_s)}."
    after = "less than 1 ms" if advice.late_after_s < 0.001 else _s(advice.late_after_s)
    return f"Whoever is due waits {after} at worst, now {_s(advice.late_before_s)}."


def _advice(number: int, advice: Advice, console: Console) -> None:
    hot = advice.hot
    place = words.place(hot.name, hot.file, hot.line) if hot.file else hot.name
    where = f"{place}, " if place else ""
    to = f" -> {advice.model or 'no other model helps'}" if advice.model != advice.now else ""
    headline(console, f"{number}.", f"{where}{hot.kind}, {_s(hot.seconds)}: {advice.now or 'as it is'}{to}")
    lines = (
        ("change", advice.change),
        ("brings", brings(advice)),
        ("because", advice.why),
        ("costs", " ".join(advice.costs)),
        ("sure?", f"{_CONFIDENCE[advice.confidence].capitalize()} ({advice.confidence}). {advice.to_be_sure}".rstrip()),
    )
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for word, text in lines:
        if text:
            grid.add_row(Text(word, style="dim"), Text(clean(console, text)))
    put(console, Padding(grid, (0, 0, 0, 3)))


def _models(counsel: Counsel, console: Console) -> None:
    rows = sorted(counsel.models.values(), key=lambda row: row.wall_s)
    table(
        console,
        "The same work under other models, as simulated",
        ("model", "wall", "likely from", "to", ""),
        (
            (row.model, _s(row.wall_s), _s(row.low_s), _s(row.high_s), "as it is" if row.model == counsel.now else "")
            for row in rows
        ),
        left=1,
    )
    if {"thread-pool", "process-pool"} & counsel.models.keys():
        sizes = (
            f"{words.count(pool_limit(counsel.cores), 'thread')}, {words.count(counsel.cores, 'process', 'processes')}"
        )
        paragraph(console, f"pools: as large as they are when nobody says, {sizes}", style="dim", indent=2)


def _s(seconds: float) -> str:
    return words.duration(round(seconds * 1e9))
