"""Awaiting kinds: whether what a task awaited was a timer, the outside, a lock, a job or another task. Knows names, and no table.

What is awaited says it by its name; where that may be anything, who ended the wait does: a library's future whose result a
callback for a socket has set was I/O. What neither tells is not told.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracekit.analyze.awaited import said
from tracekit.analyze.phases import Phases
from tracekit.analyze.spent import JOB, SHARES, TASK
from tracekit.analyze.where import UNSEEN
from tracekit.model.trace import Category, Int64, Trace

_BY_NAME = {
    "timer": ("sleep", "sleep_forever"),
    "io": ("socket", "stream read", "stream drain", "stream close", "pipe", "server", "subprocess"),
    "lock": ("lock", "semaphore"),
    TASK: (
        *("gather", "wait", "as_completed", "shield", "task group", "queue.get", "queue.put", "queue.join"),
        *("event", "condition", "barrier", "Event.wait", "Condition.wait", "NurseryManager.__aexit__"),
    ),
    JOB: ("executor job", "shutdown_default_executor", "to_thread_run_sync"),
}
# Who ended it.
_BY_WAKE = {
    "timer": ("timer",),
    "io": ("I/O", "subprocess"),
    "lock": ("lock release", "semaphore release"),
    TASK: (
        *("task done", "queue put", "queue get", "queue join", "event set", "condition notify", "barrier"),
        "itself",
    ),
    JOB: ("executor job", "another thread"),
}
# The last part of the name of a library's function.
_BY_METHOD = {
    "io": (
        *("accept", "connect", "recv", "recv_into", "recvfrom", "sendall", "readinto", "readline", "select", "poll"),
        *("getaddrinfo", "_run_process", "wait_readable", "wait_writable", "receive_some", "send_all"),
    ),
    "lock": ("acquire",),
    TASK: ("join",),
    JOB: ("apply",),
}
_A_TASK = "task "  # what is awaited is a task, and this is its name
_FUTURE = "future"  # what is awaited may be anything
_SET_RESULT = "set_result"
_NOT_TOLD = SHARES.index(UNSEEN)


def _numbers(names_of: dict[str, tuple[str, ...]]) -> dict[str, int]:
    return {name: SHARES.index(kind) for kind, names in names_of.items() for name in names}


_OF_NAME, _OF_WAKE, _OF_METHOD = _numbers(_BY_NAME), _numbers(_BY_WAKE), _numbers(_BY_METHOD)


def awaiting_kinds(trace: Trace, phases: Phases) -> Int64:
    """For each phase which of SHARES was awaited, as an index; "unseen" where that is not told or nothing was.

    Args:
        phases: all of them of their tasks.
    """
    kinds = np.full(len(phases), _NOT_TOLD, np.int64)
    awaits = np.flatnonzero(phases.category == Category.AWAITING)
    if not len(awaits):
        return kinds
    args, name = trace.slices.args[phases.row], trace.slices.name[phases.row[awaits]]
    after = np.minimum(awaits + 1, len(phases) - 1)
    goes_on = (phases.task[after] == phases.task[awaits]) & (after > awaits)
    # Of arguments the last one stands for none.
    wake = np.where(goes_on & (phases.category[after] == Category.READY), args[after], -1)
    runs_at_once = goes_on & (phases.category[after] == Category.RUNNING)
    names, wakes = (
        [said(text) for text in trace.strings],
        [_Wake.of(row.get("kind"), row.get("cause")) for row in trace.args],
    )
    told = (
        np.array([_of_name(text) for text in names])[name],
        np.array([*(row.kind for row in wakes), _NOT_TOLD])[wake],
        np.array([_OF_METHOD.get(text.rpartition(".")[2], _NOT_TOLD) for text in names])[name],
        np.array([*(row.otherwise for row in wakes), _NOT_TOLD])[wake],
        # A greenlet that is switched to: the hub woke it for what another greenlet did, for else a function would be named.
        np.where(runs_at_once & np.array([text == _FUTURE for text in names])[name], SHARES.index(TASK), _NOT_TOLD),
    )
    found = kinds[awaits]
    for column in told:
        found = np.where(found == _NOT_TOLD, column, found)
    kinds[awaits] = found
    return kinds


def _of_name(name: str) -> int:
    return SHARES.index(TASK) if name.startswith(_A_TASK) else _OF_NAME.get(name, _NOT_TOLD)


class _Wake(NamedTuple):
    """What a wake-up tells of what was awaited: surely, and where nothing else tells."""

    kind: int
    otherwise: int

    @classmethod
    def of(cls, kind: object, cause: object) -> _Wake:
        """Of the arguments of a slice."""
        if kind == _SET_RESULT:
            return cls(_NOT_TOLD, SHARES.index(TASK))
        if isinstance(kind, str):
            return cls(_OF_WAKE.get(kind, _NOT_TOLD), _NOT_TOLD)
        # Nobody but trio's run itself, which looks at what is open to the outside.
        is_run = isinstance(cause, str) and cause.startswith("thread ")
        return cls(_NOT_TOLD, SHARES.index("io") if is_run else _NOT_TOLD)
