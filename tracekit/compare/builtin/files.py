"""Reads, hashes and compresses files: computing in C that releases the GIL.

Shape: eight files of 4 MB (at scale 1) lie in a temporary directory; a task each reads its file, hashes (hashlib) and
compresses it (zlib, about 120 ms), and writes the result beside it. Files have no twin for asyncio in the standard
library. A poll looks on.

What its comparison must show: threads divide the computing between the cores as processes do, at a fraction of their
memory and start-up, because C code that touches no Python object lets go of the GIL; and what goes into a process and
back has to be copied there. asyncio alone gains nothing and starves the poll by a whole file; with threads it does as
well as they do.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tracekit.workload import Poll, Task, compute, io, poll, task

FILES = 8
BYTES_EACH = 4_000_000


def read(path: str) -> tuple[str, bytes]:
    return path, Path(path).read_bytes()


def pack(read: tuple[str, bytes]) -> tuple[str, str, bytes]:
    path, content = read
    return path, hashlib.sha256(content).hexdigest(), zlib.compress(content, 6)


def write(packed: tuple[str, str, bytes]) -> tuple[str, int]:
    path, digest, content = packed
    return digest, Path(path + ".z").write_bytes(content)


def fill(folder: str, size: int) -> list[str]:
    """Files of log lines: from one stock of lines, each file with its own first ones."""
    chosen = Random(0)
    lines = [f"{number:06} GET /orders/{chosen.randrange(10**6)} 200 {chosen.random():.6f}\n" for number in range(4000)]
    paths = []
    for number in range(FILES):
        text = "".join(lines[number:] + lines[:number]).encode()
        path = Path(folder) / f"access{number}.log"
        path.write_bytes((text * (size // len(text) + 1))[:size])
        paths.append(str(path))
    return paths


def workload(scale: float) -> Iterator[list[Task | Poll]]:
    with TemporaryDirectory(prefix="files-") as folder:
        paths = fill(folder, max(1, round(BYTES_EACH * scale)))
        tasks = [task(Path(path).name, io(read), compute(pack), io(write), given=path) for path in paths]
        yield [*tasks, poll(0.02 * scale)]
