"""Difference: what changed between two traces as text for a person, what matters most first. Knows no trace."""

from __future__ import annotations

from collections import defaultdict

from rich.console import Console

from tracekit.analyze import words
from tracekit.analyze.difference import Change, Difference, Pair
from tracekit.analyze.subjects import BLOCK, COUNT, KIND, NUMBERS, PROGRAM, SIZE, THREADS, UNIT, WAIT
from tracekit.analyze.work_kinds import MIXED
from tracekit.analyze.work_kinds import WORDS as KINDS
from tracekit.export.page import headline, paragraph, table

SENTENCES = 6  # of a topic
ROWS = 15
NUMBERS_SAID, NAMES_SAID = 3, 4  # in one sentence
_MACHINES = 0.1  # of the time: as much and yet noise is only what waited for a core for long

_TOLD = 0.05  # of the time of something mixed: less is not worth a word

_TABLES = {
    UNIT: "Tasks, jobs, threads, processes and spans: times of each, on the mean; longest is the longest step of all",
    WAIT: "Waits, in all",
    KIND: "Where the time went, in all",
    THREADS: "What threads did, as seen from outside, all of one name together",
}
_SAID = {
    "took": "took {}",
    "ran": "ran {}",
    "ready": "was ready and waited for its loop {}",
    "awaited": "awaited {}",
    "longest": "its longest step {}",
    "queued": "queued {}",
}
_LONGEST = "the longest step of all took"
_SEEN = {"running": "computing", "poll": "waiting for I/O", "io": "waiting for I/O", "sleep": "sleeping"}
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
    """What changed beyond noise, a sentence each: the time that it took in all, what there was more or less of, then the rest."""
    whole, *said = _whole(found.program)
    recounted = [row for row in found.of(UNIT) if row.is_recounted]
    said = [whole, *_first(UNIT, [_unit(row) for row in recounted]), *said]
    said += _first(BLOCK, [_block(row) for row in found.of(BLOCK) if _is_felt(row)])
    said += _first(UNIT, [_there(found, row) for row in found.of(UNIT) if not row.is_recounted])
    said += _first(WAIT, [_wait(row) for row in found.of(WAIT)])
    return said + _first(KIND, _kinds(found.of(KIND)))


def _first(topic: str, said: list[str]) -> list[str]:
    if len(said) <= SENTENCES:
        return said
    more = words.count(len(said) - SENTENCES, f"more {topic}")
    return [*said[:SENTENCES], f"{more} changed: the tables have the first {ROWS} of each kind, --json has all."]


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


def _there(found: Difference, row: Change) -> str:
    """A unit that is gone, or new, and what the main thread does less since then; else what changed about it."""
    if not row.after:
        return f"{row.what}, {_those(row, 'before')}, {_are(row, 'before')} no longer there."
    if row.before:
        return _unit(row)
    relief = found.relief(row)
    if relief is None:
        return f"{row.what}, {_those(row, 'after')}, {_are(row, 'after')} new."
    state, pair = relief
    now = f"for {_ns(pair.after)}" if pair.after else "not at all"
    seen = f"the main thread was seen {_SEEN[state]} for {_ns(pair.before)} before, and {now} now"
    return f"{row.what}, {_those(row, 'after')}, {_are(row, 'after')} new; {seen}."


def _those(row: Change, side: str) -> str:
    took = _of(row, "took", side)
    each = " each, on the mean" if _times_of(row, side) > 1 else ""
    return _many(row, side) + (f" that took {_ns(took)}{each}" if took is not None else "")


def _unit(row: Change) -> str:
    """What changed about a unit that was there before; of many, what changed about one of them."""
    was, now = _times_of(row, "before"), _times_of(row, "after")
    said = [_number(row, name, was, now) for name in row.changed if name in _SAID][:NUMBERS_SAID]
    said.sort(key=lambda text: text.startswith(_LONGEST))
    text = "; ".join(said) or ("took as long as before" if "took" in row.numbers else "")
    if (was, row.before) == (now, row.after) and now == 1:
        return f"{row.what} {text}."
    head = f"{row.what}, {_many(row, 'after')}"
    if (was, row.before) != (now, row.after):
        head += f" in place of {was if row.before == row.after else _many(row, 'before')}"
    if not text:
        return f"{head}."
    who = "" if text.startswith(_LONGEST) else "it " if now == 1 else "on the mean each " if said else "each "
    return f"{head}: {who}{text}."


def _many(row: Change, side: str) -> str:
    form, times = getattr(row, side), _times_of(row, side)
    return f"a {form}" if times == 1 else words.count(times, form, "processes" if form == "process" else "")


def _are(row: Change, side: str) -> str:
    return "are" if _times_of(row, side) > 1 else "is"


def _times_of(row: Change, side: str) -> int:
    return _of(row, "times", side) or 1


def _of(row: Change, name: str, side: str) -> int | None:
    value: int | None = getattr(row.numbers[name], side) if name in row.numbers else None
    return value


def _number(row: Change, name: str, was: int, now: int) -> str:
    pair, is_longest = row.numbers[name], name == "longest"
    form = f"{_LONGEST} {{}}" if is_longest and max(was, now) > 1 else _SAID[name]
    mean = " on the mean" if was > 1 and now == 1 and not is_longest else ""
    return f"{form.format(_ns(pair.after))} (before {_ns(pair.before)}{mean})"


def _wait(row: Change) -> str:
    name = next(iter(row.numbers))
    pair = row.numbers[name]
    who = _WAITS[row.after or row.before].format(row.name)
    return f"{who} {_in_all(pair.after, 'for ')}; before, {_ns(pair.before)}."


def _kinds(rows: list[Change]) -> list[str]:
    """What goes into the same as something else, and did before, is said with it."""
    groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        what = words.place(*row.place) if row.place.file else row.what
        groups[_goes_into(row.before, row.spent[0]), _goes_into(row.after, row.spent[1])].append(what)
    return [
        f"The time of {words.listed(_few(names))} goes into {after} now; before, into {before}."
        for (before, after), names in groups.items()
    ]


def _few(names: list[str]) -> list[str]:
    more = len(names) - NAMES_SAID
    return [*names[:NAMES_SAID], f"{more} more"] if more > 1 else names


def _goes_into(kind: str, shares: dict[str, float]) -> str:
    """A kind; where it has no name, the two largest shares."""
    if kind != MIXED:
        return kind
    largest = [name for name, share in shares.items() if name in KINDS and share >= _TOLD][:2]
    return words.listed([f"{KINDS[name]} ({shares[name]:.0%})" for name in largest]) or "this and that"


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
