"""Flight: where the window of a flight recorder begins, and what is open there though nothing tells how it began.

A flight recorder keeps the beginnings of what is open. Where it had no room for one, its end is all that is left: then it
begins where the spool's records do, and is marked.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from tracekit import events
from tracekit.load.image import Image, Log
from tracekit.model.trace import Int64

_NO_NAME = "(name let go of)"
_TURNS = (
    events.LOOP_END,
    events.STEP_END,
    events.CALLBACK_END,
    events.JOB_END,
    events.REMOTE_JOB_END,
    events.GC_END,
)
_BEGINS = {events.BY_KIND[kind].ends: kind for kind in _TURNS}


def window_start(images: list[Image]) -> int:
    """When the window of a session begins (ns): all spools have everything that was recorded since. 0: it has none.

    A window of a given length ends when the session was last seen, not with its last record: a program may have hung since.
    """
    starts = [0]
    for image in images:
        newest = max((int(log.time[-1]) for log in image.logs), default=0)
        if image.header.let_go <= newest:  # else it is damage: the newest record is never let go of
            starts.append(image.header.let_go)
    asked = max((image.header.flight_ns for image in images), default=0)
    if asked:
        starts.append(max(image.last for image in images) - asked)
    start = max(starts)
    return start if start > min((image.header.start_monotonic for image in images), default=0) else 0


def restore(image: Image) -> None:
    """Adds beginnings for what ends in an image without one; each has a LATE detail."""
    spans = [log.slot[log.kind == events.SPAN_BEGIN] for log in image.logs]
    known = np.concatenate(spans) if spans else np.empty(0, np.int64)
    added = 0
    for log in image.logs:
        lost = np.flatnonzero((log.kind == events.SPAN_END) & (log.b != 0) & ~np.isin(log.b, known))
        known = np.concatenate((known, log.b[lost]))
        missing = sorted([*_first_of_each(log, lost), *_without_begin(log)])
        # What ended first was begun last.
        begins = [_begin(image, log, at, added + number) for number, at in enumerate(reversed(missing), 1)]
        added += len(begins)
        if begins:
            _insert(log, min(log.carried, missing[0]), np.array(begins, np.int64), image.header.let_go)


def _first_of_each(log: Log, ends: Int64) -> list[int]:
    """Of several ends that name one begin the first one."""
    _, first = np.unique(log.b[ends], return_index=True)
    return [int(at) for at in ends[first]]


def _without_begin(log: Log) -> list[int]:
    """The positions of all other ends that nothing began on their thread."""
    which = np.flatnonzero(np.isin(log.kind, (*_BEGINS, *_TURNS)))
    missing = []
    opened: Counter[tuple[int, int]] = Counter()
    for at, kind, a, b in zip(*(column.tolist() for column in (which, log.kind[which], log.a[which], log.b[which]))):
        begin = events.BY_KIND[kind].ends or kind
        key = begin, {events.GC_BEGIN: a, events.CALLBACK_BEGIN: 0}.get(begin, b)
        if kind in _BEGINS:
            opened[key] += 1
        elif opened[key]:
            opened[key] -= 1
        else:
            missing.append(at)
    return missing


def _begin(image: Image, log: Log, at: int, number: int) -> tuple[int, int, int, int]:
    """Kind, a, b and slot of the record that must have begun what ends at this position."""
    end, a, b = int(log.kind[at]), int(log.a[at]), int(log.b[at])
    kind = events.BY_KIND[end].ends
    name, serial, slot = image.number(_NO_NAME), b, -number
    if kind == events.SPAN_BEGIN:
        name, serial, slot = a or name, 0, b
    elif kind == events.STEP_BEGIN:
        name = 0
    elif kind == events.GC_BEGIN:
        name, serial = a, 0
    image.mark_late(slot)
    return kind, name, serial, slot


def _insert(log: Log, at: int, begins: Int64, let_go: int) -> None:
    """Puts records before position `at`, which is mostly between what is carried of a thread and what is there of it."""
    before = int(log.time[at - 1]) if at else 0
    time = np.full(len(begins), max(min(let_go, int(log.time[at])), before), np.int64)
    columns = zip(("time", "kind", "a", "b", "slot"), (time, *begins.T))
    for name, column in columns:
        setattr(log, name, np.insert(getattr(log, name), at, column))
    log.carried += len(begins)
