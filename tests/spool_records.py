"""Reading what a session's spool says, record by record. Knows the spool, and no trace and no test."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

from tracekit import events
from tracekit.load.clock import convert
from tracekit.spool.reader import read_spool
from tracekit.spool.records import ThreadRecords
from tracekit.spool.texts import decode


class Record:
    """One record of a spool, with its details by their kinds.

    Args:
        names: the names of its spool.
    """

    def __init__(self, names: dict[int, str], kind: int, a: int, b: int, time: int) -> None:
        self._names = names
        self.kind = kind
        self.a = a
        self.b = b
        self.time = time
        self.details: dict[int, int] = {}
        self.name = names.get(a, "")

    def __repr__(self) -> str:
        details = {events.DETAIL_NAMES[kind]: payload for kind, payload in self.details.items()}
        return f"<{events.BY_KIND[self.kind].name} {self.name!r} {self.b} {details}>"

    def text(self, number: int) -> str | None:
        """The text of an id; None for 0."""
        return self._names[number] if number else None


def records_of(directory: Path) -> list[Record]:
    """The records of the first thread of the one process of a session; times in ns of CLOCK_MONOTONIC."""
    (_, thread), *_ = threads_of(directory)
    return thread


def threads_of(directory: Path) -> list[tuple[int, list[Record]]]:
    """The pid and the records of every thread of a session; times in ns of CLOCK_MONOTONIC."""
    spools = [read_spool(path) for path in sorted(directory.glob("*.spool"))]
    convert(spools)
    return [(spool.header.pid, _records(spool.names, thread)) for spool in spools for thread in spool.threads]


def _records(names: dict[int, str], thread: ThreadRecords) -> list[Record]:
    found: list[Record] = []
    rows = list(zip(*(column.tolist() for column in (thread.kind, thread.a, thread.b, thread.time))))
    for at, (kind, a, b, time) in enumerate(rows):
        if kind < events.FIRST_DETAIL:
            found.append(Record(names, kind, a, b, time))
        elif kind == events.NAME:
            found[-1].name = decode(b, time, _more(rows[at + 1 :]))
        elif kind != events.MORE:
            found[-1].details[kind] = time
    return found


def _more(rows: list[tuple[int, int, int, int]]) -> list[tuple[int, int]]:
    """What follows the first detail of a text."""
    rest = takewhile(lambda row: row[0] == events.MORE, rows)
    return [(kind | a << 8 | b << 32, time) for kind, a, b, time in rest]
