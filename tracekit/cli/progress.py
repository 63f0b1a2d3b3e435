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
    if not _on_terminal():
        yield lambda _done, _total: None
        return
    line = _Line(what)
    timer = threading.Timer(_PATIENCE, line.show)
    timer.start()
    try:
        yield line.report
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
        self._text = f"{self._what}: {done / 1e6:.0f} of {total / 1e6:.0f} MB"
        if self._status is not None:
            self._status.update(self._text)

    def close(self) -> None:
        """Take the line away."""
        if self._status is not None:
            self._status.stop()
