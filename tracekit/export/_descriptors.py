"""Descriptors: the tracks of a Perfetto trace, each under the one it belongs to. Knows rows of a trace, and no event.

Tasks lie under their loop, which lies under its thread, which lies under its process; under their threads lie lanes as well, and
what threads were seen to do.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tracekit.export._ids import process_numbers, thread_numbers
from tracekit.export._packets import packet
from tracekit.export._protobuf import data, number, text
from tracekit.export._words import bare_processes, name_of_process
from tracekit.model.columns import groups
from tracekit.model.trace import Int64, Task, Trace, Track, TrackKind

_DESCRIPTOR = 60  # of TracePacket
# Fields of TrackDescriptor, and of what is in it.
_ID, _NAME, _PROCESS, _THREAD, _PARENT, _COUNTER, _ORDERING, _RANK, _MERGE = 1, 2, 3, 4, 5, 8, 11, 12, 15
_PID, _PROCESS_NAME, _COMMAND = 1, 6, 2
_TID, _THREAD_NAME = 2, 5
_UNIT = 3

_EXPLICIT = 3  # an ordering: by rank
_LAST = 2**31 - 1  # a rank
_MERGE_NONE = 2
_BYTES = 3  # a unit


class Descriptors:
    """The tracks of one trace.

    Attributes:
        pids, tids: for each process and thread the number by which Perfetto knows it.
        tracks: for each track of the trace that of Perfetto.
        counters: for each value of a counter the track of Perfetto.
        spare: for each process of which nothing is known, a track for what is to be said of it.
        last: the highest track.
    """

    def __init__(self, trace: Trace, shared_rows: set[int]) -> None:
        """Numbers the tracks.

        Args:
            shared_rows: the processes of whose tasks those of one coroutine share a row.
        """
        self._trace = trace
        self._shared = shared_rows
        self.pids = process_numbers(trace)
        self.tids = thread_numbers(trace, self.pids)
        self._packets: list[bytes] = []
        self.last = 0
        self._processes = [self._process(index) for index in range(len(trace.processes))]
        self._threads = [self._thread(index) for index in range(len(trace.threads))]
        self._loops = _only_loops(trace)
        self._groups: dict[tuple[str, int], int] = {}
        self._ranks: dict[int, dict[str | int, int]] = {}  # by parent: of those of one name the same
        self.tracks: Int64 = np.array([self._track(track) for track in trace.tracks], np.int64)
        self.counters = self._counters()
        self.spare = {
            index: self._add(text(_NAME, "process"), parent=self._processes[index]) for index in bare_processes(trace)
        }

    def packets(self) -> Iterator[bytes]:
        """The packets that describe them, parents first."""
        yield from self._packets

    def _add(self, *fields: bytes, parent: int = 0) -> int:
        self.last += 1
        above = number(_PARENT, parent) if parent else b""
        self._packets.append(packet(data(_DESCRIPTOR, number(_ID, self.last) + above + b"".join(fields))))
        return self.last

    def _process(self, index: int) -> int:
        row = self._trace.processes[index]
        fields = number(_PID, self.pids[index]) + text(_PROCESS_NAME, name_of_process(row))
        if row.command:
            fields += text(_COMMAND, row.command)
        return self._add(data(_PROCESS, fields))

    def _thread(self, index: int) -> int:
        row = self._trace.threads[index]
        pid = self.pids[row.process]
        fields = number(_PID, pid) + number(_TID, self.tids[index]) + text(_THREAD_NAME, row.name or "thread")
        return self._add(data(_THREAD, fields), parent=self._processes[row.process])

    def _track(self, track: Track) -> int:
        if track.kind == TrackKind.THREAD:
            return self._threads[track.owner]
        if track.kind == TrackKind.PROCESS:
            return self._processes[track.owner]
        if track.kind == TrackKind.STATES:
            return self._add(text(_NAME, "states"), parent=self._threads[track.owner])
        if track.kind == TrackKind.LANE:
            return self._add(text(_NAME, "overlapping spans"), parent=self._threads[track.owner])
        if track.kind == TrackKind.TASK:
            return self._task(self._trace.tasks[track.owner])
        if track.kind == TrackKind.TASKS:
            parent = self._group(track.process, self._loops.get(track.process))
            return self._add(text(_NAME, "more tasks"), number(_RANK, _LAST), parent=parent)
        return self._add(text(_NAME, track.name or "track"), parent=self._processes[track.process])

    def _task(self, task: Task) -> int:
        parent = self._group(task.process, task.loop)
        ranks = self._ranks.setdefault(parent, {})
        if task.process in self._shared:
            name = task.coroutine or "task"
            return self._add(text(_NAME, name), number(_RANK, ranks.setdefault(name, len(ranks))), parent=parent)
        name = f"{task.name} ({task.coroutine})" if task.coroutine else task.name or "task"
        rank = ranks.setdefault(self.last + 1, len(ranks))
        return self._add(text(_NAME, name), number(_RANK, rank), number(_MERGE, _MERGE_NONE), parent=parent)

    def _group(self, process: int, loop: int | None) -> int:
        """The track that tasks lie under: their loop's, or one for those whose loop is not known."""
        key = ("process", process) if loop is None else ("loop", loop)
        if key not in self._groups:
            row = None if loop is None else self._trace.loops[loop]
            name = (row.name or "loop") if row else "tasks"
            parent = self._threads[row.thread] if row else self._processes[process]
            self._groups[key] = self._add(text(_NAME, name), number(_ORDERING, _EXPLICIT), parent=parent)
        return self._groups[key]

    def _counters(self) -> Int64:
        counters = self._trace.counters
        first, which = groups(counters.process, counters.name, counters.series)
        tracks = np.empty(len(first), np.int64)
        for at, row in enumerate(first.tolist()):
            name, series = (self._trace.strings[column[row]] for column in (counters.name, counters.series))
            unit = number(_UNIT, _BYTES) if series == "bytes" else b""
            title = name if series == "bytes" else f"{name} {series}"
            parent = self._processes[int(counters.process[row])]
            tracks[at] = self._add(text(_NAME, title or "counter"), data(_COUNTER, unit), parent=parent)
        return tracks[which]


def _only_loops(trace: Trace) -> dict[int, int | None]:
    """By process the loop that all of its tasks ran on; None where there are several, or it is not known."""
    found: dict[int, int | None] = {}
    for task in trace.tasks:
        if found.setdefault(task.process, task.loop) != task.loop:
            found[task.process] = None
    return found
