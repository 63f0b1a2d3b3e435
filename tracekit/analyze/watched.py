"""Watched: where in the code threads were most often, by their stack samples: those of which nothing else is known, and all that
a profiler sampled. Prints nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracekit.analyze.place import Place
from tracekit.analyze.stacks import users_frame
from tracekit.model.columns import distinct
from tracekit.model.stacks import frames_of, rows_of
from tracekit.model.trace import Category, SampleSource, Trace, TrackKind


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
    """A row for each thread whose stack was read and on which nothing was recorded, or that was sampled all the time."""
    samples = trace.samples
    own = np.flatnonzero(sampled_throughout(trace) & (samples.frame >= 0))
    pairs, counts = np.unique(np.stack((samples.thread[own], samples.frame[own])), axis=1, return_counts=True)
    places = [Place(*frame) for frame in frames_of(trace)]
    stacks: dict[int, Counter[tuple[Place, ...]]] = {}
    for thread, frame, count in zip(*pairs.tolist(), counts.tolist()):
        stacks.setdefault(thread, Counter())[tuple(places[row] for row in rows_of(trace, frame))] += count
    return [_row(trace, thread, of_one) for thread, of_one in stacks.items()]


def sampled_throughout(trace: Trace) -> NDArray[np.bool_]:
    """Which samples are of threads whose stacks were read all the time."""
    samples = trace.samples
    recorded = distinct(trace.slices.track[trace.slices.category != Category.THREAD]).tolist()
    busy = [trace.tracks[track].owner for track in recorded if trace.tracks[track].kind == TrackKind.THREAD]
    # Of a thread that has a loop the observer reads stacks only while that is blocked.
    whole: NDArray[np.bool_] = (samples.source != SampleSource.OBSERVER) | ~np.isin(samples.thread, busy)
    return whole


def _row(trace: Trace, row: int, stacks: Counter[tuple[Place, ...]]) -> WatchedRow:
    at = {stack: place if (place := users_frame(stack)) < len(stack) else 0 for stack in stacks}
    functions: Counter[tuple[str, str]] = Counter()
    for stack, count in stacks.items():
        functions[stack[at[stack]].function, stack[at[stack]].file] += count
    function, agreeing = functions.most_common(1)[0]
    alike = [stack for stack in stacks if (stack[at[stack]].function, stack[at[stack]].file) == function]
    stack = max(alike, key=lambda one: stacks[one])
    thread = trace.threads[row]
    inside = stack[0] if at[stack] else None
    pid = trace.processes[thread.process].pid
    return WatchedRow(thread.name, pid, stacks.total(), agreeing, stack[at[stack]], inside)
