"""The hook for what Python and asyncio complain of: coroutines never awaited, exceptions that nobody retrieved, tasks that were
thrown away while they were pending. Knows only the recorder and the two functions through which all complaints pass.

Each becomes an instant on the thread on which it was found; the complaint itself goes its way, afterwards. Messages and
values are not recorded: they may be anything.

Python's warning names the line that dropped the coroutine, counting frames from its own. So no frame of ours may
stand in between: `_InTurn` calls two functions one after the other, without being written in Python.
"""

from __future__ import annotations

import functools
import sys

from tracekit import events
from tracekit.hooks.code import coroutine_code
from tracekit.hooks.imports import when_imported
from tracekit.hooks.patch import Hook
from tracekit.record import recorder as recording
from tracekit.record.arguments import encode
from tracekit.spool.layout import parse_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

# What asyncio tells its exception handler, as far as it is one and the same text each time.
_SAID = (
    "Task exception was never retrieved",
    "Future exception was never retrieved",
    "Task was destroyed but it is pending!",
)


class ComplaintsHook(Hook):
    """Replaces the function that warns of a coroutine never awaited, and the method by which a loop handles exceptions."""

    name = "complaints"

    def __init__(self) -> None:
        super().__init__()
        self._overridden: list[tuple[Any, Any]] = []

    def install(self) -> None:
        """The program has imported asyncio by now."""
        when_imported("warnings", self, self._install_warnings)
        loop = sys.modules["asyncio.base_events"].BaseEventLoop
        self.replace(loop, "call_exception_handler", self._call_handler)
        when_imported("uvloop", self, self._install_uvloop)

    def remove(self) -> None:
        super().remove()
        while self._overridden:
            loop, function = self._overridden.pop()
            if loop.__dict__.get("call_exception_handler") is function:  # else somebody else has replaced it since
                del loop.call_exception_handler

    def _install_warnings(self, warnings: ModuleType) -> None:
        self.replace(warnings, "_warn_unawaited_coroutine", lambda original: _in_turn(_Ask(self, self._warn), original))

    def _install_uvloop(self, uvloop: ModuleType) -> None:
        loop: Any = uvloop.Loop
        if (
            "call_exception_handler" not in loop.__dict__
        ):  # inherited from the C class: ours goes in front, and away again
            function = loop.call_exception_handler = self._call_handler(loop.call_exception_handler)
            self._overridden.append((loop, function))

    def _call_handler(self, original: Any) -> Any:
        @functools.wraps(original)
        def call_exception_handler(loop: Any, context: Any) -> Any:
            try:
                self._handle(context)
            except Exception as error:
                self.fail(error)
            return original(loop, context)

        return call_exception_handler

    def _warn(self, coroutine: Any) -> None:
        function, file, line = parse_code(coroutine_code(coroutine))
        arguments: dict[str, object] = {"coroutine": function, "file": file, "line": line}
        dropped = sys._getframe(1).f_back  # whom we interrupt; nobody, where it is Python itself
        if dropped is not None:
            arguments["dropped_in"] = dropped.f_code.co_name
            arguments["dropped_file"] = dropped.f_code.co_filename
            arguments["dropped_line"] = dropped.f_lineno or 0
        self._write("coroutine was never awaited", arguments)

    def _handle(self, context: Any) -> None:
        said = context.get("message") if type(context) is dict else None
        if type(said) is not str or said not in _SAID:
            return
        task = context.get("task", context.get("future"))
        coroutine = getattr(task, "_coro", None)
        function, file, line = ("", "", 0) if coroutine is None else parse_code(coroutine_code(coroutine))
        exception = context.get("exception")
        arguments: dict[str, object] = {"coroutine": function, "file": file, "line": line}
        arguments["task"] = str(task.get_name()) if hasattr(task, "get_name") else ""
        arguments["error"] = "" if exception is None else type(exception).__name__
        self._write(said, arguments)

    def _write(self, name: str, arguments: dict[str, object]) -> None:
        recorder = recording.current
        if recorder is not None and not self.gone and recorder.knows_thread():
            recorder.write_named(events.INSTANT, name, 0, encode(arguments, recorder.intern))


class _Ask:
    """Calls a function of a hook when it is compared."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, hook: Hook, function: Callable[[Any], None]) -> None:
        self._hook = hook
        self._function = function

    def __eq__(self, given: object) -> bool:
        try:
            self._function(given)
        except Exception as error:
            self._hook.fail(error)
        return False


class _InTurn(tuple):  # type: ignore[type-arg]
    """Calls what it holds, one after the other: so a tuple finds out whether something is in it."""

    __call__ = tuple.__contains__


def _in_turn(first: _Ask, function: Any) -> Any:
    """A callable of one argument that has `first` asked, and then calls `function`, whose exception it passes on."""
    then = type("_Then", (), {"__eq__": staticmethod(function), "__hash__": None})
    return _InTurn((first, then()))
