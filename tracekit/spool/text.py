"""The text twin of a spool: one line a record, for tests and for the hunt for bugs. Knows the table only."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tracekit import events
from tracekit.spool.layout import parse_code
from tracekit.spool.reader import Spool, ThreadRecords

_NAMED = (events.ARG_TEXT, events.CODE, events.ERROR, events.REASON)


def lines(spool: Spool) -> Iterator[str]:
    """A spool as text: its header, then each thread with its records.

    A record is one line: time, slot, the event's name, then `meaning=value` for each field, and its details.
    """
    header = spool.header
    yield f"spool pid={header.pid} ppid={header.ppid} fork={header.fork} ended={header.ended} dropped={header.dropped}"
    for note in spool.notes:
        yield f"note {note}"
    for thread in spool.threads:
        yield f"thread {thread.serial} tid={thread.tid}"
        yield from _records(spool, thread)


def _records(spool: Spool, thread: ThreadRecords) -> Iterator[str]:
    line = ""
    columns = (thread.time, thread.kind, thread.a, thread.b, thread.slot)
    for time, kind, a, b, slot in zip(*(column.tolist() for column in columns)):
        if kind >= events.FIRST_DETAIL:
            line = f"{line or '  (no record)'} {_detail(spool, kind, a, time)}"
            continue
        if line:
            yield line
        line = f"  {time} @{slot} {_event(spool, kind, a, b)}"
    if line:
        yield line


def _event(spool: Spool, kind: int, a: int, b: int) -> str:
    event = events.BY_KIND.get(kind)
    if event is None:
        return f"unknown kind {kind} a={a} b={b}"
    words = [event.name]
    if event.a or a:
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


def _detail(spool: Spool, kind: int, a: int, payload: int) -> str:
    label = events.DETAIL_NAMES.get(kind, f"detail {kind}")
    if kind in events.ARGUMENTS or kind == events.EXECUTOR:
        label = f"{label} {_name(spool, a)}"
    if kind in _NAMED:
        text = spool.names.get(payload)
        if kind == events.CODE and text is not None:
            return "[{} {} {}:{}]".format(label, *parse_code(text))
        return f"[{label} {_name(spool, payload)}]"
    return f"[{label} {_value(kind, payload)}]"


def _value(kind: int, payload: int) -> int | float:
    if kind == events.ARG_FLOAT:
        return float(struct.unpack("<d", struct.pack("<Q", payload))[0])
    return payload - (1 << 64) if kind == events.ARG_INT and payload >> 63 else payload


def _name(spool: Spool, number: int) -> str:
    text = spool.names.get(number)
    return f"name {number}, missing" if text is None else repr(text)
