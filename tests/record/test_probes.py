"""The probes: what they change (nothing), and what they record. Knows nothing of hooks but asyncio's, for tasks."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests_support import spans_of

import tracekit as tk

# Every kind of callable, traced and plain, so that one can be compared with the other.


def plain_function(a: int, b: int = 2, *rest: int, key: int = 3, **more: int) -> tuple[Any, ...]:
    """The docstring."""
    return (a, b, rest, key, more)


async def plain_coroutine(value: object) -> object:
    await asyncio.sleep(0)
    return value


def plain_generator(limit: int) -> Any:
    received = []
    for number in range(limit):
        try:
            received.append((yield number))
        except KeyError as error:
            received.append(type(error))
    return received


async def plain_async_generator(limit: int) -> Any:
    for number in range(limit):
        try:
            sent = yield number
            if sent:
                yield sent
        except KeyError:
            yield "caught"


@pytest.fixture(params=["off", "on"])
def session(request: pytest.FixtureRequest, recorded: Callable[..., Any]) -> Any:
    """Whether a session is running: probes must behave alike."""
    with recorded() if request.param == "on" else contextlib.nullcontext() as recording:
        yield recording


@pytest.mark.usefixtures("session")
class TestTransparent:
    """A traced function behaves as the plain one, with and without a session."""

    def test_function(self) -> None:
        """Arguments, result, name, docstring and signature are the function's own."""
        traced = tk.trace(plain_function)

        assert traced(1, 5, 6, key=7, z=8) == plain_function(1, 5, 6, key=7, z=8)
        assert (traced.__name__, traced.__qualname__, traced.__doc__) == (
            "plain_function",
            "plain_function",
            "The docstring.",
        )
        assert inspect.signature(traced) == inspect.signature(plain_function)

    def test_kinds_stay_what_they_are(self) -> None:
        """A coroutine function stays one, and so do generator functions of both kinds."""
        assert inspect.iscoroutinefunction(tk.trace(plain_coroutine))
        assert inspect.isgeneratorfunction(tk.trace(plain_generator))
        assert inspect.isasyncgenfunction(tk.trace(plain_async_generator))
        assert not inspect.iscoroutinefunction(tk.trace(plain_function))

    def test_exceptions_pass(self) -> None:
        """An exception comes out as the very object that was raised, from all kinds."""
        error = ValueError("mine")

        @tk.trace
        def function() -> None:
            raise error

        @tk.trace
        async def coroutine() -> None:
            raise error

        @tk.trace
        def generator() -> Any:
            yield 1
            raise error

        with pytest.raises(ValueError, match="mine") as caught:
            function()
        assert caught.value is error
        with pytest.raises(ValueError, match="mine") as caught:
            asyncio.run(coroutine())
        assert caught.value is error
        with pytest.raises(ValueError, match="mine") as caught:
            list(generator())
        assert caught.value is error

    def test_coroutine(self) -> None:
        """A coroutine gives its result."""
        assert asyncio.run(tk.trace(plain_coroutine)(5)) == 5

    def test_generator_protocol(self) -> None:
        """send, throw, close and the return value go through to the generator."""

        def drive(function: Callable[[int], Any]) -> list[object]:
            generator = function(4)
            seen: list[object] = [
                next(generator),
                generator.send("a"),
                generator.throw(KeyError()),
                generator.send("b"),
            ]
            try:
                next(generator)
            except StopIteration as stop:
                seen.append(stop.value)
            closed = function(3)
            next(closed)
            closed.close()
            seen.append(list(closed))
            return seen

        assert drive(tk.trace(plain_generator)) == drive(plain_generator)

    def test_async_generator_protocol(self) -> None:
        """asend, athrow, aclose and exhaustion go through to the async generator."""

        async def drive(function: Callable[[int], Any]) -> list[object]:
            generator = function(3)
            seen: list[object] = [
                await generator.__anext__(),
                await generator.asend("sent"),
                await generator.athrow(KeyError),
            ]
            seen += [number async for number in generator]
            closed = function(3)
            await closed.__anext__()
            await closed.aclose()
            seen.append([number async for number in closed])
            return seen

        assert asyncio.run(drive(tk.trace(plain_async_generator))) == asyncio.run(drive(plain_async_generator))

    def test_methods(self) -> None:
        """Methods, class methods, static methods and properties can be traced, on either side of their decorator."""

        class Thing:
            value = 3

            @tk.trace
            def method(self, add: int) -> int:
                return self.value + add

            @tk.trace
            @classmethod
            def outside(cls) -> int:
                return cls.value

            @classmethod
            @tk.trace
            def inside(cls) -> int:
                return cls.value

            @tk.trace
            @staticmethod
            def static(x: int) -> int:
                return x

            @tk.trace
            @property
            def prop(self) -> int:
                return self.value

        thing = Thing()
        assert (thing.method(1), Thing.outside(), Thing.inside(), Thing.static(9), thing.prop) == (4, 3, 3, 9, 3)

    def test_span_passes_exceptions(self) -> None:
        """A span swallows nothing."""
        with pytest.raises(ZeroDivisionError), tk.span("divide"):
            _ = 1 / 0


def test_trace_refuses_what_it_cannot_trace() -> None:
    """A class, or something that can't be called, gets a message that says what to do."""
    with pytest.raises(TypeError, match="decorate its methods"):
        tk.trace(int)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="takes a function"):
        tk.trace(3)  # type: ignore[call-overload]


def test_names(recorded: Callable[..., Any]) -> None:
    """A span is named after its function, or as the decorator says."""

    @tk.trace("first")
    def one() -> None:
        pass

    @tk.trace(name="second")
    def two() -> None:
        pass

    with recorded() as recording:
        one()
        two()
        plain = tk.trace(plain_function)
        plain(1)

    assert [span.name for span in spans_of(recording.trace)] == ["first", "second", "plain_function"]


def test_span_arguments(recorded: Callable[..., Any]) -> None:
    """Scalars keep their value and type, other things are shown short, and `set` adds to them."""

    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    many = {
        "n": -1,
        "f": 0.5,
        "s": "é",
        "t": True,
        "z": None,
        "big": 1 << 70,
        "broken": Broken(),
        "deep": [list(range(9))],
    }
    with recorded() as recording, tk.span("load", **many) as span:
        span.set(bytes=10)

    (row,) = spans_of(recording.trace)
    assert row.args == {
        "n": -1, "f": 0.5, "s": "é", "t": True, "z": None, "big": str(1 << 70), "broken": row.args["broken"],
        "deep": "[[0, 1, 2, 3, 4, 5, ...]]", "bytes": 10,
    }  # fmt: skip
    assert "Broken" in row.args["broken"]


def test_exception_marks_the_span(recorded: Callable[..., Any]) -> None:
    """A span that an exception went through says so, with the name of its class."""
    with recorded() as recording, contextlib.suppress(KeyError), tk.span("risky"):
        raise KeyError("x")

    (row,) = spans_of(recording.trace)
    assert row.error
    assert row.args == {"error": "KeyError"}


def test_nesting(recorded: Callable[..., Any]) -> None:
    """Spans nest as their `with` statements do."""
    with recorded() as recording, tk.span("outer"), tk.span("inner"):
        pass

    outer, inner = spans_of(recording.trace)
    assert (outer.name, inner.name) == ("outer", "inner")
    assert outer.start <= inner.start <= inner.end <= outer.end


def test_one_span_object_entered_again(recorded: Callable[..., Any]) -> None:
    """An object made once can be entered again while it is open, in the same frame and by recursion."""
    hot = tk.span("hot")

    def recurse(depth: int) -> None:
        with hot:
            if depth:
                recurse(depth - 1)

    with recorded() as recording:
        with hot, hot:
            pass
        recurse(2)

    rows = spans_of(recording.trace)
    assert len(rows) == 5
    assert [row.depth for row in rows] == [0, 1, 0, 1, 2]
    assert not any(row.unfinished for row in rows)


def test_one_span_object_in_interleaved_tasks(recorded: Callable[..., Any]) -> None:
    """Tasks that share an object and interleave each get their own begin and end."""
    hot = tk.span("hot")

    async def task(first: asyncio.Event, second: asyncio.Event) -> None:
        with hot:
            first.set()
            await second.wait()

    async def main() -> None:
        events = [asyncio.Event() for _ in range(3)]
        # The first to enter is the first to leave: last-in-first-out would pair them wrongly.
        tasks = [asyncio.create_task(task(events[0], events[1])), asyncio.create_task(task(events[2], events[0]))]
        await events[0].wait()
        events[1].set()
        await asyncio.gather(*tasks)

    with recorded() as recording:
        asyncio.run(main())

    rows = spans_of(recording.trace)
    assert [row.name for row in rows] == ["hot", "hot"]
    assert len({row.track for row in rows}) == 2
    assert not any(row.unfinished for row in rows)


def test_one_span_object_in_exit_stack(recorded: Callable[..., Any]) -> None:
    """A span can be entered through an ExitStack."""
    with recorded() as recording, contextlib.ExitStack() as stack:
        stack.enter_context(tk.span("stacked"))

    assert [row.name for row in spans_of(recording.trace)] == ["stacked"]


def test_one_span_object_in_nested_exit_stacks(recorded: Callable[..., Any]) -> None:
    """Stacks that hold the same object each end their own use, whatever the order."""
    hot = tk.span("hot")
    with recorded() as recording:
        first, second = contextlib.ExitStack(), contextlib.ExitStack()
        first.enter_context(hot)
        with hot:
            second.enter_context(hot)
            tk.instant("three open")
            first.close()
            tk.instant("first closed")
            second.close()

    rows = spans_of(recording.trace)
    three, closed = (int(time) for time in recording.trace.instants.time)
    assert not any(row.unfinished for row in rows)
    # The first to begin is the first to end.
    oldest = min(rows, key=lambda row: row.start)
    assert three <= oldest.end <= closed


def test_span_wrapped_in_another_context_manager(recorded: Callable[..., Any]) -> None:
    """A wrapper that enters and leaves the span in methods of its own ends the latest use, as its nesting asks for."""

    class Wrapper:
        def __enter__(self) -> None:
            hot.__enter__()

        def __exit__(self, *exc_info: Any) -> None:
            hot.__exit__(*exc_info)

    hot = tk.span("hot")
    with recorded() as recording, Wrapper(), Wrapper():
        tk.instant("inside")

    rows = spans_of(recording.trace)
    assert [row.depth for row in rows] == [0, 1]
    assert not any(row.unfinished for row in rows)


@pytest.mark.parametrize("on", [False, True])
def test_async_generator_left_suspended(recorded: Callable[..., Any], on: bool) -> None:
    """A loop that shuts down closes it once, and its own clean-up runs to the end."""
    complaints: list[dict[str, Any]] = []
    cleaned = []

    @tk.trace
    async def generator() -> Any:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    async def main() -> Any:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
        suspended = generator()
        await suspended.__anext__()
        return suspended

    with recorded() if on else contextlib.nullcontext():
        asyncio.run(main())

    assert complaints == []
    assert cleaned == [True]


def test_span_across_await_belongs_to_its_task(recorded: Callable[..., Any]) -> None:
    """A span that crosses an await is whole on its task's track, and lies on the thread only in parts."""

    async def main() -> None:
        with tk.span("crossing"):
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    with recorded() as recording:
        asyncio.run(main())

    (row,) = spans_of(recording.trace)
    assert row.kind == "TASK"
    assert len(spans_of(recording.trace, "PART")) == 3


def test_span_that_ends_in_another_thread(recorded: Callable[..., Any]) -> None:
    """It is kept, and marked."""
    span = tk.span("handed over")
    with recorded() as recording:
        span.__enter__()
        thread = threading.Thread(target=span.__exit__, args=(None, None, None))
        thread.start()
        thread.join()

    (row,) = spans_of(recording.trace)
    assert row.moved
    assert not row.unfinished


def test_generator_is_not_running_while_suspended(recorded: Callable[..., Any]) -> None:
    """What its consumer does between two values lies in none of the generator's parts."""
    traced = tk.trace(plain_generator)
    with recorded() as recording:
        for _ in traced(2):
            tk.instant("between")

    (whole,) = spans_of(recording.trace)
    parts = spans_of(recording.trace, "PART")
    times = [int(time) for time in recording.trace.instants.time]
    assert len(parts) == 3
    assert all(whole.start <= part.start <= part.end <= whole.end for part in parts)
    assert not any(part.start < time < part.end for part in parts for time in times)


def test_span_open_when_the_session_stops(recorded: Callable[..., Any]) -> None:
    """It is there, marked as unfinished."""
    span = tk.span("open")
    with recorded() as recording:
        span.__enter__()
    span.__exit__(None, None, None)

    (row,) = spans_of(recording.trace)
    assert row.unfinished


def test_span_of_an_earlier_session_does_not_reach_the_next(recorded: Callable[..., Any]) -> None:
    """A span that began in one session ends in none that follows."""
    span = tk.span("early")
    with recorded():
        span.__enter__()
    with recorded() as second:
        span.__exit__(None, None, None)

    assert spans_of(second.trace) == []


def test_instant_and_counter(recorded: Callable[..., Any]) -> None:
    """Instants carry arguments; a counter has a value for each of its series."""
    with recorded() as recording:
        tk.instant("cache miss", key="a")
        tk.counter("queue", depth=4, full=0.5)

    trace = recording.trace
    assert [trace.strings[name] for name in trace.instants.name] == ["cache miss"]
    assert trace.args[trace.instants.args[0]] == {"key": "a"}
    series = {trace.strings[series]: value for series, value in zip(trace.counters.series, trace.counters.value)}
    assert series == {"depth": 4.0, "full": 0.5}


def test_counter_leaves_out_what_is_no_number(recorded: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    """The program goes on; the note names the counter, the series and the type."""
    with recorded() as recording:
        tk.counter("queue", depth=None, length=4)  # type: ignore[arg-type]

    assert "counter 'queue': a value of 'depth' was left out, NoneType is no number" in capsys.readouterr().err
    assert list(recording.trace.counters.value) == [4.0]


def test_threads_are_apart(recorded: Callable[..., Any]) -> None:
    """Each thread's spans lie on its own track, though they overlap in time."""
    barrier = threading.Barrier(4)

    def work() -> None:
        with tk.span("work"):
            barrier.wait()

    with recorded() as recording:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len({row.track for row in spans_of(recording.trace)}) == 4


def test_many_records(recorded: Callable[..., Any]) -> None:
    """Far more records than a block or a segment holds: none is lost, and their order stays."""
    with recorded() as recording:
        for number in range(30_000):
            tk.instant("tick", number=number)

    trace = recording.trace
    numbers = [trace.args[row]["number"] for row in trace.instants.args]
    assert numbers == list(range(30_000))


def test_names_made_anew_for_each_call(recorded: Callable[..., Any]) -> None:
    """Names that never come again are all kept in the trace, though not all in memory."""
    with recorded() as recording:
        for number in range(25_000):
            tk.instant(f"name {number}")

    trace = recording.trace
    assert [trace.strings[name] for name in trace.instants.name] == [f"name {number}" for number in range(25_000)]


def test_exit_in_the_middle_of_a_probe(run_python: Callable[..., Any]) -> None:
    """A signal handler that exits while an argument is looked at ends the program with the status that it asked for."""
    ran = run_python(
        """
        import signal, sys
        import tracekit as tk

        class Value:
            def __repr__(self):
                signal.raise_signal(signal.SIGTERM)
                return "value"

        signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
        with tk.span("x", value=Value()):
            pass
        print("never reached")
        """
    )

    assert (ran.status, ran.stdout, ran.stderr) == (3, "", "")


def test_a_chain_of_spans() -> None:
    """A span that holds a span, and so on, goes without a trace, however long the chain is."""
    chain = tk.span("first")
    for _ in range(200_000):
        chain = tk.span("next", before=chain)
    del chain


def test_methods_that_a_class_treats_specially() -> None:
    """`__new__`, `__init_subclass__` and `__class_getitem__` stay what a class makes of them."""

    names: list[str] = []

    class Base:
        @tk.trace
        def __new__(cls) -> Any:
            return object.__new__(cls)

        @tk.trace
        def __init_subclass__(cls) -> None:
            names.append(cls.__name__)

        @tk.trace
        def __class_getitem__(cls, item: Any) -> Any:
            return item

    class Derived(Base):
        pass

    assert names == ["Derived"]
    assert Derived[5] == 5  # type: ignore[misc]
    assert type(Derived().__new__(Derived)) is Derived


def test_a_use_is_told_by_what_as_gives(recorded: Callable[..., Any]) -> None:
    """Of uses of one span that overlap in tasks each has its own arguments, if it is asked by what `as` gave."""
    hot = tk.span("request")

    async def request(number: int) -> None:
        with hot as span:
            await asyncio.sleep(0)
            span.set(number=number)
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(asyncio.create_task(request(number), name=f"r{number}") for number in range(4)))

    with recorded() as recording:
        asyncio.run(main())

    trace = recording.trace
    found = sorted(args["number"] for args in trace.args if "number" in args)
    assert found == [0, 1, 2, 3]
    assert [row.args for row in spans_of(trace)] == [{"number": number} for number in range(4)]


def test_an_exception_whose_class_has_no_name(recorded: Callable[..., Any]) -> None:
    """An exception passes whatever its class says when it is asked for its name."""

    class Nameless(type):
        @property
        def __name__(cls) -> str:  # type: ignore[override]
            raise RuntimeError("no name")

    class Error(Exception, metaclass=Nameless):
        pass

    with recorded(), pytest.raises(Error), tk.span("x"):
        raise Error


def test_a_counter_s_complaint_is_not_repeated(
    recorded: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong with a counter is said once, however often it is called."""
    with recorded():
        for _ in range(50):
            tk.counter("queue", depth=None)  # type: ignore[arg-type]

    assert capsys.readouterr().err.count("depth") == 1
