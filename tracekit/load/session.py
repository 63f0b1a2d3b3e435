"""Session: the directory of a session -> Trace. Puts the parts of this room together, and says what is missing.

All processes of a session share one clock (clock.py), so their records need no more than to be laid side by side.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from tracekit.errors import TracekitError
from tracekit.load import (
    calls,
    clock,
    counts,
    exits,
    flight,
    lock_links,
    notes,
    observed,
    outsiders,
    pools,
    processes,
    programs,
    sampled,
)
from tracekit.load.bulk import INTERPRETED
from tracekit.load.image import Image
from tracekit.load.jobs import Jobs
from tracekit.load.lifelines import Lifelines
from tracekit.load.locks import Locks
from tracekit.load.logs import Logs
from tracekit.load.programs import SESSION_FILE, Program
from tracekit.load.spans import Spans
from tracekit.load.tasks import Tasks
from tracekit.load.threads import Main, add_threads
from tracekit.load.turns import ReadyQueues
from tracekit.load.walk import Walk
from tracekit.model.builder import Builder
from tracekit.model.trace import Trace
from tracekit.spool import layout
from tracekit.spool.reader import Header, Spool, read_spool


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
    ran = programs.read(path, builder) if directory else []
    spools = _read(files, builder, progress, must=not directory)
    if directory and not spools and not ran:
        raise TracekitError(f"{path} holds no recording that can be read; record it again with `tracekit run`")
    observers = [spool for spool in spools if spool.header.observer]
    spools = [spool for spool in spools if not spool.header.observer]
    builder.notes.extend(clock.convert(spools, [anchor for program in ran for anchor in program.anchors]))
    recorded = {spool.header.pid for spool in spools}
    for program in ran:
        damaged = any(file.name.startswith(f"{program.pid}-") for file in files)
        programs.add(program, recorded, damaged, builder)
    _build(spools, ran, alive or {}, builder)
    outsiders.add(observers, builder)
    seen = observed.lay(observers, builder)
    if directory:
        sampled.lay(path, seen, bool(alive), builder)
    _set_clock(spools, ran, builder)
    builder.cores = max((program.cores or 0 for program in ran), default=0)
    first = builder.processes[0].name if builder.processes else path.stem
    builder.program = " and ".join(program.name for program in ran if program.name) or first
    return builder.build(programs.exit_status(ran), final=True)


def _files(path: Path) -> list[Path]:
    try:
        files = sorted(entry for entry in path.iterdir() if entry.suffix == ".spool" and entry.is_file())
    except OSError as error:
        raise TracekitError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    if not files and not (path / SESSION_FILE).is_file():
        raise TracekitError(
            f"{path} is a directory, but no session of tracekit: it holds neither *.spool files nor {SESSION_FILE}; "
            "give a trace file or the NAME.tracekit directory of a run"
        )
    return files


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


def _build(spools: list[Spool], ran: list[Program], alive: Mapping[int, int], builder: Builder) -> None:
    images = _images(spools, ran, alive, builder)
    builder.since = flight.window_start(images)
    mains: dict[int, Main] = {}
    locks = [Locks(image) for image in images]
    jobs = [_interpret(image, mains, own) for image, own in zip(images, locks)]
    lock_links.link(locks, builder)
    pools.link(jobs, builder)
    processes.link(images, mains, builder)
    for program in ran:
        programs.settle(program, images, builder)
    processes.tell(mains, builder)
    begun, until = min((image.first for image in images), default=0), max((image.last for image in images), default=0)
    builder.notes.extend(notes.about_window(begun, builder.since, until))
    builder.notes.extend(notes.about(images))


def _images(spools: list[Spool], ran: list[Program], alive: Mapping[int, int], builder: Builder) -> list[Image]:
    """An image for each spool; those of one process, which an exec parts, share its row."""
    last = {(spool.header.pid, spool.header.start_ticks): spool for spool in spools}
    rows: dict[tuple[int, int], int] = {}
    told = exits.times(spools)
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
        seen_until = 0 if goes_on else alive[header.pid] if lives else _seen_until(header, ran, told)
        images.append(Image(spool, rows[identity], builder, goes_on, seen_until, lives))
    return images


def _seen_until(header: Header, ran: list[Program], told: Mapping[int, list[int]]) -> int:
    """When `tracekit run`, or its parent, saw a process end that had no last word itself; 0 where neither did."""
    if header.ended != layout.ENDED_NOT:
        return 0
    ended = max((program.ended or 0 for program in ran if program.pid == header.pid), default=0)
    # A pid may be used again: the first end after the process began is its own.
    return ended or min((time for time in told.get(header.pid, ()) if time >= header.start_monotonic), default=0)


def _interpret(image: Image, mains: dict[int, Main], locks: Locks) -> Jobs:
    """Lays everything that an image recorded on its tracks."""
    if image.header.let_go:
        flight.restore(image)
    processes.describe(image)
    add_threads(image, mains)
    tasks, jobs = Tasks(image), Jobs(image)
    for log in image.logs:
        tasks.enroll(log)
        jobs.enroll(log)
        locks.enroll(log)
    queues = ReadyQueues(image.builder, image.process)
    for log in image.logs:
        Walk(image, log, tasks, jobs, locks, queues).run()
    locks.finish()
    tasks.settle()
    logged = Logs(image, tasks)
    spans = Spans(image, tasks)  # takes its records out of the logs
    for log in image.logs:
        log.forget(INTERPRETED)
    lifelines = Lifelines(tasks, jobs)
    lifelines.lay(spans.tasks())
    cuts = [spans.lay()]
    lifelines.draw(cuts)
    calls.lay(image, tasks, cuts)
    logged.lay()
    jobs.finish()
    queues.draw()
    lives = tasks.lives
    counts.draw_live_tasks(image.builder, image.process, lives.begin, lives.end[lives.done])
    return jobs


def _set_clock(spools: list[Spool], ran: list[Program], builder: Builder) -> None:
    """Sets the wall time at which the common clock was 0, from the first who read both together."""
    if spools:
        builder.wall_start = spools[0].header.start_wall - spools[0].header.start_monotonic
    elif ran:
        builder.wall_start = (ran[0].started_wall or 0) - (ran[0].started or 0)
