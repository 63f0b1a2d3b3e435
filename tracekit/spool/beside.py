"""Beside: the files of a session by which a sampling profiler, its leader and the program find each other. Knows names only.

Each `tracekit run` has its own, by its pid: several of them may share a session.
"""

from __future__ import annotations

import os
import re

PREFIX = "py-spy-"
HELD = "held"  # the pids of those Pythons of the program that wait, a line each
GO = "go"  # made by the leader: nobody waits any more; how often a second the profiler was to look
BEATS = "beats"  # of the beacon (observe/beacon.py)
SAMPLES = "json"  # what the profiler wrote, in the end
SAID = "said"  # one line: why there are no samples, or what is wrong with them

_NAME = re.compile(rf"{PREFIX}(\d+)\.{HELD}")


def path_of(directory: str, leader: int, what: str) -> str:
    """The path of one of those files.

    Args:
        leader: pid of the `tracekit run`.
        what: one of the words above.
    """
    return os.path.join(directory, f"{PREFIX}{leader}.{what}")


def leaders(directory: str) -> list[int]:
    """Whose programs have waited for a profiler.

    Raises:
        OSError: the directory cannot be read.
    """
    found = (_NAME.fullmatch(entry) for entry in sorted(os.listdir(directory)))
    return [int(match[1]) for match in found if match is not None]
