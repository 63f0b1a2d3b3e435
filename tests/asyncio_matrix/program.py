"""Runs tables of the matrix on a loop: `python -m asyncio_matrix.program LOOP TABLE…`. Knows none of the rows."""

from __future__ import annotations

import importlib
import sys

from asyncio_matrix import rows


async def main(tables: list[rows.Table]) -> None:
    for table in tables:
        await rows.run(table)


if __name__ == "__main__":
    loop = importlib.import_module(sys.argv[1]).new_event_loop()
    tables = [importlib.import_module(f"asyncio_matrix.{name}").ROWS for name in sys.argv[2:]]
    try:
        loop.run_until_complete(main(tables))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
