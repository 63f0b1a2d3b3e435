"""Runs tables of the matrix on a loop: `python -m asyncio_matrix.program LOOP TABLE…`. Knows none of the rows."""

from __future__ import annotations

import importlib
import os
import sys

from asyncio_matrix import rows
from waiting import until

from tracekit.hooks.entry import OPTIONS_VARIABLE, SESSION_VARIABLE
from tracekit.options import Options
from tracekit.spool.directory import spools
from tracekit.spool.headers import is_observers, read_header


def is_observed() -> bool:
    """Whether the observer looks, where one was asked for: it begins somewhat later than the program."""
    rate = Options.from_text(os.environ.get(OPTIONS_VARIABLE, "")).rate
    return not rate or any(is_observers(read_header(path)) for path in spools(os.environ[SESSION_VARIABLE]))


async def main(tables: list[rows.Table]) -> None:
    for table in tables:
        await rows.run(table)


if __name__ == "__main__":
    loop = importlib.import_module(sys.argv[1]).new_event_loop()
    tables = [importlib.import_module(f"asyncio_matrix.{name}").ROWS for name in sys.argv[2:]]
    until(is_observed)
    try:
        loop.run_until_complete(main(tables))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
