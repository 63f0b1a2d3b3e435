"""A loop whose turns are laid out by hand, for the tests of questions. Knows no recording; times are in ms."""

from __future__ import annotations

from typing import Any

import pytest

from tracekit.model.builder import Builder
from tracekit.model.trace import Args, Category, Flag, FlowKind, SampleSource, SampleState, Trace, TrackKind

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
        return self.builder.slice(track, round(start * MS), round(end * MS), name, category, **more)

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

    def stack(self, time: float, *frames: tuple[str, str, int], gil: bool = False, thread: str = "") -> None:
        """A stack that was sampled, innermost frame first; on the loop's thread, or on another one of that name."""
        row = self.thread
        if thread:
            row = self.builder.thread(self.process, 101, thread, started=0, ended=int(self._life * MS))
            self._slice(self.builder.track(TrackKind.THREAD, row), 0, self._life, thread, Category.THREAD)
        innermost = -1
        for frame in reversed(frames):
            innermost = self.builder.frame(innermost, *frame)
        state = SampleState.GIL if gil else SampleState.UNKNOWN
        self.builder.sample(row, int(time * MS), innermost, state, SampleSource.OBSERVER)

    def phase(
        self, name: str, category: Category, start: float, end: float, label: str = "", args: Args | None = None
    ) -> None:
        """A phase on a task's track; the times of the task add up."""
        task, text = self.task(name), label or category.name.lower()
        self._slice(self.builder.track(TrackKind.TASK, task), start, end, text, category, task=task, args=args)
        row, kind = self.builder.tasks[task], category.name.lower()
        setattr(row, kind, getattr(row, kind) + round(end * MS) - round(start * MS))

    def instant(self, time: float, name: str, **args: Any) -> None:
        """An instant on the loop's thread."""
        self.builder.instant(self.track, int(time * MS), name, args)

    def other_thread(self, name: str, ended: float | None = None) -> int:
        """Another thread, and the slice of its life."""
        end = None if ended is None else int(ended * MS)
        row = self.builder.thread(self.process, 100 + len(self.builder.threads), name, ended=end)
        self._slice(
            self.builder.track(TrackKind.THREAD, row),
            0,
            self._life if ended is None else ended,
            name,
            Category.THREAD,
        )
        return row

    def lock_wait(
        self,
        thread: int,
        start: float,
        end: float,
        holder: int | None = None,
        lock: str = "Lock 1",
        outcome: str = "taken",
        name: str = "Lock.acquire",
        line: int = 12,
        begun_before: bool = False,
        **more: Any,
    ) -> None:
        """A thread waits for a lock in `update`, which another one took in `take`."""
        args = {"lock": lock, "outcome": outcome, "function": "update", "file": "/app/work.py", "line": line, **more}
        if holder is not None:
            row = self.builder.threads[holder]
            args.update(held_by=row.name, held_by_tid=row.tid)
            args.update(held_in="take", held_file="/app/work.py", held_line=line - 2)
        track = self.builder.track(TrackKind.THREAD, thread)
        flags = int(Flag.UNFINISHED if outcome == "unfinished" else 0) | (Flag.BEGUN_BEFORE if begun_before else 0)
        self._slice(track, start, end, name, Category.WAIT, flags=flags, args=args)

    def wake(self, time: float, step: int) -> None:
        """An arrow from `time` on the loop's thread to a step."""
        self.builder.flow(FlowKind.WAKE, self.track, int(time * MS), step)

    def build(self) -> Trace:
        return self.builder.build(exit_status=0)


@pytest.fixture
def hand_made() -> HandMade:
    """An empty loop of ten seconds."""
    return HandMade()
