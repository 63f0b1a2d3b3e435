"""Asks a SQLite database: a driver that blocks, and computes without the GIL.

Shape: a file with a table of sales is made beforehand; twelve tasks each ask for a month's best shops over a
connection of their own (sqlite3, about 80 ms at scale 1) and rank the answer in Python (short). A poll looks on. The
standard library has no driver for asyncio: where aiosqlite is installed it is the twin, otherwise there is none.

What its comparison must show: what looks like waiting for a database is computing in SQLite's C code, without the
GIL. So threads gain at most as many times as there are cores; asyncio without a twin gains nothing, and starves
the poll by whole queries; with aiosqlite, which is a thread for each connection, it does as well as threads do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from tracekit.workload import Poll, Task, compute, io, poll, task

QUERIES = 12
ROWS = 250_000
MAKE = """
    CREATE TABLE sales (day INTEGER, shop INTEGER, amount INTEGER);
    WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows} - 1)
    INSERT INTO sales SELECT n % 365, n * 7919 % 97, n * 104729 % 1000 FROM numbers;
"""
ASK = """
    SELECT shop, day / 7, sum(amount), count(DISTINCT amount) FROM sales WHERE (day + ?) % 12 < 6
    GROUP BY shop, day / 7 ORDER BY sum(amount) DESC, shop, day / 7 LIMIT 200
"""

Rows = list[tuple[int, ...]]


def ask(question: tuple[str, int]) -> Rows:
    path, month = question
    connection = sqlite3.connect(path)
    try:
        return connection.execute(ASK, (month,)).fetchall()
    finally:
        connection.close()


async def ask_async(question: tuple[str, int]) -> Rows:
    path, month = question
    async with import_module("aiosqlite").connect(path) as connection:
        rows: Rows = await connection.execute_fetchall(ASK, (month,))
        return list(rows)


def rank(rows: Rows) -> list[tuple[int, int]]:
    """The five shops that sold most in their best weeks."""
    best: dict[int, int] = {}
    for shop, _, amount, _ in rows:
        best[shop] = max(best.get(shop, 0), amount)
    return sorted(best.items(), key=lambda item: (-item[1], item[0]))[:5]


def make(path: str, rows: int) -> None:
    connection = sqlite3.connect(path)
    try:
        connection.executescript(MAKE.format(rows=rows))
    finally:
        connection.close()


def workload(scale: float) -> Iterator[list[Task | Poll]]:
    asking = io(ask, ask_async if find_spec("aiosqlite") else None)
    with TemporaryDirectory(prefix="queries-") as folder:
        path = str(Path(folder) / "sales.sqlite")
        make(path, max(1, round(ROWS * scale)))
        tasks = [task(f"month {month}", asking, compute(rank), given=(path, month)) for month in range(QUERIES)]
        yield [*tasks, poll(0.02 * scale)]
