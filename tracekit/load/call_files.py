"""Call files: what viztracer wrote of one process -> columns, a part of the file at a time. Knows its format, and no trace.

A file may be cut off where its process was killed, or damaged: what is there is read, and the rest is counted.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from tracekit.model.trace import Float64, Int64

_AT_A_TIME = 4 << 20  # bytes
_LONGEST = 64 << 20  # bytes of one event; a longer one is damage
_HEAD = b'{"traceEvents":['
_BETWEEN = b'},{"'  # two events, unless the quote ends a text; inside of one it would be escaped
_AFTER_TEXT = b",:}]"
_BORDER = re.compile(rb'\},(?=\{"[^,:}\]])')
_END = re.compile(rb'\], "viztracer_metadata": \{"overflow":(true|false)\}\}\s*$')
_LATEST = 4.6e15  # µs; later is damage
_CALLS = ("X", "B")
_STRANGE = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


@dataclass(slots=True)
class CallFile:
    """What a file holds; times in ns of viztracer's own clock.

    Attributes:
        tid, start, end, name: of calls, a column each; `end` is -1 of those that had not returned. `name` leads into `names`.
        args: of some of the calls, by their number.
        instants: tid, time, name and arguments of what the program told viztracer itself.
        overflow: the ring was full, and what came first is lost.
        whole: the file has its end.
        damaged: events that do not read.
    """

    tid: Int64
    start: Int64
    end: Int64
    name: Int64
    names: list[str]
    args: dict[int, dict[str, Any]] = field(default_factory=dict)
    instants: list[tuple[int, int, str, dict[str, Any]]] = field(default_factory=list)
    overflow: bool = False
    whole: bool = False
    damaged: int = 0


def read_calls(path: str) -> CallFile:
    """Reads a file.

    Raises:
        OSError: it cannot be read.
    """
    reader = _Reader()
    for events in _batches(path, reader):
        reader.add(events)
    return reader.finish()


class _Reader:
    """Collects events in columns."""

    def __init__(self) -> None:
        self.overflow = self.whole = False
        self.damaged = 0
        self._rows = array("q")  # tid, start, end, name
        self._names: dict[str, int] = {}
        self._args: dict[int, dict[str, Any]] = {}
        self._instants: list[tuple[int, int, str, dict[str, Any]]] = []

    def add(self, events: list[Any]) -> None:
        """Adds events in the order of the file, if they can be read all of them at once, else one by one."""
        calls = [event for event in events if event.__class__ is dict and event.get("ph") in _CALLS]
        try:
            self._add_calls(calls)
        except _STRANGE:
            for call in calls:
                try:
                    self._add_calls([call])
                except _STRANGE:
                    self.damaged += 1
        if len(calls) < len(events):
            for event in events:
                if event.__class__ is not dict or event.get("ph") not in _CALLS:
                    self._add_other(event)

    def _add_calls(self, calls: list[dict[str, Any]]) -> None:
        names = self._names
        time = _numbers([call["ts"] for call in calls], 0)
        took = _numbers([call["dur"] if call["ph"] == "X" else -1 for call in calls], -1)
        tid = _numbers([call["tid"] for call in calls], 1)
        if any(call["name"].__class__ is not str for call in calls) or (tid >= 1 << 32).any():
            raise ValueError
        rows = np.empty((len(calls), 4), np.int64)
        rows[:, 0] = tid
        rows[:, 1] = start = np.rint(time * 1000).astype(np.int64)
        rows[:, 2] = np.where(took < 0, -1, start + np.rint(took * 1000).astype(np.int64))
        rows[:, 3] = [names.setdefault(call["name"], len(names)) for call in calls]
        first = len(self._rows) // 4
        self._rows.frombytes(rows.tobytes())
        for at, call in enumerate(calls):
            if "args" in call and call["args"].__class__ is dict:
                self._args[first + at] = call["args"]

    def _add_other(self, event: Any) -> None:
        try:
            if event["ph"].__class__ is not str:
                raise ValueError
            if event["ph"] != "i":  # who the threads are we know ourselves
                return
            (time,), (tid,) = _numbers([event["ts"]], 0), _numbers([event["tid"]], 1)
            if event["name"].__class__ is not str or tid >= 1 << 32:
                raise ValueError
            args = event.get("args")
            self._instants.append((int(tid), round(time * 1000), event["name"], args if args.__class__ is dict else {}))
        except _STRANGE:
            self.damaged += 1

    def finish(self) -> CallFile:
        """What has been collected."""
        tid, start, end, name = np.array(self._rows, np.int64).reshape(-1, 4).T
        args, instants = self._args, self._instants
        return CallFile(
            tid, start, end, name, list(self._names), args, instants, self.overflow, self.whole, self.damaged
        )


def _numbers(values: list[Any], least: int) -> Float64:
    """A column of numbers that mean something; their largest is a time in µs.

    Raises:
        ValueError: they are none, or do not.
    """
    column = np.array(values or [least])
    if column.dtype.kind not in "fi" or column.ndim != 1 or not ((column >= least) & (column < _LATEST)).all():
        raise ValueError
    return column[: len(values)].astype(np.float64)


def _batches(path: str, reader: _Reader) -> Iterator[list[Any]]:
    """The events of a file, many at a time."""
    with open(path, "rb") as file:
        head = file.read(len(_HEAD))
        if head != _HEAD:
            reader.damaged += bool(head)
            return
        rest = b""
        while True:
            read = file.read(_AT_A_TIME)
            if not read:
                break
            rest += read
            cut = _last_border(rest)
            if cut:
                yield from _events(rest[:cut], reader)
                rest = rest[cut + 1 :]
            elif len(rest) > _LONGEST:
                reader.damaged += 1
                return
        end = _END.search(rest)
        if end is not None:
            reader.whole, reader.overflow = True, end[1] == b"true"
            rest = rest[: end.start()]
        else:
            rest = rest[:-1] if rest.endswith(b"},") else rest[: _last_border(rest)]
        yield from _events(rest, reader)


def _last_border(text: bytes) -> int:
    """Where the last comma between two events stands, or 0."""
    at = len(text)
    while (at := text.rfind(_BETWEEN, 0, at + len(_BETWEEN) - 1)) >= 0:
        after = text[at + len(_BETWEEN) : at + len(_BETWEEN) + 1]
        if after and after not in _AFTER_TEXT:
            return at + 1
    return 0


def _events(text: bytes, reader: _Reader) -> Iterator[list[Any]]:
    """The events in a text; one by one where not all of them read."""
    if not text:
        return
    try:
        yield orjson.loads(b"[%b]" % text)
    except orjson.JSONDecodeError:
        found = []
        for part in _BORDER.sub(b"}\n", text).split(b"\n"):
            try:
                found.append(json.loads(part))  # takes what orjson refuses: NaN, surrogates, huge numbers
            except (ValueError, RecursionError):
                reader.damaged += 1
        yield found
