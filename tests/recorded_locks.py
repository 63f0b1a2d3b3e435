"""What hooks recorded of locks: who waited for which, and what came after what. Reads records; knows no test."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from spool_records import Record, threads_of

from tracekit import events
from tracekit.errors import TracekitError
from tracekit.spool.layout import parse_code

KINDS = {
    events.LOCK_WAIT: "wait",
    events.LOCK_WAIT_END: "end",
    events.LOCK_RELEASE: "release",
    events.LOCK_ACQUIRED: "acquired",
}


class LockRecord(NamedTuple):
    """One record of a lock.

    Attributes:
        what: one of KINDS.
        thread: the name of the thread that wrote it, and `process` the pid.
        kind: the name of the lock's class; of a wait's end whether it was taken.
        holder: the name of the thread that is said to hold it; "inherited 1" for thread 1 of the parent.
        held: the function that took it.
        by: the user's function that waits.
        within: the library's function that it waits in, without its class.
        shared: what other processes know the lock by.
    """

    what: str
    process: int
    thread: str
    lock: int
    kind: str = ""
    holder: str = ""
    held: str = ""
    by: str = ""
    within: str = ""
    shared: int = 0


def lock_records(directory: Path) -> list[LockRecord]:
    """All of a session, by their times."""
    threads = threads_of(directory)
    names = {(pid, row.b): row.name for pid, rows in threads for row in rows if row.kind == events.THREAD_BEGIN}
    found = []
    for pid, rows in threads:
        name = next((row.name for row in rows if row.kind == events.THREAD_BEGIN), "")
        found += [(row.time, _lock_record(row, pid, name, names)) for row in rows if row.kind in KINDS]
    return [row for _, row in sorted(found, key=lambda each: each[0])]


def open_waits(directory: Path) -> list[LockRecord]:
    """The waits that go on now; none where somebody is just beginning to record."""
    waits: dict[tuple[int, str], list[LockRecord]] = {}
    try:
        rows = lock_records(directory)
    except TracekitError:
        return []
    for row in rows:
        of_thread = waits.setdefault((row.process, row.thread), [])
        if row.what == "wait":
            of_thread.append(row)
        elif row.what == "end":
            of_thread.pop()
    return [row for of_thread in waits.values() for row in of_thread]


def _lock_record(row: Record, pid: int, thread: str, names: dict[tuple[int, int], str]) -> LockRecord:
    awaits = row.details.get(events.AWAITS, 0)
    holder = names.get((pid, row.details.get(events.HOLDER, 0)), "")
    if events.INHERITED in row.details:
        holder = f"inherited {row.details[events.INHERITED]}"
    kind = row.name
    if row.kind == events.LOCK_WAIT_END:
        kind = "taken" if row.a == events.LOCK_TAKEN else "given up"
    return LockRecord(
        KINDS[row.kind],
        pid,
        thread,
        row.b,
        kind,
        holder,
        held=_function(row, row.details.get(events.HELD_AT, 0)),
        by=_function(row, awaits & 0xFFFF_FFFF),
        within=_function(row, awaits >> 32),
        shared=row.details.get(events.SHARED_LOCK, 0),
    )


def _function(row: Record, number: int) -> str:
    return parse_code(row.text(number) or "")[0].rpartition(".")[2]
