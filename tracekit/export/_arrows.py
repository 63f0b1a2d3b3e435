"""Where the ends of each arrow go, so that Perfetto draws it. Knows columns and the order of events, writes nothing.

Perfetto binds an arrow to events: one that sends, one that receives, and the sender must come first. It takes events by
time; at one time the X events first, longest first, then the others, each as they stand in the file. So the sender is
an event of length 0 of its own, and the receiver is the target slice itself, unless that would come first or already
receives another arrow: then the receiver too is an event of length 0, written after all senders.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit.model.trace import Int64, Trace

# Perfetto numbers arrows of another style from 0 in the same table.
FIRST_ID = 2**32

Mask = NDArray[np.bool_]


class Arrows(NamedTuple):
    """The plan: for each arrow when it is sent and how it is received; its id is FIRST_ID + its index.

    Attributes:
        sent: when each arrow leaves its track, in ns.
        received_by: for each slice the id of the arrow that it receives itself, or -1.
        late: the arrows whose receiver is an event of its own.
        drawn: all arrows but the lost ones.
        lost: how many cannot be drawn.
    """

    sent: Int64
    received_by: Int64
    late: Int64
    drawn: Int64
    lost: int


def plan(trace: Trace, on_thread: Mask, hidden: Mask) -> Arrows:
    """Plans all arrows of a trace.

    Args:
        on_thread: for each track whether its slices are X events.
        hidden: for each slice whether it is left out of the picture.
    """
    flows, slices = trace.flows, trace.slices
    nothing = np.zeros(0, np.int64)
    if not len(flows):
        return Arrows(nothing, np.full(len(slices), -1, np.int64), nothing, nothing, 0)
    start = slices.start[flows.target]
    from_thread, to_thread = on_thread[flows.track], on_thread[slices.track[flows.target]]
    sent = _sent(trace, from_thread, to_thread, start)
    in_order = (sent < start) | (from_thread & ~to_thread)
    lost = ~in_order & ~from_thread & to_thread
    direct = _first_of_each(flows.target, flows.time, in_order & ~hidden[flows.target])
    received_by = np.full(len(slices), -1, np.int64)
    received_by[flows.target[direct]] = direct + FIRST_ID
    late = ~lost
    late[direct] = False
    return Arrows(sent, received_by, np.flatnonzero(late), np.flatnonzero(~lost), int(lost.sum()))


def _sent(trace: Trace, from_thread: Mask, to_thread: Mask, start: Int64) -> Int64:
    """When each arrow is sent: at its time, or 1 ns earlier where it would fall out of its slice or come too late."""
    flows, slices = trace.flows, trace.slices
    times = np.sort(np.concatenate((slices.start, slices.end, flows.time)))

    # Ranks in place of nanoseconds, so that track and time fit into one number.
    def key(track: NDArray[Any], time: Int64) -> Int64:
        return track.astype(np.int64) * len(times) + np.searchsorted(times, time)

    points = key(flows.track, flows.time)
    begins = np.isin(points, key(slices.track, slices.start))
    ends = np.isin(points, key(slices.track, slices.end))
    too_late = (flows.time == start) & ~from_thread & to_thread
    sent: Int64 = flows.time - (~begins & (ends | too_late))
    return sent


def _first_of_each(target: NDArray[np.int32], time: Int64, usable: Mask) -> Int64:
    """The earliest usable arrow of each target."""
    candidates = np.flatnonzero(usable)
    candidates = candidates[np.lexsort((time[candidates], target[candidates]))]
    targets = target[candidates]
    first = np.ones(len(targets), np.bool_)
    first[1:] = targets[1:] != targets[:-1]
    return candidates[first]
