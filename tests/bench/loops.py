"""Loops: threads that spin on spans, and event loops, with a session and without one. Knows no other probe."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from floor import Floor
from recorded import recorded
from rounds import Case

import tracekit as tk

THREADS = 8
_TASKS = 50
_TURNS = 5000  # the same with and without a session: the tasks' own beginning and end count the same, then
_SPANS = {"c": 1_600_000, "py": 80_000}  # so that each thread has to give way to the others

# Keys of the cases: "name: variant".
SPINNING = f"{THREADS} threads, with a span made once"
STORM = "asyncio storm, sleep(0)"
QUEUES = "ping-pong over queues"
FUTURES = "ping-pong over futures"
CREATION = "a task made and awaited"
CALLBACKS = "callbacks, call_soon"
LOOPS = (STORM, QUEUES, FUTURES, CREATION, CALLBACKS)
FLOOR, OFF, ON, DEBUG, VIZTRACER = "floor", "no session", "session", "asyncio's debug mode", "viztracer --log_async"


def cases(floor: Floor, core: str) -> list[Case]:
    """ns for a span, a step, a hop.

    Args:
        floor: what the spans are set beside.
        core: which one records, "c" or "py".
    """
    span = tk.span("hot")
    spans = _SPANS[core]
    found = [
        Case(f"{SPINNING}: {FLOOR}", lambda turns: _spin(floor.manager, turns), turns=spans),
        Case(f"{SPINNING}: {OFF}", lambda turns: _spin(span, turns), turns=spans),
        Case(f"{SPINNING}: {ON}", lambda turns: _spin(span, turns), recorded, turns=spans),
    ]
    for name, run in _RUNS.items():
        cost, debugged = _timed(run), _timed(run, debug=True)
        found.append(Case(f"{name}: {OFF}", cost, turns=_TURNS))
        found.append(Case(f"{name}: {ON}", cost, recorded, turns=_TURNS))
        found.append(Case(f"{name}: {DEBUG}", debugged, turns=_TURNS // 5))
        found += [Case(f"{name}: {VIZTRACER}", cost, started, turns=_TURNS) for started in _viztracer()]
    return found


def _spin(manager: Any, turns: int) -> float:
    """Wall time for one span, all threads together."""
    each = max(turns // THREADS, 1)
    begin = threading.Barrier(THREADS + 1)

    def work() -> None:
        begin.wait()
        for _ in range(each):
            with manager:
                pass

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    begin.wait()
    start = time.perf_counter_ns()
    for thread in threads:
        thread.join()
    return (time.perf_counter_ns() - start) / (each * THREADS)


def _timed(run: Callable[[int], Awaitable[int]], debug: bool = False) -> Callable[[int], float]:
    """ns for one step; the loop's own beginning and end are not counted."""

    async def main(turns: int) -> float:
        start = time.perf_counter_ns()
        steps = await run(turns)
        return (time.perf_counter_ns() - start) / steps

    return lambda turns: asyncio.run(main(turns), debug=debug)


async def _storm(turns: int) -> int:
    each = max(turns // _TASKS, 1)

    async def spin() -> None:
        for _ in range(each):
            await asyncio.sleep(0)

    await asyncio.gather(*(spin() for _ in range(_TASKS)))
    return each * _TASKS


async def _queues(turns: int) -> int:
    there: asyncio.Queue[int] = asyncio.Queue()
    back: asyncio.Queue[int] = asyncio.Queue()
    each = max(turns // 2, 1)

    async def answer() -> None:
        for _ in range(each):
            back.put_nowait(await there.get())

    async def ask() -> None:
        for number in range(each):
            there.put_nowait(number)
            await back.get()

    await asyncio.gather(ask(), answer())
    return each * 2


async def _futures(turns: int) -> int:
    loop = asyncio.get_running_loop()
    waited = [loop.create_future(), loop.create_future()]
    each = max(turns // 2, 1)

    async def side(mine: int) -> None:
        for _ in range(each):
            await waited[mine]
            waited[mine] = loop.create_future()
            waited[1 - mine].set_result(None)

    waited[0].set_result(None)
    await asyncio.gather(side(0), side(1))
    return each * 2


async def _creation(turns: int) -> int:
    async def nothing() -> None:
        pass

    for _ in range(turns):
        await asyncio.create_task(nothing())
    return turns


async def _callbacks(turns: int) -> int:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    numbers = iter(range(turns - 1))

    def call() -> None:
        if next(numbers, None) is None:
            done.set_result(None)
        else:
            loop.call_soon(call)

    loop.call_soon(call)
    await done
    return turns


_RUNS: dict[str, Callable[[int], Awaitable[int]]] = {
    STORM: _storm,
    QUEUES: _queues,
    FUTURES: _futures,
    CREATION: _creation,
    CALLBACKS: _callbacks,
}


def _viztracer() -> Iterator[Callable[[], contextlib.AbstractContextManager[None]]]:
    try:
        import viztracer
    except ImportError:
        return
    tracer = viztracer.VizTracer(log_async=True, tracer_entries=1_000_000, verbose=0, register_global=False)

    @contextlib.contextmanager
    def started() -> Iterator[None]:
        tracer.start()
        try:
            yield
        finally:
            tracer.stop()
            tracer.clear()

    yield started
