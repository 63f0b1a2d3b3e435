"""Oversubscription: many more processes that compute than there are cores for them.

Shape: four processes for each core, each of which computes until it has had a quarter of a second of a processor's time
(times --scale). They begin together. With --processes another number of them, as 1.

What its trace must show, where the observer runs: each of them is runnable for most of its life, ready to run without a
core, and on a core for the rest; at no time do more of them run than there are cores, and the finding `core-starved`
says how many wanted how few.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from typing import Any

EACH_CORE = 4
COMPUTING_S = 0.25


def compute(barrier: Any, seconds: float) -> None:
    barrier.wait()
    begin = time.process_time()
    while time.process_time() - begin < seconds:
        sum(number * number for number in range(2000))


def main() -> None:
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description="More processes that compute than cores.")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies how long each computes (default 1.0)")
    parser.add_argument(
        "--processes", type=int, default=EACH_CORE * cores, help="how many (default: four for each core)"
    )
    arguments = parser.parse_args()
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(arguments.processes)
    processes = [
        context.Process(target=compute, name=f"computing {number}", args=(barrier, COMPUTING_S * arguments.scale))
        for number in range(arguments.processes)
    ]
    begin = time.perf_counter()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    wall = time.perf_counter() - begin
    print(f"{arguments.processes} processes on {cores} cores: {wall:.2f} s")


if __name__ == "__main__":
    main()
