"""What hooks recorded of tasks beyond their steps: where each waited, and who created it. Reads records; knows no test."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tracekit import events
from tracekit.load.image import Image
from tracekit.model.builder import Builder
from tracekit.spool.layout import parse_code
from tracekit.spool.reader import read_spool


class Wait(NamedTuple):
    """What a step's end says: the user's function and line that waits, and the function that is waited in."""

    function: str
    line: int
    what: str


def images(directory: Path) -> list[Image]:
    """The spools of a session."""
    builder = Builder()
    row = builder.process(1, "program")
    return [Image(read_spool(path), row, builder) for path in sorted(directory.glob("*.spool"))]


def waits(directory: Path) -> dict[str, list[Wait]]:
    """Every wait of every task that has one, by the task's name."""
    found: dict[str, list[Wait]] = {}
    for image in images(directory):
        names = _names(image)
        for kind, _, b, slot in _records(image):
            detail = image.detail(slot, events.AWAITS) if kind == events.STEP_END else None
            if detail is not None:
                where, what = detail.payload & 0xFFFF_FFFF, detail.payload >> 32
                function, _, line = parse_code(image.name(where)) if where else ("", "", 0)
                wait = Wait(_short(function), line, _short(parse_code(image.name(what))[0]))
                found.setdefault(names[b], []).append(wait)
    return found


def creations(directory: Path) -> dict[str, int]:
    """The line of the user's code that created each task, where it is recorded, by the task's name."""
    found: dict[str, int] = {}
    for image in images(directory):
        names = _names(image)
        for kind, _, b, slot in _records(image):
            detail = image.detail(slot, events.CREATED_AT) if kind == events.TASK_CREATED else None
            if detail is not None:
                found[names[b]] = parse_code(image.name(detail.payload))[2]
    return found


def dues(directory: Path) -> list[int]:
    """When the timers were due whose callbacks ran, in order: CLOCK_MONOTONIC in ns."""
    return [
        detail.payload
        for image in images(directory)
        for _, _, _, slot in _records(image)
        for detail in (image.detail(slot, events.DUE),)
        if detail is not None
    ]


def _names(image: Image) -> dict[int, str]:
    """The name that each task has in the end."""
    return {b: image.name(a) for kind, a, b, _ in _records(image) if kind in (events.TASK_CREATED, events.TASK_NAME)}


def _records(image: Image) -> list[tuple[int, int, int, int]]:
    return [
        row for log in image.logs for row in zip(log.kind.tolist(), log.a.tolist(), log.b.tolist(), log.slot.tolist())
    ]


def _short(function: str) -> str:
    """Without the class: CPython 3.10 keeps only a function's own name in its code."""
    return function.rpartition(".")[2]
