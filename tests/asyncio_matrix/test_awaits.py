"""What a task awaits and where, for everything that asyncio lets it await. Knows the table, and how to look into a trace."""

from __future__ import annotations

import pytest
from asyncio_matrix import awaits
from asyncio_matrix.reading import Reading, place
from asyncio_matrix.rows import Row


@pytest.mark.parametrize("row", awaits.ROWS, ids=lambda row: row.name)
def test_what_and_where(row: Row, seen: tuple[str, Reading]) -> None:
    """The wait is named after what is awaited, and says which line of the program awaits it."""
    loop, reading = seen
    what = row.expected(loop)["what"]

    wait = reading.wait(row)

    assert (wait.name, wait.args.get("what")) == (f"awaiting {what}", what)
    assert place(wait) == (*row.here(), awaits.__file__)
    assert wait.args.get("task") == row.says.get("task")


@pytest.mark.parametrize("row", awaits.ROWS, ids=lambda row: row.name)
def test_who_woke(row: Row, seen: tuple[str, Reading]) -> None:
    """A wait ends by a cause, and an arrow leads from whoever that was to the step that followed."""
    _, reading = seen

    ready = reading.ready(row)

    assert ready.args.get("kind")
    assert ready.args["cause"] in reading.origins(row)
