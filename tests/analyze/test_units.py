"""Spans, tasks, jobs and threads in groups, from a process laid out by hand. Names no kind of work; times are in ms."""

from __future__ import annotations

from typing import Any

import pytest
from hand_made_states import MS, lay_states

from tracekit.analyze import units
from tracekit.analyze.units import Units
from tracekit.analyze.where import Where
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, TrackKind


class Made:
    """A process with a thread, which ran for the first half of a second and slept for the other one, and a loop on it."""

    def __init__(self) -> None:
        self.builder = Builder("app.py")
        self.process = self.builder.process(10, "app.py", started=0, ended=1000 * MS)
        self.thread = self.builder.thread(self.process, 10, "MainThread", main=True)
        lay_states(self.builder, self.thread, (500, "running"), (500, "sleeping"))
        self.track = self.builder.track(TrackKind.THREAD, self.thread)
        self.loop = self.builder.loop(self.process, self.thread, "Loop")

    def lay(self, start: int, end: int, name: str, category: Category, track: int | None = None, **more: Any) -> None:
        """A slice, on the thread unless a track is given."""
        at = self.track if track is None else track
        self.builder.slice(at, start * MS, end * MS, name, category, **more)

    def task(self, coroutine: str, *parts: tuple[int, int, str]) -> tuple[int, int]:
        """A task, its phases one after another, of which "running" are steps on the thread; its row and track."""
        task = self.builder.task(
            self.process, self.loop, f"Task of {coroutine}", coroutine=coroutine, file="/app.py", line=3
        )
        track = self.builder.track(TrackKind.TASK, task)
        for start, end, name in parts:
            ns = (end - start) * MS
            row = self.builder.tasks[task]
            if name == "running":
                row.running += ns
                self.lay(start, end, coroutine, Category.STEP, task=task)
                self.lay(start, end, name, Category.RUNNING, track, task=task)
            elif name == "ready":
                row.ready += ns
                self.lay(start, end, name, Category.READY, track, task=task)
            else:
                row.awaiting += ns
                self.lay(start, end, name, Category.AWAITING, track, task=task)
        return task, track

    def told(self, of: Any) -> dict[str, tuple[float, dict[str, float]]]:
        """Of each group how many there were, and where their time went (ms)."""
        trace = self.builder.build()
        found: Units = of(trace, Where(trace))
        return {
            place.function: (found.number[at], {kind: ns[at] / MS for kind, ns in found.spent.ns.items() if ns[at]})
            for at, place in enumerate(found.places)
        }


@pytest.fixture
def made() -> Made:
    return Made()


def test_spans_of_one_name(made: Made) -> None:
    """Spans of one name are one group, wherever they lie in others, which have all of their time as well."""
    made.lay(400, 700, "outer", Category.SPAN)
    made.lay(450, 460, "inner", Category.SPAN)
    made.lay(650, 680, "inner", Category.SPAN)
    assert made.told(units.spans) == {
        "outer": (1, {"cpu": 100, "timer": 200}),
        "inner": (2, {"cpu": 10, "timer": 30}),
    }


def test_spans_in_themselves(made: Made) -> None:
    """A span inside one of its name, however deep, counts once; one that begins where the last one ended counts."""
    for start, end in ((0, 100), (100, 120), (200, 300)):
        made.lay(start, end, "again", Category.SPAN)
    made.lay(210, 290, "between", Category.SPAN)
    made.lay(220, 280, "again", Category.SPAN)
    made.lay(230, 240, "again", Category.SPAN)
    assert made.told(units.spans)["again"] == (3, {"cpu": 220})


def test_spans_across_awaits(made: Made) -> None:
    """A span of a task has what its thread did in it, and what the task waited for meanwhile; not what came before."""
    task, track = made.task(
        "work",
        (0, 10, "awaiting sleep"),
        (10, 20, "ready"),
        (20, 120, "running"),
        (120, 200, "awaiting stream read"),
        (200, 230, "ready"),
        (230, 240, "running"),
        (240, 300, "awaiting lock"),
    )
    made.lay(50, 235, "request", Category.SPAN, track, task=task)
    made.lay(50, 120, "request", Category.PART, task=task)
    made.lay(230, 235, "request", Category.PART, task=task)
    assert made.told(units.spans) == {"request": (1, {"cpu": 75, "io": 80, "loop": 30})}


def test_spans_of_generators(made: Made) -> None:
    """The span of a generator has the time in which it ran, and not what others did in between."""
    lane = made.builder.track(TrackKind.LANE, made.thread)
    made.lay(0, 400, "rows", Category.SPAN, lane)
    made.lay(0, 30, "rows", Category.PART)
    made.lay(300, 310, "rows", Category.PART)
    assert made.told(units.spans) == {"rows": (1, {"cpu": 40})}


def test_tasks(made: Made) -> None:
    """Tasks of one coroutine are one group: what they ran, by their thread, waited for the loop, and awaited."""
    made.task("work", (0, 5, "ready"), (5, 25, "running"), (25, 600, "awaiting sleep"))
    made.task("work", (0, 25, "ready"), (25, 35, "running"), (35, 100, "awaiting semaphore"), (100, 110, "ready"))
    made.task("other", (0, 40, "awaiting what nobody knows"))
    assert made.told(units.tasks) == {
        "work": (2, {"cpu": 30, "loop": 40, "timer": 575, "lock": 65}),
        "other": (1, {"unseen": 40}),
    }


def test_tasks_that_are_not_drawn(made: Made) -> None:
    """Of a task of which only the sums are known, what it awaited is not told."""
    task, _ = made.task("work", (0, 10, "running"))
    made.builder.tasks[task].ready, made.builder.tasks[task].awaiting = 20 * MS, 70 * MS
    assert made.told(units.tasks) == {"work": (1, {"cpu": 10, "loop": 20, "unseen": 70})}


def test_jobs(made: Made) -> None:
    """Jobs of one function are one group, with its place in the code."""
    args = {"function": "digest", "file": "/app.py", "line": 7}
    made.lay(0, 10, "digest", Category.JOB, args=args)
    made.lay(600, 620, "digest", Category.JOB, args=dict(args))
    made.lay(20, 30, "nameless", Category.JOB)
    assert made.told(units.jobs) == {"digest": (2, {"cpu": 10, "timer": 20}), "nameless": (1, {"cpu": 10})}
    trace = made.builder.build()
    assert units.jobs(trace, Where(trace)).places[0] == ("digest", "/app.py", 7)


def test_threads(made: Made) -> None:
    """Threads of one target are one group; those on which something was recorded are told of by that."""
    made.lay(0, 1000, "MainThread", Category.THREAD)
    made.lay(0, 10, "span", Category.SPAN)
    for number in range(2):
        thread = made.builder.thread(made.process, 20 + number, f"Thread-{number + 1} (work)")
        lay_states(made.builder, thread, (100, "polling"))
        made.builder.slice(made.builder.track(TrackKind.THREAD, thread), 0, 100 * MS, "life", Category.THREAD)
    assert made.told(units.threads) == {"work": (2, {"io": 200})}


def test_threads_of_processes(made: Made) -> None:
    """Threads of several processes are told apart by these; of a process that was not traced nothing is known."""
    made.lay(0, 1000, "MainThread", Category.THREAD)
    for name, untraced in (("worker", ""), ("sh", "it is not Python")):
        process = made.builder.process(11, name, untraced=untraced)
        thread = made.builder.thread(process, 11, "MainThread")
        made.builder.slice(made.builder.track(TrackKind.THREAD, thread), 0, 100 * MS, "life", Category.THREAD)
    assert made.told(units.threads) == {
        "MainThread of app.py": (1, {"cpu": 500, "timer": 500}),
        "MainThread of worker": (1, {"unseen": 100}),
    }


def test_nothing() -> None:
    """An empty trace has no groups."""
    trace = Builder("app.py").build()
    for of in (units.spans, units.tasks, units.jobs, units.threads):
        assert of(trace, Where(trace)).places == []
