"""Difference as one JSON object, for scripts: stable keys, durations in seconds. Knows no trace and no text but the sentences.

    schema      2; it grows when a key changes its meaning, not when one is added
    before      program, command, python, cores, wall_s, sampled (whether an observer watched its threads)
    after       likewise
    same_program  whether both are traces of the same program, by its name
    summary     what changed beyond noise, a sentence each, as the text says it
    changes     everything that both or one of them have, what changed most first: topic (program, block, unit, wait, kind,
                threads), name, what (the name as a person says it), before and after (what it was and is: of a unit task,
                thread, process, job or span; of a wait task or thread, who waited; of a kind its kind; null where it was not
                there), function, file, line, changed (names of the numbers that changed beyond noise, the largest change
                first), and numbers: an object of before, after, change and noise (how far apart they may be by chance) by
                name. Times end in _s and are seconds, sizes in _bytes; the others are counts
    notes       what must be known before the difference is believed, a sentence each

Numbers: wall_s, cpu_s (of all threads), memory_bytes (of all processes together, the most of each), processes (that were
recorded, not only seen), threads (of those that were traced), tasks, p99_s and longest_s (how long ready tasks waited for their
loop) of the program; times, total_s and longest_s of a block; of a unit times, took_s, ran_s, ready_s, awaited_s and queued_s of
each, on the mean, and longest_s, the longest step of all (tasks, threads and processes whose names differ by a number only are
one unit); total_s, or the name of the state, of a wait; computing_s (with the GIL, or not told whether), native_s (without it)
and waiting_s of a kind; and of threads times and seconds in each state.
"""

from __future__ import annotations

from typing import Any

from tracekit.analyze.difference import Change, Difference, Pair
from tracekit.analyze.sides import Side
from tracekit.analyze.subjects import COUNT, NUMBERS, SIZE
from tracekit.export.difference import sentences

SCHEMA = 2


def as_object(found: Difference) -> dict[str, Any]:
    """What `diff --json` prints, ready for a JSON writer; its keys are described above."""
    return {
        "schema": SCHEMA,
        "before": _side(found.before),
        "after": _side(found.after),
        "same_program": found.before.program == found.after.program,
        "summary": sentences(found),
        "changes": [_change(row) for row in found.changes],
        "notes": found.notes,
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "program": side.program,
        "command": side.command or None,
        "python": side.python or None,
        "cores": side.cores or None,
        "wall_s": side.wall / 1e9,
        "sampled": side.is_sampled,
    }


def _change(row: Change) -> dict[str, Any]:
    return {
        "topic": row.topic,
        "name": row.name,
        "what": row.what,
        "before": row.before or None,
        "after": row.after or None,
        "function": row.place.function or None,
        "file": row.place.file or None,
        "line": row.place.line or None,
        "changed": [_key(name) for name in row.changed],
        "numbers": {_key(name): _pair(name, pair) for name, pair in row.numbers.items()},
    }


def _key(name: str) -> str:
    unit = NUMBERS[name]
    return name if unit == COUNT else f"{name}_bytes" if unit == SIZE else f"{name}_s"


def _pair(name: str, pair: Pair) -> dict[str, Any]:
    scale = 1 if NUMBERS[name] in (COUNT, SIZE) else 1e9
    values = {"before": pair.before, "after": pair.after, "change": pair.delta, "noise": pair.noise}
    return {key: None if value is None else value / scale if scale > 1 else value for key, value in values.items()}
