"""What can block a loop: a tiny program each, and what the finding must say. Knows no trace, and nobody who looks.

`verdict` is why it took so long, `cure` a word of the advice. `library` is the installed library that the marked line called;
without it there is none. `lines`: on how many lines the block lies, beginning with the marked one (1).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import sqlite3
import threading
import time

from asyncio_matrix.rows import Table

ROWS = blocks = Table()

LONG = 0.5  # seconds: enough to be looked at a few times


class Deadline:
    """When a block has lasted long enough: how long one call takes is the machine's."""

    def __init__(self) -> None:
        self._end = time.monotonic() + LONG

    @property
    def ahead(self) -> bool:
        return time.monotonic() < self._end


@blocks(verdict="cpu", cure="process pool", lines=2)
async def pure_loop() -> None:
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline:  # here
        pass


@blocks(verdict="syscall", cure="asyncio.sleep")
async def time_sleep() -> None:
    time.sleep(LONG)  # here


@blocks(verdict="cpu", cure="regular expression")
async def regular_expression() -> None:
    deadline = Deadline()
    while deadline.ahead:
        re.match(r"(a+)+$", "a" * 20 + "b")  # here


@blocks(verdict="cpu", cure="process pool")
async def giant_sort() -> None:
    deadline = Deadline()
    numbers = list(range(200_000)) * 2
    while deadline.ahead:
        sorted(numbers, key=float)  # here


@blocks(verdict="cpu", cure="to_thread")
async def hashing() -> None:
    deadline = Deadline()
    data = bytes(32 << 20)
    while deadline.ahead:
        hashlib.sha256(data)  # here


@blocks(verdict="cpu", cure="aiosqlite")
async def database() -> None:
    deadline = Deadline()
    connection = sqlite3.connect(":memory:")
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT count(*) FROM n"
    while deadline.ahead:
        connection.execute(count).fetchall()  # here
    connection.close()


@blocks(verdict="syscall", cure="asyncio.sleep", callback=True)
async def callback() -> None:
    future = asyncio.get_running_loop().create_future()

    def called_back() -> None:
        time.sleep(LONG)  # here
        future.set_result(None)

    asyncio.get_running_loop().call_soon(called_back)
    await future


@blocks(verdict="syscall", cure="asyncio.sleep", thread="another one")
async def another_loop() -> None:
    new_loop = type(asyncio.get_running_loop())

    async def in_a_thread() -> None:
        time.sleep(LONG)  # here

    def run() -> None:
        loop = new_loop()
        try:
            loop.run_until_complete(loop.create_task(in_a_thread(), name="another_loop"))
        finally:
            loop.close()

    thread = threading.Thread(target=run, name="another one")
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.01)


@blocks(verdict="syscall", cure="to_thread", library=("slowlib", "1.2.3", "_receive"))
async def in_a_library() -> None:
    import slowlib

    slowlib.fetch(LONG)  # here
