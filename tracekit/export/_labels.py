"""What stands on slices: their names, and the arguments that a click on one shows, as columns of JSON texts. Knows no event."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracekit.export._plain import encoded
from tracekit.export._rows import Texts
from tracekit.export._words import OF_TASKS, arguments, details
from tracekit.model.columns import groups, numbers
from tracekit.model.trace import Category, Int32, Int64, Trace

Bools = NDArray[np.bool_]


class Labels:
    """The names and arguments of one trace.

    Args:
        shared_rows: the processes of whose tasks those of one coroutine share a row.

    Attributes:
        texts: of each of the trace's strings; behind them those of coroutines whose tasks share rows.
    """

    def __init__(self, trace: Trace, shared_rows: set[int]) -> None:
        self._trace = trace
        self.texts = [encoded(text) for text in trace.strings]
        self._shared = self._share_rows(shared_rows) if shared_rows else None
        self._by_flags = [_args(details(trace, 0, flags, -1, -1)) for flags in range(256)]

    def names(self, index: Int64) -> Texts:
        """The names of these slices."""
        slices = self._trace.slices
        name = slices.name[index]
        if self._shared is not None:
            lives = np.flatnonzero((slices.category[index] == Category.TASK) & (slices.task[index] >= 0))
            titles = self._shared[slices.task[index[lives]]]
            name[lives] = np.where(titles >= 0, titles, name[lives])
        return Texts(self.texts, name)

    def args(self, index: Int64, unless: Bools | None = None) -> Texts:
        """The arguments of these slices, with the comma before them; "" for none.

        Args:
            unless: those that get none.
        """
        slices = self._trace.slices
        which, kind, task, args = (
            column[index] for column in (slices.flags, slices.category, slices.task, slices.args)
        )
        which = which.astype(np.int32)
        own = (args >= 0) | ((task >= 0) & OF_TASKS[kind])
        if unless is not None:
            own &= ~unless
            which[unless] = 0
        if not own.any():
            return Texts(self._by_flags, which)
        at = np.flatnonzero(own)
        columns = kind[at], which[at], task[at], args[at]
        first, alike = groups(*columns)
        rows = numbers(*(column[first] for column in columns))
        texts = [_args(details(self._trace, kind, *row)) for kind, *row in rows]
        which[at] = alike + len(self._by_flags)
        return Texts([*self._by_flags, *texts], which)

    def args_alone(self, args: Int32) -> Texts:
        """Arguments by their numbers in the trace, likewise; those of -1 are none."""
        which = np.zeros(len(args), np.int32)
        there = np.flatnonzero(args >= 0)
        which[there] = np.arange(1, len(there) + 1)
        return Texts([b"", *(_args(arguments(self._trace, number)) for number in args[there].tolist())], which)

    def _share_rows(self, shared: set[int]) -> Int32:
        """For each task the text of its coroutine, where its life is called like that; else -1."""
        places: dict[str, int] = {}
        titles = [
            places.setdefault(task.coroutine or "task", len(places)) if task.process in shared else -1
            for task in self._trace.tasks
        ]
        first = len(self.texts)
        self.texts += [encoded(coroutine) for coroutine in places]
        column = np.array(titles, np.int32)
        column[column >= 0] += first
        return column


def _args(shown: dict[str, Any]) -> bytes:
    return b',"args":%b' % encoded(shown) if shown else b""
