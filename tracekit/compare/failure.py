"""Failure: an exception of the workload's, told in one line, with the place in its own code. Knows no model."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_LIBRARY = os.path.dirname(os.__file__) + os.sep
_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LONGEST = 240  # characters
_BUILTIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "builtin") + os.sep


class Told(Exception):
    """A failure that was told already, where it happened; it says all that there is to say."""


def told(error: BaseException) -> str:
    """Its class, what it says, and the innermost line of the workload's: "ValueError: no such page (jobs.py, line 12)"."""
    if isinstance(error, Told):
        return str(error)
    frames = [frame for frame in _frames(error.__traceback__) if not _is_library(frame[0])]
    own = [frame for frame in frames if not _is_installed(frame[0])] or frames
    place = f" ({os.path.basename(own[-1][0])}, line {own[-1][1]})" if own else ""
    said = _short(" ".join(str(error).split()))
    name = type(error).__name__
    return f"{name}: {said}{place}" if said else f"{name}{place}"


def is_of_the_call(error: BaseException) -> bool:
    """Whether the function could not even be called by whoever caught this: no line of it has run."""
    return isinstance(error, TypeError) and error.__traceback__ is not None and error.__traceback__.tb_next is None


def _short(said: str) -> str:
    """Both ends of what somebody says at length; what it comes down to stands in one of them."""
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST // 2]} ... {said[-_LONGEST // 2 :]}"


def _frames(traceback: TracebackType | None) -> Iterator[tuple[str, int]]:
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next


def _is_library(file: str) -> bool:
    """It is the standard library's, or tracekit's, and no built-in workload's."""
    if file.startswith(_BUILTIN):
        return False
    return file.startswith(("<", _OURS)) or (file.startswith(_LIBRARY) and not _is_installed(file))


def _is_installed(file: str) -> bool:
    return "-packages" + os.sep in file and not file.startswith(_BUILTIN)
