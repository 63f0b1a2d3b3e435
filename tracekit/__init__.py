"""tracekit shows how a program spends its time between its threads, its processes and its coroutines.

    import tracekit as tk

    @tk.trace
    def parse(row): ...

    with tk.session("out.json"):
        with tk.span("load", rows=3) as span:
            span.set(bytes=10)
        tk.instant("cache miss", key="a")
        tk.counter("queue", depth=4)

    logging.getLogger().addHandler(tk.LogHandler())  # or tk.log_processor among structlog's processors

This file is the door: it re-exports, and stays cheap to import. What a session needs is loaded when one is started.
Under `tracekit run` it is there before pytest, which finds a plugin in the package and would warn of that. PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

from tracekit._version import __version__
from tracekit.errors import TracekitError, UsageError
from tracekit.record.probes import Span, counter, instant, span, trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tracekit.hooks.logs import LogHandler, log_ids, log_processor
    from tracekit.sessions import dump, session, start, stop, viztracer

__all__ = [
    "LogHandler",
    "Span",
    "TracekitError",
    "UsageError",
    "__version__",
    "counter",
    "dump",
    "instant",
    "log_ids",
    "log_processor",
    "session",
    "span",
    "start",
    "stop",
    "trace",
    "viztracer",
]

_LATER = ("dump", "session", "start", "stop", "viztracer")
_LOGS = ("LogHandler", "log_ids", "log_processor")


def __getattr__(name: str) -> Any:
    if name in _LATER:
        from tracekit import sessions

        for later in _LATER:
            globals()[later] = getattr(sessions, later)
        return globals()[name]
    if name in _LOGS:
        from tracekit.hooks import logs

        for later in _LOGS:
            globals()[later] = getattr(logs, later)
        return globals()[name]
    raise AttributeError(f"module 'tracekit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
