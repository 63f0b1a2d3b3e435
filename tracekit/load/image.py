"""Image: one spool made ready for interpretation: details with their records, names looked up, a row for each thread.

An image is what one program does in a process between its start and its end or exec. Knows no meaning beyond that.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.model.builder import Builder
from tracekit.model.trace import Args, Int64, Scalar
from tracekit.spool.layout import parse_code
from tracekit.spool.reader import Header, Spool, ThreadRecords

_LATEST = np.uint64(1 << 62)  # damage makes times that no clock shows; they must fit signed columns


class Detail(NamedTuple):
    """A detail of a record: its kind, field `a` and payload."""

    kind: int
    a: int
    payload: int


@dataclass(slots=True)
class Log:
    """The records of one thread without their details, in order; times never run backwards.

    `thread`, `track`, `life` are the thread's row, its track and the handle of its THREAD slice; `end` where that ends.
    """

    serial: int
    tid: int
    time: Int64
    kind: Int64
    a: Int64
    b: Int64
    slot: Int64
    index: int = -1
    thread: int = -1
    track: int = -1
    life: int = -1
    end: int = 0
    # Where a step begins or ends: the position of the record, and the step that runs from there (-1: none).
    context_at: list[int] = field(default_factory=list)
    context: list[int] = field(default_factory=list)


class Image:
    """One spool, and the rows that its threads have in the builder.

    Args:
        spool: what was read.
        process: the row of its process.
        builder: where everything goes.
        goes_on: another image of the same process follows: what is open here was ended by an exec.
        seen_until: when somebody else saw the process end, for a spool that does not say so itself; 0 where nobody did.
    """

    def __init__(
        self, spool: Spool, process: int, builder: Builder, goes_on: bool = False, seen_until: int = 0
    ) -> None:
        self.header: Header = spool.header
        self.process = process
        self.builder = builder
        self.goes_on = goes_on
        self.details: dict[int, list[Detail]] = {}
        self.missing_names = 0
        self.parts_left_out = False  # there were too many parts of spans
        self.dropped: Counter[str] = Counter()
        self._names = spool.names
        self._aliases = _aliases(spool.names)
        self.logs = [self._log(thread) for thread in spool.threads]
        self.logs = [log for log in self.logs if len(log.time)]
        for index, log in enumerate(self.logs):
            log.index = index
        self.first = min((int(log.time[0]) for log in self.logs), default=self.header.start_monotonic)
        self.last = max((int(log.time[-1]) for log in self.logs), default=self.header.start_monotonic)
        self.last = max(self.last, self.header.end_monotonic, seen_until)

    def name(self, number: int) -> str:
        """The text of a name; where it is missing, a stand-in, and it is counted."""
        text = self._names.get(number)
        if text is None:
            self.missing_names += 1
            return "(name missing)"
        return text

    def same_names(self, numbers: Int64) -> Int64:
        """A column of names by the first number of each text: a writer that forgets a text numbers it anew."""
        others, firsts = self._aliases
        if not len(others):
            return numbers
        at = np.minimum(np.searchsorted(others, numbers), len(others) - 1)
        return np.where(others[at] == numbers, firsts[at], numbers)

    def detail(self, slot: int, kind: int) -> Detail | None:
        """The first detail of a kind that the record at `slot` has."""
        for detail in self.details.get(slot, ()):
            if detail.kind == kind:
                return detail
        return None

    def error(self, slot: int) -> str:
        """The name of the exception that the record at `slot` tells of, or ""."""
        detail = self.detail(slot, events.ERROR)
        return "" if detail is None else self.name(detail.payload)

    def code(self, slot: int) -> tuple[str, str, int]:
        """Function, file and line that the record at `slot` tells of; "" and 0 where it tells of none."""
        detail = self.detail(slot, events.CODE)
        return ("", "", 0) if detail is None else parse_code(self.name(detail.payload))

    def place(self, slot: int) -> Args | None:
        """The same as arguments of a slice, or None."""
        if slot not in self.details:
            return None
        function, file, line = self.code(slot)
        return {"function": function, "file": file, "line": line} if function else None

    def args(self, slot: int) -> Args:
        """The arguments that the record at `slot` carries."""
        return {
            self.name(detail.a): self._value(detail)
            for detail in self.details.get(slot, ())
            if detail.kind in events.ARGUMENTS
        }

    def _value(self, detail: Detail) -> Scalar:
        payload = detail.payload
        if detail.kind == events.ARG_INT:
            return payload - (1 << 64) if payload >> 63 else payload
        if detail.kind == events.ARG_FLOAT:
            return float(struct.unpack("<d", struct.pack("<Q", payload))[0])
        if detail.kind == events.ARG_TEXT:
            return self.name(payload)
        return {events.ARG_TRUE: True, events.ARG_FALSE: False}.get(detail.kind)

    def _log(self, records: ThreadRecords) -> Log:
        head = records.kind < events.FIRST_DETAIL
        self._attach(records, head)
        # The clock of one thread never runs backwards; where damage makes it, it stands still.
        time = np.maximum.accumulate(np.minimum(records.time[head], _LATEST)).astype(np.int64)
        kind, a, b = (column[head].astype(np.int64) for column in (records.kind, records.a, records.b))
        return Log(records.serial, records.tid, time, kind, a, b, records.slot[head])

    def _attach(self, records: ThreadRecords, head: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        details = np.flatnonzero(~head)
        if not len(details):
            return
        at = np.arange(len(records))
        owner = np.maximum.accumulate(np.where(head, at, -1))[details]
        # A hole between a record and a detail is a record that was cut off: the detail was its own.
        close = records.slot[details] - records.slot[owner] == details - owner
        details, owner = details[close & (owner >= 0)], records.slot[owner[close & (owner >= 0)]]
        columns = (owner, records.kind[details], records.a[details], records.time[details])
        for slot, kind, a, payload in zip(*(column.tolist() for column in columns)):
            self.details.setdefault(slot, []).append(Detail(kind, a, payload))


def _aliases(names: dict[int, str]) -> tuple[Int64, Int64]:
    """The numbers of texts that have a lower one as well, in order, and the lowest one of each."""
    if len(set(names.values())) == len(names):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    lowest: dict[str, int] = {}
    aliases = [
        (number, first) for number in sorted(names) if (first := lowest.setdefault(names[number], number)) != number
    ]
    others, firsts = np.array(aliases, np.int64).reshape(-1, 2).T
    return others, firsts
