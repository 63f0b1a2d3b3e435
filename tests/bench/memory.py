"""Memory: what a recorded span takes, ours and the rivals', each measured in a process of its own. Knows no time.

    python tests/bench/memory.py NAME SPANS

prints one JSON object: bytes of private memory that a span takes, and bytes of the spool file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from typing import Any

from recorded import recorded

from tracekit.spool import layout

_WARM = 1000


def measure(spans: int) -> dict[str, dict[str, float]]:
    """Bytes of a span by recorder; one that is not installed is left out.

    Args:
        spans: how many to record with tracekit; the rivals get a tenth, as theirs stay in memory.
    """
    found = {}
    for name in MEASURES:
        count = spans if name == "tracekit" else spans // 10
        command = [sys.executable, str(Path(__file__).resolve()), name, str(count)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode == 0:
            found[name] = json.loads(result.stdout)
    return found


def _tracekit(spans: int) -> dict[str, float]:
    import tracekit as tk

    span = tk.span("hot")

    def record(count: int) -> None:
        for _ in repeat(None, count):
            with span:
                pass

    with recorded() as folder:
        record(_WARM)
        before = _used(folder)
        grown = _growth(record, spans)
        return grown | {"spool": (_used(folder) - before) / spans}


def _used(folder: str) -> int:
    """Bytes of the blocks that were handed out; the file itself grows in larger steps, ahead of them."""
    used = 0
    for path in Path(folder).glob("*.spool"):
        data = path.read_bytes()
        heads = range(layout.HEADER_BYTES, len(data), layout.BLOCK_BYTES)
        used += sum(layout.BLOCK_BYTES for head in heads if any(data[head : head + 8]))
    return used


def _viztracer_span(spans: int) -> dict[str, float]:
    import viztracer

    tracer = viztracer.VizTracer(tracer_entries=spans * 2, verbose=0, log_sparse=True)

    def record(count: int) -> None:
        for _ in repeat(None, count):
            with tracer.log_event("x"):
                pass

    record(_WARM)
    return _growth(record, spans)


def _viztracer_function(spans: int) -> dict[str, float]:
    import viztracer

    tracer = viztracer.VizTracer(tracer_entries=spans * 2, verbose=0)

    def function() -> None:
        pass

    def record(count: int) -> None:
        tracer.start()
        for _ in repeat(None, count):
            function()
        tracer.stop()

    record(_WARM)
    return _growth(record, spans)


def _opentelemetry(spans: int) -> dict[str, float]:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    tracer = provider.get_tracer("bench")

    def record(count: int) -> None:
        for _ in repeat(None, count):
            with tracer.start_as_current_span("x"):
                pass

    record(_WARM)
    return _growth(record, spans)


def _ddtrace(spans: int) -> dict[str, float]:
    from rivals import ddtrace_tracer

    kept: list[object] = []
    tracer = ddtrace_tracer(kept.append)

    def record(count: int) -> None:
        for _ in repeat(None, count):
            with tracer.trace("x"):
                pass

    record(_WARM)
    grown = _growth(record, spans)
    if len(kept) < spans:
        raise SystemExit("ddtrace has sent its spans elsewhere")
    return grown


def _tuples(spans: int) -> dict[str, float]:
    from time import perf_counter_ns as now

    kept: list[Any] = []

    def record(count: int) -> None:
        for _ in repeat(None, count):
            start = now()
            kept.append(("x", start, now()))

    record(_WARM)
    return _growth(record, spans)


MEASURES: dict[str, Callable[[int], dict[str, float]]] = {
    "tracekit": _tracekit,
    "viztracer, log_event": _viztracer_span,
    "viztracer, a traced function": _viztracer_function,
    "OpenTelemetry, spans kept in memory": _opentelemetry,
    "ddtrace, spans kept in memory": _ddtrace,
    "pure Python, a list of tuples": _tuples,
}


def _growth(record: Callable[[int], None], spans: int) -> dict[str, float]:
    before = _private()
    record(spans)
    return {"private": (_private() - before) / spans}


def _private() -> int:
    """Bytes of memory that is this process's own: what nobody but swap could take over, so no mapped file."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this kernel does not tell how much memory is private")


if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](int(sys.argv[2]))), flush=True)
    os._exit(0)  # what the rivals would do at exit is not asked
