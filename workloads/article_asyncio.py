"""The article's tasks on one event loop: one that computes and never awaits, four that wait, and one that polls.

Shape: four tasks sleep for 0, 1, 2 and 3 s, a fifth computes for 2 s without a single await, a sixth looks every 0.5 s
whether any of them is still alive. Every duration is multiplied by --scale.

What its trace must show: one thread and one loop, and on it the computing task in a single step of 2 s. No poll
happens in that step. Every waiting task that fell due in it ends when the step ends, and not before: the loop was
frozen, and the finding `loop-blocked` says by whom, for how long, and who waited.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time


def say(message: str) -> None:
    """One write a line, so that no other's text lands inside it."""
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


async def io_bound(seconds: float, label: str) -> None:
    say(f"{label} started")
    await asyncio.sleep(seconds)
    say(f"{label} finished")


async def cpu_bound(seconds: float, label: str) -> None:
    """The mistake that the trace shows: nobody else runs until this returns."""
    say(f"{label} started")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        sum(number * number for number in range(2000))
    say(f"{label} finished")


async def poll(every: float, tasks: list[asyncio.Task[None]]) -> None:
    """Looks whether a task is still alive, until none is."""
    while True:
        say("Poll")
        await asyncio.sleep(every)
        if all(task.done() for task in tasks):
            return


async def main(scale: float) -> None:
    tasks = [
        asyncio.create_task(io_bound(seconds * scale, f"{seconds}s IO Bound"), name=f"{seconds}s IO Bound")
        for seconds in range(4)
    ]
    tasks.append(asyncio.create_task(cpu_bound(2 * scale, "2s CPU Bound"), name="2s CPU Bound"))
    polling = asyncio.create_task(poll(0.5 * scale, tasks), name="Poll")
    await asyncio.gather(*tasks, polling)
    say("Event loop completed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The article's tasks on one event loop.")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies every duration (default 1.0)")
    asyncio.run(main(parser.parse_args().scale))
