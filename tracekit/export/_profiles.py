"""Profiles: sampled call stacks as Perfetto's JSON has them, the events P of V8's CPU profiles. Knows no slice.

A thread has a profile of its own. Perfetto keeps function and file of a frame, so the line goes with the file; times are whole
microseconds here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tracekit.export._plain import encoded
from tracekit.model.stacks import Frame, frames_of
from tracekit.model.trace import Trace

_CHUNK = 1 << 13  # samples in one event


def profiles(trace: Trace, heads: Sequence[str]) -> Iterator[bytes]:
    """The events, each with a comma and a newline before it. A sample without a stack is not drawn.

    Args:
        heads: pid and tid of each thread, as they stand in its events.
    """
    samples = trace.samples
    drawn = np.flatnonzero(samples.frame >= 0)
    if not len(drawn):
        return
    frames, parents = frames_of(trace), trace.frames.parent.tolist()
    borders = np.flatnonzero(np.diff(samples.thread[drawn])) + 1
    for own in np.split(drawn, borders):
        yield from _profile(trace, heads[int(samples.thread[own[0]])], own, frames, parents)


def _profile(trace: Trace, head: str, own: Any, frames: list[Frame], parents: list[int]) -> Iterator[bytes]:
    times = trace.samples.time[own] // 1000
    begin = f'{head},"cat":"sample","id":"0x{int(own[0]) + 1:x}"'
    previous = int(times[0])
    yield _event("Profile", begin, previous, {"startTime": previous})
    known: set[int] = set()
    for at in range(0, len(own), _CHUNK):
        rows, now = trace.samples.frame[own[at : at + _CHUNK]].tolist(), times[at : at + _CHUNK]
        deltas = np.diff(now, prepend=previous).tolist()
        previous = int(now[-1])
        nodes = [_node(row, frames[row], parents[row]) for row in _new(rows, parents, known)]
        profile = {"nodes": nodes, "samples": [row + 1 for row in rows]}
        yield _event("ProfileChunk", begin, int(now[0]), {"cpuProfile": profile, "timeDeltas": deltas})


def _new(rows: list[int], parents: list[int], known: set[int]) -> list[int]:
    """The frames of these stacks that were not told yet, callers first."""
    found = []
    for row in rows:
        while row >= 0 and row not in known:
            known.add(row)
            found.append(row)
            row = parents[row]
    return sorted(found)


def _node(row: int, frame: Frame, parent: int) -> dict[str, Any]:
    url = f"{frame.file}:{frame.line}" if frame.line else frame.file
    call = {"functionName": frame.function or "?", "url": url}
    return (
        {"id": row + 1, "callFrame": call} if parent < 0 else {"id": row + 1, "parent": parent + 1, "callFrame": call}
    )


def _event(name: str, begin: str, us: int, data: dict[str, Any]) -> bytes:
    return b',\n{"ph":"P","name":"%b",%b,"ts":%d,"args":{"data":%b}}' % (
        name.encode(),
        begin.encode(),
        us,
        encoded(data),
    )
