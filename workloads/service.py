"""An HTTP service under load: most handlers wait as they should, one calls a library that blocks the event loop.

Shape: an aiohttp server and, as a process of its own, its clients. `GET /order/{number}` looks into a database (sqlite3, in
a worker thread), `GET /checksum` hashes (hashlib, in a worker thread), and `GET /sessions` reads a
dozen cookie files by `aiohttp.CookieJar.load`: a plain call into an asynchronous library, which reads and parses a whole
file before it returns. Some clients ask for orders and checksums until the one that asks for sessions is through.
--scale multiplies the number of these files and what is hashed.

What its trace must show: two processes, in the server's a span for each request, whole on the track of its task
although it crosses awaits; the database's and the hash's work as jobs on worker threads, with arrows there and back. And
the finding `loop-blocked` says that `restore_sessions` held the loop in aiohttp, which version, and which requests
waited for it and for how long; the loop's ready latency says the same: p50 small, the worst as long as a block.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sqlite3
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

try:
    from tracekit import span
except ImportError:

    def span(_name: str, **_arguments: object) -> Any:  # type: ignore[misc]
        """Plain Python: the same service, only that its requests leave no mark."""
        return nullcontext()


ORDERS = 1000
PROFILES, SITES, COOKIES_EACH = 12, 100, 25  # to read them takes a third of a second, more or less
HASHED_BYTES = 8 << 20
CLIENTS = 6
VISITS = 3  # to /sessions

database_key = web.AppKey("database", str)
cookies_key = web.AppKey("cookies", list)
hashed_key = web.AppKey("hashed", int)


# The service.


@web.middleware
async def in_a_span(request: web.Request, handler: Any) -> web.StreamResponse:
    """A span for each request, named after its route."""
    route = request.match_info.route.resource
    with span(f"{request.method} {route.canonical if route else request.path}", path=request.path):
        return await handler(request)


def find_order(database: str, number: int) -> str:
    connection = sqlite3.connect(database)
    try:
        (customer,) = connection.execute("SELECT customer FROM orders WHERE number = ?", (number,)).fetchone()
    finally:
        connection.close()
    return str(customer)


async def order(request: web.Request) -> web.Response:
    number = int(request.match_info["number"])
    customer = await asyncio.to_thread(find_order, request.app[database_key], number)
    return web.json_response({"number": number, "customer": customer})


def sha256_of(size: int) -> str:
    return hashlib.sha256(bytes(size)).hexdigest()


async def checksum(request: web.Request) -> web.Response:
    return web.Response(text=await asyncio.to_thread(sha256_of, request.app[hashed_key]))


def restore_sessions(profiles: list[Path]) -> int:
    """The mistake that the trace shows: it looks harmless, and nobody is served until it returns."""
    cookies = 0
    for profile in profiles:
        jar = aiohttp.CookieJar()
        jar.load(profile)
        cookies += len(jar)
    return cookies


async def sessions(request: web.Request) -> web.Response:
    return web.Response(text=str(restore_sessions(request.app[cookies_key])))


def make_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (number INTEGER PRIMARY KEY, customer TEXT)")
        rows = ((number, f"customer {number}") for number in range(ORDERS))
        connection.executemany("INSERT INTO orders VALUES (?, ?)", rows)
    connection.close()


def make_cookies(jar: aiohttp.CookieJar, profiles: list[Path]) -> None:
    for site in range(SITES):
        cookies = {f"cookie{number}": "x" * 40 for number in range(COOKIES_EACH)}
        jar.update_cookies(cookies, URL(f"https://site{site}.example/"))
    for profile in profiles:
        jar.save(profile)


async def application(folder: Path, scale: float) -> web.Application:
    database = folder / "orders.sqlite"
    profiles = [folder / f"profile{number}.json" for number in range(max(1, int(PROFILES * scale)))]
    await asyncio.to_thread(make_database, database)
    await asyncio.to_thread(make_cookies, aiohttp.CookieJar(), profiles)
    app = web.Application(middlewares=[in_a_span])
    app[database_key], app[cookies_key], app[hashed_key] = str(database), profiles, max(1, int(HASHED_BYTES * scale))
    app.router.add_get("/order/{number}", order)
    app.router.add_get("/checksum", checksum)
    app.router.add_get("/sessions", sessions)
    return app


async def serve(scale: float) -> None:
    """Serves until the clients, a process that it starts itself, have had enough."""
    with tempfile.TemporaryDirectory() as folder:
        runner = web.AppRunner(await application(Path(folder), scale))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        clients = await asyncio.create_subprocess_exec(sys.executable, __file__, "--clients-of", str(port))
        status = await clients.wait()
        await runner.cleanup()
    if status:
        raise SystemExit(status)


# Its clients.


async def ask(http: aiohttp.ClientSession, path: str, latencies: list[float]) -> None:
    begin = time.perf_counter()
    async with http.get(path) as response:
        response.raise_for_status()
        await response.read()
    latencies.append(time.perf_counter() - begin)


async def ask_on(http: aiohttp.ClientSession, first: int, latencies: list[float], enough: asyncio.Event) -> None:
    """Asks for one order after the other, and for a checksum now and then, until it is enough."""
    number = first
    while not enough.is_set():
        path = "/checksum" if number % 8 == 7 else f"/order/{number % ORDERS}"
        await ask(http, path, latencies)
        number += 1


async def load(port: int) -> None:
    """Several clients, each on a connection of its own, until one that asks for sessions is through with it."""
    others: list[float] = []
    enough = asyncio.Event()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        asking = [asyncio.create_task(ask_on(http, client, others, enough)) for client in range(CLIENTS)]
        for _ in range(VISITS):
            served = len(others)
            while len(others) < served + 20 * CLIENTS:  # the others are at full speed again
                await ask(http, "/order/0", others)
            await ask(http, "/sessions", [])
        enough.set()
        await asyncio.gather(*asking)
    others.sort()
    p50, p99 = (others[int(len(others) * share)] * 1e3 for share in (0.5, 0.99))
    worst = others[-1] * 1e3
    print(f"{len(others)} requests served while {VISITS} others were for sessions")
    print(f"latency as the clients saw it: p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {worst:.1f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="An HTTP service under load, one of whose handlers blocks the loop.")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies sizes (default 1.0)")
    parser.add_argument("--clients-of", type=int, metavar="PORT", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    asyncio.run(load(arguments.clients_of) if arguments.clients_of else serve(arguments.scale))
