"""Observed: what an observer saw from outside goes to the threads and processes that it saw. Knows the observer's journals.

Samples become states (states.py) and counters (gauges.py); stacks become instants on their threads' tracks.
"""

from __future__ import annotations

import numpy as np

from tracekit import events
from tracekit.load import gauges, states, strangers
from tracekit.load.samples import details, samples, weights
from tracekit.load.states import Life
from tracekit.model.builder import Builder
from tracekit.model.trace import Args, Category, TrackKind
from tracekit.spool.layout import parse_code
from tracekit.spool.reader import Spool
from tracekit.spool.records import ThreadRecords

NAME = "stack sample"

_LATEST = 1 << 62  # later times are damage


def lay(spools: list[Spool], builder: Builder) -> None:
    """Lays states and stacks on threads, says of slices where their time went, and draws what was counted.

    Args:
        spools: of observers.
        builder: has everything else of the trace already.
    """
    if not spools:
        return
    seen = samples(spools)
    strangers.add(seen, builder)
    lives = _lives(builder)
    threads = states.seen(seen, lives, builder)
    states.lay(threads, builder)
    gauges.draw(threads, weights(spools), builder)
    for spool in spools:
        builder.notes.extend(spool.notes)
        for records in spool.threads:
            _lay_stacks(spool, records, lives, builder)
            for at in np.flatnonzero(records.kind == events.NOTE).tolist():
                builder.note(spool.names.get(int(records.a[at]), "the observer left a word that is missing"))


def _lives(builder: Builder) -> dict[tuple[int, int], list[Life]]:
    """The threads by pid and tid, which the kernel uses again."""
    _, tracks, starts, ends = builder.lying(Category.THREAD)
    of_track = dict(zip(tracks.tolist(), zip(starts.tolist(), ends.tolist())))
    lives: dict[tuple[int, int], list[Life]] = {}
    for row, thread in enumerate(builder.threads):
        track = builder.track(TrackKind.THREAD, row)
        if track in of_track:
            pid = builder.processes[thread.process].pid
            lives.setdefault((pid, thread.tid), []).append(Life(row, track, *of_track[track]))
    return lives


def _lay_stacks(
    spool: Spool, records: ThreadRecords, lives: dict[tuple[int, int], list[Life]], builder: Builder
) -> None:
    for at in np.flatnonzero(records.kind == events.STACK).tolist():
        told = details(records, at)
        pid = next((payload for kind, payload in told if kind == events.PID), 0)
        frames = [parse_code(spool.names.get(payload, "")) for kind, payload in told if kind == events.FRAME]
        time, tid = min(int(records.time[at]), _LATEST), int(records.b[at])
        for life in lives.get((pid, tid), ()):
            if frames and life.start <= time <= life.end:
                builder.instant(life.track, time, NAME, _stack(frames, bool(records.a[at])))


def _stack(frames: list[tuple[str, str, int]], gil: bool) -> Args:
    return {
        "stack": [f"{function} ({file}:{line})" for function, file, line in frames],
        "frames": [list(frame) for frame in frames],
        "gil": gil,
    }
