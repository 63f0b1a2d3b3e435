"""Logs: lays what a program logged on the threads where it did, and on the tasks. Knows steps, and no records but those of logs.

What was logged is an instant that has the argument "log level". Inside of a step it lies on the thread, and again on the task.
"""

from __future__ import annotations

import numpy as np

from tracekit import events
from tracekit.load.image import Image
from tracekit.load.tasks import Tasks
from tracekit.model.columns import groups
from tracekit.model.trace import LOG_LEVEL, Args
from tracekit.spool.layout import parse_code

_LEVELS = {0: "not set", 10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}


class Logs:
    """What one image's program logged.

    Args:
        image: its threads have been walked, and where their steps are is still known.
        tasks: of the image.
    """

    def __init__(self, image: Image, tasks: Tasks) -> None:
        self._image = image
        self._tasks = tasks
        self._places: dict[int, Args] = {}
        parts = [np.empty((6, 0), np.int64)]
        for log in image.logs:
            which = np.flatnonzero(log.kind == events.LOG)
            columns = (log.time, log.a, log.b, log.slot)
            track = np.full(len(which), log.track, np.int64)
            parts.append(
                np.stack((track, log.steps_at(which), *(column[which].astype(np.int64) for column in columns)))
            )
        self._track, self._step, self._time, self._text, self._level, self._slot = np.concatenate(parts, axis=1)

    def lay(self) -> None:
        """Adds them to the builder; the tasks have their tracks, as far as they are drawn."""
        if not len(self._slot):
            return
        builder, image = self._image.builder, self._image
        text = image.same_names(self._text)
        first, alike = groups(text)
        names = np.array([builder.string(image.name(number)) for number in text[first].tolist()], np.int64)[alike]
        levels = {number: self._level_name(number) for number in set(self._level.tolist())}
        said = zip(self._level.tolist(), self._slot.tolist())
        args = np.array([builder.keep(self._args(levels[level], slot)) for level, slot in said], np.int64)
        builder.instants(self._track, self._time, names, args)
        inside = np.flatnonzero(self._step >= 0)
        if len(inside):
            task = np.array(self._tasks.step_task, np.int64)[self._step[inside]]
            track = self._tasks.tracks[task - self._tasks.first]
            inside, track = inside[track >= 0], track[track >= 0]
            builder.instants(track, self._time[inside], names[inside], args[inside])

    def _level_name(self, level: int) -> str:
        own = level >> 8
        return self._image.name(own).lower() if own else _LEVELS.get(level & 0xFF, str(level & 0xFF))

    def _args(self, level: str, slot: int) -> Args:
        image = self._image
        ours: Args = {"tracekit_id": f"{image.header.pid}-{slot:x}"}
        values: Args = {}
        for detail in image.details.of(slot):
            if detail.kind in events.ARGUMENTS:
                values[image.name(detail.a)] = image.value(detail)
            elif detail.kind == events.CODE:
                ours.update(self._place(detail.payload))
            elif detail.kind == events.ERROR:
                ours["error"] = image.name(detail.payload)
        said = {f"{key}_" if key in ours or key == LOG_LEVEL else key: value for key, value in values.items()}
        return {LOG_LEVEL: level, **said, **ours}

    def _place(self, number: int) -> Args:
        """Where in the code it is, by the number of the name that tells it."""
        place = self._places.get(number)
        if place is None:
            place = self._places[number] = dict(zip(("function", "file", "line"), parse_code(self._image.name(number))))
        return place
