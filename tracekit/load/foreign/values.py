"""Values: times, names and arguments as they stand in other people's files -> those of a trace. Trusts none of them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from tracekit.load.foreign.mended import Mended
from tracekit.model.trace import Args

# In ns; so that any clock fits, up to Unix time in the year 2100, and no difference of two is more than a trace can hold.
EARLIEST, LATEST = -(1 << 58), 4_102_444_800 * 10**9
MOST_CELLS = 12_000_000
DEEPEST = 16

EARLIEST_US, LATEST_US = EARLIEST // 1000, LATEST // 1000
_LONGEST_NUMBER = 64
_SMALLEST = -6  # of powers of ten: less than that is no part of a nanosecond
_LONGEST_NAME = 1 << 16
_CELL = 64  # bytes of text that count as much as one value
_NO_NAME = "(no name)"


def ns(value: Any) -> int | None:
    """Microseconds as nanoseconds, rounded to the nearest; None for what is no time."""
    if type(value) is float:
        return round(value * 1000) if EARLIEST_US < value < LATEST_US else None
    if type(value) is int:
        return value * 1000 if EARLIEST_US < value < LATEST_US else None
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER:
        try:
            number = Decimal(value)
        except InvalidOperation:
            return None
        if not number.is_finite() or not _SMALLEST < number.adjusted() < _LONGEST_NUMBER:
            return 0 if number.is_finite() and number.adjusted() <= _SMALLEST else None
        return round(number * 1000) if EARLIEST_US < number < LATEST_US else None
    return None


def number(value: Any) -> float | None:
    """A finite number; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and len(value) > _LONGEST_NUMBER:
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if isfinite(found) else None


def whole(value: Any) -> int | None:
    """A whole number that fits where a trace keeps one, from a number or its text; None for what is none."""
    if isinstance(value, str):
        try:
            value = int(value, 10) if len(value) <= _LONGEST_NUMBER else None
        except ValueError:
            return None
    if isinstance(value, float):
        value = int(value) if isfinite(value) else None
    if not isinstance(value, int) or isinstance(value, bool) or not -LATEST < value < LATEST:
        return None
    return value


def label(value: Any) -> str:
    """The text of a plain value, as a key; "" for what is none."""
    return "" if isinstance(value, (dict, list)) else str(value)[:_LONGEST_NUMBER]


class Room:
    """How much of a file's text and values is kept, so that no file takes more memory than a machine has.

    A value in arguments, a name that is new, a thread: each takes a cell, and long text more of them.
    """

    def __init__(self, mended: Mended, cells: int = MOST_CELLS) -> None:
        self._mended = mended
        self._left = cells
        self._names: dict[str, str] = {}

    def take(self, cells: int) -> bool:
        """Whether there is still so much room, which is taken then."""
        if cells > self._left:
            return False
        self._left -= cells
        return True

    def name(self, value: Any) -> str:
        """The name that something has; not of a text, but of a plain value, its text."""
        if type(value) is not str:
            if value is None or isinstance(value, (dict, list)):
                return _NO_NAME
            value = str(value)
        kept = self._names.get(value)
        if kept is not None:
            return kept
        if len(value) > _LONGEST_NAME:
            self._mended.count("names were cut, because they are too long")
            value = value[:_LONGEST_NAME]
        if not self.take(1 + len(value) // _CELL):
            self._mended.count("names were left out, because there are too many")
            return _NO_NAME
        self._names[value] = value
        return value or _NO_NAME

    def args(self, value: Any) -> Args | None:
        """Arguments, where there is room for them; what lies too deep in them is left out."""
        if not value:
            return None
        if type(value) is not dict:
            self._mended.count("arguments that are no object were left out")
            return None
        cells = len(value)
        for item in value.values():
            kind = type(item)
            if kind is str:
                cells += len(item) // _CELL
            elif kind is dict or kind is list:
                cells += _cells(item, DEEPEST)
        if cells < 0 or cells > self._left:
            reason = "lie too deep in each other" if cells < 0 else "take too much memory"
            self._mended.count(f"arguments were left out, because they {reason}")
            return None
        self._left -= cells
        return value


def _cells(value: Any, levels: int) -> int:
    """How many cells a value takes; far below 0 where it lies too deep."""
    if isinstance(value, str):
        return len(value) // _CELL
    if not isinstance(value, (dict, list)):
        return 0
    if not levels:
        return -LATEST
    items = value.values() if isinstance(value, dict) else value
    return len(value) + sum(_cells(item, levels - 1) for item in items)
