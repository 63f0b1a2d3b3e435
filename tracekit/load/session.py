"""Session: the directory of a session -> Trace. Puts the parts of this room together, and says what is missing.

All processes of a session share one clock (clock.py), so their records need no more than to be laid side by side.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tracekit.errors import TracekitError
from tracekit.load import clock, counts, flight, notes, observed, processes
from tracekit.load.image import Image
from tracekit.load.jobs import Jobs, pools_by_worker
from tracekit.load.lifelines import Lifelines
from tracekit.load.spans import Spans
from tracekit.load.tasks import Tasks
from tracekit.load.threads import Main, add_threads
from tracekit.load.turns import ReadyQueues
from tracekit.load.walk import Walk
from tracekit.model.builder import Builder
from tracekit.model.trace import Trace
from tracekit.spool import layout
from tracekit.spool.reader import Header, Spool, read_spool

_SESSION_FILE = "session.json"
_LARGEST_SESSION_FILE = 1 << 20


def load(
    path: Path, progress: Callable[[int, int], None] | None = None, alive: Mapping[int, int] | None = None
) -> Trace:
    """Loads a session's directory, or one spool of it; its processes may go on writing meanwhile.

    Args:
        progress: called with the bytes read so far and the bytes to read.
        alive: the processes that are still running: by pid, when that was seen (CLOCK_MONOTONIC, ns).

    Raises:
        TracekitError: it is no session, or nothing in it can be read.
    """
    directory = path.is_dir()
    files = _files(path) if directory else [path]
    builder = Builder()
    about = _about(path, builder) if directory else {}
    spools = _read(files, builder, progress, must=not directory)
    if directory and not spools and not about:
        raise TracekitError(f"{path} holds no recording that can be read; record it again with `tracekit run`")
    observers = [spool for spool in spools if spool.header.observer]
    spools = [spool for spool in spools if not spool.header.observer]
    builder.notes.extend(clock.convert(spools, _anchors(about)))
    _build(spools, about, alive or {}, builder)
    observed.lay(observers, builder)
    _add_child(about, builder, files)
    _set_clock(spools, about, builder)
    program = about.get("program")
    first = builder.processes[0].name if builder.processes else path.stem
    builder.program = program if isinstance(program, str) and program else first
    return builder.build(_integer(about.get("exit_status")))


def _files(path: Path) -> list[Path]:
    try:
        files = sorted(entry for entry in path.iterdir() if entry.suffix == ".spool" and entry.is_file())
    except OSError as error:
        raise TracekitError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    if not files and not (path / _SESSION_FILE).is_file():
        raise TracekitError(
            f"{path} is a directory, but no session of tracekit: it holds neither *.spool files nor {_SESSION_FILE}; "
            "give a trace file or the NAME.tracekit directory of a run"
        )
    return files


def _about(path: Path, builder: Builder) -> dict[str, Any]:
    """What `tracekit run` wrote about the session; {} where it did not, or not well."""
    file = path / _SESSION_FILE
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is no regular file")
        if status.st_size > _LARGEST_SESSION_FILE:
            raise ValueError("it is too large")
        about = json.loads(file.read_bytes())
        if not isinstance(about, dict):
            raise ValueError("it is no object")
    except FileNotFoundError:
        builder.note(f"{_SESSION_FILE} is missing: the command and the exit status of the program are not known")
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        builder.note(f"{_SESSION_FILE} cannot be read ({reason}): the command and the exit status are not known")
    else:
        return about
    return {}


def _read(files: list[Path], builder: Builder, progress: Callable[[int, int], None] | None, must: bool) -> list[Spool]:
    """The spools in the order of their beginnings. One that cannot be read is noted, or an error where it `must` be."""
    sizes = [_size(file) for file in files]
    spools = []
    for at, file in enumerate(files):
        try:
            spool = read_spool(file)
        except TracekitError as error:
            if must:
                raise
            builder.note(str(error))
        else:
            spools.append(spool)
            builder.notes.extend(spool.notes)
        if progress is not None:
            progress(sum(sizes[: at + 1]), sum(sizes))
    return sorted(spools, key=lambda spool: spool.header.start_monotonic)


def _size(file: Path) -> int:
    try:
        return os.stat(file).st_size
    except OSError:
        return 0


def _build(spools: list[Spool], about: dict[str, Any], alive: Mapping[int, int], builder: Builder) -> None:
    images = _images(spools, about, alive, builder)
    builder.since = flight.window_start(images)
    mains: dict[int, Main] = {}
    jobs = [_interpret(image, mains) for image in images]
    pools = pools_by_worker(jobs)
    for own in jobs:
        own.link_remotes(pools)
    processes.link(images, mains, builder)
    begun, until = min((image.first for image in images), default=0), max((image.last for image in images), default=0)
    builder.notes.extend(notes.about_window(begun, builder.since, until))
    builder.notes.extend(notes.about(images))


def _images(spools: list[Spool], about: dict[str, Any], alive: Mapping[int, int], builder: Builder) -> list[Image]:
    """An image for each spool; those of one process, which an exec parts, share its row."""
    last = {(spool.header.pid, spool.header.start_ticks): spool for spool in spools}
    rows: dict[tuple[int, int], int] = {}
    images = []
    for spool in spools:
        header = spool.header
        identity = header.pid, header.start_ticks
        if identity not in rows:
            rows[identity] = builder.process(
                header.pid, f"process {header.pid}", ppid=header.ppid, started=header.start_monotonic
            )
        goes_on = last[identity] is not spool
        lives = not goes_on and header.ended == layout.ENDED_NOT and header.pid in alive
        seen_until = 0 if goes_on else alive[header.pid] if lives else _seen_until(header, about)
        images.append(Image(spool, rows[identity], builder, goes_on, seen_until, lives))
    return images


def _seen_until(header: Header, about: dict[str, Any]) -> int:
    """When `tracekit run` saw a process end that had no last word itself; 0 where it did not."""
    ended = _integer(about.get("ended_monotonic"))
    silent = header.ended == layout.ENDED_NOT and header.pid == _integer(about.get("child_pid"))
    return ended if silent and ended is not None else 0


def _interpret(image: Image, mains: dict[int, Main]) -> Jobs:
    """Lays everything that an image recorded on its tracks."""
    if image.header.let_go:
        flight.restore(image)
    processes.describe(image)
    add_threads(image, mains)
    tasks, jobs = Tasks(image), Jobs(image)
    for log in image.logs:
        tasks.enroll(log)
        jobs.enroll(log)
    queues = ReadyQueues(image.builder, image.process)
    for log in image.logs:
        Walk(image, log, tasks, jobs, queues).run()
    tasks.settle()
    cuts = Spans(image, tasks).lay()
    Lifelines(tasks, jobs).draw([cuts])
    jobs.finish()
    queues.draw()
    lives = tasks.lives
    counts.draw_live_tasks(image.builder, image.process, lives.begin, lives.end[lives.done])
    return jobs


def _add_child(about: dict[str, Any], builder: Builder, files: list[Path]) -> None:
    """Adds the program that `tracekit run` started, where it recorded nothing."""
    pid = _integer(about.get("child_pid"))
    if pid is None or any(process.pid == pid for process in builder.processes):
        return
    reason = about.get("untraced")
    if not isinstance(reason, str) or not reason:
        damaged = any(file.name.startswith(f"{pid}-") for file in files)
        reason = "its recording cannot be read" if damaged else processes.NOT_FOUND
    command = about.get("command")
    words = [str(word) for word in command] if isinstance(command, list) else []
    program = about.get("program")
    builder.process(
        pid,
        program if isinstance(program, str) and program else f"process {pid}",
        command=" ".join(words),
        started=_integer(about.get("started_monotonic")) or 0,
        ended=_integer(about.get("ended_monotonic")),
        untraced=reason,
    )


def _set_clock(spools: list[Spool], about: dict[str, Any], builder: Builder) -> None:
    """Sets the wall time at which the common clock was 0, from the first who read both together."""
    if spools:
        builder.wall_start = spools[0].header.start_wall - spools[0].header.start_monotonic
    else:
        wall, monotonic = _integer(about.get("started_wall")), _integer(about.get("started_monotonic"))
        builder.wall_start = (wall or 0) - (monotonic or 0)


def _anchors(about: dict[str, Any]) -> Iterator[tuple[int, int]]:
    """The pairs of ticks and ns that `tracekit run` noted."""
    anchors = about.get("anchors")
    for anchor in anchors if isinstance(anchors, list) else ():
        if isinstance(anchor, list) and len(anchor) == 2:
            ticks, ns = map(_integer, anchor)
            if ticks is not None and ns is not None:
                yield ticks, ns


def _integer(value: object) -> int | None:
    """A number from a file that anybody may have written; None where it is none, or too large to be a time."""
    return value if type(value) is int and abs(value) < 1 << 62 else None
