"""The probes that users put into their code: trace, span, instant, counter. Knows the recorder, but no session and no hook.

With no session running a probe does next to nothing and changes nothing. A span pairs its end with its begin by the slot
in which the begin stands, so spans may overlap, cross awaits and end on another thread.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from sys import _getframe

from tracekit import events
from tracekit.record import recorder as recording
from tracekit.record.arguments import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
    from types import FrameType, TracebackType
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


class Span:
    """A piece of work with a beginning and an end; made by `span`, entered with `with`.

    One object may be entered many times, also while it is open: by recursion, in other threads, in other tasks.
    """

    __slots__ = ("_arguments", "_uses", "name")

    def __init__(self, name: str, arguments: dict[str, object] | None = None) -> None:
        self.name = name
        self._arguments = arguments
        # One entry for each use that is open: who entered, on which thread, and where the begin stands.
        self._uses: list[tuple[int, int, Recorder | None, int]] = []

    def __enter__(self) -> Span:
        recorder = recording.current
        if recorder is None:
            if self._uses:  # entered in a session that has stopped since: this use must be told from that one
                self._uses.append((_holder(_getframe(1)), get_ident(), None, 0))
            return self
        details = None
        if self._arguments:
            details = encode(self._arguments, recorder.intern, recorder.names.add)
        slot = recorder.begin(self.name, details)
        self._uses.append((_holder(_getframe(1)), get_ident(), recorder, slot))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._uses:
            use = self._find(_getframe(1))
            self._uses.remove(use)
            if use[2] is not None:
                use[2].end(self.name, use[3], error)

    def set(self, **arguments: object) -> None:
        """Add arguments to the span while it is open.

        Args:
            arguments: numbers, texts, truth values and None are kept as they are, other things in a short form.
        """
        if self._uses and arguments:
            _, _, recorder, slot = self._find(_getframe(1))
            if recorder is not None:
                details = encode(arguments, recorder.intern, recorder.names.add)
                recorder.write(events.SPAN_ARGS, recorder.intern(self.name), slot, details)

    def __repr__(self) -> str:
        return f"<tracekit span {self.name!r}>"

    def _find(self, frame: FrameType) -> tuple[int, int, Recorder | None, int]:
        """The use that this frame entered; where it entered none (a wrapper's), the latest of this thread, or of all."""
        uses = self._uses
        if len(uses) == 1:
            return uses[0]
        holder, thread = _holder(frame), get_ident()
        latest = uses[-1]
        for use in reversed(uses):
            if use[0] == holder:
                return use
            if use[1] == thread and latest[1] != thread:
                latest = use
        return latest


def _holder(frame: FrameType) -> int:
    """What the enter and the exit of one use share, in a thread, a task and a generator alike: the frame with the `with`.

    An ExitStack enters and exits in frames of its own; there it is the stack itself.
    """
    if frame.f_globals.get("__name__") == "contextlib":
        return id(frame.f_locals.get("self"))
    return id(frame)


def span(name: str, /, **arguments: object) -> Span:
    """A span: `with tk.span("load", rows=3) as span: …; span.set(bytes=10)`.

    Args:
        name: what to call it; the same text each time, details belong into the arguments.
        arguments: recorded with the span; numbers, texts, truth values and None as they are, other things in a short form.

    An exception passes through and marks the span. A span that crosses an `await` belongs to its task.
    """
    return Span(name, arguments or None)


def instant(name: str, /, **arguments: object) -> None:
    """Mark a point in time on this thread (and task).

    Args:
        name: what happened.
        arguments: as for `span`.
    """
    recorder = recording.current
    if recorder is not None:
        details = encode(arguments, recorder.intern, recorder.names.add) if arguments else None
        recorder.write(events.INSTANT, recorder.intern(name), 0, details)


def counter(name: str, /, **series: float) -> None:
    """Record the present value of something that goes up and down: `tk.counter("queue", depth=4)`.

    Args:
        name: what is counted.
        series: one or more values; whatever `float` takes. Other values are left out, and the trace says so.
    """
    recorder = recording.current
    if recorder is None:
        return
    numbers = {}
    for key, value in series.items():
        try:
            numbers[key] = float(value)
        except Exception:  # a probe must not break the program that it is in
            recorder.note(f"counter {name!r}: a value of {key!r} was left out, {type(value).__name__} is no number")
    recorder.write(events.COUNTER, recorder.intern(name), 0, encode(numbers, recorder.intern, recorder.names.add))


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
    from functools import update_wrapper

    name = name or str(getattr(function, "__qualname__", None) or type(function).__qualname__)
    return update_wrapper(_wrapper_for(function)(function, name), function)


def _wrapper_for(function: Any) -> Callable[[Any, str], Any]:
    code = getattr(function, "__code__", None)
    flags = getattr(code, "co_flags", 0)
    if flags & _CO_COROUTINE or _is_marked_coroutine(function):
        return _coroutine_wrapper
    if flags & _CO_ASYNC_GENERATOR:
        return _async_generator_wrapper
    if flags & _CO_GENERATOR:
        return _iterable_coroutine_wrapper if flags & _CO_ITERABLE_COROUTINE else _generator_wrapper
    return _function_wrapper


def _is_marked_coroutine(function: object) -> bool:
    inspect = sys.modules.get("inspect")  # what inspect.markcoroutinefunction did can only be asked of inspect
    return inspect is not None and bool(inspect.iscoroutinefunction(function))


def _function_wrapper(function: Any, name: str) -> Any:
    def traced(*args: Any, **kwargs: Any) -> Any:
        recorder = recording.current
        if recorder is None:
            return function(*args, **kwargs)
        slot = recorder.begin(name)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            recorder.end(name, slot, error)
            raise
        recorder.end(name, slot)
        return result

    return traced


def _coroutine_wrapper(function: Any, name: str) -> Any:
    async def traced(*args: Any, **kwargs: Any) -> Any:
        recorder = recording.current
        if recorder is None:
            return await function(*args, **kwargs)
        slot = recorder.begin(name)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            recorder.end(name, slot, error)
            raise
        recorder.end(name, slot)
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
            result = yield from _Resumed(generator, recorder, recorder.intern(name), slot)
        except BaseException as error:
            recorder.end(name, slot, None if isinstance(error, GeneratorExit) else error)
            raise
        recorder.end(name, slot)
        return result

    return traced


class _Resumed:
    """A generator whose every suspension and resumption is recorded; `yield from` drives it as it would the generator."""

    __slots__ = ("_generator", "_name", "_recorder", "_running", "_slot")

    def __init__(self, generator: Any, recorder: Recorder, name: int, slot: int) -> None:
        self._generator = generator
        self._recorder = recorder
        self._name = name
        self._slot = slot
        self._running = True

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
            self._recorder.write(events.SPAN_RESUME, self._name, self._slot)

    def _suspend(self) -> None:
        self._running = False
        self._recorder.write(events.SPAN_SUSPEND, self._name, self._slot)


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
        number = 0 if recorder is None else recorder.intern(name)
        step = _first_step(generator)
        try:
            while True:
                try:
                    value = await step
                except StopAsyncIteration:
                    break
                if recorder is not None:
                    recorder.write(events.SPAN_SUSPEND, number, slot)
                try:
                    sent = yield value
                except GeneratorExit:
                    if recorder is not None:
                        recorder.write(events.SPAN_RESUME, number, slot)
                    await generator.aclose()
                    raise
                except BaseException as error:
                    step = generator.athrow(error)
                else:
                    step = generator.asend(sent)
                if recorder is not None:
                    recorder.write(events.SPAN_RESUME, number, slot)
        except BaseException as error:
            if recorder is not None:
                recorder.end(name, slot, None if isinstance(error, GeneratorExit) else error)
            raise
        if recorder is not None:
            recorder.end(name, slot)

    return traced
