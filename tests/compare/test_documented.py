"""What the documentation of workloads promises: its example runs as it stands, and so does what is written after it alone."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from tracekit import workload
from tracekit.compare import models

HERE = [name for name in models.MODELS if not models.get(name).missing()]

# Written with nothing at hand but the docstring of tracekit.workload.
ORDERS = '''
"""A shop's orders: read from a database, priced in Python, confirmed by a server, summed up at the end."""

import asyncio
import os
import socket
import socketserver
import sqlite3
import subprocess
import sys
import tempfile

from tracekit.workload import compute, io, poll, sleep, task

SERVER = """
import socketserver, sys
class Confirm(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"confirmed " + self.rfile.readline())
class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64
with Server(("127.0.0.1", 0), Confirm) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
"""

def read(order):
    with sqlite3.connect(order["database"]) as database:
        rows = database.execute("SELECT price FROM rows WHERE number = ?", (order["number"],)).fetchall()
    database.close()
    return {**order, "prices": [price for price, in rows]}

def price(order):
    return {**order, "total": sum(price for price in order["prices"])}

def confirm(order):
    with socket.create_connection(("127.0.0.1", order["port"])) as connection:
        connection.sendall(b"%d\\n" % order["total"])
        with connection.makefile("rb") as answer:
            return answer.read()

async def confirm_async(order):
    reader, writer = await asyncio.open_connection("127.0.0.1", order["port"])
    writer.write(b"%d\\n" % order["total"])
    await writer.drain()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer

def summed(answers):
    return sum(int(answer.split()[1]) for answer in answers)

def morning():
    return "morning"

def workload(scale):
    """A shop's orders."""
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline())
        with tempfile.TemporaryDirectory() as directory:
            name = os.path.join(directory, "orders.db")
            database = sqlite3.connect(name)
            database.execute("CREATE TABLE rows (number, price)")
            database.executemany("INSERT INTO rows VALUES (?, ?)", [(row % 7, row) for row in range(700)])
            database.commit()
            database.close()
            count = max(1, int(5 * scale))
            orders = [
                task(f"order {n}", io(read), compute(price), io(confirm, confirm_async),
                     given={"database": name, "number": n, "port": port})
                for n in range(count)
            ]
            opened = task("opened", sleep(0.01), compute(morning))
            yield [opened, *orders, task("day", compute(summed), after=orders), poll(0.005, "desk", os.getpid)]
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
'''


@pytest.mark.parametrize("model", HERE)
def test_the_example_runs_as_it_stands(child: Callable[..., Any], model: str) -> None:
    """What somebody copies out of the docstring is a workload: its tasks, its steps, its poll."""
    assert workload.__doc__ is not None
    blocks = textwrap.dedent(workload.__doc__.partition("list of tasks:\n")[2].partition("Save it as")[0])
    run = child(blocks, model, "0.25")

    assert (run.status, run.stderr) == (0, "")
    pages = {f"page {number}": [["io", "fetch"], ["compute", "parse"]] for number in range(5)}
    assert run.told["steps"] == {**pages, "index": [["compute", "merge"]]}


@pytest.fixture(scope="module")
def alike() -> dict[str, str]:
    """The digest of the results, once a model has given it."""
    return {}


@pytest.mark.parametrize("model", HERE)
def test_what_is_written_after_it_runs_at_once(child: Callable[..., Any], model: str, alike: dict[str, str]) -> None:
    """A workload with a server, a database, a coroutine, a poll and set-up gives the same under every model."""
    run = child(ORDERS, model)

    assert (run.status, run.stderr) == (0, "")
    assert run.told["results_alike"] == alike.setdefault("orders", run.told["results_alike"])
