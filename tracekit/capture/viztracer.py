"""viztracer: the one file that talks to it: makes its tracer, turns that on and off, and leaves everything as it was before.

Knows neither the recorder nor why calls are recorded.
"""

from __future__ import annotations

import builtins
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_DEFAULTS: dict[str, Any] = {
    "max_stack_depth": -1,
    "include_files": None,
    "exclude_files": None,
    "ignore_c_function": False,
    "ignore_frozen": False,
    "log_func_args": False,
    "log_func_retval": False,
    "min_duration": 0,
}
_ENTRIES = 1_000_000
_PROFILER = 2  # the number of a tool in sys.monitoring under which viztracer goes
_GLOBAL = "__viz_tracer__"  # where code that talks to viztracer looks for it
# A tracer for each size of its ring. Never let go of: a thread that one has seen points to it until the thread ends.
_made: dict[int, Any] = {}


class Viztracer:
    """viztracer's tracer in this process.

    Args:
        arguments: as viztracer itself takes them.

    Attributes:
        is_on: it records.

    Raises:
        ImportError: it is not installed for this Python.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        import threading

        self._profile, self._threads_profile = sys.getprofile(), getattr(threading, "_profile_hook", None)
        self._tracer = _tracer({"tracer_entries": _ENTRIES, **_DEFAULTS, **arguments})
        self._is_global = _GLOBAL not in builtins.__dict__
        if self._is_global:
            builtins.__dict__[_GLOBAL] = self._tracer
        self.is_on = False

    def now(self) -> int:
        """What its clock shows, in ns."""
        return int(self._tracer.getts() * 1000 + 0.5)

    def start(self) -> None:
        """Have calls recorded from here on: on 3.12 and later of all threads, before of this one and those that begin later."""
        if sys.version_info < (3, 12):
            import threading

            threading.setprofile(self._tracer.threadtracefunc)
        self.is_on = True
        self._tracer.start()

    def stop(self) -> None:
        """Have them recorded no longer; those that have not returned are kept as well, this one among them."""
        if self.is_on:
            self.is_on = False
            self._tracer.stop()
            if sys.version_info < (3, 12):
                import threading

                threading.setprofile(self._threads_profile)
                sys.setprofile(self._profile)

    def save(self, path: str) -> None:
        """Write what the ring holds into a file, in viztracer's own format, and empty it."""
        self._tracer.dump(path)
        self._tracer.clear()

    def forget(self) -> None:
        """Empty the ring, in the child of a fork, where nothing that had been called before returns any more."""
        self._tracer.clear()
        self._tracer.reset_stack()

    def leave(self) -> None:
        """Be there for nobody any more."""
        self.stop()
        if self._is_global and builtins.__dict__.get(_GLOBAL) is self._tracer:
            del builtins.__dict__[_GLOBAL]


def rival() -> str:
    """Who profiles by way of sys.monitoring, whom viztracer would push aside; "" for nobody."""
    monitoring = getattr(sys, "monitoring", None)
    holder = None if monitoring is None else monitoring.get_tool(_PROFILER)
    return "" if holder in (None, "viztracer") else str(holder)


def _tracer(arguments: dict[str, Any]) -> Any:
    entries = arguments.pop("tracer_entries")
    tracer = _made.get(entries)
    if tracer is None:
        import threading

        own, of_threads = sys.getprofile(), getattr(threading, "_profile_hook", None)
        tracer = _made[entries] = _class()(entries, verbose=0, register_global=False)
        threading.setprofile(of_threads)
        sys.setprofile(own)
    for name, value in arguments.items():
        setattr(tracer, name, value)
    return tracer


def _class() -> Any:
    # It would import trio, where that is installed, for tasks, which we know ourselves.
    absent = "trio" not in sys.modules
    if absent:
        sys.modules["trio"] = None  # type: ignore[assignment]
    try:
        from viztracer import VizTracer
    finally:
        if absent:
            del sys.modules["trio"]
    return VizTracer
