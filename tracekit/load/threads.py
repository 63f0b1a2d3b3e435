"""Threads: a row, a track and a THREAD slice for each thread of an image. Knows nothing of what ran there.

A main thread that goes through an exec stays one thread, as it does for the kernel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.load.image import Image, Log
from tracekit.model.trace import Category, Flag, FlowKind, TrackKind


class Main(NamedTuple):
    """The main thread of a process: its row and its THREAD slice."""

    thread: int
    life: int


def add_threads(image: Image, mains: dict[int, Main]) -> None:
    """Adds the threads of an image, and the arrows to those that were seen to be started.

    Args:
        mains: the main thread of each process that has one; it is kept up to date.
    """
    for log in image.logs:
        known = mains.get(image.process) if log.tid == image.header.pid else None
        if known is None:
            _add(image, log)
            if log.tid == image.header.pid:
                mains[image.process] = Main(log.thread, log.life)
        else:
            _go_on(image, log, known)
    by_serial = {log.serial: log for log in image.logs}
    for log in image.logs:
        _link_started(image, log, by_serial)


def _add(image: Image, log: Log) -> None:
    builder = image.builder
    begins = np.flatnonzero(log.kind == events.THREAD_BEGIN)
    lost = not len(begins) and image.header.let_go > 0
    late = lost or (bool(len(begins)) and image.is_late(int(log.slot[begins[0]])))
    started = min(int(log.time[0]), image.header.let_go) if lost else int(log.time[0])
    main = log.tid == image.header.pid
    name, ended = _name(image, log), _end(image, log)
    log.thread = builder.thread(
        image.process,
        log.tid,
        name,
        started=started,
        ended=log.end if ended else None,
        begun_before=late,
        main=main,
    )
    log.track = builder.track(TrackKind.THREAD, log.thread)
    flags = Flag.BEGUN_BEFORE if late else 0
    if not ended and not (main and image.goes_on):
        flags |= Flag.UNFINISHED
    log.life = builder.slice(log.track, started, log.end, name, Category.THREAD, flags)


def _go_on(image: Image, log: Log, main: Main) -> None:
    """The main thread after an exec, with another program in it."""
    ended = _end(image, log)
    row = image.builder.threads[main.thread]
    row.name, row.ended = _name(image, log), log.end if ended else None
    log.thread, log.track, log.life = main.thread, image.builder.track(TrackKind.THREAD, main.thread), main.life
    image.builder.end(main.life, log.end, 0 if ended or image.goes_on else Flag.UNFINISHED)


def _name(image: Image, log: Log) -> str:
    names = np.flatnonzero((log.kind == events.THREAD_BEGIN) | (log.kind == events.THREAD_NAME))
    if len(names):
        return image.name(int(log.a[names[-1]]))
    return "MainThread" if log.tid == image.header.pid else f"thread {log.tid}"


def _end(image: Image, log: Log) -> bool:
    """Sets where the thread's life is drawn to; whether its end was seen."""
    ended = bool((log.kind == events.THREAD_END).any())
    # What a flight recorder carries on of a thread that goes on has its beginning.
    ended |= log.carried == len(log.kind) and not (log.kind == events.THREAD_BEGIN).any()
    if log.tid == image.header.pid:
        ended |= bool((log.kind == events.PROCESS_END).any())
    log.end = int(log.time[-1]) if ended else image.last
    return ended


def _link_started(image: Image, log: Log, by_serial: dict[int, Log]) -> None:
    for at in np.flatnonzero(log.kind == events.THREAD_START).tolist():
        started = by_serial.get(int(log.b[at]))
        if started is not None and started is not log:
            image.builder.threads[started.thread].starter = log.thread
            image.builder.flow(FlowKind.START, log.track, int(log.time[at]), started.life)
            _say_what_for(image, started, int(log.slot[at]))
    for at in np.flatnonzero(log.kind == events.PROCESS_NAME).tolist():
        _say_what_for(image, log, int(log.slot[at]))


def _say_what_for(image: Image, log: Log, slot: int) -> None:
    """What the thread, or the process whose main thread it is, was started for."""
    place = image.place(slot)
    if place is not None:
        image.builder.annotate(log.life, place)
