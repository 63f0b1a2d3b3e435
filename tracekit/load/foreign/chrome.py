"""Chrome: any Chrome JSON -> Trace: viztracer's, py-spy's, PyTorch's, Chrome's own, and what else opens in Perfetto.
Puts the parts of this room together, and knows what stands beside the events.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from tracekit.errors import TracekitError
from tracekit.load.foreign.collect import Collector
from tracekit.load.foreign.decode import decode
from tracekit.load.foreign.draw import Drawing
from tracekit.load.foreign.mended import Mended
from tracekit.load.foreign.scan import Scan
from tracekit.load.foreign.unpack import unpack
from tracekit.load.foreign.values import Room
from tracekit.model.builder import Builder
from tracekit.model.trace import Trace

_TABLES = ("stackFrames", "samples")
_VIZTRACER = "viztracer_metadata"
_MOST_BESIDE = 64 << 20
_BASE = re.compile(rb'"baseTimeNanoseconds"\s*:\s*"?(\d{1,19})\b')
# Microseconds since 1970, from 2001 to 2100: no other clock counts so far.
_UNIX_NS = (1_000_000_000 * 10**9, 4_102_444_800 * 10**9)


def load(path: Path, progress: Callable[[int, int], None] | None = None) -> Trace:
    """Reads a file of Chrome JSON that something else than tracekit wrote, plain or gzipped.

    Where its events have times of no known clock, `wall_start` is 0.

    Raises:
        TracekitError: it cannot be read, holds no events, or is larger than any trace should be.
    """
    mended = Mended()
    builder = Builder(path.name)
    room = Room(mended)
    collector = Collector(builder, room, mended)
    scan = Scan(unpack(path, mended, progress), frozenset((*_TABLES, _VIZTRACER)), _MOST_BESIDE, mended)
    for batch in scan.batches():
        if not collector.take(decode(batch, mended)):
            break
    if not scan.found:
        raise TracekitError(
            f"{path} is JSON, but holds no trace: neither a list of events nor one under "
            '"traceEvents". Give a trace in the Chrome format, or what `tracekit run` wrote.'
        )
    beside = {key: _parsed(text) for key, text in scan.beside.items()}
    _take_tables(beside, collector)
    collector.kinds()
    collector.owners.settle()
    drawing = Drawing(collector, builder, mended)
    first = drawing.draw()
    if first is None:
        raise TracekitError(f"{path} holds no event that has a time: there is nothing to show. Record it again.")
    about = beside.get(_VIZTRACER)
    base = _base(scan.head, about)
    if (isinstance(about, dict) and about.get("overflow") is True) or collector.overflow:
        builder.note("the tracer's buffer was full: the oldest or the latest events are missing in the file")
    builder.wall_start = base
    builder.notes.extend(mended.notes())
    trace = builder.build(final=True)
    if lost := drawing.arrows - len(trace.flows):
        trace.notes.append(f"arrows that run backwards, or begin where nothing is, were left out: {lost}")
    if not base and _UNIX_NS[0] < first < _UNIX_NS[1]:
        trace.wall_start = first
    return trace


def _parsed(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def _take_tables(beside: dict[str, Any], collector: Collector) -> None:
    """Takes the samples that older files have in tables of their own, by tid only."""
    if "samples" in beside:
        known = {line.key: at for at, line in reversed(list(enumerate(collector.owners.lines)))}

        def line_of(tid: Any) -> int | None:
            return known[tid] if isinstance(tid, int) and tid in known else collector.owners.line(0, tid)

        collector.profiles.take_tables(beside.get("stackFrames"), beside["samples"], line_of)


def _base(head: bytes, about: Any) -> int:
    """The Unix time at which the clock of the events was 0, where the file says so; 0 where not."""
    told = about.get("baseTimeNanoseconds") if isinstance(about, dict) else None
    if isinstance(told, int) and 0 < told < 1 << 62:
        return told
    match = _BASE.search(head)
    return min(int(match[1]), (1 << 62) - 1) if match else 0
