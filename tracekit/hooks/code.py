"""Code: what to call a callable or a coroutine, and where it is defined. Knows no hook and no event."""

from __future__ import annotations

import os

from tracekit.record import probes
from tracekit.spool.layout import code_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DEEPEST = 1000
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
_PROBES = probes.trace_as.__code__.co_filename  # where the wrappers of coroutines are


def name_of(function: Any) -> str:
    """The qualified name of whatever a callable calls in the end."""
    function = _innermost(function)
    return str(getattr(function, "__qualname__", None) or type(function).__qualname__)


def code_of(function: Any) -> str | None:
    """Function, file and line of a callable as one text of layout.code_text; None for what is not written in Python."""
    function = _innermost(function)
    code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
    if code is None:
        return None
    return code_text(str(getattr(function, "__qualname__", code.co_name)), code.co_filename, code.co_firstlineno)


def coroutine_code(coroutine: Any) -> str:
    """Where a coroutine's function is defined, as `code_of`; only its name for coroutines that are not Python's."""
    code = getattr(coroutine, "cr_code", None) or getattr(coroutine, "gi_code", None)
    if code is not None and code.co_filename == _PROBES:
        # One that `tk.trace` made: the function that it stands for is what people know.
        traced = getattr(getattr(coroutine, "cr_frame", None), "f_locals", {}).get("function")
        code = getattr(traced, "__code__", code)
    name = str(getattr(coroutine, "__qualname__", None) or type(coroutine).__qualname__)
    return code_text(name, "" if code is None else code.co_filename, 0 if code is None else code.co_firstlineno)


def described(coroutine: Any) -> tuple[str, bool]:
    """`coroutine_code`, and whether it is the same for every coroutine with this code and name."""
    return coroutine_code(coroutine), coroutine.cr_code.co_filename != _PROBES


def suspended_at(coroutine: Any) -> str | None:
    """Where a suspended coroutine stands: the innermost frame of its chain of awaits; None if it has ended.

    The innermost one of the user's code, if there is any: that `asyncio.sleep` suspends in asyncio helps nobody.
    """
    found = None
    for _ in range(_DEEPEST):
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        frame = frame or getattr(coroutine, "ag_frame", None)
        if frame is not None and (found is None or not _is_library(frame.f_code.co_filename)):
            found = coroutine, frame
        coroutine = (
            getattr(coroutine, "cr_await", None)
            or getattr(coroutine, "gi_yieldfrom", None)
            or getattr(coroutine, "ag_await", None)
        )
        if coroutine is None:
            break
    if found is None:
        return None
    coroutine, frame = found
    name = str(getattr(coroutine, "__qualname__", frame.f_code.co_name))
    return code_text(name, frame.f_code.co_filename, frame.f_lineno or frame.f_code.co_firstlineno)


def _is_library(file: str) -> bool:
    return file.startswith((_STANDARD_LIBRARY, "<frozen")) or file == _PROBES or "-packages" + os.sep in file


def _innermost(function: Any) -> Any:
    """Looks through partials, and through the `context.run` that asyncio.to_thread puts around a function."""
    for _ in range(20):
        inner = getattr(function, "func", None)
        if inner is None or not hasattr(function, "keywords"):
            break
        arguments = getattr(function, "args", ())
        runs_context = (
            getattr(inner, "__name__", "") == "run" and type(getattr(inner, "__self__", None)).__name__ == "Context"
        )
        function = arguments[0] if runs_context and arguments else inner
    return function
