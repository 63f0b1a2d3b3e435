"""Events as other tools write them, made short; and a trace's slices, points and arrows as plain rows. Knows no reader."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import settings

from tracekit.model.trace import Category, Flag, Trace

Event = dict[str, Any]

unhurried = settings(deadline=None)  # a test says what comes out, not how fast


def event(ph: str, ts: Any = 0, name: Any = "a", pid: Any = 1, tid: Any = 1, **more: Any) -> Event:
    """An event of any kind."""
    return {"ph": ph, "ts": ts, "name": name, "pid": pid, "tid": tid, **more}


def whole(ts: Any, dur: Any, name: Any = "a", **more: Any) -> Event:
    """A slice in one piece."""
    return event("X", ts, name, dur=dur, **more)


class Drawn(NamedTuple):
    """A slice, spelled out."""

    name: str
    start: int
    end: int
    track: str
    kind: str
    args: dict[str, Any]
    unfinished: bool = False


def drawn(trace: Trace) -> list[Drawn]:
    """The slices of a trace but for the lives of threads, by start; times count from the start of the trace."""
    slices, rows = trace.slices, []
    for at in range(len(slices)):
        if slices.category[at] == Category.THREAD:
            continue
        track, args = trace.tracks[slices.track[at]], int(slices.args[at])
        rows.append(
            Drawn(
                trace.strings[slices.name[at]],
                int(slices.start[at]),
                int(slices.end[at]),
                track.name,
                track.kind.name,
                trace.args[args] if args >= 0 else {},
                bool(slices.flags[at] & Flag.UNFINISHED),
            )
        )
    return sorted(rows, key=lambda row: (row.start, -row.end, row.track))


def spans(trace: Trace) -> list[tuple[str, int, int]]:
    """Name, start and end of each slice."""
    return [row[:3] for row in drawn(trace)]


def points(trace: Trace) -> list[tuple[str, int, str, str]]:
    """Name, time, track and kind of track of each instant."""
    instants = trace.instants
    return [
        (
            trace.strings[instants.name[at]],
            int(instants.time[at]),
            trace.tracks[instants.track[at]].name,
            trace.tracks[instants.track[at]].kind.name,
        )
        for at in range(len(instants))
    ]


def arrows(trace: Trace) -> list[tuple[str, int, str, int]]:
    """Track and time at which each arrow begins, name and start of the slice that it leads to."""
    flows, slices = trace.flows, trace.slices
    return sorted(
        (
            trace.tracks[flows.track[at]].name,
            int(flows.time[at]),
            trace.strings[slices.name[flows.target[at]]],
            int(slices.start[flows.target[at]]),
        )
        for at in range(len(flows))
    )
