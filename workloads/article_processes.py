"""The article's tasks on processes, which it leaves out: one that computes, four that wait, a parent that polls.

Shape: four processes sleep for 0, 1, 2 and 3 s, a fifth computes for 2 s, and the parent looks every 0.5 s whether
any of them is still alive. Every duration is multiplied by --scale.

What its trace must show: six processes, each with its own pid, five of them children of the first. The computing one
overlaps in time with those that wait, and shares neither interpreter nor GIL with them: the parent's "Poll" instants
go on during the computing.
"""

from __future__ import annotations

import argparse
import sys
import time
from multiprocessing import Process

try:
    from tracekit import instant
except ImportError:

    def instant(name: str) -> None:
        """Plain Python: the same program, only that its polls leave no mark."""


def say(message: str) -> None:
    """One write a line, so that no other's text lands inside it."""
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


def io_bound(seconds: float, label: str) -> None:
    say(f"{label} started")
    time.sleep(seconds)
    say(f"{label} finished")


def cpu_bound(seconds: float, label: str) -> None:
    say(f"{label} started")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        sum(number * number for number in range(2000))
    say(f"{label} finished")


def poll(every: float, processes: list[Process]) -> None:
    """Looks whether a process is still alive, until none is."""
    while True:
        instant("Poll")
        say("Poll")
        if not any(process.is_alive() for process in processes):
            return
        time.sleep(every)


def main() -> None:
    parser = argparse.ArgumentParser(description="The article's tasks on processes.")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies every duration (default 1.0)")
    scale = parser.parse_args().scale
    work = [(io_bound, seconds, f"{seconds}s IO Bound") for seconds in range(4)]
    work.append((cpu_bound, 2, "2s CPU Bound"))
    processes = [
        Process(target=function, name=label, args=(seconds * scale, label)) for function, seconds, label in work
    ]
    say("Start child processes")
    for process in processes:
        process.start()
    poll(0.5 * scale, processes)
    say("Main process completed")


if __name__ == "__main__":
    main()
