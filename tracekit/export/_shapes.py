"""Shapes: what the packets of a trace's events are made of, each made once for all events that are alike. Knows rows, no order.

Most slices show nothing but a name and what kind they are of: their shapes are found in tables, the others' by sorting.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracekit.export._annotations import annotated
from tracekit.export._names import CATEGORIES as CATEGORY_TEXTS
from tracekit.export._names import NAMES, Names
from tracekit.export._packets import Widths, arrived
from tracekit.export._protobuf import double, number, tag
from tracekit.export._words import CATEGORIES, OF_TASKS, details
from tracekit.model.columns import distinct, groups, numbers
from tracekit.model.trace import Int32, Int64, Trace

SEQUENCE = 1
END = 0  # the shape of all ends

# Fields of TrackEvent, and its types.
_TYPE, _VALUE, _CATEGORY, _NAME = 9, 44, tag(3), tag(10)
_BEGIN, _END, _POINT, _COUNTER = 1, 2, 3, 4

_MOST = 1 << 16  # that are kept in memory


class Shapes:
    """The shapes of one trace's events.

    Attributes:
        made: the shapes; places in it hold until `tidy` is called.
    """

    def __init__(self, trace: Trace, widths: Widths) -> None:
        self._trace = trace
        self._widths = widths
        self._names = Names(SEQUENCE)
        self._end = self._shape(number(_TYPE, _END))
        self.made = [self._end]
        self._tables: dict[int, Int32] = {}
        self._known: dict[tuple[int, int, int, int], int] = {}

    def said(self) -> Iterator[bytes]:
        """The packets that must be written before those of any shape that is made by now."""
        yield from self._names.said()

    def tidy(self) -> None:
        """Forgets all shapes, where they are too many."""
        if len(self.made) >= _MOST:
            self.made = [self._end]
            self._tables.clear()
            self._known.clear()

    def begin(self, name: str, category: str, args: dict[str, Any]) -> int:
        """The shape of the begin of a slice that is no row of the trace."""
        return self._add(self._shape(self._event(_BEGIN, category, name, args)))

    def point(self, name: str, category: str, args: dict[str, Any], arrow: bool = False) -> int:
        """The shape of a point in time."""
        return self._add(self._shape(self._event(_POINT, category, name, args), arrow))

    def value(self, value: float) -> int:
        """The shape of a counter's value."""
        return self._add(self._shape(number(_TYPE, _COUNTER) + double(_VALUE, value)))

    def begins(self, rows: Int64, arrow: Int64, more: list[tuple[int, list[int]]]) -> Int64:
        """The shapes of the begins of slices.

        Args:
            rows: the slices.
            arrow: the one that each receives, or 0.
            more: of those that receive several, by their place in `rows`, the others.
        """
        slices = self._trace.slices
        kind, args, name = slices.category[rows].astype(np.int64), slices.args[rows], slices.name[rows]
        mark = kind << 10 | slices.flags[rows].astype(np.int64) << 2 | (arrow > 0)
        mark |= (slices.start[rows] == slices.end[rows]) << 1
        task = np.where(OF_TASKS[kind], slices.task[rows], -1)
        shape = np.empty(len(rows), np.int64)
        alone, bare = task < 0, args < 0
        for one in np.flatnonzero(np.bincount(mark[alone])).tolist():
            own = alone & (mark == one)
            plain, told = np.flatnonzero(own & bare), np.flatnonzero(own & ~bare)
            shape[plain] = self._by_name(one, name[plain])
            shape[told] = self._by_args(one, name[told], args[told])
        of_tasks = np.flatnonzero(~alone)
        if len(of_tasks):
            columns = (name[of_tasks], mark[of_tasks], task[of_tasks], args[of_tasks])
            first, which = groups(*columns)
            made = [self._one(*row) for row in numbers(*(column[first] for column in columns))]
            shape[of_tasks] = np.array(made, np.int64)[which]
        for at, arrows in more:
            event = self._begin(int(name[at]), int(mark[at]), int(task[at]), int(args[at]))
            shape[at] = self._add(self._shape(event + arrived(arrows), arrow=True))
        return shape

    def _by_name(self, mark: int, name: NDArray[np.int32]) -> Int32:
        """The shapes of slices that differ in their names only."""
        table = self._tables.get(mark)
        if table is None:
            table = self._tables[mark] = np.full(len(self._trace.strings), -1, np.int32)
        shape = table[name]
        new = distinct(name[shape < 0].astype(np.int64))
        if len(new):
            table[new] = [self._one(one, mark, -1, -1) for one in new.tolist()]
            shape = table[name]
        return shape

    def _by_args(self, mark: int, name: NDArray[np.int32], args: NDArray[np.int32]) -> Int64:
        """The shapes of slices that differ in their names and arguments only."""
        alike, which = np.unique(args.astype(np.int64) << 32 | name, return_inverse=True)
        made = [self._one(key & 0xFFFFFFFF, mark, -1, key >> 32) for key in alike.tolist()]
        shapes: Int64 = np.array(made, np.int64)[which.reshape(-1)]
        return shapes

    def _one(self, name: int, mark: int, task: int, args: int) -> int:
        key = (name, mark, task, args)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._add(self._shape(self._begin(*key), bool(mark & 1)))
        return found

    def _begin(self, name: int, mark: int, task: int, args: int) -> bytes:
        kind, flags = mark >> 10, mark >> 2 & 0xFF
        shown = details(self._trace, kind, flags, task, args)
        return self._event(_POINT if mark & 2 else _BEGIN, CATEGORIES[kind], self._trace.strings[name], shown)

    def _event(self, kind: int, category: str, name: str, args: dict[str, Any]) -> bytes:
        names = self._names
        head = (
            number(_TYPE, kind) + _CATEGORY + names.number(CATEGORY_TEXTS, category) + _NAME + names.number(NAMES, name)
        )
        return head + annotated(args, names) if args else head

    def _shape(self, event: bytes, arrow: bool = False) -> bytes:
        return self._widths.shape(event, SEQUENCE, arrow)

    def _add(self, shape: bytes) -> int:
        self.made.append(shape)
        return len(self.made) - 1
