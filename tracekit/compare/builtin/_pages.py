"""Fetches a page of a local site over HTTP, once by blocking and once by awaiting. Knows nothing of what stands in it."""

from __future__ import annotations

import asyncio
from http.client import HTTPConnection


def fetch(where: tuple[int, int]) -> str:
    """The page that a port serves under a number."""
    port, number = where
    connection = HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", f"/{number}")
        answer = connection.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            raise OSError(f"page {number}: the server answered {answer.status}")
        return body
    finally:
        connection.close()


async def fetch_async(where: tuple[int, int]) -> str:
    """The same on an event loop."""
    port, number = where
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET /{number} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()
    status = head.split(None, 2)[1]
    if status != b"200":
        raise OSError(f"page {number}: the server answered {status.decode()}")
    return body.decode()
