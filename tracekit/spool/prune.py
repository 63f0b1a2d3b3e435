"""Prune: removes, of a flight recorder's session, the spools of processes that ended before its last part. Knows headers only.

Processes come and go for days; the session must not grow with them.
"""

from __future__ import annotations

import os

from tracekit.clock import monotonic_ns
from tracekit.spool import layout
from tracekit.spool.headers import is_alive, is_programs, read_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracekit.spool.limits import Limits

_WORD = 8


def prune(directory: str, limits: Limits, most: int = 0) -> None:
    """Remove the spools that nobody needs any more; what cannot be removed stays.

    Args:
        directory: of the session.
        limits: a flight recorder's. Of a window in time, what ended before it goes; of one in bytes, all but the latest so many.
            The very latest stays in any case.
        most: look at so many only, others each time; 0: at all.
    """
    try:
        names = sorted(name for name in os.listdir(directory) if name.endswith(".spool"))
    except OSError:
        return
    if 0 < most < len(names):
        first = os.getpid() % len(names)
        names = (names + names)[first : first + most]
    now = monotonic_ns()
    ended = [spool for spool in (_ended(os.path.join(directory, name), now) for name in names) if spool is not None]
    room = limits.flight_bytes
    latest, *earlier = sorted(ended, reverse=True) or [(0, 0, "")]
    room -= latest[1]
    for end, size, path in earlier:
        room -= size
        if end < now - limits.flight_ns if limits.flight_ns else room < 0:
            try:
                os.unlink(path)
            except OSError:
                pass


def _ended(path: str, now: int) -> tuple[int, int, str] | None:
    """When the process of a spool ended, and how large its spool is; None where it goes on, is not known, or observes."""
    header = read_header(path)
    if not is_programs(header) or is_alive(header):
        return None
    end = header[layout.H_END_MONOTONIC] if header[layout.H_ENDED] else header[layout.H_FOUND_DEAD]
    try:
        if not end:
            # Killed, nobody knows when: it was there until now.
            end = now
            _write_word(path, layout.H_FOUND_DEAD, now)
        return end, os.path.getsize(path), path
    except OSError:
        return None


def _write_word(path: str, word: int, value: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(fd, value.to_bytes(_WORD, "little"), word * _WORD)
    finally:
        os.close(fd)
