"""Image: one spool made ready for interpretation: details with their records, names looked up, a row for each thread.

An image is what one program does in a process between its start and its end or exec. Knows no meaning beyond that.
"""

from __future__ import annotations

import struct
from array import array
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracekit import events
from tracekit.load import texts
from tracekit.load.details import Detail, Details
from tracekit.model.builder import Builder
from tracekit.model.columns import among, of_kinds
from tracekit.model.trace import Args, Flag, Int8, Int32, Int64, Scalar
from tracekit.spool import layout
from tracekit.spool.layout import parse_code
from tracekit.spool.reader import Header, Spool
from tracekit.spool.records import ThreadRecords

_FIRST_INLINE = layout.A_MAX + 1  # the number of the first name that has none in the spool
_LATEST = np.uint64(1 << 62)  # damage makes times that no clock shows; they must fit signed columns


@dataclass(slots=True)
class Log:
    """The records of one thread without their details, in order; times never run backwards.

    `thread`, `track`, `life` are the thread's row, its track and the handle of its THREAD slice; `end` where that ends.
    """

    serial: int
    tid: int
    time: Int64
    kind: Int8
    a: Int32
    b: NDArray[np.uint32]
    slot: Int64
    carried: int = 0  # the first so many had begun before a flight recorder let go of what lay around them
    index: int = -1
    thread: int = -1
    track: int = -1
    life: int = -1
    end: int = 0
    # Where a step begins or ends: the position of the record, and the step that runs from there (-1: none).
    context_at: array[int] = field(default_factory=lambda: array("q"))
    context: array[int] = field(default_factory=lambda: array("q"))

    def steps_at(self, positions: Int64) -> Int64:
        """The number of the step that runs at each position of a record, or -1; the thread has been walked."""
        steps = np.full(len(positions), -1, np.int64)
        if self.context_at:
            changes = np.searchsorted(np.array(self.context_at), positions, side="right") - 1
            known = changes >= 0
            steps[known] = np.array(self.context, np.int64)[changes[known]]
        return steps

    def forget(self, kinds: Collection[int]) -> None:
        """Lets go of the records of some kinds, which have been interpreted. No position means anything afterwards."""
        kept = ~of_kinds(self.kind, kinds)
        if kept.all():
            return
        for name in ("time", "kind", "a", "b", "slot"):
            setattr(self, name, getattr(self, name)[kept])
        self.context_at, self.context = array("q"), array("q")


class Image:
    """One spool, and the rows that its threads have in the builder.

    Args:
        spool: what was read.
        process: the row of its process.
        builder: where everything goes.
        goes_on: another image of the same process follows: what is open here was ended by an exec.
        seen_until: when somebody else saw the process end, or saw it alive at last, for a spool that does not say so
            itself; 0 where nobody did.
        alive: the process was still running then.
    """

    def __init__(
        self,
        spool: Spool,
        process: int,
        builder: Builder,
        goes_on: bool = False,
        seen_until: int = 0,
        alive: bool = False,
    ) -> None:
        self.header: Header = spool.header
        self.path = str(spool.path)
        self.process = process
        self.builder = builder
        self.goes_on = goes_on
        self.alive = alive
        self.details = Details()
        self.late: set[int] = set()  # slots of beginnings that a flight recorder no longer had
        self.became = False  # its last word was that it becomes another program
        self.missing_names = 0
        self.undrawn_tasks = 0  # because there were too many
        self.parts_left_out = False  # there were too many parts of spans
        self.dropped: Counter[str] = Counter()
        self._names = spool.names
        self._inline: dict[str, int] = {}  # numbers by name, once a name stands beside its record
        self._more: list[str] = []  # such names, by their numbers
        self._aliases = _aliases(spool.names)
        self.logs = []
        while spool.threads:  # a recording is large: what has been read is not kept beside what is made of it
            self.logs.append(self._log(spool.threads.pop(0)))
        self._inline = {}  # made anew where it is needed again, which is seldom
        self.details.seal()
        self.logs = [log for log in self.logs if len(log.time)]
        for index, log in enumerate(self.logs):
            log.index = index
        self.first = min((int(log.time[0]) for log in self.logs), default=self.header.start_monotonic)
        self.last = max((int(log.time[-1]) for log in self.logs), default=self.header.start_monotonic)
        self.last = max(self.last, self.header.end_monotonic, seen_until)

    def name(self, number: int) -> str:
        """The text of a name; where it is missing, a stand-in, and it is counted."""
        if _FIRST_INLINE <= number < _FIRST_INLINE + len(self._more):
            return self._more[number - _FIRST_INLINE]
        text = self._names.get(number)
        if text is None:
            self.missing_names += 1
            return "(name missing)"
        return text

    def number(self, text: str) -> int:
        """The number of a name; gives it one where it has none."""
        return self._numbers([text])[0]

    def same_names(self, numbers: Int32) -> NDArray[Any]:
        """A column of names by the first number of each text: a writer that forgets a text numbers it anew."""
        others, firsts = self._aliases
        if not len(others):
            return numbers
        at = np.minimum(np.searchsorted(others, numbers), len(others) - 1)
        return np.where(others[at] == numbers, firsts[at], numbers)

    def detail(self, slot: int, kind: int) -> Detail | None:
        """The first detail of a kind that the record at `slot` has."""
        return self.details.first(slot, kind)

    def mark_late(self, slot: int) -> None:
        """Says that nobody saw when what the record at `slot` begins really began."""
        self.late.add(slot)

    def begun_before(self, slot: int) -> int:
        """The flag of a slice that begins with the record at `slot`."""
        return int(Flag.BEGUN_BEFORE) if self.is_late(slot) else 0

    def is_late(self, slot: int) -> bool:
        """Whether nobody saw when what the record at `slot` begins really began."""
        return slot in self.late or self.detail(slot, events.LATE) is not None

    def which_late(self, slots: Int64) -> NDArray[np.bool_]:
        """The same of many records: whether nobody saw when what they begin really began."""
        late: NDArray[np.bool_] = self.details.payloads(slots, events.LATE)[1]
        return late | among(slots, np.array(sorted(self.late), np.int64)) if self.late else late

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
        function, file, line = self.code(slot)
        return {"function": function, "file": file, "line": line} if function else None

    def args(self, slot: int) -> Args:
        """The arguments that the record at `slot` carries."""
        return {
            self.name(detail.a): self.value(detail)
            for detail in self.details.of(slot)
            if detail.kind in events.ARGUMENTS
        }

    def value(self, detail: Detail) -> Scalar:
        """The value of an argument."""
        payload = detail.payload
        if detail.kind == events.ARG_INT:
            return payload - (1 << 64) if payload >> 63 else payload
        if detail.kind == events.ARG_FLOAT:
            return float(struct.unpack("<d", struct.pack("<Q", payload))[0])
        if detail.kind == events.ARG_TEXT:
            return detail.text
        return {events.ARG_TRUE: True, events.ARG_FALSE: False}.get(detail.kind)

    def _log(self, records: ThreadRecords) -> Log:
        head = records.kind < events.FIRST_DETAIL
        own = slice(None) if head.all() else head
        kind, a, b, slot = records.kind[own], records.a[own].view(np.int32), records.b[own], records.slot[own]
        carried = int(head[: records.carried].sum())
        log = Log(records.serial, records.tid, _forward(records.time[own]), kind, a, b, slot, carried)
        self._attach(records, head, log)
        return log

    def _attach(self, records: ThreadRecords, head: NDArray[np.bool_], log: Log) -> None:
        """Keeps the details of records: as such, or in the record's own field where they are its name."""
        details = np.flatnonzero(~head)
        if not len(details):
            return
        owner = np.maximum.accumulate(np.where(head, np.arange(len(records)), -1))[details]
        # A hole between a record and a detail is a record that was cut off: the detail was its own.
        close = (owner >= 0) & (records.slot[details] - records.slot[owner] == details - owner)
        details, owner = details[close], owner[close]
        kind = records.kind[details]
        text = texts.read(records, details)
        named = np.flatnonzero((kind == events.NAME) & (records.a[owner] == 0))
        if len(named):
            log.a[np.cumsum(head)[owner[named]] - 1] = self._numbers([text[at] for at in named.tolist()])
        plain = np.flatnonzero((kind != events.MORE) & (kind != events.NAME))
        details, owner = details[plain], records.slot[owner[plain]]
        places = {place: text[at] for place, at in enumerate(plain.tolist()) if at in text} if text else {}
        self.details.add(owner, kind[plain], records.a[details], records.time[details], places)

    def _numbers(self, names: list[str]) -> list[int]:
        """The numbers of names that stand beside their records; new ones are beyond those of the spool."""
        if not self._inline:
            self._inline = {text: number for number, text in sorted(self._names.items(), reverse=True)}
            self._inline.update((text, _FIRST_INLINE + at) for at, text in enumerate(self._more))
        inline = self._inline
        for text in names:
            if text not in inline:
                inline[text] = _FIRST_INLINE + len(self._more)
                self._more.append(text)
        return [inline[text] for text in names]


def _forward(time: NDArray[np.uint64]) -> Int64:
    """The clock of one thread never runs backwards; where damage makes it, it stands still."""
    if (len(time) and (time[1:] < time[:-1]).any()) or (time[-1:] > _LATEST).any():
        time = np.maximum.accumulate(np.minimum(time, _LATEST))
    return time.view(np.int64)


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
