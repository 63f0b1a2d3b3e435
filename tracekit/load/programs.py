"""Programs: what `tracekit run` wrote of the program that it ran; of several where several recorded into one session.

Trusts nothing in these files, and knows of recordings no more than their pids.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracekit.load.image import Image
from tracekit.load.processes import NOT_FOUND
from tracekit.model.builder import Builder

SESSION_FILE = "session.json"

_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Program:
    """One program of a session. A time is CLOCK_MONOTONIC in ns; what is not known is "", () or None."""

    name: str
    command: str
    untraced: str  # why it could not be entered
    pid: int | None
    status: int | None  # as Process.status
    exit_status: int | None  # as a shell says it
    started: int | None
    started_wall: int | None
    ended: int | None
    anchors: tuple[tuple[int, int], ...]  # pairs of the records' clock and ns
    cores: int | None

    @classmethod
    def of(cls, about: dict[str, Any]) -> Program:
        """What of a description is what it should be."""
        command, anchors = about.get("command"), about.get("anchors")
        pairs = (pair for pair in (anchors if isinstance(anchors, list) else ()) if isinstance(pair, list))
        times = (tuple(map(_integer, pair)) for pair in pairs)
        return cls(
            name=_text(about.get("program")),
            command=" ".join(map(str, command)) if isinstance(command, list) else "",
            untraced=_text(about.get("untraced")),
            pid=_integer(about.get("child_pid")),
            status=_integer(about.get("status")),
            exit_status=_integer(about.get("exit_status")),
            started=_integer(about.get("started_monotonic")),
            started_wall=_integer(about.get("started_wall")),
            ended=_integer(about.get("ended_monotonic")),
            anchors=tuple((pair[0], pair[1]) for pair in times if len(pair) == 2 and None not in pair),  # type: ignore[misc]
            cores=_integer(about.get("cores")),
        )


def read(directory: Path, builder: Builder) -> list[Program]:
    """The programs of a session, whoever leads it first; none where there is no description that can be read."""
    first = _read(directory / SESSION_FILE, builder)
    others = [
        Program.of(about)
        for file in directory.glob(f"{SESSION_FILE}.*")
        if file.suffix[1:].isdecimal() and (about := _read(file, builder))
    ]
    others.sort(key=lambda program: program.started or 0)
    return [Program.of(first), *others] if first or others else []


def exit_status(programs: Sequence[Program]) -> int | None:
    """Of several that of the first one that failed; it is not known unless that of each is."""
    statuses = [program.exit_status for program in programs]
    return None if None in statuses or not statuses else next((status for status in statuses if status), 0)


def add(program: Program, recorded: Collection[int], damaged: bool, builder: Builder) -> None:
    """Adds a program that recorded nothing.

    Args:
        recorded: the pids of those that did.
        damaged: there is a recording of it, but not to be read.
    """
    if program.pid is not None and program.pid not in recorded:
        builder.process(
            program.pid,
            program.name or f"process {program.pid}",
            command=program.command,
            started=program.started or 0,
            ended=program.ended,
            status=program.status,
            untraced=program.untraced or ("its recording cannot be read" if damaged else NOT_FOUND),
        )


def settle(program: Program, images: Sequence[Image], builder: Builder) -> None:
    """Says how a program ended that recorded, as `tracekit run` saw it; a pid may be used again later."""
    own = [
        image
        for image in images
        if image.header.pid == program.pid and image.header.start_monotonic >= (program.started or 0)
    ]
    if own and program.status is not None:
        builder.processes[own[0].process].status = program.status


def _read(file: Path, builder: Builder) -> dict[str, Any]:
    """A description; {} where there is none, or not a good one."""
    unknown = "the command and the exit status of the program are not known"
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is no regular file")
        if status.st_size > _LARGEST:
            raise ValueError("it is too large")
        about = json.loads(file.read_bytes())
        if not isinstance(about, dict):
            raise ValueError("it is no object")
    except FileNotFoundError:
        builder.note(f"{file.name} is missing: {unknown}")
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        builder.note(f"{file.name} cannot be read ({reason}): {unknown}")
    else:
        return about
    return {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _integer(value: object) -> int | None:
    """A number from a file that anybody may have written; None where it is none, or too large to be a time."""
    return value if type(value) is int and abs(value) < 1 << 62 else None
