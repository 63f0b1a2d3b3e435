"""The hook for unhandled exceptions, of flight recorders only: each asks for a dump. Knows the recorder and Python's two hooks.

The program's own hooks are called as ever, afterwards; by then the traceback is made, so that nothing of ours stands in it.
"""

from __future__ import annotations

import sys

from tracekit.hooks.imports import when_imported
from tracekit.hooks.patch import Hook
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

# An end that was asked for.
_ENDS = (KeyboardInterrupt, SystemExit, GeneratorExit)


class ExceptionsHook(Hook):
    """Replaces sys.excepthook and threading.excepthook."""

    name = "exceptions"

    def install(self) -> None:
        self.replace(sys, "excepthook", self._excepthook)
        when_imported("threading", self, self._install_threading)

    def _install_threading(self, threading: ModuleType) -> None:
        self.replace(threading, "excepthook", self._thread_excepthook)

    def _excepthook(self, original: Any) -> Any:
        def excepthook(kind: Any, value: Any, traceback: Any) -> Any:
            self._ask(kind)
            return original(kind, value, traceback)

        return excepthook

    def _thread_excepthook(self, original: Any) -> Any:
        def excepthook(args: Any) -> Any:
            self._ask(args.exc_type)
            return original(args)

        return excepthook

    def _ask(self, kind: Any) -> None:
        recorder = recording.current
        if recorder is None or self.gone:
            return
        try:
            if not issubclass(kind, _ENDS):
                recorder.ask_for_dump(f"an unhandled exception: {kind.__name__}")
        except Exception as error:
            self.fail(error)
