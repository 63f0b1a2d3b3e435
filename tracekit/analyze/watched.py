"""Watched: where in the code the threads of programs were that recorded nothing, by their stack samples. Prints nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from tracekit.analyze.place import Place
from tracekit.analyze.stacks import NAME, frames_of, users_frame
from tracekit.model.trace import Category, Trace, TrackKind


@dataclass(frozen=True, slots=True)
class WatchedRow:
    """A thread, and the function it was seen in most often: the innermost of the program's own, else the innermost of all.

    Attributes:
        samples: how often its stack was read; `agreeing`, how often it was in that function.
        place: where in it most often.
        inside: what that had called, where that was something else.
    """

    thread: str
    pid: int
    samples: int
    agreeing: int
    place: Place
    inside: Place | None


def is_watched(trace: Trace) -> bool:
    """Whether nothing of the program recorded anything, and all that is known of it was seen from outside."""
    entered = any(row.python or row.untraced for row in trace.processes)
    return (
        bool(trace.states) and not entered and set(trace.slices.category.tolist()) <= {Category.THREAD, Category.STATE}
    )


def watched(trace: Trace) -> list[WatchedRow]:
    """A row for each thread whose stack was read and on which nothing was recorded."""
    if NAME not in trace.strings:
        return []
    recorded = set(trace.slices.track[trace.slices.category != Category.THREAD].tolist())
    stacks: dict[int, list[tuple[Place, ...]]] = {}
    for row in np.flatnonzero(trace.instants.name == trace.strings.index(NAME)).tolist():
        track = int(trace.instants.track[row])
        if track not in recorded and trace.tracks[track].kind == TrackKind.THREAD:
            frames = frames_of(trace.args[trace.instants.args[row]] if trace.instants.args[row] >= 0 else {})
            if frames:
                stacks.setdefault(track, []).append(tuple(frames))
    return [_row(trace, track, of_one) for track, of_one in stacks.items()]


def _row(trace: Trace, track: int, stacks: list[tuple[Place, ...]]) -> WatchedRow:
    at = {stack: place if (place := users_frame(stack)) < len(stack) else 0 for stack in set(stacks)}
    functions = Counter((stack[at[stack]].function, stack[at[stack]].file) for stack in stacks)
    function, agreeing = functions.most_common(1)[0]
    stack, _ = Counter(
        stack for stack in stacks if (stack[at[stack]].function, stack[at[stack]].file) == function
    ).most_common(1)[0]
    thread = trace.threads[trace.tracks[track].owner]
    inside = stack[0] if at[stack] else None
    pid = trace.processes[thread.process].pid
    return WatchedRow(thread.name, pid, len(stacks), agreeing, stack[at[stack]], inside)
