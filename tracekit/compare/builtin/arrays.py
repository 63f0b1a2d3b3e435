"""Blurs and sorts pictures with numpy: large operations that release the GIL.

Shape: eight tasks each make a picture of a million points (at scale 1) from a seed, blur it by sums of shifted
copies, squeeze its range (exp, sqrt) and sort it to see how its brightness is spread, about 200 ms altogether. A poll
looks on. No linear algebra: that would bring threads of its own.

What its comparison must show: threads divide the work between the cores as well as processes do, because numpy lets
go of the GIL in each operation on a large array; coroutines gain nothing, and starve the poll by a whole picture.
Memory bounds it too: every model that works on two pictures at once holds two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracekit.workload import Poll, Task, compute, poll, task

PICTURES = 8
SIDE = 1000
BLURS = 20

Picture = NDArray[np.float64]


def blurred(picture: Picture) -> Picture:
    """Each point becomes the mean of itself and its four neighbours."""
    total: Picture = picture.copy()
    for axis in (0, 1):
        for shift in (-1, 1):
            total += np.roll(picture, shift, axis)
    total /= 5
    return total


def spread(of: tuple[int, int]) -> list[float]:
    """The brightness below which each tenth of a picture's points lies."""
    seed, side = of
    picture = np.random.default_rng(seed).random((side, side))
    for _ in range(BLURS):
        picture = blurred(picture)
    squeezed = np.sqrt(1 - np.exp(-picture))
    in_order = np.sort(squeezed, axis=None)
    return [round(float(in_order[tenth * (in_order.size - 1) // 10]), 9) for tenth in range(11)]


def workload(scale: float) -> list[Task | Poll]:
    side = max(4, round(SIDE * scale**0.5))
    tasks = [task(f"picture {number}", compute(spread), given=(number, side)) for number in range(PICTURES)]
    return [*tasks, poll(0.02 * scale)]
