"""Mappings: which processes record into which sessions, as /proc tells. Knows nothing of what they record."""

from __future__ import annotations

import os

from tracekit.spool.directory import SPOOL, SUFFIX
from tracekit.spool.headers import is_observers, read_header


def session_of(pid: int) -> str | None:
    """The directory of the session that a process records into; None where it records nothing, or may not be looked at."""
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as maps:
            for line in maps:
                if line.split(" ", 2)[1:2] != ["rw-s"]:  # who only looks at a recording maps it as well
                    continue
                path = line.rstrip("\n").partition("/")
                name = (path[1] + path[2]).replace("\\012", "\n")  # the kernel writes no other character in another way
                directory = os.path.dirname(name)
                if name.endswith(SPOOL) and directory.endswith(SUFFIX) and not is_observers(read_header(name)):
                    return directory
    except OSError:
        pass
    return None


def running_sessions() -> dict[str, list[int]]:
    """The sessions that this user's processes record into now, each with the pids of these processes."""
    found: dict[str, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal() and _is_mine(entry):
            directory = session_of(int(entry))
            if directory is not None and os.path.isdir(directory):
                found.setdefault(directory, []).append(int(entry))
    return found


def _is_mine(entry: str) -> bool:
    try:
        return os.stat(f"/proc/{entry}").st_uid == os.geteuid()
    except OSError:
        return False
