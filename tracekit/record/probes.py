"""The probes that users put into their code: trace, span, instant, counter. Knows no session and no hook.

With no session running a probe does next to nothing and changes nothing. What runs in every call is there twice, in C and
in Python (reference.py); coroutines and generators are wrapped here for both.
"""

from __future__ import annotations

import sys

from tracekit.record import recorder as recording
from tracekit.record.reference import Span, counter, function, instant, span
from tracekit.spool.core import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
    from typing import Any, TypeVar
    from typing import overload as overload

    from tracekit.record.recorder import Recorder

    F = TypeVar("F", bound=Callable[..., Any] | classmethod[Any, Any, Any] | staticmethod[Any, Any] | property)
else:

    def overload(function):  # type: ignore[no-untyped-def]
        return function


_CO_GENERATOR = 0x20
_CO_COROUTINE = 0x80
_CO_ITERABLE_COROUTINE = 0x100
_CO_ASYNC_GENERATOR = 0x200
# A class makes these what they are by itself, but only where they are plain functions.
_IMPLICIT: dict[str, type] = {
    "__new__": staticmethod,
    "__init_subclass__": classmethod,
    "__class_getitem__": classmethod,
}

if not TYPE_CHECKING and core.fast is not None:
    from tracekit._fast import Span, counter, function, instant, span

__all__ = ["Span", "counter", "instant", "span", "trace", "trace_as"]


@overload
def trace(function: F, /) -> F: ...
@overload
def trace(*, name: str) -> Callable[[F], F]: ...  # noqa: F811
@overload
def trace(name: str, /) -> Callable[[F], F]: ...  # noqa: F811
def trace(function: Any = None, /, *, name: str | None = None) -> Any:  # noqa: F811
    """Make each call of a function a span: `@tk.trace`, `@tk.trace("name")` or `@tk.trace(name="name")`.

    Args:
        function: a function, method, coroutine function, generator function or async generator function; below or above
            `@staticmethod`, `@classmethod` and `@property`.
        name: what to call the span; default the function's qualified name.

    The decorated function stays what it was: same signature, same results and exceptions, a coroutine function stays one.
    Only where arguments don't fit, a coroutine or generator function says so when it is awaited or iterated, not when called.
    A coroutine's span lasts from its first step to its end. A generator's runs from its first `next` to its end; while it
    is suspended, its span is not running.

    Raises:
        TypeError: there is nothing to trace in what was given.
    """
    if function is None or isinstance(function, str):
        return lambda real: trace_as(real, function or name)
    return trace_as(function, name)


def trace_as(function: Any, name: str | None) -> Any:
    """`trace` without the choice of spellings."""
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(trace_as(function.__func__, name))
    if isinstance(function, property):
        getter = function.fget and trace_as(function.fget, name)
        return type(function)(getter, function.fset, function.fdel, function.__doc__)
    if not callable(function) or isinstance(function, type):
        raise TypeError(
            f"tracekit.trace takes a function or a method, not {function!r}; to trace a class, decorate its methods"
        )
    implicit = _IMPLICIT.get(getattr(function, "__name__", ""))
    if implicit is not None and hasattr(function, "__code__"):
        return implicit(_trace_callable(function, name))
    return _trace_callable(function, name)


def _trace_callable(function: Any, name: str | None) -> Any:
    from functools import update_wrapper

    name = name or str(getattr(function, "__qualname__", None) or type(function).__qualname__)
    return update_wrapper(_wrapper_for(function)(function, name), function)


def _wrapper_for(wrapped: Any) -> Callable[[Any, str], Any]:
    code = getattr(wrapped, "__code__", None)
    flags = getattr(code, "co_flags", 0)
    if flags & _CO_COROUTINE or _is_marked_coroutine(wrapped):
        return _coroutine_wrapper
    if flags & _CO_ASYNC_GENERATOR:
        return _async_generator_wrapper
    if flags & _CO_GENERATOR:
        return _iterable_coroutine_wrapper if flags & _CO_ITERABLE_COROUTINE else _generator_wrapper
    return function


def _is_marked_coroutine(function: object) -> bool:
    inspect = sys.modules.get("inspect")  # what inspect.markcoroutinefunction did can only be asked of inspect
    return inspect is not None and bool(inspect.iscoroutinefunction(function))


def _coroutine_wrapper(function: Any, name: str) -> Any:
    async def traced(*args: Any, **kwargs: Any) -> Any:
        recorder = recording.current
        if recorder is None:
            return await function(*args, **kwargs)
        slot = recorder.begin(name)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            recorder.end(slot, error)
            raise
        recorder.end(slot)
        return result

    return traced


def _iterable_coroutine_wrapper(function: Any, name: str) -> Any:
    from types import coroutine

    return coroutine(_generator_wrapper(function, name))


def _generator_wrapper(function: Any, name: str) -> Any:
    def traced(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)
        recorder = recording.current
        if recorder is None:
            return (yield from generator)
        slot = recorder.begin(name)
        try:
            result = yield from _Resumed(generator, recorder, slot, name)
        except BaseException as error:
            recorder.end(slot, None if isinstance(error, GeneratorExit) else error)
            raise
        recorder.end(slot)
        return result

    return traced


class _Resumed:
    """A generator whose every suspension and resumption is recorded; `yield from` drives it as it would the generator."""

    __slots__ = ("_generator", "_name", "_recorder", "_running", "_slot")

    def __init__(self, generator: Any, recorder: Recorder, slot: int, name: str) -> None:
        self._generator = generator
        self._name = name
        self._recorder = recorder
        self._slot = slot
        self._running = True

    @property
    def gi_yieldfrom(self) -> Any:
        """What is waited for, for those who follow a chain of awaits."""
        return self._generator

    def __iter__(self) -> _Resumed:
        return self

    def __next__(self) -> Any:
        self._resume()
        value = next(self._generator)
        self._suspend()
        return value

    def send(self, value: Any) -> Any:
        self._resume()
        value = self._generator.send(value)
        self._suspend()
        return value

    def throw(self, *error: Any) -> Any:
        self._resume()
        value = self._generator.throw(*error)
        self._suspend()
        return value

    def close(self) -> None:
        self._resume()
        self._generator.close()

    def _resume(self) -> None:
        if not self._running:
            self._running = True
            self._recorder.resume(self._slot, self._name)

    def _suspend(self) -> None:
        self._running = False
        self._recorder.suspend(self._slot)


def _first_step(generator: Any) -> Coroutine[Any, Any, Any]:
    """Begin an async generator that only its wrapper knows of: a loop that shuts down closes the wrapper, and that closes it.

    Known to the loop as well it would be closed twice at once.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        step: Coroutine[Any, Any, Any] = generator.__anext__()
    finally:
        sys.set_asyncgen_hooks(*hooks)
    return step


def _async_generator_wrapper(function: Any, name: str) -> Any:
    async def traced(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator = function(*args, **kwargs)
        recorder = recording.current
        slot = 0 if recorder is None else recorder.begin(name)
        step = _first_step(generator)
        try:
            while True:
                try:
                    value = await step
                except StopAsyncIteration:
                    break
                if recorder is not None:
                    recorder.suspend(slot)
                try:
                    sent = yield value
                except GeneratorExit:
                    if recorder is not None:
                        recorder.resume(slot, name)
                    await generator.aclose()
                    raise
                except BaseException as error:
                    step = generator.athrow(error)
                else:
                    step = generator.asend(sent)
                if recorder is not None:
                    recorder.resume(slot, name)
        except BaseException as error:
            if recorder is not None:
                recorder.end(slot, None if isinstance(error, GeneratorExit) else error)
            raise
        if recorder is not None:
            recorder.end(slot)

    return traced
