"""Progress: tells on a terminal what is being done and how far it is, if it lasts. In a pipe it says nothing.

Knows nothing of what is done.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# What is over before a person wonders needs no word, and rich need not be loaded for it.
_PATIENCE = 0.5

Report = Callable[[int, int], None]


@contextmanager
def progress(what: str) -> Iterator[Report]:
    """Shows a line on stderr that moves, if that is a terminal and the work lasts a while; it is gone afterwards.

    Args:
        what: the work, as "reading the recording".

    Yields:
        A function that may be called with the bytes that are done and the bytes that there are to do.
    """
    with _line(what) as line:
        yield line.report


@contextmanager
def steps(what: str) -> Iterator[Callable[[str], None]]:
    """Like `progress`, of work whose steps have names.

    Args:
        what: the work, until the first step is said.

    Yields:
        A function to be called with what is being done now.
    """
    with _line(what) as line:
        yield line.say


@contextmanager
def _line(what: str) -> Iterator[_Line]:
    line = _Line(what)
    if not _on_terminal():
        yield line
        return
    timer = threading.Timer(_PATIENCE, line.show)
    timer.start()
    try:
        yield line
    finally:
        timer.cancel()
        timer.join()
        line.close()


def _on_terminal() -> bool:
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # closed
        return False


class _Line:
    def __init__(self, what: str) -> None:
        self._what = what
        self._text = what
        self._status: Any = None

    def show(self) -> None:
        """Show the line from now on."""
        from rich.console import Console

        self._status = Console(stderr=True).status(self._text)
        self._status.start()

    def report(self, done: int, total: int) -> None:
        """Say how far it is."""
        self.say(f"{self._what}: {done / 1e6:.0f} of {total / 1e6:.0f} MB")

    def say(self, text: str) -> None:
        """Say what is being done."""
        self._text = text
        if self._status is not None:
            self._status.update(self._text)

    def close(self) -> None:
        """Take the line away."""
        if self._status is not None:
            self._status.stop()
