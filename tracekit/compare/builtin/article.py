"""One task computes, four wait, one polls: what tells threads from coroutines.

Shape: four tasks wait for 0, 1, 2 and 3 units of time, a fifth computes for about 2, and a poll wants to look every
half unit. A unit is a quarter of a second at scale 1. What is computed is a fixed number of rounds, so that it is the
same work under every model, whoever else is running.

What its comparison must show: sequential takes the sum of all, everything else about as long as the longest wait.
Under asyncio the computing task delays the poll, and every wait that ends meanwhile, by its whole length; under
threads nobody is starved. asyncio with a process pool for the computing has both, the order of coroutines and a poll
in time.
"""

from __future__ import annotations

from random import Random

from tracekit.workload import Poll, Task, compute, poll, sleep, task

UNIT_S = 0.25
ROUNDS = 2600  # of 1000 draws each: about two units of computing


def cpu_bound(rounds: int) -> int:
    draw = Random(0).sample
    checksum = 0
    for _ in range(rounds):
        checksum = (checksum * 31 + draw(range(1000), 1000)[0]) % 1_000_003
    return checksum


def workload(scale: float) -> list[Task | Poll]:
    unit = UNIT_S * scale
    waiting = [task(f"{units}s IO Bound", sleep(units * unit)) for units in range(4)]
    computing = task("2s CPU Bound", compute(cpu_bound), given=max(1, round(ROUNDS * scale)))
    return [*waiting, computing, poll(unit / 2, "Poll")]
