"""The table of what was logged, as text and as JSON. Knows no recording."""

from __future__ import annotations

import io

from tracekit.export._logs import logs, logs_as_objects
from tracekit.export.page import page
from tracekit.model.builder import Builder
from tracekit.model.trace import LOG_LEVEL, Category, Trace, TrackKind

MS = 1_000_000


def made(*levels: str, text: str = "it failed") -> Trace:
    """A thread that logs one text at these levels, one a millisecond."""
    builder = Builder("app.py")
    thread = builder.thread(builder.process(10, "app.py"), 10, "MainThread")
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 1000 * MS, "MainThread", Category.THREAD)
    for time, level in enumerate(levels, 1):
        place = {"function": "work", "file": "/app.py", "line": 9}
        builder.instant(track, time * MS, text, {LOG_LEVEL: level, **place})
    return builder.build()


def printed(trace: Trace) -> list[str]:
    """The lines of the table."""
    stream = io.StringIO()
    logs(trace, page(stream))
    return stream.getvalue().splitlines()


def test_text() -> None:
    """A row says how many lines, which was most often and how often, first when and where; of no logs there is no table."""
    lines = [" ".join(line.split()) for line in printed(made("info", "error", "info"))]

    assert "Logged, the worst first" in lines
    assert lines[-2:] == [
        "error 1 2.00 ms it failed work (/app.py:9)",
        "info 2 1.00 ms it failed (2 times) work (/app.py:9)",
    ]
    assert printed(made()) == []


def test_long_and_nasty_texts() -> None:
    """A text is cut, and steers no terminal."""
    [line] = [line for line in printed(made("error", text="\x1b[31m" + "x" * 500)) if "error" in line]

    assert "\x1b" not in line
    assert "xxx…" in line


def test_objects() -> None:
    """For programs the same, with null for what is not known."""
    [row] = logs_as_objects(made("warning", "warning"))

    assert row == {
        "level": "warning",
        "count": 2,
        "most_often": "it failed",
        "times": 2,
        "first_s": 0.001,
        "function": "work",
        "file": "/app.py",
        "line": 9,
    }
