"""Spans: lays them on threads, tasks and lanes, whole and in parts. Knows steps, and no records but those of spans.

A recording may hold millions of spans, so what all of them share is done in columns. A loop takes only what is out of
the ordinary: spans that cross a step's end, and generators.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.load.image import Image
from tracekit.load.span_records import collect
from tracekit.load.tasks import Tasks
from tracekit.model.columns import among, distinct, numbered
from tracekit.model.trace import Category, Flag, Int8, Int32, Int64, TrackKind

_WIDTH = 5  # of a part: span, track, start, end, task
# Each of many spans that stay open has a part in each of many steps; a small file must not fill the memory with them.
_MOST_PARTS = 2_000_000


class _Piece(NamedTuple):
    """A stretch of a span that ran without a suspend: from a record to a time on a thread."""

    span: int
    start: int
    end: int
    log: int
    step: int


class Spans:
    """The spans of one image.

    Args:
        image: its threads have been walked.
        tasks: of the image; all steps are known, and they are laid before the spans are.
    """

    def __init__(self, image: Image, tasks: Tasks) -> None:
        self.image = image
        self.builder = image.builder
        self._tasks = tasks
        self._life_ends, self._first_task = tasks.lives.end, tasks.first
        steps = tasks.steps()
        self._step_starts, self._step_ends, self._step_tasks = steps.start, steps.end, steps.task
        self._step_logs = steps.log
        self._tracks = np.array([log.track for log in image.logs], np.int32)
        self._records = collect(image, self._step_tasks)

    def tasks(self) -> Int64:
        """The rows of the tasks that have spans."""
        task = distinct(self._records.task)
        return task[task >= 0]

    @cached_property
    def _in_order(self) -> list[int]:
        """The numbers of all steps, task after task and in each in the order of time."""
        order: list[int] = np.lexsort((self._step_starts, self._step_tasks)).tolist()
        return order

    @cached_property
    def _first_of(self) -> list[int]:
        """Where in that order the steps of each task begin."""
        rows = np.arange(len(self.builder.tasks) + 1)
        first: list[int] = np.searchsorted(np.sort(self._step_tasks), rows).tolist()
        return first

    def lay(self) -> tuple[Int64, Int64]:
        """Adds all spans to the builder; returns tasks and times at which their spans begin and end."""
        records = self._records
        begins = np.flatnonzero(records.kind == events.SPAN_BEGIN)
        if not len(begins):
            self._count_orphans(int((records.kind == events.SPAN_END).sum()))
            return np.empty(0, np.int64), np.empty(0, np.int64)
        end_of, orphans = records.pair(begins)
        self._count_orphans(orphans)
        ended = end_of >= 0
        adrift = self._settle(begins, end_of)
        start = records.time[begins]
        end, unended = records.time[end_of], np.flatnonzero(~ended)
        end[unended] = self._last(begins[unended])
        np.maximum(start, end, out=end)
        task = records.task[begins]
        moved = ended & (records.log[end_of] != records.log[begins])
        flags = (~ended).astype(np.uint8) * np.uint8(Flag.UNFINISHED) | moved.astype(np.uint8) * np.uint8(Flag.MOVED)
        flags |= self._late(begins).astype(np.uint8) * np.uint8(Flag.BEGUN_BEFORE)
        suspended = self._suspended(begins)
        track = self._home(begins, task, suspended | adrift)
        names = self._names(records.name[begins])
        first = self.builder.slices(track, start, end, names, Category.SPAN, flags, task)
        self._annotate(first, begins, end_of)
        # Only where the whole does not lie on the thread itself, the thread has parts of it.
        self._lay_parts(begins, end_of, end, names, flags, suspended)
        inside = task >= 0
        return np.concatenate((task[inside], task[inside])), np.concatenate((start[inside], end[inside]))

    def _settle(self, begins: Int64, end_of: Int64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Finds the tasks of spans whose beginnings a flight recorder carried; True for those that might be any task's.

        It carries a beginning without the step that it lay in, unless that is open too. The end may tell.
        """
        records = self._records
        if records.is_outside:
            return np.zeros(len(begins), np.bool_)
        carried = records.carried[begins]
        adrift: np.ndarray[tuple[int], np.dtype[np.bool_]] = (carried == 2) & (records.step[begins] < 0)
        ended = end_of >= 0
        lost = self._late(begins) & ended
        for at in np.flatnonzero((lost | ((carried > 0) & (records.step[begins] < 0))) & ended).tolist():
            task = int(records.task[end_of[at]])
            records.task[begins[at]] = task
            records.step[begins[at]] = self._in_order[self._first_of[task]] if task >= 0 else -1
            adrift[at] &= task < 0
        return adrift

    def _late(self, begins: Int64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which spans have no beginning but the one that stands for it."""
        late = self.image.late
        if not late:
            return np.zeros(len(begins), np.bool_)
        return among(self._records.slot[begins], np.array(sorted(late)))

    def _count_orphans(self, number: int) -> None:
        if number:
            self.image.dropped["span"] += number

    # Where they lie.

    def _last(self, begins: Int64) -> Int64:
        """Where spans end that have no end: with their task or their thread."""
        records = self._records
        last = np.array([log.end for log in self.image.logs], np.int64)[records.log[begins]]
        inside = records.task[begins] >= 0
        if inside.any():
            own = records.task[begins[inside]] - self._first_task
            last[inside] = self._life_ends[own]
        return last

    def _suspended(self, begins: Int64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which spans are generators' that were suspended at least once."""
        records = self._records
        marks = np.flatnonzero((records.kind == events.SPAN_SUSPEND) | (records.kind == events.SPAN_RESUME))
        found = records.find(begins, records.begin[marks])
        suspended = np.zeros(len(begins), np.bool_)
        suspended[found[found >= 0]] = True
        return suspended

    def _home(self, begins: Int64, task: Int32, suspended: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Int32:
        """The track of each whole span."""
        logs = self._records.log[begins]
        track = self._tracks[logs]
        for index in distinct(logs[suspended & (task < 0)]).tolist():
            lane = self.builder.track(TrackKind.LANE, self.image.logs[index].thread)
            track[suspended & (task < 0) & (logs == index)] = lane
        inside = task >= 0
        if inside.any():
            track[inside] = self._tasks.tracks[task[inside] - self._first_task]
        return track

    def _names(self, ids: Int32) -> Int32:
        numbers, place = numbered(ids)
        strings = np.array([self.builder.string(self.image.name(number)) for number in numbers.tolist()], np.int32)
        return strings[place]

    def _annotate(self, first: int, begins: Int64, end_of: Int64) -> None:
        """Adds the arguments of spans, and what exception ended them; `first` is the handle of the first span."""
        records, image = self._records, self.image
        with_args, with_errors = image.details.slots(events.ARGUMENTS), image.details.slots((events.ERROR,))
        found = records.find(begins, with_args)
        for at in np.sort(found[found >= 0]).tolist():
            args = image.args(int(records.slot[begins[at]]))
            if args:
                self.builder.annotate(first + at, args)
        later = np.flatnonzero(records.kind == events.SPAN_ARGS)
        found = records.find(begins, records.begin[later])
        for at, record in zip(found.tolist(), later.tolist()):
            args = image.args(int(records.slot[record]))
            if at >= 0 and args:
                self.builder.annotate(first + at, args)
        failed = (end_of >= 0) & among(records.slot[end_of], with_errors) if len(with_errors) else np.zeros(0, np.bool_)
        for at in np.flatnonzero(failed).tolist():
            error = image.error(int(records.slot[end_of[at]]))
            if error:
                self.builder.annotate(first + at, {"error": error}, Flag.ERROR)

    # Parts.

    def _lay_parts(
        self,
        begins: Int64,
        end_of: Int64,
        end: Int64,
        names: Int32,
        flags: Int8,
        suspended: np.ndarray[tuple[int], np.dtype[np.bool_]],
    ) -> None:
        records = self._records
        if records.is_outside and not suspended.any():
            return
        start, step = records.time[begins], records.step[begins]
        flags = flags & np.uint8(~Flag.MOVED & 0xFF)
        same = (end_of >= 0) & (records.step[end_of] == step) & (records.carried[begins] == 0)
        short = np.flatnonzero((step >= 0) & same & ~suspended)
        track = self._tracks[records.log[begins[short]]]
        task = records.task[begins]
        rows = array("q")
        long = np.flatnonzero((step >= 0) & ~same & ~suspended)
        pieces = [self._piece(at, int(begins[at]), int(end[at])) for at in long.tolist()]
        pieces += self._pieces(begins, end, np.flatnonzero(suspended))
        for piece in pieces:
            for row in self._cut(piece):
                rows.extend(row)
            if len(rows) > _MOST_PARTS * _WIDTH:
                self.image.parts_left_out = True
                break
        # Short and long ones in the order in which their spans began, so that of two alike the outer one comes first.
        span, of_track, begin, finish, of_task = np.array(rows, np.int64).reshape(-1, _WIDTH).T
        which = np.concatenate((short, span))
        order = np.argsort(which, kind="stable")
        columns = (
            np.concatenate((track, of_track)),
            np.concatenate((start[short], begin)),
            np.concatenate((end[short], finish)),
            names[which],
            flags[which],
            np.concatenate((task[short], of_task)),
        )
        tracks, starts, ends, titles, marks, owners = (column[order] for column in columns)
        self.builder.slices(tracks, starts, ends, titles, Category.PART, marks, owners)

    def _cut(self, piece: _Piece) -> Iterator[tuple[int, ...]]:
        """The parts of a piece: one in each step of its task that it overlaps; the piece itself outside of steps."""
        if piece.step < 0:
            # Nothing runs on a thread that has ended, though the span as a whole may go on elsewhere.
            end = max(piece.start, min(piece.end, self.image.logs[piece.log].end))
            yield piece.span, int(self._tracks[piece.log]), piece.start, end, -1
            return
        starts, in_order = self._step_starts, self._in_order
        task = int(self._step_tasks[piece.step])
        first, stop = self._first_of[task], self._first_of[task + 1]
        at = bisect_left(in_order, starts[piece.step], first, stop, key=starts.__getitem__)
        # By their places: a task may have a million steps, and as many spans.
        for number in map(in_order.__getitem__, range(at, stop)):
            start = int(starts[number])
            if number != piece.step and start >= piece.end:
                break
            begin, end = max(piece.start, start), min(piece.end, int(self._step_ends[number]))
            if end >= begin:
                yield piece.span, int(self._tracks[self._step_logs[number]]), begin, end, task

    def _pieces(self, begins: Int64, end: Int64, generators: Int64) -> Iterator[_Piece]:
        """The stretches of generators' spans between begin or resume and suspend or end."""
        records = self._records
        marks = np.flatnonzero((records.kind == events.SPAN_SUSPEND) | (records.kind == events.SPAN_RESUME))
        of_span: dict[int, list[int]] = {}
        if len(marks):
            for at, record in zip(records.find(begins, records.begin[marks]).tolist(), marks.tolist()):
                if at >= 0:
                    of_span.setdefault(at, []).append(record)
        for at in generators.tolist():
            running: int | None = int(begins[at])
            for record in sorted(of_span.get(at, ()), key=lambda record: int(records.time[record])):
                if records.time[record] > end[at]:
                    break
                if records.kind[record] == events.SPAN_RESUME:
                    running = record
                elif running is not None:
                    yield self._piece(at, running, int(records.time[record]))
                    running = None
            if running is not None:
                yield self._piece(at, running, int(end[at]))

    def _piece(self, span: int, record: int, end: int) -> _Piece:
        records = self._records
        start = int(records.time[record])
        return _Piece(span, start, max(start, end), int(records.log[record]), int(records.step[record]))
