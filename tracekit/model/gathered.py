"""Gathered: slices as they are added, in any order, a column each. Knows neither tracks nor what is sound.

A slice takes 34 bytes, as in the trace that is made of them; as an object of Python's it would take some hundreds.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = Sequence[int] | NDArray[Any]

_AT_A_TIME = 1 << 20  # numbers of a column that are copied at a time
_COLUMNS = ("track", "start", "end", "name", "category", "flags", "task", "args")
_CODES = {"i": np.int32, "q": np.int64, "B": np.uint8}


class Gathered:
    """The columns of model.trace.Slices, of absolute times. A handle is the place of a slice."""

    def __init__(self) -> None:
        self.track, self.start, self.end, self.name = array("i"), array("q"), array("q"), array("i")
        self.category, self.flags, self.task, self.args = array("B"), array("B"), array("i"), array("i")

    def __len__(self) -> int:
        return len(self.track)

    def add(self, track: int, start: int, end: int, name: int, category: int, flags: int, task: int, args: int) -> int:
        """Adds a slice, which does not end before it starts; returns its handle."""
        self.track.append(track)
        self.start.append(start)
        self.end.append(max(start, end))
        self.name.append(name)
        self.category.append(category)
        self.flags.append(flags)
        self.task.append(task)
        self.args.append(args)
        return len(self.track) - 1

    def extend(self, count: int, *columns: Column | int) -> int:
        """Adds many slices: what `add` takes, a column each, or one number for all; returns the handle of the first."""
        first = len(self)
        for name, values in zip(_COLUMNS, columns, strict=True):
            flat = getattr(self, name)
            for begin in range(0, count, _AT_A_TIME):
                part = values if isinstance(values, int) else values[begin : begin + _AT_A_TIME]
                size = min(_AT_A_TIME, count - begin)
                whole = np.full(size, part, _CODES[flat.typecode]) if isinstance(part, int) else np.asarray(part)
                flat.frombytes(np.ascontiguousarray(whole, _CODES[flat.typecode]).data.cast("B"))
        self._keep_forward(first)
        return first

    def move_end(self, handle: int, time: int, flags: int) -> None:
        """Moves the end of a slice, and adds flags to it."""
        self.end[handle] = max(time, self.start[handle])
        self.flags[handle] |= flags

    def column(self, name: str) -> NDArray[Any]:
        """A column as it is now; nothing can be added while it is in use."""
        flat: array[int] = getattr(self, name)
        return np.frombuffer(flat, _CODES[flat.typecode])

    def _keep_forward(self, first: int) -> None:
        start, end = self.column("start")[first:], self.column("end")[first:]
        np.maximum(start, end, out=end)
