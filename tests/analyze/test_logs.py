"""How much was logged at which level. Knows traces, and no report."""

from __future__ import annotations

from tracekit.analyze.logs import LogRow, logged
from tracekit.model.builder import Builder
from tracekit.model.trace import LOG_LEVEL, Category, Trace, TrackKind


def made(*points: tuple[int, str, str, TrackKind]) -> Trace:
    """A thread and a task with points on them: time, level, text, on which of them."""
    builder = Builder("app.py")
    process = builder.process(10, "app.py", ended=1000)
    thread, task = builder.thread(process, 10, "MainThread"), builder.task(process, None, "task")
    tracks = {
        TrackKind.THREAD: builder.track(TrackKind.THREAD, thread),
        TrackKind.TASK: builder.track(TrackKind.TASK, task),
    }
    builder.slice(tracks[TrackKind.THREAD], 0, 1000, "MainThread", Category.THREAD)
    builder.slice(tracks[TrackKind.TASK], 0, 1000, "task", Category.TASK, task=task)
    for time, level, text, kind in points:
        builder.instant(tracks[kind], time, text, {LOG_LEVEL: level, "function": "f", "file": "/a.py", "line": time})
    builder.instant(tracks[TrackKind.THREAD], 500, "no log", {"level": "error"})
    builder.instant(tracks[TrackKind.THREAD], 501, "bare")
    return builder.build()


def test_levels_are_counted_once_the_worst_first() -> None:
    """A point counts on its thread, not again on its task; levels that nobody knows come last, other instants don't count."""
    on_thread = [
        (7, "info", "a"),
        (5, "error", "b"),
        (3, "notice", "c"),
        (9, "info", "d"),
        (1, "info", "d"),
        (8, "warning", "e"),
    ]
    points = [(*point, kind) for point in on_thread for kind in (TrackKind.THREAD, TrackKind.TASK)]

    rows = logged(made(*points))

    assert [(row.level, row.count) for row in rows] == [("error", 1), ("warning", 1), ("info", 3), ("notice", 1)]
    assert rows[2] == LogRow("info", 3, "d", 2, 1, "f", "/a.py", 1)


def test_nothing_was_logged() -> None:
    """Without logs there is no row."""
    assert logged(made()) == []
    assert logged(Builder("empty").build()) == []
