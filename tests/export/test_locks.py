"""The table of waits for locks, as text and as JSON. Knows no recording; times are ns."""

from __future__ import annotations

import io
import json

from tracekit.export._locks import waits_as_objects, waits_for_locks
from tracekit.export.page import page
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Trace, TrackKind

MS = 1_000_000


def made(*waits: tuple[int, int, str, dict[str, object]]) -> Trace:
    """A worker that waits; begin, end, name and arguments of each wait, in ms. Of no wait a trace without any."""
    builder = Builder("app.py")
    process = builder.process(10, "app.py", started=0, ended=1000 * MS)
    for tid, name in ((10, "MainThread"), (11, "worker")):
        thread = builder.thread(process, tid, name, ended=1000 * MS, main=tid == 10)
        track = builder.track(TrackKind.THREAD, thread)
        builder.slice(track, 0, 1000 * MS, name, Category.THREAD)
    for begin, end, name, args in waits:
        place = {"function": "work", "file": "/app.py", "line": 9}
        builder.slice(track, begin * MS, end * MS, name, Category.WAIT, args={"outcome": "taken", **place, **args})
    return builder.build()


HELD = {"lock": "Lock 3", "held_by": "MainThread", "held_by_tid": 10}
HELD |= {"held_in": "take", "held_file": "/app.py", "held_line": 5}


def printed(trace: Trace) -> list[str]:
    """The lines of the table."""
    stream = io.StringIO()
    waits_for_locks(trace, page(stream), 1)
    return stream.getvalue().splitlines()


def test_text() -> None:
    """A row says for what, how often and how long, whose it was and where; further rows are counted."""
    trace = made((100, 150, "Lock.acquire", HELD), (200, 300, "Lock.acquire", HELD), (400, 500, "Event.wait", {}))
    lines = printed(trace)
    assert "Waits for locks" in lines
    (row,) = [line.split() for line in lines if "Lock.acquire" in line]
    assert " ".join(row) == "Lock 3 (Lock.acquire) 2 150 ms 100 ms 1 15% MainThread take (/app.py:5)"
    assert "  and 1 more row" in lines


def test_nothing() -> None:
    """Without a wait there is no table."""
    assert printed(made()) == []
    assert waits_as_objects(made()) == []


def test_json() -> None:
    """Each row with its keys, in seconds; of a wait for nobody's lock there is no holder."""
    rows = waits_as_objects(made((100, 150, "Lock.acquire", HELD), (400, 500, "Event.wait", {})))
    held, idle = json.loads(json.dumps(rows))
    assert held == {
        "lock": "Lock 3",
        "call": "Lock.acquire",
        "pid": 10,
        "shared": False,
        "contended": True,
        "waits": 1,
        "taken": 1,
        "waited_s": 0.05,
        "longest_s": 0.05,
        "share": 0.05,
        "most_waiting": 1,
        "waiters": [{"name": "worker", "tid": 11, "waited_s": 0.05}],
        "held_by": [{"name": "MainThread", "waited_s": 0.05}],
        "held_at": [{"function": "take", "file": "/app.py", "line": 5, "waited_s": 0.05}],
        "waits_at": [{"function": "work", "file": "/app.py", "line": 9, "waited_s": 0.05}],
    }
    assert (idle["lock"], idle["contended"], idle["held_by"]) == (None, False, [])
