"""Rivals: how others record the same things, as a program would have them; those not installed are named. Knows no session.

Each is set up to do as little as it can: nothing is exported, sent or written anywhere.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import Any

from probes import FUNCTION, HOT, INSTANT, OFF, ON, Row, key
from rounds import Case, loop

Around = Callable[[], AbstractContextManager[Any]]
# What a rival does the same as: row and variant; its name, the statement, what its names mean, what is around it.
Rival = tuple[Row, str, str, str, dict[str, Any], Around]
plainly = contextlib.nullcontext


def load() -> tuple[dict[tuple[Row, str], list[str]], list[Case], list[str]]:
    """What there is to measure.

    Returns:
        the names of the rivals by the row and the variant that they are compared with, the cases, and a sentence for each
        rival that is missing.
    """
    found: dict[tuple[Row, str], list[str]] = {(HOT, ON): [], (HOT, OFF): [], (FUNCTION, ON): [], (INSTANT, ON): []}
    cases: list[Case] = []
    missing: list[str] = []
    for package, rival in (
        ("", _pure_python),
        ("viztracer", _viztracer),
        ("opentelemetry-sdk", _opentelemetry),
        ("ddtrace", _ddtrace),
    ):
        try:
            label = f"{package} {version(package)}" if package else "pure Python"
            rows = list(rival())
        except ImportError as error:
            missing.append(f"{package} is not measured: {error}")
            continue
        for row, variant, name, statement, names, around in rows:
            found[row, variant].append(f"{label}, {name}")
            cases.append(Case(key(row, f"{label}, {name}"), loop(statement, names), around))
    return found, cases, missing


def _function() -> None:
    pass


def _pure_python() -> Iterator[Rival]:
    out: list[tuple[str, int, int]] = []

    class Span:
        __slots__ = ("name", "start")

        def __init__(self, name: str) -> None:
            self.name = name

        def __enter__(self, now: Callable[[], int] = time.perf_counter_ns) -> None:
            self.start = now()

        def __exit__(self, *error: object, now: Callable[[], int] = time.perf_counter_ns) -> None:
            out.append((self.name, self.start, now()))

    @contextlib.contextmanager
    def cleared() -> Iterator[None]:
        yield
        out.clear()

    names = {"now": time.perf_counter_ns, "append": out.append, "Span": Span, "nothing": contextlib.nullcontext()}
    yield HOT, OFF, "nullcontext", "with nothing: pass", names, plainly
    yield HOT, ON, "inline, no `with`", 'start = now(); append(("x", start, now()))', names, cleared
    yield HOT, ON, "an object for each use", 'with Span("x"): pass', names, cleared


def _viztracer() -> Iterator[Rival]:
    import viztracer

    entries = 1_000_000
    tracing = viztracer.VizTracer(tracer_entries=entries, verbose=0, register_global=False)
    sparse = viztracer.VizTracer(tracer_entries=entries, verbose=0, log_sparse=True)

    @contextlib.contextmanager
    def started() -> Iterator[None]:
        tracing.start()
        try:
            yield
        finally:
            tracing.stop()
            tracing.clear()

    @contextlib.contextmanager
    def cleared() -> Iterator[None]:
        yield
        sparse.clear()

    names = {"tracing": tracing, "sparse": sparse, "decorated": viztracer.log_sparse(_function)}
    yield HOT, ON, "log_event", 'with tracing.log_event("x"): pass', names, started
    yield HOT, ON, "log_event, nothing else traced", 'with sparse.log_event("x"): pass', names, cleared
    yield FUNCTION, ON, "log_sparse", "decorated()", names, cleared
    # Unless it is started, the tracer keeps no instant.
    yield INSTANT, ON, "add_instant", 'tracing.add_instant("x")', names, started


def _opentelemetry() -> Iterator[Rival]:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    from opentelemetry.trace import NoOpTracerProvider

    class Nowhere(SpanExporter):
        def export(self, spans: object) -> SpanExportResult:  # noqa: ARG002
            return SpanExportResult.SUCCESS

    bare, batching = TracerProvider(shutdown_on_exit=False), TracerProvider(shutdown_on_exit=False)

    @contextlib.contextmanager
    def batched() -> Iterator[None]:
        # Its thread would take time from everybody else's rounds.
        processor = BatchSpanProcessor(Nowhere())
        batching.add_span_processor(processor)
        try:
            yield
        finally:
            processor.shutdown()
            batching._active_span_processor._span_processors = ()

    names = {"bare": bare.get_tracer("bench"), "batching": batching.get_tracer("bench")}
    names["off"] = NoOpTracerProvider().get_tracer("bench")
    names["decorated"] = names["bare"].start_as_current_span("x")(_function)
    yield HOT, ON, "no processor", 'with bare.start_as_current_span("x"): pass', names, plainly
    yield HOT, OFF, "no-op tracer", 'with off.start_as_current_span("x"): pass', names, plainly
    yield HOT, ON, "BatchSpanProcessor", 'with batching.start_as_current_span("x"): pass', names, batched
    yield FUNCTION, ON, "decorator, no processor", "decorated()", names, plainly


def ddtrace_tracer(keep: Callable[[object], None] = lambda _spans: None) -> Any:
    """The tracer of ddtrace, set up to send nothing.

    Args:
        keep: is given what would have been sent.

    Raises:
        ImportError: it is not installed, or has changed.
    """
    for variable in (
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED",
        "DD_REMOTE_CONFIGURATION_ENABLED",
        "DD_CRASHTRACKING_ENABLED",
        "DD_TRACE_STARTUP_LOGS",
    ):
        os.environ[variable] = "false"
    from ddtrace.trace import tracer

    class Nowhere:
        def write(self, spans: object = None) -> None:
            keep(spans)

        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *_args, **_kwargs: None

    aggregator = getattr(tracer, "_span_aggregator", None)
    if aggregator is None:
        raise ImportError("this version keeps its writer elsewhere")
    aggregator.writer = Nowhere()
    return tracer


def _ddtrace() -> Iterator[Rival]:
    tracer = ddtrace_tracer()

    @contextlib.contextmanager
    def disabled() -> Iterator[None]:
        tracer.enabled = False
        try:
            yield
        finally:
            tracer.enabled = True

    names = {"tracer": tracer, "decorated": tracer.wrap("x")(_function)}
    yield HOT, ON, "tracer.trace", 'with tracer.trace("x"): pass', names, plainly
    yield HOT, OFF, "tracer.trace, not enabled", 'with tracer.trace("x"): pass', names, disabled
    yield FUNCTION, ON, "tracer.wrap", "decorated()", names, plainly
