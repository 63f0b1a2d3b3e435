"""The article's tasks on threads: one that computes, four that wait, and a main thread that polls.

Shape: four threads sleep for 0, 1, 2 and 3 s, a fifth computes for 2 s, and the main thread looks every 0.5 s whether
any of them is still alive. Every duration is multiplied by --scale.

What its trace must show: six threads, each with one slice for its life, five of them started by the main thread. The
lives overlap: threads that wait end while the computing one still runs, because it can be interrupted anywhere. And
no poll is starved: the main thread's "Poll" instants go on during the computing.
"""

from __future__ import annotations

import argparse
import sys
import time
from threading import Thread

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


def poll(every: float, threads: list[Thread]) -> None:
    """Looks whether a thread is still alive, until none is."""
    while True:
        instant("Poll")
        say("Poll")
        if not any(thread.is_alive() for thread in threads):
            return
        time.sleep(every)


def main() -> None:
    parser = argparse.ArgumentParser(description="The article's tasks on threads.")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies every duration (default 1.0)")
    scale = parser.parse_args().scale
    work = [(io_bound, seconds, f"{seconds}s IO Bound") for seconds in range(4)]
    work.append((cpu_bound, 2, "2s CPU Bound"))
    threads = [Thread(target=function, name=label, args=(seconds * scale, label)) for function, seconds, label in work]
    say("Start child threads")
    for thread in threads:
        thread.start()
    poll(0.5 * scale, threads)
    say("Main thread completed")


if __name__ == "__main__":
    main()
