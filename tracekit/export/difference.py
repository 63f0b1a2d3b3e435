"""Difference: what changed between two traces as text for a person, what matters most first. Knows no trace."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console

from tracekit.analyze import words
from tracekit.analyze.difference import Change, Difference, Pair
from tracekit.analyze.subjects import BLOCK, COUNT, KIND, NUMBERS, PROGRAM, SIZE, THREADS, UNIT, WAIT
from tracekit.export.page import headline, paragraph, table

SENTENCES = 6  # of a topic
ROWS = 15
NUMBERS_SAID = 3  # in one sentence
_MACHINES = 0.1  # of the time: as much and yet noise is only what waited for a core for long

_TABLES = {
    UNIT: "Tasks, jobs, threads, processes and spans",
    WAIT: "Waits",
    KIND: "Where the time went",
    THREADS: "What threads did, as seen from outside",
}
_SAID = {
    "took": "took {}",
    "ran": "ran {}",
    "ready": "was ready and waited for its loop {}",
    "awaited": "awaited {}",
    "longest": "its longest step {}",
    "total": "{} in all",
    "queued": "queued {}",
}
_WAITS = {"task": "Tasks awaited {}", "thread": "Threads waited for {}"}


def render(found: Difference, console: Console) -> None:
    """Prints everything: sentences on what changed beyond noise, tables of the numbers behind them, what to know.

    Args:
        console: made by `page.page`.
    """
    for note in found.notes:
        headline(console, "note", note)
    for sentence in sentences(found):
        headline(console, "-", sentence)
    _unchanged(found, console)
    for topic, title in _TABLES.items():
        _table(found, console, topic, title)


def sentences(found: Difference) -> list[str]:
    """What changed beyond noise, a sentence each; the first is on the time that it took in all."""
    said = _whole(found.program)
    for topic, say in _SAYS.items():
        rows = [row for row in found.of(topic) if topic != BLOCK or _is_felt(row)]
        said += [say(row) for row in rows[:SENTENCES]]
        if len(rows) > SENTENCES:
            more = words.count(len(rows) - SENTENCES, f"more {topic}")
            said.append(f"{more} changed: the tables have the first {ROWS} of each kind, --json has all.")
    return said


def _whole(row: Change) -> list[str]:
    wall = row.numbers["wall"]
    said = [_wall(wall)]
    changed = row.changed
    if "longest" in changed:
        pair = row.numbers["longest"]
        said.append(f"Tasks that were ready waited up to {_ns(pair.after)} for their loop; before, {_ns(pair.before)}.")
    if "cpu" in changed:
        pair = row.numbers["cpu"]
        said.append(f"Its threads computed {_in_all(pair.after)}; before, {_ns(pair.before)}.")
    if "memory" in changed or "processes" in changed:
        said.append(_memory(row))
    return said


def _wall(pair: Pair) -> str:
    before, after = pair.before or 0, pair.after or 0
    if not pair.changed and abs(pair.delta) > _MACHINES * max(before, after):
        return f"It took {_ns(after)}, before {_ns(before)}; that may be the machine's doing, see the note."
    if not pair.changed:
        return f"It took as long as before, within noise: {_ns(after)}, before {_ns(before)}."
    return f"It took {words.duration(after)}, {abs(pair.delta) / max(1, before):.0%} {_more(pair)} than before ({_ns(before)})."


def _memory(row: Change) -> str:
    processes, memory = row.numbers["processes"], row.numbers.get("memory")
    was, now = processes.before or 0, processes.after or 0
    parts = []
    if now != was:
        parts.append(f"it ran as {words.count(now, 'process', 'processes')}, before {was}")
    if memory is not None and memory.changed:
        parts.append(f"it took {words.size(memory.after or 0)} of memory, before {words.size(memory.before or 0)}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def _block(row: Change) -> str:
    what = words.place(*row.place) or row.name
    if not row.after:
        return f"{what} no longer blocks its event loop: it did {_times(row, 'before')}."
    if not row.before:
        return f"{what} blocks its event loop now: {_times(row, 'after')}."
    return f"{what} still blocks its event loop: {_times(row, 'after')}; before, {_times(row, 'before')}."


def _is_felt(row: Change) -> bool:
    """Whether anybody waited for it."""
    delayed = row.numbers["delayed"]
    return bool(delayed.before or delayed.after)


def _times(row: Change, side: str) -> str:
    names = ("times", "total", "longest", "delayed")
    times, total, longest, delayed = (getattr(row.numbers[name], side) or 0 for name in names)
    waited = words.count(delayed, "task") + " waited for it" if delayed else "nobody waited for it"
    if times == 1:
        return f"once, for {_ns(longest)}, and {waited}"
    return f"{times} times, for {_ns(total)} in all, the longest {_ns(longest)}, and {waited}"


def _unit(row: Change) -> str:
    if not row.after:
        return f"{row.what}, a {row.before}{_length(row, 'before')}, is no longer there."
    if not row.before:
        return f"{row.what}, a {row.after}{_length(row, 'after')}, is new."
    was = f" was a {row.before}, is a {row.after} now, and" if row.before != row.after else ""
    said = [_number(row, name) for name in row.changed if name in _SAID][:NUMBERS_SAID]
    return f"{row.what}{was} {'; '.join(said) or 'took as long as before'}."


def _length(row: Change, side: str) -> str:
    took, times = (
        getattr(row.numbers[name], side, None) if name in row.numbers else None for name in ("took", "times")
    )
    if took is None:
        return ""
    return (
        f" that took {_ns(took)}" if times in (None, 1) else f" that ran {times} times and took {_ns(took)} on average"
    )


def _number(row: Change, name: str) -> str:
    pair = row.numbers[name]
    return f"{_SAID[name].format(_ns(pair.after))} (before {_ns(pair.before)})"


def _wait(row: Change) -> str:
    name = next(iter(row.numbers))
    pair = row.numbers[name]
    who = _WAITS[row.after or row.before].format(row.name)
    return f"{who} {_in_all(pair.after, 'for ')}; before, {_ns(pair.before)}."


def _kind(row: Change) -> str:
    what = words.place(*row.place) if row.place.file else row.what
    return f"The time of {what} goes into {row.after} now; before, into {row.before}."


_SAYS: dict[str, Callable[[Change], str]] = {BLOCK: _block, UNIT: _unit, WAIT: _wait, KIND: _kind}


def _unchanged(found: Difference, console: Console) -> None:
    alike = len([row for row in found.changes if not row.is_beyond_noise and row.topic != PROGRAM])
    if alike:
        paragraph(console, f"{words.count(alike, 'thing')} changed by no more than noise.", style="dim", indent=2)


def _table(found: Difference, console: Console, topic: str, title: str) -> None:
    """The numbers that changed of each subject; a line for each number, before and after side by side."""
    rows = found.of(topic)
    lines = [(row, name) for row in rows[:ROWS] for name in _shown(row)]
    table(
        console,
        title,
        ("", "", "before", "now", "change", ""),
        (
            (
                _label(row) if name == _shown(row)[0] else "",
                name,
                _amount(name, row.numbers[name].before),
                _amount(name, row.numbers[name].after),
                _change(name, row.numbers[name]),
                "",
            )
            for row, name in lines
        ),
        left=2,
        rest=f"and {len(rows) - ROWS} more" if len(rows) > ROWS else "",
    )


def _shown(row: Change) -> list[str]:
    """The numbers worth a line: that something is there once where it was not at all its name says."""
    once = {
        name for name, pair in row.numbers.items() if name == "times" and max(pair.before or 0, pair.after or 0) <= 1
    }
    return [name for name in row.changed if name not in once]


def _label(row: Change) -> str:
    form = row.after or row.before
    if row.topic == WAIT:
        return f"{form}s, {row.name}"
    if row.topic != UNIT:
        return row.what
    changed = row.before != row.after and row.before and row.after
    return f"{row.what}, {row.before}, now {row.after}" if changed else f"{row.what}, {form}"


def _change(name: str, pair: Pair) -> str:
    sign = "-" if pair.delta < 0 else "+"
    return f"{sign}{_amount(name, abs(pair.delta))}"


def _amount(name: str, value: int | None) -> str:
    if value is None:
        return ""
    unit = NUMBERS[name]
    return str(value) if unit == COUNT else words.size(value) if unit == SIZE else words.duration(value)


def _ns(value: int | None) -> str:
    return "not at all" if not value else words.duration(value)


def _in_all(value: int | None, word: str = "") -> str:
    return f"{word}{words.duration(value)} in all" if value else "not at all"


def _more(pair: Pair) -> str:
    return "less" if pair.delta < 0 else "more"
