"""What Perfetto draws of a trace, as the events of its Chrome JSON. Knows no file, and nothing of the tables in it.

Threads carry X events, and so do their tracks of states, which are drawn as threads; tasks, lanes and processes carry nestable b
and e events, which Perfetto keeps apart by the number of the track. A track of those is called like the first slice on it, and
tracks of one name share their rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracekit.export._arrows import FIRST_ID, plan
from tracekit.export._ids import process_numbers, states_numbers, thread_numbers
from tracekit.export._plain import dump
from tracekit.model.columns import groups, numbers
from tracekit.model.status import say_status
from tracekit.model.trace import Category, Flag, FlowKind, Int64, Process, Task, Trace, TrackKind

# Perfetto draws 512 levels; two are left for points on the deepest slice.
_LEVELS = 510
# So many tasks of one process have a row each; above that, those of one coroutine share theirs.
_OWN_ROWS = 200
# So many lanes of tasks are drawn of each process: of more, Perfetto becomes slow, and nobody scrolls that far.
_LANES = 300
_CHUNK = 1 << 14
# Formatting a number to three digits takes longer than looking it up.
_NS = [f"{ns:03d}" for ns in range(1000)]

_CATEGORIES = {category.value: category.name.lower() for category in Category}
_SENDS = {
    FlowKind.CREATE: "create %s",
    FlowKind.WAKE: "wake %s",
    FlowKind.START: "start %s",
    FlowKind.SUBMIT: "submit %s",
    FlowKind.RESULT: "result",
    FlowKind.SPAWN: "spawn %s",
    FlowKind.OTHER: "to %s",
    FlowKind.RELEASE: "release",
}
_RECEIVES = {
    FlowKind.CREATE: "created",
    FlowKind.WAKE: "woken",
    FlowKind.START: "started",
    FlowKind.SUBMIT: "submitted",
    FlowKind.RESULT: "result",
    FlowKind.SPAWN: "spawned",
    FlowKind.OTHER: "reached",
    FlowKind.RELEASE: "acquired",
}
_OF_TASKS = np.isin(np.arange(256), (Category.STEP, Category.TASK))
_FLAGS = tuple((flag.value, (flag.name or "").lower().replace("_", " ")) for flag in Flag)


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
        self._on_thread: NDArray[np.bool_] = (kinds == TrackKind.THREAD) | (kinds == TrackKind.STATES)
        self._heads = [self._head(index) for index in range(len(trace.tracks))]
        self._beyond = _beyond(trace)[trace.slices.track]
        self._deep = (_depths(trace) >= _LEVELS) & ~self._beyond
        self._hidden = self._deep | self._beyond
        self._texts: dict[int, str] = {}
        self._arrows = plan(trace, self._on_thread, self._hidden)
        self._shared_rows = {
            process for process, count in Counter(task.process for task in trace.tasks).items() if count > _OWN_ROWS
        }
        self.notes = self._notes()

    def lines(self) -> Iterator[str]:
        """All events, a text each, in the order that the arrows need."""
        yield from self._names()
        yield from self._thread_slices()
        yield from self._senders(on_thread=True)
        yield from self._other_slices()
        yield from self._instants()
        yield from self._counters()
        yield from self._senders(on_thread=False)
        yield from self._late_receivers()

    def _notes(self) -> list[str]:
        hidden = int(self._deep.sum())
        lives = int((self._beyond & (self._trace.slices.category == Category.TASK)).sum())
        wild = int((~np.isfinite(self._trace.counters.value)).sum())
        notes = []
        if hidden:
            notes.append(f"slices that lie more than {_LEVELS} deep are not drawn in Perfetto: {hidden}")
        if lives:
            notes.append(
                f"tasks that were alive while {_LANES} others lay on lanes of tasks are not drawn there in Perfetto, "
                f"but their steps are, on their loop's thread: {lives}"
            )
        if wild:
            notes.append(f"counter values that are no finite numbers are not drawn in Perfetto: {wild}")
        return notes

    def _head(self, index: int) -> str:
        """What all events of a track have in common."""
        track = self._trace.tracks[index]
        pid = self._pids[track.process]
        if track.kind == TrackKind.THREAD:
            return f'"pid":{pid},"tid":{self._tids[track.owner]}'
        if track.kind == TrackKind.STATES:
            return f'"pid":{pid},"tid":{self._states[index]}'
        return f'"pid":{pid},"cat":"{track.kind.name.lower()}","id2":{{"local":"{index}"}}'

    def _names(self) -> Iterator[str]:
        seen = {thread.process for thread in self._trace.threads}
        for index, (process, pid) in enumerate(zip(self._trace.processes, self._pids)):
            name = process.name or "process"
            if process.untraced:
                name += f" (not traced: {process.untraced})"
            if index not in seen:
                yield _stand_in(process, pid)
            yield f'{{"ph":"M","name":"process_name","pid":{pid},"args":{{"name":{dump(name)}}}}}'
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

    def _thread_slices(self) -> Iterator[str]:
        slices = self._trace.slices
        shown = np.flatnonzero(self._on_thread[slices.track] & ~self._hidden)
        for index in _chunks(shown):
            start, length = slices.start[index], slices.end[index] - slices.start[index]
            heads = [self._heads[track] for track in slices.track[index].tolist()]
            times = (column.tolist() for column in (start // 1000, start % 1000, length // 1000, length % 1000))
            for head, us, ns, dur_us, dur_ns, tail in zip(heads, *times, self._slice_tails(index, category=True)):
                yield f'{{"ph":"X",{head},"ts":{us}.{_NS[ns]},"dur":{dur_us}.{_NS[dur_ns]},{tail}}}'

    def _other_slices(self) -> Iterator[str]:
        """Begins and ends of the slices on all other tracks, each track's in the order of time."""
        slices = self._trace.slices
        shown = np.flatnonzero(~self._on_thread[slices.track] & ~self._hidden)
        # The open slices of the track: start, end, name.
        stack: list[tuple[int, int, str]] = []
        head, current = "", -1
        for index in _chunks(shown):
            columns = (slices.track[index], slices.start[index], slices.end[index])
            names = self._slice_names(index)
            rows = zip(*(column.tolist() for column in columns), names, self._slice_tails(index, category=False))
            for track, start, stop, name, tail in rows:
                # Of points at one time, the later one lies in the earlier one.
                while stack and (track != current or stack[-1][1] < start or stack[-1][0] < stack[-1][1] == start):
                    _, time, last = stack.pop()
                    yield f'{{"ph":"e",{head},"ts":{_us(time)},"name":{last}}}'
                if track != current:
                    head, current = self._heads[track], track
                stack.append((start, stop, name))
                yield f'{{"ph":"b",{head},"ts":{_us(start)},{tail}}}'
        while stack:
            _, time, last = stack.pop()
            yield f'{{"ph":"e",{head},"ts":{_us(time)},"name":{last}}}'

    def _slice_names(self, index: Int64) -> Iterator[str]:
        slices = self._trace.slices
        for name, category, task in zip(
            slices.name[index].tolist(), slices.category[index].tolist(), slices.task[index].tolist()
        ):
            yield self._name(name, category, task)

    def _name(self, name: int, category: int, task: int) -> str:
        if category == Category.TASK and task >= 0 and self._trace.tasks[task].process in self._shared_rows:
            return dump(self._trace.tasks[task].coroutine or "task")
        return self._quoted(name)

    def _quoted(self, name: int) -> str:
        """The JSON text of one of the trace's strings."""
        text = self._texts.get(name)
        if text is None:
            text = self._texts[name] = dump(self._trace.strings[name])
        return text

    def _args(self, number: int) -> dict[str, Any]:
        """Arguments as Perfetto shows them all: it leaves out what is null."""
        return {key: "None" if value is None else value for key, value in self._trace.args[number].items()}

    def _slice_tails(self, index: Int64, category: bool) -> list[str]:
        """What comes after the times of each slice: name, arguments, the arrow that it receives."""
        slices = self._trace.slices
        name, kind, flags = slices.name[index].astype(np.int64), slices.category[index], slices.flags[index]
        task, args, arrow = slices.task[index], slices.args[index], self._arrows.received_by[index]
        # Most slices differ in these three alone, and then in little: one text for all that are alike.
        alike, which = np.unique(name << 16 | kind.astype(np.int64) << 8 | flags, return_inverse=True)
        texts = [self._tail(key >> 16, key >> 8 & 0xFF, key & 0xFF, -1, -1, category) for key in alike.tolist()]
        tails = [texts[number] for number in which.tolist()]
        own = np.flatnonzero((args >= 0) | ((task >= 0) & _OF_TASKS[kind]))
        if len(own):
            columns = [column[own] for column in (name, kind, flags, task, args)]
            first, which = groups(*columns)
            rows = numbers(*(column[first] for column in columns))
            texts = [self._tail(title, sort, marks, of, more, category) for title, sort, marks, of, more in rows]
            for row, number in zip(own.tolist(), which.tolist()):
                tails[row] = texts[number]
        for row in np.flatnonzero(arrow >= 0).tolist():
            tails[row] += f',"bind_id":{arrow[row]},"flow_in":true'
        return tails

    def _tail(self, name: int, kind: int, flags: int, task: int, args: int, category: bool) -> str:
        shown: dict[str, Any] = {word: True for bit, word in _FLAGS if flags & bit}
        if task >= 0 and _OF_TASKS[kind]:
            shown.update(_about(self._trace.tasks[task], life=kind == Category.TASK))
        if args >= 0:
            shown.update(self._args(args))
        tail = f'"name":{self._name(name, kind, task)}'
        if category:
            tail += f',"cat":"{_CATEGORIES[kind]}"'
        return f'{tail},"args":{dump(shown)}' if shown else tail

    def _instants(self) -> Iterator[str]:
        instants = self._trace.instants
        for index in _chunks(np.arange(len(instants))):
            columns = (instants.track, instants.time, instants.name, instants.args)
            for track, time, name, args in zip(*(column[index].tolist() for column in columns)):
                phase = '"i","s":"t","cat":"instant"' if self._on_thread[track] else '"n"'
                tail = f',"args":{dump(self._args(args))}' if args >= 0 else ""
                yield f'{{"ph":{phase},{self._heads[track]},"ts":{_us(time)},"name":{self._quoted(name)}{tail}}}'

    def _counters(self) -> Iterator[str]:
        counters = self._trace.counters
        for index in _chunks(np.flatnonzero(np.isfinite(counters.value))):
            columns = (counters.process, counters.time, counters.name, counters.series, counters.value)
            for process, time, name, series, value in zip(*(column[index].tolist() for column in columns)):
                yield (
                    f'{{"ph":"C","pid":{self._pids[process]},"ts":{_us(time)},"name":{self._quoted(name)},'
                    f'"args":{{{self._quoted(series)}:{value!r}}}}}'
                )

    def _senders(self, on_thread: bool) -> Iterator[str]:
        flows = self._trace.flows
        for index in _chunks(np.flatnonzero(self._on_thread[flows.track] == on_thread)):
            columns = (index, flows.kind[index], flows.track[index], self._arrows.sent[index], flows.target[index])
            for arrow, kind, track, time, target in zip(*(column.tolist() for column in columns)):
                name = _SENDS[FlowKind(kind)].replace("%s", self._goal(FlowKind(kind), target))
                yield self._point(track, time, name, arrow, "flow_out")

    def _late_receivers(self) -> Iterator[str]:
        flows, slices = self._trace.flows, self._trace.slices
        for index in _chunks(self._arrows.late):
            for arrow, kind, target in zip(index.tolist(), flows.kind[index].tolist(), flows.target[index].tolist()):
                track, time = int(slices.track[target]), int(slices.start[target])
                yield self._point(track, time, _RECEIVES[FlowKind(kind)], arrow, "flow_in")

    def _goal(self, kind: FlowKind, target: int) -> str:
        """What an arrow leads to, in a word."""
        trace = self._trace
        if kind == FlowKind.SPAWN:
            return trace.processes[trace.tracks[int(trace.slices.track[target])].process].name
        return trace.strings[int(trace.slices.name[target])]

    def _point(self, track: int, time: int, name: str, arrow: int, direction: str) -> str:
        phase = '"X","dur":0,"cat":"flow"' if self._on_thread[track] else '"n"'
        bind = f'"bind_id":{FIRST_ID + arrow},"{direction}":true'
        return f'{{"ph":{phase},{self._heads[track]},"ts":{_us(time)},"name":{dump(name)},{bind}}}'


def _stand_in(process: Process, pid: int) -> str:
    """A slice for a process of which nothing else is known: Perfetto shows none that nothing lies on."""
    start = max(process.started, 0)
    length = max((process.ended or 0) - start, 0)
    name = "not traced" if process.untraced else "nothing recorded"
    times = f'"ts":{_us(start)},"dur":{_us(length)}'
    known = {"command": process.command} if process.command else {}
    if process.status is not None:
        known["ended"] = say_status(process.status)
    args = f',"args":{dump(known)}' if known else ""
    return f'{{"ph":"X","pid":{pid},"tid":{pid},{times},"name":"{name}","cat":"process"{args}}}'


def _about(task: Task, life: bool) -> dict[str, Any]:
    """What a click on a step, or on the life of a task, tells about the task."""
    about: dict[str, Any] = {"task": task.name, "coroutine": task.coroutine}
    if life:
        about["defined"] = f"{task.file}:{task.line}" if task.file else ""
        about.update(outcome=task.outcome, error=task.error, creator=task.creator, cancelled_by=task.cancelled_by)
    return {key: value for key, value in about.items() if value}


def _beyond(trace: Trace) -> NDArray[np.bool_]:
    """For each track whether it is a lane of tasks of which its process has too many."""
    lanes: Counter[int] = Counter()
    beyond = np.zeros(len(trace.tracks), np.bool_)
    for at, track in enumerate(trace.tracks):
        if track.kind == TrackKind.TASKS:
            lanes[track.process] += 1
            beyond[at] = lanes[track.process] > _LANES
    return beyond


def _depths(trace: Trace) -> Int64:
    """How deep each slice lies on its track, as Perfetto counts: a point lies in the points of its time before it."""
    slices = trace.slices
    depths = np.zeros(len(slices), np.int64)
    lengths = slices.end - slices.start
    borders = np.searchsorted(slices.track, np.arange(len(trace.tracks) + 1))
    sizes = np.diff(borders)
    for track in np.flatnonzero(sizes > _LEVELS).tolist():
        own = slice(int(borders[track]), int(borders[track + 1]))
        start, end, long = slices.start[own], slices.end[own], lengths[own] > 0
        ended = np.searchsorted(np.sort(end[long]), start, side="right")
        passed = np.searchsorted(start[~long], start, side="left")
        depths[own] = np.arange(len(start)) - ended - passed
    return depths


def _chunks(index: NDArray[Any]) -> Iterable[Int64]:
    for begin in range(0, len(index), _CHUNK):
        yield index[begin : begin + _CHUNK]


def _us(time: int) -> str:
    return f"{time // 1000}.{_NS[time % 1000]}"
