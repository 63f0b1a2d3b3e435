"""The text twin of a spool: one line a record, for tests and for the hunt for bugs. Knows the table only."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from tracekit import events
from tracekit.spool import layout, texts
from tracekit.spool.layout import parse_code
from tracekit.spool.reader import Header, Spool
from tracekit.spool.records import ThreadRecords

_NAMED = (events.CODE, events.ERROR, events.REASON, events.FRAME, events.HELD_AT)
_TEXTS = (events.ARG_TEXT, events.NAME)
_CLOCKS = {layout.CLOCK_MONOTONIC_NS: "monotonic", layout.CLOCK_TSC: "tsc"}


class _Slot(NamedTuple):
    """A record or a detail as it stands there, and the details that go on with its text."""

    time: int
    kind: int
    a: int
    b: int
    slot: int
    more: list[tuple[int, int]]


def lines(spool: Spool) -> Iterator[str]:
    """A spool as text: its header, then each thread with its records.

    A record is one line: time, slot, the event's name, then `meaning=value` for each field, and its details.
    """
    yield " ".join(_about(spool.header))
    for note in spool.notes:
        yield f"note {note}"
    for thread in spool.threads:
        carried = f" carried={thread.carried}" if thread.carried else ""
        yield f"thread {thread.serial} tid={thread.tid}{carried}"
        yield from _records(spool, thread)


def _about(header: Header) -> Iterator[str]:
    yield f"spool pid={header.pid} ppid={header.ppid} fork={header.fork} ended={header.ended} dropped={header.dropped}"
    if header.clock:
        yield f"clock={_CLOCKS.get(header.clock, header.clock)}"
    for name in ("flight_ns", "let_go", "carry_lost", "dumps", "dump_reason"):
        value = getattr(header, name)
        if value:
            yield f"{name}={value}"


def _records(spool: Spool, thread: ThreadRecords) -> Iterator[str]:
    line = ""
    for at in _slots(thread):
        if at.kind >= events.FIRST_DETAIL:
            line = f"{line or '  (no record)'} {_detail(spool, at)}"
            continue
        if line:
            yield line
        line = f"  {at.time} @{at.slot} {_event(spool, at.kind, at.a, at.b)}"
    if line:
        yield line


def _slots(thread: ThreadRecords) -> Iterator[_Slot]:
    """Records and details, each text in one."""
    columns = (thread.time, thread.kind, thread.a, thread.b, thread.slot)
    last: _Slot | None = None
    for time, kind, a, b, slot in zip(*(column.tolist() for column in columns)):
        goes_on = last is not None and last.kind in _TEXTS and slot == last.slot + 1 + len(last.more)
        if kind == events.MORE and last is not None and goes_on:
            last.more.append((layout.pack_word(kind, a, b), time))
            continue
        if last is not None:
            yield last
        last = _Slot(time, kind, a, b, slot, [])
    if last is not None:
        yield last


def _event(spool: Spool, kind: int, a: int, b: int) -> str:
    event = events.BY_KIND.get(kind)
    if event is None:
        return f"unknown kind {kind} a={a} b={b}"
    words = [event.name]
    if a or (event.a and not event.a.startswith("name")):
        words.append(_field(spool, event.a, a))
    if event.b or b:
        words.append(f"{event.b or 'b'}={b}")
    return " ".join(words)


def _field(spool: Spool, meaning: str, value: int) -> str:
    if meaning == "outcome":
        return f"outcome={events.OUTCOMES.get(value, value)}"
    if meaning.startswith(("name", "text")):
        return f"{meaning}={_name(spool, value)}"
    return f"{meaning or 'a'}={value}"


def _detail(spool: Spool, at: _Slot) -> str:
    label = events.DETAIL_NAMES.get(at.kind, f"detail {at.kind}")
    if at.kind in events.ARGUMENTS or at.kind == events.EXECUTOR:
        label = f"{label} {_name(spool, at.a)}"
    if at.kind in _TEXTS:
        return f"[{label} {texts.decode(at.b, at.time, at.more)!r}]"
    if at.kind in _NAMED:
        text = spool.names.get(at.time)
        if at.kind in (events.CODE, events.FRAME) and text is not None:
            return "[{} {} {}:{}]".format(label, *parse_code(text))
        return f"[{label} {_name(spool, at.time)}]"
    return f"[{label} {_value(at.kind, at.time)}]"


def _value(kind: int, payload: int) -> int | float:
    if kind == events.ARG_FLOAT:
        return float(struct.unpack("<d", struct.pack("<Q", payload))[0])
    return payload - (1 << 64) if kind == events.ARG_INT and payload >> 63 else payload


def _name(spool: Spool, number: int) -> str:
    text = spool.names.get(number)
    return f"name {number}, missing" if text is None else repr(text)
