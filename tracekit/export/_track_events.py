"""Track events: what Perfetto draws of a trace, as packets of its protobuf. Knows their order, and no file.

Perfetto takes events by time, and those of one time as they stand in the file. So an arrow that leaves where its slice ends
stands before all slices, and one that leaves elsewhere behind them; where its goal begins at that very time, it arrives at a
point of its own, behind all else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracekit.export._arrows import at_ends
from tracekit.export._descriptors import Descriptors
from tracekit.export._events import begins_and_ends
from tracekit.export._packets import Widths, packets
from tracekit.export._parts import parts
from tracekit.export._shapes import END, Shapes
from tracekit.export._words import RECEIVES, arguments, sends, stand_in
from tracekit.model.columns import groups, numbers
from tracekit.model.trace import FlowKind, Int64, Trace

_CHUNK = 1 << 15


class TrackEvents:
    """The events of one trace.

    Args:
        hidden: for each slice whether it is left out.
    """

    def __init__(self, trace: Trace, hidden: NDArray[np.bool_], descriptors: Descriptors) -> None:
        self._trace = trace
        self._hidden = hidden
        self._descriptors = descriptors
        self._tracks = descriptors.tracks
        self._widths = Widths.of(descriptors.last, _last_time(trace))
        self._shapes = Shapes(trace, self._widths)
        self._plan_arrows()

    def packets(self) -> Iterator[bytes]:
        """All of them, many a piece, in the order that the arrows need."""
        yield from self._shapes.said()
        yield from self._stand_ins()
        yield from self._senders(np.flatnonzero(self._early))
        yield from self._slices()
        yield from self._instants()
        yield from self._counters()
        yield from self._senders(np.flatnonzero(~self._early))
        yield from self._receivers()

    def _plan_arrows(self) -> None:
        """Which arrows leave before all slices are written, and which slices receive theirs themselves.

        The number of an arrow is its index and one.
        """
        flows, slices = self._trace.flows, self._trace.slices
        self._early = at_ends(self._trace)
        direct = (flows.time < slices.start[flows.target]) | self._early
        direct &= ~self._hidden[flows.target]
        self._late = np.flatnonzero(~direct)
        arrows = np.flatnonzero(direct)
        self._received = arrows[np.argsort(flows.target[arrows], kind="stable")]
        self._receivers_of = flows.target[self._received].astype(np.int64)

    def _packets(self, shape: Int64, arrow: Int64, track: Int64, time: Int64) -> Iterator[bytes]:
        yield from self._shapes.said()
        yield packets(self._shapes.made, shape.astype(np.int32), arrow, track, time, *self._widths)

    # Slices.

    def _slices(self) -> Iterator[bytes]:
        slices = self._trace.slices
        for rows, opened, goes_on in parts(slices, self._hidden):
            track, start, end = slices.track[rows], slices.start[rows], slices.end[rows]
            which, is_end = begins_and_ends(track, start, end)
            now = np.where(is_end, ((start < end) & ~goes_on)[which], which >= opened)
            yield from self._begins_and_ends(rows, opened, which[now], is_end[now])

    def _begins_and_ends(self, rows: Int64, opened: int, at: Int64, is_end: NDArray[np.bool_]) -> Iterator[bytes]:
        """Events of some slices.

        Args:
            rows: the slices, of which the first ones began before.
            at: whose each event is, by its place in `rows`.
        """
        slices = self._trace.slices
        self._shapes.tidy()
        more, arrow = self._arrows(rows[opened:])
        shape = self._shapes.begins(rows[opened:], arrow, more)
        none = np.zeros(opened, np.int64)
        shape = np.where(is_end, END, np.concatenate((none, shape))[at])
        arrow = np.where(is_end, 0, np.concatenate((none, arrow))[at])
        time = np.where(is_end, slices.end[rows][at], slices.start[rows][at])
        yield from self._packets(shape, arrow, self._tracks[slices.track[rows][at]], time)

    def _arrows(self, rows: Int64) -> tuple[list[tuple[int, list[int]]], Int64]:
        """The rows that receive several arrows, with all but the first, and for each row the first one, or 0."""
        arrow = np.zeros(len(rows), np.int64)
        if not len(self._received):
            return [], arrow
        low = np.searchsorted(self._receivers_of, rows, side="left")
        high = np.searchsorted(self._receivers_of, rows, side="right")
        some = high > low
        arrow[some] = self._received[low[some]] + 1
        more = np.flatnonzero(high > low + 1)
        several = [
            (at, (self._received[begin + 1 : end] + 1).tolist())
            for at, begin, end in zip(more.tolist(), low[more].tolist(), high[more].tolist())
        ]
        return several, arrow

    def _stand_ins(self) -> Iterator[bytes]:
        for index, track in self._descriptors.spare.items():
            start, length, name, args = stand_in(self._trace.processes[index])
            shape = np.array([self._shapes.begin(name, "process", args), END])
            yield from self._packets(shape, np.zeros(2, np.int64), np.full(2, track), np.array([start, start + length]))

    # Points.

    def _instants(self) -> Iterator[bytes]:
        instants, strings = self._trace.instants, self._trace.strings
        for index in self._chunks(np.arange(len(instants))):
            columns = (instants.name[index], instants.args[index])
            alike, which = groups(*columns)
            shapes = [
                self._shapes.point(strings[name], "instant", arguments(self._trace, args) if args >= 0 else {})
                for name, args in numbers(*(column[alike] for column in columns))
            ]
            none = np.zeros(len(index), np.int64)
            tracks = self._tracks[instants.track[index]]
            yield from self._packets(np.array(shapes)[which], none, tracks, instants.time[index])

    def _senders(self, arrows: Int64) -> Iterator[bytes]:
        flows, slices = self._trace.flows, self._trace.slices
        for index in self._chunks(arrows):
            kind, target = flows.kind[index], flows.target[index]
            alike, which = groups(kind, slices.name[target], np.where(kind == FlowKind.SPAWN, target, -1))
            shapes = [
                self._shapes.point(sends(self._trace, FlowKind(what), goal), "flow", {}, arrow=True)
                for what, goal in zip(kind[alike].tolist(), target[alike].tolist())
            ]
            tracks = self._tracks[flows.track[index]]
            yield from self._packets(np.array(shapes)[which], -(index + 1), tracks, flows.time[index])

    def _receivers(self) -> Iterator[bytes]:
        flows, slices = self._trace.flows, self._trace.slices
        for index in self._chunks(self._late):
            alike, which = groups(flows.kind[index])
            kinds = flows.kind[index][alike].tolist()
            shapes = [self._shapes.point(RECEIVES[FlowKind(kind)], "flow", {}, arrow=True) for kind in kinds]
            target = flows.target[index]
            tracks = self._tracks[slices.track[target]]
            yield from self._packets(np.array(shapes)[which], index + 1, tracks, slices.start[target])

    def _counters(self) -> Iterator[bytes]:
        counters = self._trace.counters
        for index in self._chunks(np.flatnonzero(np.isfinite(counters.value))):
            alike, which = np.unique(counters.value[index], return_inverse=True)
            shapes = [self._shapes.value(value) for value in alike.tolist()]
            none = np.zeros(len(index), np.int64)
            tracks = self._descriptors.counters[index]
            yield from self._packets(np.array(shapes)[which.reshape(-1)], none, tracks, counters.time[index])

    def _chunks(self, index: NDArray[Any]) -> Iterator[Int64]:
        for begin in range(0, len(index), _CHUNK):
            self._shapes.tidy()
            yield index[begin : begin + _CHUNK]


def _last_time(trace: Trace) -> int:
    columns = (trace.slices.end, trace.instants.time, trace.counters.time, trace.flows.time)
    ends = [
        max(process.started, 0) + max((process.ended or 0) - max(process.started, 0), 0) for process in trace.processes
    ]
    return max(0, *ends, *(int(column.max()) for column in columns if len(column)))
