"""A loop whose turns are laid out by hand, for the tests of questions. Knows no recording; times are in ms."""

from __future__ import annotations

from typing import Any

import pytest

from tracekit.model.builder import Builder
from tracekit.model.trace import Args, Category, FlowKind, Trace, TrackKind

MS = 1_000_000


class HandMade:
    """A trace of one process with one loop on its main thread; tasks are given by name, times in milliseconds."""

    def __init__(self, life: float = 10_000) -> None:
        self.builder = Builder("hand-made.py")
        self.process = self.builder.process(100, "hand-made.py", started=0, ended=int(life * MS))
        self.thread = self.builder.thread(self.process, 100, "MainThread", started=0, ended=int(life * MS), main=True)
        self.loop = self.builder.loop(self.process, self.thread, "Loop")
        self.track = self.builder.track(TrackKind.THREAD, self.thread)
        self._slice(self.track, 0, life, "MainThread", Category.THREAD)
        self._slice(self.track, 0, life, "Loop", Category.LOOP)
        self._tasks: dict[str, int] = {}
        self._life = life

    def _slice(self, track: int, start: float, end: float, name: str, category: Category, **more: Any) -> int:
        return self.builder.slice(track, int(start * MS), int(end * MS), name, category, **more)

    def task(self, name: str, coroutine: str = "work", created: float = 0, **fields: Any) -> int:
        """A task, and the slice of its life."""
        if name not in self._tasks:
            fields = {"file": "/app/work.py", "line": 7, **fields}
            index = self.builder.task(
                self.process, self.loop, name, coroutine=coroutine, created=int(created * MS), **fields
            )
            self._tasks[name] = index
            track = self.builder.track(TrackKind.TASK, index)
            self._slice(track, created, self._life, name, Category.TASK, task=index)
        return self._tasks[name]

    def step(self, name: str, start: float, end: float, flags: int = 0, args: Args | None = None) -> int:
        task = self.task(name)
        return self._slice(self.track, start, end, name, Category.STEP, flags=flags, task=task, args=args)

    def callback(self, name: str, start: float, end: float, args: Args | None = None) -> int:
        return self._slice(self.track, start, end, name, Category.CALLBACK, args=args)

    def ready(self, name: str, start: float, end: float) -> None:
        task = self.task(name)
        self._slice(self.builder.track(TrackKind.TASK, task), start, end, "ready", Category.READY, task=task)

    def wake(self, time: float, step: int) -> None:
        """An arrow from `time` on the loop's thread to a step."""
        self.builder.flow(FlowKind.WAKE, self.track, int(time * MS), step)

    def build(self) -> Trace:
        return self.builder.build(exit_status=0)


@pytest.fixture
def hand_made() -> HandMade:
    """An empty loop of ten seconds."""
    return HandMade()
