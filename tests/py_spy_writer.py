"""PySpy: writes what py-spy writes of stacks that it is given, for tests. Knows its format, and no reader of it."""

from __future__ import annotations

import json
from typing import Any

LEADER, BEACON, PROGRAM = 5, 6, 7
PROCESS = ('process 7:"python app.py"', "", 0)
THREAD = ("thread (7): MainThread", "", 0)
MAIN, INNER, OTHER = ("<module>", "/app/a.py", 3), ("inner", "/app/a.py", 9), ("other", "/app/b.py", 2)

Frame = tuple[str, str, int]


def event(phase: str, frame: Frame, ts: int, pid: int = 7, tid: int = 1) -> dict[str, Any]:
    """An event, with its keys in py-spy's order."""
    args = {"filename": frame[1], "line": frame[2]}
    return {"args": args, "cat": "py-spy", "name": frame[0], "ph": phase, "pid": pid, "tid": tid, "ts": ts}


class PySpy:
    """Writes what py-spy writes of the stacks that it is given, outermost frame first."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._last: dict[int, list[Frame]] = {}

    def look(self, ts: int, *stack: Frame, pid: int = 7, tid: int = 1) -> None:
        """One look at one thread; the last stack is kept by pthread_t alone."""
        before = self._last.get(tid, [])
        same = next(
            (at for at, (old, new) in enumerate(zip(before, stack)) if old != new), min(len(before), len(stack))
        )
        self.events += [event("E", frame, ts, pid, tid) for frame in reversed(before[same:])]
        self.events += [event("B", frame, ts, pid, tid) for frame in stack[same:]]
        self._last[tid] = list(stack)

    def text(self) -> bytes:
        return json.dumps(self.events, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"

    def look_at_beacon(self, ts: int, line: int) -> None:
        """One look at the beacon, which is in a line of its beat."""
        thread = (f"thread ({BEACON}): MainThread", "", 0)
        own = ('process 6:"beacon"', "", 0)
        frames = ("main", "/x/beacon.py", 5), ("beat", "/x/beacon.py", line)
        self.look(ts, own, thread, *frames, pid=BEACON, tid=99)
