"""Lanes: what each task did in a run, and when, for a picture. Knows the events of the run, and no picture."""

from __future__ import annotations

from collections import defaultdict

from tracekit.rounds.comparison import Lane, Part
from tracekit.rounds.run import Run

_UNKNOWN = ("", "")


def lanes(run: Run) -> list[Lane]:
    """The lanes of a run: tasks in the order in which the workload names them, then polls.

    Seconds since the run began. A poll's part is as long as the poll was late.
    """
    return [*_tasks(run), *_polls(run)]


def parallelism(run: Run) -> float:
    """How many steps were under way on average."""
    busy = sum(end - begin for lane in _tasks(run) for begin, end, _, _ in lane.parts)
    return busy / run.wall_s if run.wall_s else 0.0


def _tasks(run: Run) -> list[Lane]:
    parts: dict[str, list[Part]] = {task: [] for task in run.steps}
    begun: dict[tuple[str, int], int] = {}
    for time, task, step, what in run.events:
        if what == "begin":
            begun[task, step] = time
        elif (task, step) in begun:
            kind, name = _step(run, task, step)
            begin, end = _since(run, begun.pop((task, step))), _since(run, time)
            parts.setdefault(task, []).append((begin, end, kind, name))
    return [Lane(task, sorted(of)) for task, of in parts.items()]


def _polls(run: Run) -> list[Lane]:
    parts: dict[str, list[Part]] = defaultdict(list)
    for name, due, at in run.polls:
        parts[name].append((_since(run, due), _since(run, max(due, at)), "poll", name))
    return [Lane(name, of) for name, of in parts.items()]


def _step(run: Run, task: str, step: int) -> tuple[str, str]:
    steps = run.steps.get(task, [])
    return steps[step] if 0 <= step < len(steps) else _UNKNOWN


def _since(run: Run, time: int) -> float:
    return (time - run.begun) / 1e9
