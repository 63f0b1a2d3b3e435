"""A starved pool: requests come faster than its two workers can answer them, so each waits longer than the one before.

Shape: a request every 15 ms, 40 in all, for a pool of two threads; each waits 50 ms for an answer from elsewhere. The pool
could wait for many at the same time, had it as many threads. Every duration is multiplied by --scale, and --workers sets
the size of the pool.

What its trace must show: a job for each request on one of two workers, with an arrow from where it was submitted. The workers
are busy without a gap, and jobs are queued for longer and longer, in the end several times as long as they run; the
finding `pool-starved` says so, and how many workers would be enough. With --workers 8 nobody waits.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor

REQUESTS = 40
EVERY_S = 0.015
WAITING_S = 0.05


def fetch(number: int, seconds: float) -> int:
    """Asks somebody else, and waits for the answer."""
    time.sleep(seconds)
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description="Requests come faster than a small pool can answer them.")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies every duration (default 1.0)")
    parser.add_argument("--workers", type=int, default=2, help="the size of the pool (default 2)")
    arguments = parser.parse_args()
    begin = time.perf_counter()
    with ThreadPoolExecutor(arguments.workers, "fetcher") as pool:
        jobs = []
        for number in range(REQUESTS):
            jobs.append(pool.submit(fetch, number, WAITING_S * arguments.scale))
            time.sleep(EVERY_S * arguments.scale)
        answers = sorted(job.result() for job in jobs)
    wall = time.perf_counter() - begin
    print(f"{len(answers)} answers in {wall:.2f} s, by {arguments.workers} workers")


if __name__ == "__main__":
    main()
