"""Spawns: the programs that were started, as those tell that started them, and when a process was asked for.

Knows nothing of what became of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.load.exits import exit_code
from tracekit.load.image import Image


class Spawn(NamedTuple):
    """A program that was started, as its parent saw it.

    `asked` is when that began, `time` when it was done. `pid` is 0 where nobody was told it: of os.system, which is done
    when the program has ended, and knows its status.
    """

    parent: int
    track: int
    asked: int
    time: int
    pid: int
    name: str
    command: str
    reason: str
    status: int | None
    started_at: str = ""  # as Process.started_at


def spawns(images: list[Image]) -> list[Spawn]:
    """All programs that were started."""
    return [spawn for image in images for spawn in _of_image(image)]


def asked_of_servers(images: list[Image]) -> dict[int, list[int]]:
    """When processes were asked for that a fork server made, by pid."""
    found: dict[int, list[int]] = {}
    for image in images:
        for log in image.logs:
            for at in np.flatnonzero(log.kind == events.PROCESS_ASKED).tolist():
                found.setdefault(int(log.b[at]), []).append(int(log.time[at]) - _took(image, int(log.slot[at])))
    return found


def _of_image(image: Image) -> Iterator[Spawn]:
    for log in image.logs:
        for at in np.flatnonzero(log.kind == events.PROCESS_SPAWN).tolist():
            slot, time = int(log.slot[at]), int(log.time[at])
            reason, status = image.detail(slot, events.REASON), image.detail(slot, events.STATUS)
            yield Spawn(
                parent=image.process,
                track=log.track,
                asked=time - _took(image, slot),
                time=time,
                pid=int(log.b[at]),
                name=image.name(int(log.a[at])),
                command=str(image.args(slot).get("command", "")),
                reason="" if reason is None else image.name(reason.payload),
                status=None if status is None else exit_code(status.payload),
                started_at=say_place(image, slot),
            )


def say_place(image: Image, slot: int) -> str:
    """The place in the code that the record at a slot tells of, as Process.started_at; "" where it tells of none."""
    function, file, line = image.code(slot)
    return f"{function} ({file}:{line})" if function and file else ""


def _took(image: Image, slot: int) -> int:
    """How long before the record at a slot it was asked for, what the record tells of; 0 where that is damaged."""
    took = image.detail(slot, events.TOOK)
    return took.payload if took is not None and took.payload < 1 << 62 else 0
