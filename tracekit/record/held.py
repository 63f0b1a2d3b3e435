"""Held: a program waits, before its first line, until a sampling profiler looks at it. Knows files of the session only."""

from __future__ import annotations

import os
from time import monotonic_ns, sleep

from tracekit.spool import beside

_PAUSE_S = 0.001
_LONGEST_NS = 60_000_000_000  # whatever has become of the leader


def hold(directory: str, leader: int) -> None:
    """Wait until nobody needs to wait any more; whatever starts after that does not wait.

    Args:
        directory: of the session.
        leader: pid of the `tracekit run` whose program this is.
    """
    go = beside.path_of(directory, leader, beside.GO)
    if os.path.exists(go):
        return
    with open(beside.path_of(directory, leader, beside.HELD), "a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
    limit = monotonic_ns() + _LONGEST_NS
    while not os.path.exists(go) and os.path.exists(f"/proc/{leader}") and monotonic_ns() < limit:
        sleep(_PAUSE_S)
