"""Fans out and in again, in three stages: tasks that wait for each other.

Shape: eight parts are received (a wait of 60 to 130 ms at scale 1) and counted (about 60 ms of Python); each two
neighbours are merged (about 15 ms) and stored (a wait of 60 ms); and when all are, a report is made (about 60 ms) and
sent (a wait of 50 ms). A poll looks on.

What its comparison must show: no model is faster than the longest chain through the three stages, however many cores
and threads it has. A merge begins when its two parts are there and not before; with a pool that holds a worker until
a whole task is done, parts queue. How far each model stays from the chain says what its waiting and its GIL cost.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from tracekit.workload import Poll, Task, compute, poll, sleep, task

PARTS = 8
ROUNDS = 200  # of 1000 draws each
KINDS = 20_000  # of numbers that can be drawn

Counts = dict[int, int]


def count(part: tuple[int, int]) -> Counts:
    """How often each number comes up in the draws of a part."""
    number, rounds = part
    chosen = Random(number)
    counts: Counter[int] = Counter()
    for _ in range(rounds):
        counts.update(int(chosen.random() * KINDS) for _ in range(1000))
    return dict(counts)


def merge(counted: list[Counts]) -> Counts:
    merged: Counts = {}
    for counts in counted:
        for number, times in counts.items():
            merged[number] = merged.get(number, 0) + times
    return merged


def report(merged: list[Counts]) -> list[tuple[int, int]]:
    """The ten numbers that came up most often."""
    return sorted(merge(merged).items(), key=lambda item: (-item[1], item[0]))[:10]


def workload(scale: float) -> list[Task | Poll]:
    rounds = max(1, round(ROUNDS * scale))
    parts = [
        task(f"part {number}", sleep((0.06 + 0.01 * number) * scale), compute(count), given=(number, rounds))
        for number in range(PARTS)
    ]
    pairs = [parts[first : first + 2] for first in range(0, PARTS, 2)]
    merges = [
        task(f"merge {number}", compute(merge), sleep(0.06 * scale), after=pair) for number, pair in enumerate(pairs)
    ]
    return [*parts, *merges, task("report", compute(report), sleep(0.05 * scale), after=merges), poll(0.02 * scale)]
