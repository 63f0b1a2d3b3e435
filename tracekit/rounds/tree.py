"""Tree: a process and all that it has started, what they weigh, and their end. Knows /proc, and nothing of what they do."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from tracekit.observe.weights import weigh

_MOST = 1000  # processes


def members(root: int) -> list[int]:
    """The pids of a process and its descendants, parents first; where /proc does not tell, only its own."""
    found = [root]
    for pid in found:  # grows meanwhile
        if len(found) < _MOST:
            found += [child for child in _children(pid) if child not in found]
    return found


def weight_of(root: int) -> int | None:
    """Bytes that a process and its descendants take, what they share counted once; None where that is not told."""
    total = 0
    for pid in members(root):
        try:
            pss = weigh(pid).pss
        except (OSError, ValueError, KeyError):  # it has ended just now
            continue
        if pss is None:
            return None
        total += pss
    return total or None


def end(root: int) -> None:
    """Kill a process that leads a group, all of that group, and what has left it. The process must not have been waited for."""
    others = members(root)[1:]
    with suppress(OSError):
        os.killpg(root, signal.SIGKILL)
    for pid in others:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:  # it has ended, or this kernel does not tell
        pass
    return found
