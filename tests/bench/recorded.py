"""Recorded: a session whose trace nobody wants, for the length of a `with`; and which core records it. Knows no case."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from typing import Any

from tracekit import sessions
from tracekit.spool.core import core as chosen


@contextlib.contextmanager
def recorded(**options: Any) -> Iterator[str]:
    """Record this process; yields the session's directory, which is then removed.

    Args:
        options: of sessions.Options.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, recording(folder, **options):
        yield folder


@contextlib.contextmanager
def recording(folder: str, **options: Any) -> Iterator[None]:
    """Record this process into a directory that stays."""
    # Not tk.start: that has a trace written when it stops.
    running = sessions._Running(folder, sessions.Options(**options), late=True)
    try:
        yield
    finally:
        running.stop()


def has_flight() -> bool:
    """Whether this version has a flight recorder."""
    return hasattr(sessions.Options(), "flight_bytes")


def core() -> tuple[str, str]:
    """Which core records, "c" or "py", and a sentence that says why."""
    return chosen.name, chosen.why
