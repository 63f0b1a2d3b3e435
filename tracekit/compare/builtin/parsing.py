"""Parses JSON and searches it with regular expressions: C that keeps the GIL.

Shape: eight tasks each get a text of 8 MB (at scale 1), parse it (json), and search its messages with a regular
expression (re), about 120 ms altogether. A poll looks on.

What its comparison must show: it is C code, and yet threads gain nothing, because what it makes and reads are Python
objects, and that needs the GIL. A single call of json.loads cannot be interrupted: beside threads, too, the poll
is late by as many of them as stand in line before it. Processes divide the work between the cores, less what it costs
to send them the texts.
"""

from __future__ import annotations

import json
import re
from random import Random

from tracekit.workload import Poll, Task, compute, poll, task

TEXTS = 8
RECORDS = 50_000
STOCK = 1_000  # records that are made one by one; the rest is these again
PATTERN = re.compile(r"(?P<method>GET|PUT|POST) /(?P<path>[a-z]+)/(?P<number>\d+)\S* took (?P<ms>\d+\.\d+) ms")


def read(text: str) -> list[str]:
    return [record["message"] for record in json.loads(text)]


def search(messages: list[str]) -> dict[str, tuple[int, float]]:
    """How often each path was asked for, and what was the slowest."""
    found: dict[str, tuple[int, float]] = {}
    for message in messages:
        for match in PATTERN.finditer(message):
            times, slowest = found.get(match["path"], (0, 0.0))
            found[match["path"]] = times + 1, max(slowest, float(match["ms"]))
    return dict(sorted(found.items()))


def text(number: int, records: int) -> str:
    """A log as a service writes it; the same for the same number."""
    chosen = Random(number)
    paths = ["orders", "users", "search", "basket", "login"]
    log = []
    for record in range(min(records, STOCK)):
        asked = f"{chosen.choice(['GET', 'PUT', 'POST', 'HEAD'])} /{chosen.choice(paths)}/{chosen.randrange(10**6)}?page={record}"
        message = (
            f"worker {record % 7}: {asked} took {chosen.random() * 100:.3f} ms, sent {chosen.randrange(10**5)} bytes"
        )
        told = {"time": record * 0.25, "level": "info", "tags": ["web", f"host{record % 13}"], "message": message}
        log.append(json.dumps(told))
    return f"[{', '.join(log[record % STOCK] for record in range(records))}]"


def workload(scale: float) -> list[Task | Poll]:
    records = max(1, round(RECORDS * scale))
    tasks = [
        task(f"log {number}", compute(read), compute(search), given=text(number, records)) for number in range(TEXTS)
    ]
    return [*tasks, poll(0.02 * scale)]
