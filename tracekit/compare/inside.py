"""Inside: the steps of one task in an interpreter of its own, where their results stay. Knows nothing of who asks for them."""

from __future__ import annotations

import os
import pickle

from tracekit.compare import find
from tracekit.compare.failure import Told, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_functions: list[Callable[..., Any]] = []
_arguments: tuple[Any, ...] = ()


def begin(work: bytes) -> None:
    """Take a task: the modules that were loaded from files, the functions of its steps, and the first one's arguments."""
    global _functions, _arguments
    known, packed = pickle.loads(work)
    try:
        find.load_again(known)
        _functions, _arguments = pickle.loads(packed)
    except Exception as error:
        raise Told(told(error)) from None


def do(number: int) -> None:
    """Carry out a step; the next one is called with what it returns."""
    global _arguments
    try:
        _arguments = (_functions[number](*_arguments),)
    except (Exception, SystemExit) as error:
        raise Told(told(error)) from None


def hand_over(descriptor: int) -> None:
    """Write the task's result into a file that is open, pickled."""
    try:
        data = pickle.dumps(_arguments[0] if _arguments else None)
    except Exception as error:
        raise Told(told(error)) from None
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(data)
