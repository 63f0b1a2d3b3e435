"""Observed: what an observer saw from outside goes to the threads and processes that it saw. Knows the observer's journals.

What threads did becomes states (states.py), what processes weigh counters (gauges.py), and stacks become samples.
"""

from __future__ import annotations

import numpy as np

from tracekit import events
from tracekit.load import gauges, states, strangers
from tracekit.load.samples import details, samples, weights
from tracekit.load.states import Life, Seen
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, SampleSource, SampleState, TrackKind
from tracekit.spool.layout import parse_code
from tracekit.spool.reader import Spool
from tracekit.spool.records import ThreadRecords

_LATEST = 1 << 62  # later times are damage
_STATES = {
    events.STACK_GIL: SampleState.GIL,
    events.STACK_ACTIVE: SampleState.ACTIVE,
    events.STACK_IDLE: SampleState.IDLE,
}


def lay(spools: list[Spool], builder: Builder) -> list[Seen]:
    """Lays states and stacks on threads, says of slices where their time went, and draws what was counted.

    Args:
        spools: of observers.
        builder: has everything else of the trace already.

    Returns:
        What was seen of each thread.
    """
    if not spools:
        return []
    seen = samples(spools)
    strangers.add(seen, builder)
    lives = lives_of(builder)
    threads = states.seen(seen, lives, builder)
    states.lay(threads, builder)
    gauges.draw(threads, weights(spools), builder)
    for spool in spools:
        builder.notes.extend(spool.notes)
        for records in spool.threads:
            _lay_stacks(spool, records, lives, builder)
            for at in np.flatnonzero(records.kind == events.NOTE).tolist():
                builder.note(spool.names.get(int(records.a[at]), "the observer left a word that is missing"))
    return threads


def lives_of(builder: Builder) -> dict[tuple[int, int], list[Life]]:
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
                state = _STATES.get(int(records.a[at]), SampleState.UNKNOWN)
                builder.sample(life.thread, time, _innermost(frames, builder), state, SampleSource.OBSERVER)


def _innermost(frames: list[tuple[str, str, int]], builder: Builder) -> int:
    row = -1
    for function, file, line in reversed(frames):
        row = builder.frame(row, function, file, line)
    return row
