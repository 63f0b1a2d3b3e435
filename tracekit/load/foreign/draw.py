"""Draw: the columns of a file's events -> slices, points, arrows and samples of a trace. Knows the builder, and no JSON."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from tracekit.load.foreign import arrows, phases
from tracekit.load.foreign.arrows import Bound, Lying
from tracekit.load.foreign.calls import parse_thread
from tracekit.load.foreign.collect import HOP, MARK, OPEN, PHASE, POINT, ROW, Collector
from tracekit.load.foreign.mended import Mended
from tracekit.load.foreign.pairs import Fitted, crowded, fit, pair
from tracekit.load.foreign.profiles import SAMPLE
from tracekit.load.foreign.strands import Strands, suspects
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Flag, Int64, SampleSource, TrackKind

_TOLERANCE = 1_000  # ns; what other tools round
_MOST_ASIDE = 500  # slices of a line that overlap
_LINE, _START, _END, _NAME, _ARGS, _CATEGORY, _FLAGS = range(ROW)


class Drawing:
    """What is drawn of a collector's events; made and used once.

    Attributes:
        arrows: how many were given to the builder.
    """

    def __init__(self, collector: Collector, builder: Builder, mended: Mended) -> None:
        self.arrows = 0
        self._collector = collector
        self._builder = builder
        self._mended = mended
        self._lines = collector.owners.lines
        self._process = np.array([line.process for line in self._lines], np.int64)
        self._phases = _table(collector.phases, PHASE)
        self._points = _table(collector.points, POINT)
        self._hops = _table(collector.hops, HOP)
        self._samples = _table(collector.profiles.samples, SAMPLE)
        self._rows = _table(collector.rows, ROW)
        collector.rows = array("q")
        self._of_mark: dict[int, int] = {}
        self._last = np.zeros(0, np.int64)
        self._where = np.zeros(0, np.int64)
        self._tracks: dict[int, int] = {}

    def draw(self) -> int | None:
        """Draws everything; the earliest time of all, None where nothing has a time."""
        self._pair()
        self._finish_open()
        self._name_threads()
        tasks = self._find_tasks()
        handles = self._lay(tasks)
        placed = phases.lay(self._phases, self._last, self._builder, self._collector.titles.texts, self._mended)
        self._annotate(handles, placed)
        self._bind(handles, placed)
        times = [column.min() for column in self._times() if len(column)]
        return int(min(times)) if times else None

    def _times(self) -> list[Int64]:
        rows = self._rows
        return [
            rows[:, _START],
            rows[:, _END],
            self._points[:, 1],
            self._hops[:, 1],
            self._phases[:, 2],
            self._samples[:, 1],
            np.array(self._collector.rest or (), np.int64),
        ]

    def _pair(self) -> None:
        """Adds the slices that begins and ends make."""
        marks = _table(self._collector.marks, MARK)
        self._collector.marks = array("q")
        if not len(marks):
            return
        paired = pair(marks[:, 0], marks[:, 1], marks[:, 2], marks[:, 3])
        self._mended.count("ends of slices without a begin were left out", len(paired.lost))
        begun = marks[paired.begin]
        rows = np.zeros((len(begun), ROW), np.int64)
        rows[:, [_LINE, _START, _NAME, _ARGS, _CATEGORY]] = begun[:, [0, 1, 3, 4, 5]]
        found = paired.end >= 0
        rows[:, _END] = np.where(found, marks[paired.end, 1], OPEN)
        rows[~found, _FLAGS] = int(Flag.UNFINISHED)
        self._mended.count("slices without an end are drawn as unfinished", int((~found).sum()))
        first = len(self._rows)
        wanted = {row for column, row, *_ in self._collector.bound if column == "marks"}
        for at, (begin, end) in enumerate(zip(paired.begin.tolist(), paired.end.tolist())):
            if begin in wanted:
                self._of_mark[begin] = first + at
            if end in self._collector.end_args:
                self._of_mark[end] = first + at
        self._rows = np.concatenate((self._rows, rows))

    def _finish_open(self) -> None:
        """Draws what has no end up to the last that is known of its process."""
        rows = self._rows
        self._last = np.full(len(self._builder.processes), OPEN, np.int64)
        for process, time in (
            (self._process[rows[:, _LINE]], np.maximum(rows[:, _START], rows[:, _END])),
            (self._process[self._points[:, 0]], self._points[:, 1]),
            (self._phases[:, 1], self._phases[:, 2]),
        ):
            np.maximum.at(self._last, process, time)
        is_open = np.flatnonzero(rows[:, _END] == OPEN)
        rows[is_open, _END] = np.maximum(self._last[self._process[rows[is_open, _LINE]]], rows[is_open, _START])

    def _name_threads(self) -> None:
        """Names the threads whose outermost frame says which one it is, as py-spy's do on request."""
        sampled = np.flatnonzero(self._rows[:, _CATEGORY] == Category.SAMPLE)
        texts = self._collector.titles.texts
        for line in np.unique(self._rows[sampled, _LINE]).tolist():
            rows = sampled[self._rows[sampled, _LINE] == line]
            told = parse_thread(texts[int(self._rows[rows[0], _NAME])])
            if told:
                self._lines[line].name = self._lines[line].name or told[1]
                self._lines[line].key = told[0]

    def _find_tasks(self) -> dict[int, int]:
        """The lines that are tasks, and the lines of their threads; their calls are also on these then."""
        if not suspects(self._lines):
            return {}
        calls = self._rows[self._rows[:, _CATEGORY] == Category.CALL]
        columns = (calls[:, _LINE], calls[:, _START], calls[:, _END], calls[:, _NAME])
        return Strands(self._collector.titles, columns).find(self._lines)

    def _lay(self, tasks: dict[int, int]) -> Int64:
        """Lays the slices of each line on its track; the handle of each."""
        rows = self._rows
        threads = self._threads(tasks)
        order = np.lexsort((-rows[:, _END], rows[:, _START], rows[:, _LINE]))
        borders = np.searchsorted(rows[order, _LINE], np.arange(len(self._lines) + 1))
        handles = np.full(len(rows), -1, np.int64)
        self._where = np.full(len(rows), -1, np.int64)
        drawn: dict[int, Lying] = {}
        for line in range(len(self._lines)):
            own = order[borders[line] : borders[line + 1]]
            track = self._tracks[line]
            start, end = rows[own, _START], rows[own, _END]
            fitted = fit(start, end, _TOLERANCE)
            lost = crowded(start[fitted.aside], end[fitted.aside], _MOST_ASIDE)
            if lost.any():
                self._mended.count("slices that overlap too many others were left out", int(lost.sum()))
                keep = np.ones(len(own), np.bool_)
                keep[np.flatnonzero(fitted.aside)[lost]] = False
                own, start = own[keep], start[keep]
                fitted = Fitted(fitted.aside[keep], fitted.end[keep], fitted.cut)
            self._mended.count(
                "slices that outlasted the one around them by no more than 1 us were cut to fit", fitted.cut
            )
            aside = int(fitted.aside.sum())
            self._mended.count("slices that overlap others of their thread lie on a track beside it", aside)
            where = np.full(len(own), track, np.int64)
            if aside:
                where[fitted.aside] = self._lane(line, threads, tasks)
            self._where[own] = where
            first = self._slices(where, start, fitted.end, rows[own])
            handles[own] = np.arange(first, first + len(own))
            flat = ~fitted.aside
            drawn[line] = Lying(track, start[flat], fitted.end[flat], handles[own][flat])
            if line in tasks:
                self._slices(np.full(len(own), self._tracks[tasks[line]], np.int64), start, fitted.end, rows[own])
                # Around all that ran in it, so that Perfetto calls the track like the task, and not like its first call.
                self._builder.slice(track, int(start[0]), int(end.max()), self._lines[line].name, Category.OTHER)
        self._draw_points()
        self.arrows += arrows.draw(self._hops, drawn, self._builder, self._mended)
        self._draw_samples(threads)
        self._draw_lives(threads, tasks)
        return handles

    def _slices(self, track: Int64, start: Int64, end: Int64, rows: Int64) -> int:
        columns = (rows[:, _NAME], rows[:, _CATEGORY], rows[:, _FLAGS])
        return self._builder.slices(track, start, end, *columns, -1, rows[:, _ARGS])

    def _threads(self, tasks: dict[int, int]) -> dict[int, int]:
        """The row of each line that is a thread; gives every line its track."""
        seen = np.zeros(len(self._lines), np.bool_)
        for column in (self._rows[:, _LINE], self._points[:, 0], self._hops[:, 0], self._samples[:, 0]):
            seen[column] = True
        shown = [at for at, line in enumerate(self._lines) if at not in tasks and (seen[at] or line.name)]
        threads = self._collector.owners.threads(shown)
        for line in range(len(self._lines)):
            if line in threads:
                self._tracks[line] = self._builder.track(TrackKind.THREAD, threads[line])
            elif line in tasks:
                process, name = self._lines[line].process, self._lines[line].name
                number = phases.MOST_TRACKS + 1 + line
                self._tracks[line] = self._builder.track(TrackKind.NAMED, process, number, name=name)
            else:
                self._tracks[line] = -1
        if tasks:
            self._mended.count("threads that viztracer invented for tasks are drawn as tracks of tasks", len(tasks))
        return threads

    def _lane(self, line: int, threads: dict[int, int], tasks: dict[int, int]) -> int:
        return self._builder.track(TrackKind.LANE, threads[tasks.get(line, line)])

    def _draw_points(self) -> None:
        tracks = np.array([self._tracks[line] for line in range(len(self._lines))], np.int64)
        line, time, name, args = self._points.T
        self._builder.instants(tracks[line], time, name, args)

    def _draw_samples(self, threads: dict[int, int]) -> None:
        rows = np.array([threads.get(line, -1) for line in range(len(self._lines))], np.int64)
        line, time, frame, state = self._samples.T
        self._builder.samples(rows[line], time, frame, state, int(SampleSource.OTHER))

    def _draw_lives(self, threads: dict[int, int], tasks: dict[int, int]) -> None:
        """A slice for each thread, from the first to the last that is known of it."""
        first = np.full(len(self._lines), -OPEN, np.int64)
        last = np.full(len(self._lines), OPEN, np.int64)
        on_thread = np.arange(len(self._lines))
        for task, runner in tasks.items():
            on_thread[task] = runner
        for line, start, end in (
            (self._rows[:, _LINE], self._rows[:, _START], self._rows[:, _END]),
            (self._points[:, 0], self._points[:, 1], self._points[:, 1]),
            (self._hops[:, 0], self._hops[:, 1], self._hops[:, 1]),
            (self._samples[:, 0], self._samples[:, 1], self._samples[:, 1]),
        ):
            np.minimum.at(first, on_thread[line], start)
            np.maximum.at(last, on_thread[line], end)
        for at, row in threads.items():
            if first[at] <= last[at]:
                thread = self._builder.threads[row]
                thread.started = int(first[at])
                self._builder.slice(self._tracks[at], thread.started, int(last[at]), thread.name, Category.THREAD)

    def _annotate(self, handles: Int64, placed: dict[int, tuple[int, int]]) -> None:
        """Adds the arguments that came with ends."""
        for row, args in self._collector.end_args.items():
            if row < 0 and row in placed:
                self._builder.annotate(placed[row][0], args)
            elif row in self._of_mark:
                self._builder.annotate(int(handles[self._of_mark[row]]), args)

    def _bind(self, handles: Int64, placed: dict[int, tuple[int, int]]) -> None:
        """Draws the arrows that are tied to slices."""
        bound: list[Bound] = []
        for column, row, chain, comes, goes in self._collector.bound:
            if column == "phases":
                if row in placed:
                    handle, track = placed[row]
                    bound.append(Bound(chain, int(self._phases[row, 2]), track, handle, comes, goes))
                continue
            at = row if column == "rows" else self._of_mark.get(row, -1)
            if at >= 0:
                time, track = int(self._rows[at, _START]), int(self._where[at])
                bound.append(Bound(chain, time, track, int(handles[at]), comes, goes))
        self.arrows += arrows.draw_bound(bound, self._builder, self._mended)


def _table(flat: array[int], width: int) -> Any:
    return np.frombuffer(flat, np.int64).reshape(-1, width).copy() if flat else np.zeros((0, width), np.int64)
