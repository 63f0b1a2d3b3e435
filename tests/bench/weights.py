"""Weights: what it takes to start a process, a thread and a task, and what each takes of memory. Knows no tracekit.

    python tests/bench/weights.py [ROUNDS]

prints one JSON object. All are measured in turn in one run of one small program, that the kinds of process start as well.
The time is from right before the call that asks for one until the first line of what it runs. The memory is how much more
the whole family of processes weighs (PSS: what several share counts once) for each one that is there and waits.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

METHODS = ("fork", "spawn", "forkserver")
PROCESSES, THREADS, TASKS = 4, 100, 10_000  # so many at once, to weigh them

Weighed = dict[str, float]  # start_s: the times' median; low_s, high_s: their middle half; pss, rss: bytes of one


def measure(rounds: int) -> dict[str, Weighed]:
    """What each kind takes, measured by a process of its own.

    Args:
        rounds: how often one of each is started.
    """
    command = [sys.executable, str(Path(__file__).resolve()), str(rounds)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Weighed] = json.loads(result.stdout)
    return found


def _main(rounds: int) -> None:
    starts: dict[str, Callable[[], float]] = {"task": _start_task, "thread": _start_thread}
    for method in METHODS:
        starts[f"process, {method}"] = lambda method=method: _start_process(method)  # type: ignore[misc]
    weights: dict[str, Callable[[], tuple[float, float]]] = {"task": _weigh_tasks, "thread": _weigh_threads}
    for method in METHODS:
        weights[f"process, {method}"] = lambda method=method: _weigh_processes(method)  # type: ignore[misc]
    for start in starts.values():
        start()  # the first one loads modules, and starts the fork server
    times: dict[str, list[float]] = {name: [] for name in starts}
    for _ in range(rounds):
        for name, start in starts.items():
            times[name].append(start())
    found = {}
    for name, weigh in weights.items():
        own = sorted(times[name])
        pss, rss = weigh()
        quarter = len(own) // 4
        found[name] = {
            "start_s": median(own), "low_s": own[quarter], "high_s": own[-1 - quarter], "pss": pss, "rss": rss,
        }  # fmt: skip
    print(json.dumps(found))


def _start_task() -> float:
    async def main() -> float:
        begun: list[float] = []

        async def first_line() -> None:
            begun.append(time.monotonic())

        asked = time.monotonic()
        await asyncio.create_task(first_line())
        return begun[0] - asked

    return asyncio.run(main())


def _start_thread() -> float:
    begun: list[float] = []
    thread = threading.Thread(target=lambda: begun.append(time.monotonic()))
    asked = time.monotonic()
    thread.start()
    thread.join()
    return begun[0] - asked


def _start_process(method: str) -> float:
    context = multiprocessing.get_context(method)
    read, write = context.Pipe(duplex=False)
    process = context.Process(target=_tell_time, args=(write,))  # type: ignore[attr-defined]
    asked = time.monotonic()
    process.start()
    begun: float = read.recv()
    process.join()
    return begun - asked


def _tell_time(write: Any) -> None:
    write.send(time.monotonic())


def _weigh_tasks() -> tuple[float, float]:
    async def main() -> tuple[float, float]:
        end = asyncio.Event()
        before = _memory([os.getpid()])
        tasks = [asyncio.create_task(end.wait()) for _ in range(TASKS)]
        await asyncio.sleep(0)
        found = _each(before, _memory([os.getpid()]), TASKS)
        end.set()
        await asyncio.gather(*tasks)
        return found

    return asyncio.run(main())


def _weigh_threads() -> tuple[float, float]:
    there, end = threading.Semaphore(0), threading.Event()

    def wait() -> None:
        there.release()
        end.wait()

    before = _memory([os.getpid()])
    threads = [threading.Thread(target=wait) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for _ in threads:
        there.acquire()
    found = _each(before, _memory([os.getpid()]), THREADS)
    end.set()
    for thread in threads:
        thread.join()
    return found


def _weigh_processes(method: str) -> tuple[float, float]:
    context = multiprocessing.get_context(method)
    there, end = context.Semaphore(0), context.Event()
    before = _memory(_family())
    with _running([context.Process(target=_wait, args=(there, end)) for _ in range(PROCESSES)]) as children:  # type: ignore[attr-defined]
        for _ in children:
            there.acquire()
        pss, _ = _each(before, _memory(_family()), PROCESSES)
        rss = median(_memory([child.pid])[1] for child in children)
        end.set()
    return pss, rss


@contextmanager
def _running(children: list[Any]) -> Iterator[list[Any]]:
    for child in children:
        child.start()
    yield children
    for child in children:
        child.join()


def _wait(there: Any, end: Any) -> None:
    there.release()
    end.wait()


def _family() -> list[int]:
    """This process and all below it: the fork server is one."""
    found = [os.getpid()]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _memory(pids: list[int]) -> tuple[int, int]:
    """PSS and RSS of some processes together, in bytes."""
    sums = {"Pss": 0, "Rss": 0}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in sums:
                sums[name] += int(rest.split()[0]) * 1024
    return sums["Pss"], sums["Rss"]


def _each(before: tuple[int, int], after: tuple[int, int], count: int) -> tuple[float, float]:
    pss, rss = ((late - early) / count for early, late in zip(before, after))
    return pss, rss


if __name__ == "__main__":
    _main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
