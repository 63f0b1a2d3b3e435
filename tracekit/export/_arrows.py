"""Where the ends of each arrow go, so that Perfetto draws it. Knows columns and the order of events, writes nothing.

Perfetto binds an arrow to events: one that sends, one that receives, and the sender must come first. It takes events by
time; at one time X events first, longest first, then X events of length 0 and all others, each as they stand in the
file. So the sender is an event of length 0 of its own, and the receiver is the target slice itself, unless that would
come first or already receives another arrow: then the receiver too is an event of length 0, written after all senders.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit.model.columns import among, distinct, sorted_places
from tracekit.model.trace import Int64, Trace

# Perfetto numbers arrows of another style from 0 in the same table.
FIRST_ID = 2**32

Mask = NDArray[np.bool_]

_ROWS = 1 << 17  # slices that are looked at a time


class Arrows(NamedTuple):
    """The plan: for each arrow when it is sent and how it is received; its id is FIRST_ID + its index.

    Attributes:
        sent: when each arrow leaves its track, in ns.
        receivers: the slices that receive an arrow themselves, in order; `received`: the id of each one's.
        late: the arrows whose receiver is an event of its own.
    """

    sent: Int64
    receivers: Int64
    received: Int64
    late: Int64

    def received_by(self, index: Int64) -> Int64:
        """For each of these slices the id of the arrow that it receives itself, or -1."""
        at, found = sorted_places(self.receivers, index)
        ids = np.full(len(index), -1, np.int64)
        ids[found] = self.received[at[found]]
        return ids


def plan(trace: Trace, on_thread: Mask, hidden: Mask) -> Arrows:
    """Plans all arrows of a trace.

    Args:
        on_thread: for each track whether its slices are X events; the senders on those are written before all that is
            no X event, the other senders after.
        hidden: for each slice whether it is left out of the picture.
    """
    flows, slices = trace.flows, trace.slices
    if not len(flows):
        none = np.zeros(0, np.int64)
        return Arrows(flows.time, none, none, none)
    sent = _sent(trace)
    from_thread, to_thread = on_thread[flows.track], on_thread[slices.track[flows.target]]
    in_order = (sent < slices.start[flows.target]) | (from_thread & ~to_thread)
    direct = _first_of_each(flows.target, flows.time, in_order & ~hidden[flows.target])
    late = np.ones(len(flows), np.bool_)
    late[direct] = False
    return Arrows(sent, flows.target[direct].astype(np.int64), direct + FIRST_ID, np.flatnonzero(late))


def at_ends(trace: Trace) -> Mask:
    """For each arrow whether it leaves at the very end of a slice, where none begins."""
    flows, slices = trace.flows, trace.slices
    times = distinct(flows.time)

    # Ranks in place of nanoseconds, so that track and time fit into one number.
    def key(track: NDArray[Any], time: Int64) -> Int64:
        return track.astype(np.int64) * len(times) + np.searchsorted(times, time)

    points = key(flows.track, flows.time)

    def are_borders(borders: Int64) -> Mask:
        found = [np.zeros(0, np.int64)]
        for begin in range(0, len(slices), _ROWS):
            own = slice(begin, begin + _ROWS)
            near = among(borders[own], times)
            found.append(key(slices.track[own][near], borders[own][near]))
        return among(points, np.sort(np.concatenate(found)))

    return are_borders(slices.end) & ~are_borders(slices.start)


def _sent(trace: Trace) -> Int64:
    """When each arrow is sent: at its time, or 1 ns earlier where only the end of a slice is there."""
    sent: Int64 = trace.flows.time - at_ends(trace)
    return sent


def _first_of_each(target: NDArray[np.int32], time: Int64, usable: Mask) -> Int64:
    """The earliest usable arrow of each target."""
    candidates = np.flatnonzero(usable)
    candidates = candidates[np.lexsort((time[candidates], target[candidates]))]
    targets = target[candidates]
    first = np.ones(len(targets), np.bool_)
    first[1:] = targets[1:] != targets[:-1]
    return candidates[first]
