"""What wakes a task, for every kind of cause that asyncio has. Knows the table, and how to look into a trace."""

from __future__ import annotations

import pytest
from asyncio_matrix import wakes
from asyncio_matrix.reading import Reading
from asyncio_matrix.rows import Row


@pytest.mark.parametrize("row", wakes.ROWS, ids=lambda row: row.name)
def test_cause(row: Row, seen: tuple[str, Reading]) -> None:
    """What woke the task, and who that was, stands at the time that it was ready, and the arrow comes from there."""
    loop, reading = seen
    says = row.expected(loop)

    ready = reading.ready(row)

    assert ready.args.get("kind") == says.get("kind", ready.args.get("kind"))
    assert ready.args.get("cause") == says.get("by", ready.args.get("cause"))
    assert ready.args.get("cause") in reading.origins(row)


@pytest.mark.parametrize("row", wakes.ROWS, ids=lambda row: row.name)
def test_outcome(row: Row, seen: tuple[str, Reading]) -> None:
    """A task that was cancelled says by whom, and no other says that it was."""
    loop, reading = seen
    says = row.expected(loop)

    task = reading.task(row)

    assert (task.outcome, task.cancelled_by) == (says.get("outcome", "done"), says.get("cancelled_by", ""))


@pytest.mark.parametrize("row", wakes.ROWS, ids=lambda row: row.name)
def test_created(row: Row, seen: tuple[str, Reading]) -> None:
    """Before its first step a task was ready because it had been created."""
    _, reading = seen

    first = reading.first_ready(row)

    assert first.args["cause"] == "created"
