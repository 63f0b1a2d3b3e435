"""Six tasks that each ask a server and compute, by turns, four times over.

Shape: a task handles an order: it asks a local web server for a page (30 to 60 ms at scale 1), weighs it in pure
Python (about 25 ms), asks for the page which that names next, and so on. Nothing of one task can be done before what
comes before it in the same task. A poll looks on.

What its comparison must show: threads and coroutines hide the waiting of one task behind the computing of others, and
stop at the sum of all computing, which one GIL or one loop does alone; asyncio with a process pool, and processes, go
below it where there are cores. The poll is late by one computing step where that runs on its loop.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracekit.compare.builtin._pages import fetch, fetch_async
from tracekit.compare.builtin._site import serving
from tracekit.workload import Poll, Step, Task, compute, io, poll, task

ORDERS, TURNS = 6, 4
PAGES = 16
WORDS_EACH = 2_000
WEIGHED = 500_000  # characters, over and over again, at scale 1
WAITS_MS = (30.0, 60.0)

Order = tuple[int, int, int, int]  # port, page, characters to weigh, what it weighs by now


def ask(order: Order) -> tuple[Order, str]:
    return order, fetch(order[:2])


async def ask_async(order: Order) -> tuple[Order, str]:
    return order, await fetch_async(order[:2])


def weigh(answered: tuple[Order, str]) -> Order:
    """A checksum of the page, which says as well which one comes next."""
    (port, _, characters, weight), text = answered
    codes = [ord(letter) for letter in text[:5000]]
    for _ in range(max(1, characters // len(codes))):
        for code in codes:
            weight = (weight * 31 + code) % 1_000_003
    return port, weight % PAGES, characters, weight


def result(order: Order) -> int:
    return order[3]


def workload(scale: float) -> Iterator[list[Task | Poll]]:
    shortest, longest = WAITS_MS
    turns: list[Step] = [io(ask, ask_async), compute(weigh)] * TURNS
    with serving(PAGES, WORDS_EACH, (shortest * scale, longest * scale)) as port:
        orders = [(port, number, round(WEIGHED * scale), number) for number in range(ORDERS)]
        tasks = [task(f"order {number}", *turns, compute(result), given=order) for number, order in enumerate(orders)]
        yield [*tasks, poll(0.02 * scale)]
