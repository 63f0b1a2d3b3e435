"""Shown: which slices of a trace a picture leaves out, and which rows tasks share. Knows columns, and no format."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit.export._events import depths
from tracekit.export._parts import parts
from tracekit.model.trace import Category, Slices, Trace, TrackKind

# Perfetto draws 512 levels; two are left for points on the deepest slice.
_LEVELS = 510
# So many tasks of one process have a row each; above that, those of one coroutine share theirs.
_OWN_ROWS = 200
# So many lanes of tasks are drawn of each process: of more, Perfetto becomes slow, and nobody scrolls that far.
_LANES = 300


class Shown(NamedTuple):
    """What of a trace is drawn.

    Attributes:
        hidden: for each slice whether it is left out.
        notes: what is left out, a sentence each.
        shared_rows: the processes of whose tasks those of one coroutine share a row.
    """

    hidden: NDArray[np.bool_]
    notes: list[str]
    shared_rows: set[int]


def shown(trace: Trace) -> Shown:
    """Decides it for Perfetto."""
    beyond = _beyond(trace)[trace.slices.track]
    deep = _deep(trace.slices) & ~beyond
    tasks = Counter(task.process for task in trace.tasks)
    return Shown(
        deep | beyond, _notes(trace, deep, beyond), {process for process, count in tasks.items() if count > _OWN_ROWS}
    )


def _notes(trace: Trace, deep: NDArray[np.bool_], beyond: NDArray[np.bool_]) -> list[str]:
    hidden = int(deep.sum())
    lives = int((beyond & (trace.slices.category == Category.TASK)).sum())
    wild = int((~np.isfinite(trace.counters.value)).sum())
    notes = []
    if hidden:
        notes.append(f"slices that lie more than {_LEVELS} deep are not drawn in Perfetto: {hidden}")
    if lives:
        notes.append(
            f"tasks that were alive while {_LANES} others lay on lanes of tasks are not drawn there in Perfetto, "
            f"but their steps are, on their loop's thread: {lives}"
        )
    if wild:
        notes.append(f"counter values that are no finite numbers are not drawn in Perfetto: {wild}")
    return notes


def _deep(slices: Slices) -> NDArray[np.bool_]:
    """For each slice whether it lies too deep."""
    deep = np.zeros(len(slices), np.bool_)
    for rows, opened, _ in parts(slices):
        depth = depths(slices.track[rows], slices.start[rows], slices.end[rows])
        deep[rows[opened:]] = depth[opened:] >= _LEVELS
    return deep


def _beyond(trace: Trace) -> NDArray[np.bool_]:
    """For each track whether it is a lane of tasks of which its process has too many."""
    lanes: Counter[int] = Counter()
    beyond = np.zeros(len(trace.tracks), np.bool_)
    for at, track in enumerate(trace.tracks):
        if track.kind == TrackKind.TASKS:
            lanes[track.process] += 1
            beyond[at] = lanes[track.process] > _LANES
    return beyond
