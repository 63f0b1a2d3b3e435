"""A small web site with latency, in a process of its own: what the workloads that fetch pages have to wait for.

The process answers `GET /NUMBER` with page NUMBER after a while that belongs to the page, and ends when its standard
input does: so it outlives nobody. It needs the standard library only, and nothing of the program that it serves.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TEXT = (
    "above also away back before better city close dark day down early even fast few field first found good great hand "
    "here high home kept large last late learn left light line little long look made many may mean most name near new next "
    "night old once only open other over page part place plain point quick rain read right river road same sea side small "
    "soon sound stand stone story tree turn under until walk water well while white wide wind word work world year young"
)
WORDS = _TEXT.split()


@contextmanager
def serving(pages: int, words: int, waits_ms: tuple[float, float]) -> Iterator[int]:
    """Serves pages on a port of the loopback, which it gives, until the end of the block.

    Args:
        pages: how many there are.
        words: how many each has, more or less.
        waits_ms: the shortest and the longest that a page's answer takes; each page has its own, always the same.

    Raises:
        RuntimeError: the process did not start.
    """
    # -I and -S: none of the program's surroundings, so that it starts quickly, and whoever traces the program leaves it alone.
    command = [sys.executable, "-I", "-S", __file__, str(pages), str(words), *map(str, waits_ms)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready = process.stdout.readline()  # written once it listens
        if not ready:
            raise RuntimeError("the web site did not start: its process ended at once")
        yield int(ready)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


def page(number: int, pages: int, words: int) -> str:
    """An HTML page with a text and some links to others; the same for the same numbers."""
    chosen = random.Random(number)
    paragraphs = []
    for _ in range(max(1, words // 50)):
        link = f'<a href="/{chosen.randrange(pages)}">{chosen.choice(WORDS)}</a>'
        paragraphs.append(f"<p>{' '.join(chosen.choices(WORDS, k=50))} {link}.</p>")
    return f"<html><head><title>Page {number}</title></head><body>{''.join(paragraphs)}</body></html>"


class Site:
    """The answers, made beforehand, so that the process computes next to nothing while it serves."""

    def __init__(self, pages: int, words: int, waits_ms: tuple[float, float]) -> None:
        chosen = random.Random(pages)
        self.waits_s = [chosen.uniform(*waits_ms) / 1000 for _ in range(pages)]
        self.answers = [_answer("200 OK", page(number, pages, words)) for number in range(pages)]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            asked = request.split()[1].decode().lstrip("/")
            number = int(asked) if asked.isdigit() and int(asked) < len(self.answers) else None
            await asyncio.sleep(0 if number is None else self.waits_s[number])
            writer.write(_answer("404 Not Found", "") if number is None else self.answers[number])
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # who asked is gone
        finally:
            writer.close()


def _answer(status: str, body: str) -> bytes:
    content = body.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + content


async def serve(site: Site) -> None:
    """Serves until nobody holds the other end of standard input any more."""
    server = await asyncio.start_server(site.answer, "127.0.0.1", 0)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(Site(int(sys.argv[1]), int(sys.argv[2]), (float(sys.argv[3]), float(sys.argv[4])))))
