"""Fetches the pages of a local web site, parses each, and makes an index of all.

Shape: a web server in a process of its own answers each request after 20 to 80 ms (at scale 1); 24 tasks fetch a page
each, over a connection of their own, and parse it (html.parser, about 15 ms); one more makes the index when all are
parsed. A poll looks on. Fetching has a twin for asyncio, made of its streams.

What its comparison must show: the usual case for coroutines and threads. Nearly all of the time of sequential is
waiting for answers, so that both are several times faster, until what remains is the parsing: that, one thread or
loop does one page at a time, and only processes divide it. The poll is late by one page's parsing where that runs on
its loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser

from tracekit.compare.builtin._pages import fetch, fetch_async
from tracekit.compare.builtin._site import serving
from tracekit.workload import Poll, Task, compute, io, poll, task

PAGES = 24
WORDS_EACH = 24_000
WAITS_MS = (20.0, 80.0)

Parsed = tuple[list[str], dict[str, int]]


class Reading(HTMLParser):
    """The links of a page, and how often it has which word."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.words: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links += [value for name, value in attrs if name == "href" and value]

    def handle_data(self, data: str) -> None:
        self.words.update(word.capitalize() for word in data.split() if word.isalpha())


def parse(html: str) -> Parsed:
    reading = Reading()
    reading.feed(html)
    reading.close()
    return reading.links, dict(reading.words)


def index(pages: list[Parsed]) -> list[tuple[str, int, int]]:
    """The ten words that stand most often on all pages: how often, and on how many."""
    total: Counter[str] = Counter()
    on: Counter[str] = Counter()
    for _, words in pages:
        total.update(words)
        on.update(words.keys())
    first = sorted(total.items(), key=lambda item: (-item[1], item[0]))[:10]
    return [(word, times, on[word]) for word, times in first]


def workload(scale: float) -> Iterator[list[Task | Poll]]:
    shortest, longest = WAITS_MS
    with serving(PAGES, round(WORDS_EACH * scale), (shortest * scale, longest * scale)) as port:
        pages = [
            task(f"page {number}", io(fetch, fetch_async), compute(parse), given=(port, number))
            for number in range(PAGES)
        ]
        yield [*pages, task("index", compute(index), after=pages), poll(0.02 * scale)]
