"""The queries' driver and its twin for asyncio, which is there where aiosqlite is installed. Knows no model."""

from __future__ import annotations

import asyncio
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest

from tracekit.compare.builtin import queries
from tracekit.workload import Task


def test_the_twin_is_there_where_its_driver_is() -> None:
    """Asking can be awaited where aiosqlite is installed, and nowhere else."""
    made = queries.workload(0.02)
    first = next(made)[0]
    made.close()

    assert isinstance(first, Task)
    assert first.steps[0].awaitable is (find_spec("aiosqlite") is not None)


def test_the_twin_answers_alike(tmp_path: Path) -> None:
    """Whoever asks gets the same rows."""
    pytest.importorskip("aiosqlite")
    path = str(tmp_path / "sales.sqlite")
    queries.make(path, 5_000)

    rows = queries.ask((path, 3))
    before = set(threading.enumerate())
    assert rows == asyncio.run(queries.ask_async((path, 3)))
    assert len(rows) == 200
    for thread in set(threading.enumerate()) - before:  # the driver's, which nobody waits for
        thread.join()
