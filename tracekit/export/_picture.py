"""What Perfetto draws of a trace, as the events of its Chrome JSON. Knows no file, and nothing of the tables in it.

Threads carry X events, and so do their tracks of states, which are drawn as threads; tasks, lanes and processes carry nestable b
and e events, which Perfetto keeps apart by the number of the track. A track of those is called like the first slice on it, and
tracks of one name share their rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tracekit.export._arrows import FIRST_ID, plan
from tracekit.export._events import begins_and_ends
from tracekit.export._ids import process_numbers, states_numbers, thread_numbers
from tracekit.export._labels import Bools, Labels
from tracekit.export._parts import parts
from tracekit.export._plain import dump, encoded
from tracekit.export._profiles import profiles
from tracekit.export._rows import Texts, rows
from tracekit.export._shown import shown
from tracekit.export._words import CATEGORIES, RECEIVES, bare_processes, name_of_process, sends, stand_in
from tracekit.model.columns import groups
from tracekit.model.trace import FlowKind, Int32, Int64, Process, Trace, TrackKind

_CHUNK = 1 << 14
_CATEGORIES = [b',"cat":"%b"' % CATEGORIES.get(value, "other").encode() for value in range(256)]


class Picture:
    """The events of one trace.

    Attributes:
        pid: that of the first process, for events that belong to none.
        notes: what of the trace is not in the picture, a sentence each.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._pids = process_numbers(trace)
        self._tids = thread_numbers(trace, self._pids)
        self._states = states_numbers(trace, self._tids)
        self.pid = self._pids[0] if self._pids else 1
        kinds = np.array([track.kind for track in trace.tracks], np.int64)
        self._on_thread: Bools = (kinds == TrackKind.THREAD) | (kinds == TrackKind.STATES)
        self._heads = [self._head(index) for index in range(len(trace.tracks))]
        self._hidden, self.notes, shared_rows = shown(trace)
        self._labels = Labels(trace, shared_rows)
        self._arrows = plan(trace, self._on_thread, self._hidden)

    def pieces(self) -> Iterator[bytes]:
        """All events, many at a time, each with a comma and a new line before it, in the order that the arrows need."""
        names = "".join(f",\n{line}" for line in self._names())
        yield names.encode()
        yield from self._thread_slices()
        yield from self._senders(on_thread=True)
        yield from self._other_slices()
        yield from self._instants()
        yield from self._counters()
        yield from self._senders(on_thread=False)
        yield from self._late_receivers()
        yield from profiles(self._trace, [self._head_of(thread) for thread in range(len(self._tids))])

    # Processes, threads, and what all events of a track have in common.

    def _head(self, index: int) -> str:
        track = self._trace.tracks[index]
        pid = self._pids[track.process]
        if track.kind == TrackKind.THREAD:
            return self._head_of(track.owner)
        if track.kind == TrackKind.STATES:
            return f'"pid":{pid},"tid":{self._states[index]}'
        return f'"pid":{pid},"cat":"{track.kind.name.lower()}","id2":{{"local":"{index}"}}'

    def _head_of(self, thread: int) -> str:
        return f'"pid":{self._pids[self._trace.threads[thread].process]},"tid":{self._tids[thread]}'

    def _begins(self, on_thread: str, elsewhere: str) -> list[bytes]:
        """How the events of each track begin, up to their time, by their phases."""
        phases = [on_thread if own else elsewhere for own in self._on_thread.tolist()]
        return [f',\n{{"ph":{phase},{head},"ts":'.encode() for phase, head in zip(phases, self._heads)]

    def _names(self) -> Iterator[str]:
        bare = set(bare_processes(self._trace))
        for index, (process, pid) in enumerate(zip(self._trace.processes, self._pids)):
            if index in bare:
                yield _stand_in(process, pid)
            name = dump(name_of_process(process))
            yield f'{{"ph":"M","name":"process_name","pid":{pid},"args":{{"name":{name}}}}}'
        for thread, tid in zip(self._trace.threads, self._tids):
            pid = self._pids[thread.process]
            name = dump(thread.name or "thread")
            yield f'{{"ph":"M","name":"thread_name","pid":{pid},"tid":{tid},"args":{{"name":{name}}}}}'
        for track in self._states:
            name = dump(self._trace.tracks[track].name)
            yield f'{{"ph":"M","name":"thread_name",{self._heads[track]},"args":{{"name":{name}}}}}'
        yield from self._order()

    def _order(self) -> Iterator[str]:
        """From v53 on Perfetto heeds it: each track of states right below its thread's, where tids alone would part them."""
        if not self._states:
            return
        states = {self._trace.tracks[track].owner: track for track in self._states}
        place = 0
        for index in sorted(range(len(self._tids)), key=lambda at: (not self._trace.threads[at].main, self._tids[at])):
            pid = self._pids[self._trace.threads[index].process]
            heads = [f'"pid":{pid},"tid":{self._tids[index]}']
            heads += [self._heads[states[index]]] if index in states else []
            for head in heads:
                yield f'{{"ph":"M","name":"thread_sort_index",{head},"args":{{"sort_index":{place}}}}}'
                place += 1

    # Slices.

    def _thread_slices(self) -> Iterator[bytes]:
        slices, labels = self._trace.slices, self._labels
        begins = self._begins('"X"', "")
        for part in _chunks(len(slices)):
            index = part[self._on_thread[slices.track[part]] & ~self._hidden[part]]
            start = slices.start[index]
            category = Texts(_CATEGORIES, slices.category[index].astype(np.int32))
            times = Texts(begins, slices.track[index]), start, b',"dur":', slices.end[index] - start
            said = b',"name":', labels.names(index), category, labels.args(index), self._received(index), b"}"
            yield rows(len(index), [*times, *said])

    def _other_slices(self) -> Iterator[bytes]:
        """Begins and ends of the slices on all other tracks, each track's in the order of time."""
        slices = self._trace.slices
        begins = [*self._begins("", '"b"'), *self._begins("", '"e"')]
        for rows_of, opened, goes_on in parts(slices, self._hidden | self._on_thread[slices.track]):
            at, is_end = begins_and_ends(slices.track[rows_of], slices.start[rows_of], slices.end[rows_of])
            now = np.where(is_end, ~goes_on[at], at >= opened)
            for own in _chunks(np.flatnonzero(now)):
                yield self._begins_and_ends(rows_of[at[own]], is_end[own], begins)

    def _begins_and_ends(self, index: Int64, is_end: Bools, begins: list[bytes]) -> bytes:
        slices, labels = self._trace.slices, self._labels
        begin = slices.track[index] + is_end.astype(np.int32) * np.int32(len(self._heads))
        time = np.where(is_end, slices.end[index], slices.start[index])
        said = labels.names(index), labels.args(index, unless=is_end), self._received(index, unless=is_end)
        return rows(len(index), [Texts(begins, begin), time, b',"name":', *said, b"}"])

    def _received(self, index: Int64, unless: Bools | None = None) -> Texts:
        """The arrow that each slice receives itself."""
        arrow = self._arrows.received_by(index)
        there = np.flatnonzero(arrow >= 0 if unless is None else (arrow >= 0) & ~unless)
        which = np.zeros(len(index), np.int32)
        which[there] = np.arange(1, len(there) + 1)
        return Texts([b"", *(b',"bind_id":%d,"flow_in":true' % number for number in arrow[there].tolist())], which)

    # Points.

    def _instants(self) -> Iterator[bytes]:
        instants, labels = self._trace.instants, self._labels
        begins = self._begins('"i","s":"t","cat":"instant"', '"n"')
        for index in _chunks(len(instants)):
            name, args = Texts(labels.texts, instants.name[index]), labels.args_alone(instants.args[index])
            begin = Texts(begins, instants.track[index])
            yield rows(len(index), [begin, instants.time[index], b',"name":', name, args, b"}"])

    def _counters(self) -> Iterator[bytes]:
        counters, texts = self._trace.counters, self._labels.texts
        begins = [b',\n{"ph":"C","pid":%d,"ts":' % pid for pid in self._pids]
        for index in _chunks(np.flatnonzero(np.isfinite(counters.value))):
            name, series = Texts(texts, counters.name[index]), Texts(texts, counters.series[index])
            values = _each([b":%r}}" % value for value in counters.value[index].tolist()])
            begin = Texts(begins, counters.process[index])
            yield rows(len(index), [begin, counters.time[index], b',"name":', name, b',"args":{', series, values])

    def _senders(self, on_thread: bool) -> Iterator[bytes]:
        flows, slices = self._trace.flows, self._trace.slices
        process_of = np.array([track.process for track in self._trace.tracks], np.int64)  # of a process all are alike
        for index in _chunks(np.flatnonzero(self._on_thread[flows.track] == on_thread)):
            kind, target = flows.kind[index], flows.target[index]
            goal = np.where(kind == FlowKind.SPAWN, process_of[slices.track[target]], slices.name[target])
            first, which = groups(kind, goal)
            alike = zip(kind[first].tolist(), target[first].tolist())
            names = [encoded(sends(self._trace, FlowKind(one), of)) for one, of in alike]
            name = Texts(names, which.astype(np.int32))
            yield self._points(flows.track[index], self._arrows.sent[index], name, index, b"flow_out")

    def _late_receivers(self) -> Iterator[bytes]:
        flows, slices = self._trace.flows, self._trace.slices
        names = [encoded(RECEIVES.get(FlowKind(kind), "")) if kind else b"" for kind in range(max(FlowKind) + 1)]
        for index in _chunks(self._arrows.late):
            target, name = flows.target[index], Texts(names, flows.kind[index].astype(np.int32))
            yield self._points(slices.track[target], slices.start[target], name, index, b"flow_in")

    def _points(self, track: Int32, time: Int64, name: Texts, arrow: Int64, direction: bytes) -> bytes:
        """Events of length 0 that arrows begin or end at."""
        begins = self._begins('"X","dur":0,"cat":"flow"', '"n"')
        ids = _each([b',"bind_id":%d,"%b":true}' % (FIRST_ID + number, direction) for number in arrow.tolist()])
        return rows(len(arrow), [Texts(begins, track), time, b',"name":', name, ids])


def _each(texts: list[bytes]) -> Texts:
    """A column of texts, one a line."""
    return Texts(texts, np.arange(len(texts), dtype=np.int32))


def _stand_in(process: Process, pid: int) -> str:
    start, length, name, known = stand_in(process)
    args = f',"args":{dump(known)}' if known else ""
    times = f'"ts":{_us(start)},"dur":{_us(length)}'
    return f'{{"ph":"X","pid":{pid},"tid":{pid},{times},"name":"{name}","cat":"process"{args}}}'


def _chunks(index: Int64 | int) -> Iterator[Int64]:
    """Some numbers, or those below one, so many at a time."""
    for begin in range(0, index if isinstance(index, int) else len(index), _CHUNK):
        if isinstance(index, int):
            yield np.arange(begin, min(begin + _CHUNK, index))
        else:
            yield index[begin : begin + _CHUNK]


def _us(time: int) -> str:
    return f"{time // 1000}.{time % 1000:03d}"
