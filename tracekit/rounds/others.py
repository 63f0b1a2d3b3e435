"""Others: how much of the machine's processors other programs used meanwhile. Knows /proc/stat, and not who they are."""

from __future__ import annotations

import os
import time

_BUSY = (0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq, steal; of the fields of the first line
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Others:
    """From when it is made on; what this process and its children use is its own."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._busy = _busy_s()
        self._own = _own_s()

    def cores(self) -> float | None:
        """How many processors the others kept busy on average so far; None where that is not told."""
        busy, lasted = _busy_s(), time.monotonic() - self._begun
        if busy is None or self._busy is None or lasted <= 0:
            return None
        return max(0.0, (busy - self._busy - (_own_s() - self._own)) / lasted)


def _own_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _busy_s() -> float | None:
    try:
        with open("/proc/stat", "rb") as file:
            fields = file.readline().split()[1:]
        return sum(int(fields[at]) for at in _BUSY) / _TICKS_PER_S
    except (OSError, ValueError, IndexError):  # hidden, or another system
        return None
