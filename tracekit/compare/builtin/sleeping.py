"""Eight tasks only sleep: the control that all concurrency speeds up alike.

Shape: each task waits for a timer, 200 ms at scale 1. A poll looks on.

What its comparison must show: sequential takes eight times as long as one task, and every model that lets all tasks
run at once about as long as one, with one core as with many; pools of fewer workers than tasks take their turns. No
poll is late but under sequential. A model's gain over this control is no gain from computing in parallel.
"""

from __future__ import annotations

from tracekit.workload import Poll, Task, poll, sleep, task

TASKS = 8
SECONDS = 0.2


def workload(scale: float) -> list[Task | Poll]:
    return [*(task(f"sleeper {number}", sleep(SECONDS * scale)) for number in range(TASKS)), poll(0.02 * scale)]
