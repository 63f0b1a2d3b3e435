"""Eight tasks compute in pure Python: the control that only more cores speed up.

Shape: each task counts the primes below a number by trial division, about 150 ms at scale 1. A poll looks on.

What its comparison must show: threads and coroutines take as long as sequential, because one holds the GIL at a time;
processes are faster by as much as there are cores, and no more. The poll is late by all tasks together where
coroutines compute on its loop; beside threads by the switch intervals of those that stand in line for the GIL before it,
and at first by what it takes to start them all.
"""

from __future__ import annotations

from tracekit.workload import Poll, Task, compute, poll, task

TASKS = 8
LIMIT = 100_000  # the time that it takes grows with the power of 1.5


def primes_below(limit: int) -> int:
    return sum(all(number % divisor for divisor in range(2, int(number**0.5) + 1)) for number in range(2, limit))


def workload(scale: float) -> list[Task | Poll]:
    limit = max(3, round(LIMIT * scale ** (2 / 3)))
    tasks = [task(f"counter {number}", compute(primes_below), given=limit + number) for number in range(TASKS)]
    return [*tasks, poll(0.02 * scale)]
