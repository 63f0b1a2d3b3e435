"""A lock convoy: four threads that could work side by side stand in line for one lock, again and again.

Shape: each thread handles ten requests. Most of a request is a write to a log that takes 20 ms and holds the log's lock
meanwhile; what the thread does by itself is short. Each round begins for all at the same time. Every duration is
multiplied by --scale.

What its trace must show, recorded with --locks: on each thread a wait for the lock in nearly every round, with arrows
from whoever releases it to whoever gets it; at no time two threads in `write`. The finding `lock-contention` says how
long the four stood in line, for a good part of their lives, that it is a convoy, and that the lock was held in `write`.
"""

from __future__ import annotations

import argparse
import time
from contextlib import nullcontext
from threading import Barrier, Lock, Thread
from typing import Any

try:
    from tracekit import span
except ImportError:

    def span(_name: str, **_arguments: object) -> Any:  # type: ignore[misc]
        """Plain Python: the same program, only that its writes leave no mark."""
        return nullcontext()


THREADS = 4
ROUNDS = 10
WRITING_S = 0.02


class Log:
    """A log on a slow disk, that one thread at a time may write to."""

    def __init__(self, scale: float) -> None:
        self._lock = Lock()
        self._seconds = WRITING_S * scale
        self.lines = 0

    def write(self) -> None:
        with self._lock:
            with span("write"):
                time.sleep(self._seconds)
            self.lines += 1


def handle(log: Log, barrier: Barrier) -> None:
    for _ in range(ROUNDS):
        barrier.wait()
        log.write()


def main() -> None:
    parser = argparse.ArgumentParser(description="Four threads stand in line for one lock.")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies every duration (default 1.0)")
    log = Log(parser.parse_args().scale)
    barrier = Barrier(THREADS)
    threads = [Thread(target=handle, name=f"handler {number}", args=(log, barrier)) for number in range(THREADS)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - begin
    print(f"{log.lines} lines in {wall:.2f} s, by {THREADS} threads one at a time")


if __name__ == "__main__":
    main()
