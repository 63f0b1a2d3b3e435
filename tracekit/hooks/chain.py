"""Chain: coroutines and generators that wait for each other, and where a suspended one stands. Knows no hook and no event."""

from __future__ import annotations

from gc import get_referents
from os.path import dirname
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType

from tracekit.hooks.code import USERS, WAITERS, WRAPPERS, facts, is_library, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_DEEPEST = 100_000  # in a chain that leads into itself somebody has to stop
# What the interpreter puts between one link of a chain and the next.
_STAND_INS = ("coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "anext_awaitable")
# What it waits for, and its frame: of those that imitate a coroutine, or stand for a generator.
_ATTRIBUTES = (("cr_await", "cr_frame"), ("gi_yieldfrom", "gi_frame"), ("ag_await", "ag_frame"))


def awaits(coroutine: Any) -> tuple[str, str]:
    """Where a suspended coroutine stands, by its chain of awaits.

    Returns:
        The place of the innermost frame of the user's code, and the innermost function whoever's it is (the line is the first
        one of its code); "" for what there is not. What `tk.trace` wraps around a coroutine is looked through.
    """
    what, users, within = "", None, None
    for found in _links(coroutine):
        code = found[1].f_code
        function, whose = facts(code, _name(*found))
        serves = whose == WAITERS and within is not None and dirname(within.co_filename) == dirname(code.co_filename)
        if whose != WRAPPERS and not serves:
            what, within = function, code
        if whose == USERS:
            users = found
    return "" if users is None else _place(*users), what


def suspended_at(coroutine: Any) -> str | None:
    """Where a suspended coroutine stands: the innermost frame of its chain of awaits; None if it has ended.

    The innermost one of the user's code, if there is any: that `asyncio.sleep` suspends in asyncio helps nobody.
    """
    found = None
    for each in _links(coroutine):
        if found is None or not is_library(each[1].f_code.co_filename):
            found = each
    return None if found is None else _place(*found)


def _links(coroutine: Any) -> Iterator[tuple[Any, FrameType]]:
    """Every coroutine or generator of a chain of awaits that has a frame, outermost first."""
    for _ in range(_DEEPEST):
        kind = type(coroutine)
        if kind is CoroutineType:
            frame, inner = coroutine.cr_frame, coroutine.cr_await
        elif kind is GeneratorType:
            frame, inner = coroutine.gi_frame, coroutine.gi_yieldfrom
        elif kind is AsyncGeneratorType:
            frame, inner = coroutine.ag_frame, coroutine.ag_await
        else:
            frame, inner = _frame_and_inner(coroutine)
        if frame is not None:
            yield coroutine, frame
        if inner is None:
            return
        coroutine = inner


def _frame_and_inner(coroutine: Any) -> tuple[FrameType | None, Any]:
    """Of one that Python itself did not make, or that stands for another one."""
    kind = type(coroutine)
    if kind.__name__ in _STAND_INS:
        return None, next((inner for inner in get_referents(coroutine) if _is_link(type(inner))), None)
    for inner, frame in _ATTRIBUTES:
        if hasattr(kind, inner):
            stands = getattr(coroutine, frame, None)
            return stands if type(stands) is FrameType else None, getattr(coroutine, inner)
    return None, None


def _is_link(kind: type) -> bool:
    return kind in (CoroutineType, GeneratorType, AsyncGeneratorType) or kind.__name__ in _STAND_INS


def _name(coroutine: Any, frame: FrameType) -> str:
    return str(getattr(coroutine, "__qualname__", frame.f_code.co_name))


def _place(coroutine: Any, frame: FrameType) -> str:
    return place(frame.f_code, _name(coroutine, frame), frame.f_lasti)
