"""Costs: measures a machine, as a program of its own, and prints what it found as JSON. Knows nothing of predictions.

Each cost is one of the lowest of several tries, so that it is what it takes when nobody disturbs: what cores are used for is
simulated. How fast cores are together is read off processor time, not off the clock, for the same reason.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import pickle
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from statistics import median_low
from typing import Any

import numpy as np

from tracekit.predict.machine import spread_of

_ROUNDS = 9
_TURNS, _RIVALS = 5, 3
_NUMBERS = 150_000
_WORDS, _DIFFERENT = 60_000, 5_000  # about what caches close to a core hold
_POINTS, _PASSES = 500_000, 10
_MEGABYTES, _PAGE = 16, 4096
_SENT_KB = 4096
_NARROWEST, _WIDEST = 0.02, 0.2


def main() -> None:
    """Measure for as many cores as the first argument says."""
    cores = int(sys.argv[1])
    context = multiprocessing.get_context(_method())
    sending, receiving = _moving(context)  # first: what has freed a large block gets the next ones for less
    living, copying = _lives(context)
    first, job = _pool(context)
    found = {
        "switch_interval_ns": int(sys.getswitchinterval() * 1e9),
        "switch_ns": _switch(),
        "thread_start_ns": _lowest(_thread),
        "fork_ns": _fork(context),
        "copy_ns_per_mb": copying,
        "process_start_ns": living,
        "pool_start_ns": max(0, first - job),
        "job_ns": job,
        "pickle_ns_per_kb": _pickling(),
        "send_ns_per_kb": sending,
        "receive_ns_per_kb": receiving,
        "step_ns": _step(),
        "together": [1.0, *(_together(context, count, busy) for count in range(2, cores + 1))],
        "unlocked": [1.0, *(_together(context, count, stream) for count in range(2, cores + 1))],
        **_same(),
    }
    print(json.dumps(found))


def nothing(_memory: bytearray | None = None) -> None:
    """What a process, thread or job is started for."""


def busy(_number: int = 0) -> int:
    """Compute, and say how much processor time that took (ns)."""
    begun = time.thread_time_ns()
    total = 0
    for number in range(_NUMBERS):
        total += number * number % 7
    return time.thread_time_ns() - begun


def stream(_number: int = 0) -> int:
    """Work on arrays of 4 MB, more than caches close to a core hold, and say how much processor time that took (ns)."""
    array = np.ones(_POINTS)
    begun = time.thread_time_ns()
    for _ in range(_PASSES):
        array = np.sqrt(np.roll(array, 1) + array)
    return time.thread_time_ns() - begun


def _method() -> str:
    return "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"


def _timed(act: Callable[[], object]) -> int:
    begun = time.perf_counter_ns()
    act()
    return time.perf_counter_ns() - begun


def _lowest(act: Callable[[], object], rounds: int = _ROUNDS) -> int:
    return _low(_timed(act) for _ in range(rounds))


def _low(times: Iterable[int]) -> int:
    """About the lowest tenth: the very lowest may be a lucky one."""
    ordered = sorted(times)
    return ordered[len(ordered) // 10 + (len(ordered) > 3)]


def _thread() -> None:
    thread = threading.Thread(target=nothing)
    thread.start()
    thread.join()


def words() -> None:
    """Compute as most programs in Python do: with texts, numbers and a dictionary."""
    counted: dict[str, int] = {}
    for number in range(_WORDS):
        word = f"word {number % _DIFFERENT}"
        counted[word] = counted.get(word, 0) + number


def _switch() -> int:
    """What is lost each time threads that compute hand on the GIL: by how much they take longer than one that does it all."""

    def one_after_another() -> None:
        for _ in range(_RIVALS):
            words()

    def side_by_side() -> None:
        threads = [threading.Thread(target=words) for _ in range(_RIVALS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    kept = sorted(_timed(one_after_another) / _timed(side_by_side) for _ in range(_TURNS))
    return int(max(0.0, 1 - kept[_TURNS // 2]) * sys.getswitchinterval() * 1e9)


def _same() -> dict[str, float]:
    """What the same computing takes, many times over, and how far the times lie from each other."""
    times = [busy() for _ in range(3 * _ROUNDS)]
    spread = min(_WIDEST, max(_NARROWEST, spread_of(times)))
    return {"computing_ns": median_low(times), "spread": round(spread, 4)}


def _fork(context: Any) -> int:
    """What starting a process takes the one that starts it."""
    forks = []
    for _ in range(_ROUNDS):
        process = context.Process(target=nothing)
        forks.append(_timed(process.start))
        process.join()
    return _low(forks)


def _lives(context: Any) -> tuple[int, int]:
    """The processor time of a forked process that does nothing, and what each MB costs that it writes to and did not make."""
    memory = bytearray(_MEGABYTES << 20)
    touch(memory)

    def used(act: Any) -> int:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        process = context.Process(target=act, args=(memory,))
        process.start()
        process.join()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return int(1e9 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))

    idle, writing = (_low(used(act) for _ in range(_ROUNDS // 2)) for act in (nothing, touch))
    return max(1, idle), max(1, (writing - idle) // _MEGABYTES)


def touch(memory: bytearray) -> None:
    """Write to each page."""
    for at in range(0, len(memory), _PAGE):
        memory[at] = 1


def _pool(context: Any) -> tuple[int, int]:
    """What the first job of a worker takes, and each further one."""
    firsts, jobs = [], []
    for _ in range(4):
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            firsts.append(_timed(pool.submit(nothing).result))
            jobs += [_timed(lambda: pool.submit(nothing).result()) for _ in range(30)]
    return _low(firsts), _low(jobs)


def _pickling() -> int:
    """Pickling rows of a table, or unpickling them, which takes about as long."""
    rows = [{"number": number, "text": f"row {number}"} for number in range(2000)]
    kilobytes = len(pickle.dumps(rows)) / 1024
    return int(_lowest(lambda: pickle.loads(pickle.dumps(rows))) / 2 / kilobytes)


def _moving(context: Any) -> tuple[int, int]:
    """What each kB takes the processor of who sends it to another process, and of who gets it, without pickling.

    It goes by a pool, since most of it is what the ends do with their memory, and by what is usual there: a receiver makes
    room for all that is still to come at each of many reads.
    """
    payload = bytes(_SENT_KB << 10)
    packed = pickle.dumps(payload)
    pickling = [
        median_low(_timed(act) for _ in range(_ROUNDS))
        for act in (lambda: pickle.dumps(payload), lambda: pickle.loads(packed))
    ]
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(processor_ns).result()
        rounds = [(_used(pool, b""), _used(pool, payload)) for _ in range(_ROUNDS)]

    def each_kb(end: int) -> int:
        without, with_it = (median_low(used[end] for used in column) for column in zip(*rounds))
        return max(1, int((with_it - without - pickling[end]) / _SENT_KB))

    return each_kb(0), each_kb(1)


def processor_ns(_payload: bytes = b"") -> int:
    """The processor time of this process."""
    return time.process_time_ns()


def _used(pool: ProcessPoolExecutor, payload: bytes) -> tuple[int, int]:
    """The processor time that a job takes here, and in the worker."""
    there = pool.submit(processor_ns).result()
    here = processor_ns()
    there = pool.submit(processor_ns, payload).result() - there
    return processor_ns() - here, there


def _step() -> int:
    count = 500

    async def turns() -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    return int(_lowest(lambda: asyncio.run(turns())) / count)


def _together(context: Any, count: int, act: Callable[[int], int]) -> float:
    """How fast each of so many is, against one alone: by turns, as others use the machine now more and now less."""
    ratios = []
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        list(pool.map(act, range(count)))
        for _ in range(_ROUNDS):
            alone = pool.submit(act, 0).result()
            ratios += [alone / time for time in pool.map(act, range(count))]
    return round(min(1.0, sorted(ratios)[len(ratios) // 2]), 4)


if __name__ == "__main__":
    main()
