"""Beacon: a process that does something else each millisecond, so that whoever sees it knows when. Knows no profiler.

A sampling profiler stamps its looks with a clock of its own, whose zero it does not tell, and only once it has all that it looked
for. But what it saw of a beacon says when it looked: each millisecond that calls a function whose line is the number of the
millisecond, and it writes down when each of them began. It is a process of one thread, as quickly looked at as any.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from array import array
from collections.abc import Callable
from contextlib import suppress
from time import monotonic_ns, sleep
from types import FunctionType

_BEAT_S = 0.001
_AT_ONCE = 1000  # times that are written at once
_PATIENCE_S = 5.0
_CODE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from tracekit.observe.beacon import main
from tracekit.record.permission import allow
allow(os.getppid())
main(sys.argv[2])
"""
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Beacon:
    """A beacon, begun now.

    Args:
        path: the file for its pid, and then for the times at which beats began, and the last one ended: CLOCK_MONOTONIC in ns;
            8 bytes each.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, path: str) -> None:
        # A session of its own: what the terminal sends to the program is not meant for it.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _CODE, _ROOT, path], stdin=subprocess.DEVNULL, start_new_session=True
        )

    def stop(self) -> None:
        """End it, and have all times written."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Stop:
    """Whether the beacon is to end: it was told to, or nobody is there any more who could."""

    def __init__(self) -> None:
        self._told = False
        self._parent = os.getppid()
        signal.signal(signal.SIGTERM, self._tell)

    def _tell(self, _number: int, _frame: object) -> None:
        self._told = True

    def __bool__(self) -> bool:
        return self._told or os.getppid() != self._parent


def main(path: str) -> None:
    """Be a beacon."""
    stop = _Stop()
    code, number, times = beat.__code__, 0, array("q", [os.getpid()])
    with suppress(OSError), open(path, "wb", buffering=0) as file:
        while not stop:
            number += 1
            times.append(monotonic_ns())
            FunctionType(code.replace(co_firstlineno=number), {})(sleep, _BEAT_S)
            if len(times) >= _AT_ONCE:
                file.write(times.tobytes())
                del times[:]
        times.append(monotonic_ns())
        file.write(times.tobytes())


def beat(wait: Callable[[float], None], seconds: float) -> None:
    """Do nothing for a while, two lines below the first one of the function."""
    wait(seconds)
