"""What an event loop's records say of its tasks and callbacks, beside that they are there: what a task waits for and where, who
made it, why it is ready, when a timer was due, and how many callbacks were ready. Knows the spool, and no trace.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import sys
import time
import types
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spool_records import Record, records_of

from tracekit import events
from tracekit.hooks import chain
from tracekit.hooks.ready import due_time
from tracekit.record import probes
from tracekit.spool.layout import parse_code


@pytest.fixture
def run(recorded: Callable[..., Any]) -> Callable[..., list[Record]]:
    """Runs a coroutine on a new loop in a session; gives the records of this thread."""

    def run(main: Coroutine[Any, Any, Any], **options: Any) -> list[Record]:
        with recorded(**options) as recording:
            asyncio.run(main)
        return records_of(recording.directory)

    return run


def waiting(records: list[Record], name: str) -> list[Record]:
    """The ends of the steps of the task of this name after which it waited for a future."""
    (serial,) = [record.b for record in records if record.kind == events.TASK_CREATED and record.name == name]
    ends = [record for record in records if record.kind == events.STEP_END and record.b == serial]
    return [end for end in ends if events.AWAITS in end.details]


def where(record: Record) -> tuple[str, str, int] | None:
    """Function, file and line of the user's frame that waits."""
    text = record.text(record.details[events.AWAITS] & 0xFFFF_FFFF)
    return None if text is None else parse_code(text)


def what(record: Record) -> tuple[str, str, int] | None:
    """Function, file and first line of what waits in the end."""
    text = record.text(record.details[events.AWAITS] >> 32)
    return None if text is None else parse_code(text)


def last_name(place: tuple[str, str, int] | None) -> str:
    """The function of a place without what it is in, which 3.10 does not know."""
    return "" if place is None else place[0].rpartition(".")[2]


async def wait_for(future: Awaitable[Any]) -> Any:
    return await future


_WAITS_AT = wait_for.__code__.co_firstlineno + 1


async def _let_it_run() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def _end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def one_wait(run: Callable[..., list[Record]], make: Callable[[], Coroutine[Any, Any, Any]]) -> Record:
    """The first wait of a task of the coroutine that is made."""

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(make(), name="waiting")
        await _let_it_run()
        await _end(task)

    return waiting(run(main()), "waiting")[0]


def new_future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


def test_a_future_of_the_users_own(run: Callable[..., list[Record]]) -> None:
    """Where the user's code itself waits for a future, it is both the place that waits and what it waits in."""
    end = one_wait(run, lambda: wait_for(new_future()))

    assert where(end) == ("wait_for", __file__, _WAITS_AT)
    assert what(end) == ("wait_for", __file__, wait_for.__code__.co_firstlineno)
    assert events.AWAITED not in end.details
    assert events.AWAITED_TASK not in end.details


def test_what_a_library_waits_in(run: Callable[..., list[Record]]) -> None:
    """Where a library waits for the user, that is what the user waits in, and the user's own line is the place."""

    async def get() -> None:
        await asyncio.Queue().get()

    end = one_wait(run, get)

    place = where(end)
    assert place is not None
    assert place[1:] == (__file__, get.__code__.co_firstlineno + 1)
    assert last_name(place) == "get"
    assert what(end) == ("Queue.get", asyncio.queues.__file__, asyncio.Queue.get.__code__.co_firstlineno)


def test_a_task_that_is_awaited(run: Callable[..., list[Record]]) -> None:
    """A task that waits for another one says which; of a class of the user's own, also what that is called."""

    class Other(asyncio.Task):  # type: ignore[type-arg]
        pass

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for make, name in ((asyncio.Task, "plain"), (Other, "other")):
            made = make(asyncio.sleep(0), loop=loop, name=name)
            await loop.create_task(wait_for(made), name=f"for {name}")

    records = run(main())

    serials = {record.name: record.b for record in records if record.kind == events.TASK_CREATED}
    (plain,), (other,) = waiting(records, "for plain"), waiting(records, "for other")
    assert plain.details[events.AWAITED_TASK] == serials["plain"]
    assert events.AWAITED not in plain.details
    assert other.details[events.AWAITED_TASK] == serials["other"]
    assert other.text(other.details[events.AWAITED]) == "Other"


def test_the_class_of_what_is_awaited(run: Callable[..., list[Record]]) -> None:
    """What is neither asyncio's Future nor its Task is named by its class; asyncio's own in Python are not."""
    gathering = one_wait(run, lambda: wait_for(asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))))
    python = one_wait(run, lambda: wait_for(asyncio.futures._PyFuture()))  # type: ignore[attr-defined]

    assert gathering.text(gathering.details[events.AWAITED]) == "_GatheringFuture"
    assert events.AWAITED not in python.details


def test_a_bare_yield_waits_for_nothing(run: Callable[..., list[Record]]) -> None:
    """A step that ends in sleep(0), or with its task, says nothing of waiting."""
    records = run(_let_it_run())

    ends = [record for record in records if record.kind == events.STEP_END]
    assert len(ends) > 4
    assert [end.details for end in ends] == [{}] * len(ends)


class Imitation:
    """Awaits like a coroutine, and is none."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Iterator[Any]:
        return self

    def __iter__(self) -> Imitation:
        return self

    def __next__(self) -> Any:
        return self._coroutine.send(None)

    @property
    def cr_await(self) -> Any:
        return self._coroutine

    @property
    def cr_frame(self) -> str:
        return "no frame"


class Evasive:
    """An awaitable that claims to have any attribute."""

    def __init__(self) -> None:
        self._future = new_future()

    def __await__(self) -> Evasive:
        return self

    def __next__(self) -> Any:
        self._future._asyncio_future_blocking = True
        return self._future

    def close(self) -> None:
        pass

    def throw(self, error: BaseException) -> None:
        raise error

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError(name)


async def _numbers() -> Any:
    yield 1
    await wait_for(new_future())


async def _over_numbers() -> None:
    async for _ in _numbers():
        pass


async def _next_number() -> None:
    numbers = _numbers()
    await numbers.__anext__()
    await anext(numbers, None)


async def _closing() -> None:
    async def numbers() -> Any:
        try:
            yield 1
        finally:
            await wait_for(new_future())

    some = numbers()
    await some.__anext__()
    await some.aclose()


@types.coroutine
def _old_style(future: Any) -> Any:
    return (yield from wait_for(future).__await__())


@probes.trace
@types.coroutine
def _traced_old_style(future: Any) -> Any:
    return (yield from wait_for(future).__await__())


@probes.trace
async def _traced() -> None:
    await wait_for(new_future())


@probes.trace
async def _traced_numbers() -> Any:
    yield await wait_for(new_future())


async def _over_traced_numbers() -> None:
    async for _ in _traced_numbers():
        pass


async def _deep(depth: int) -> None:
    await (_deep(depth - 1) if depth else wait_for(new_future()))


WAYS: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
    "coroutine": lambda: wait_for(wait_for(new_future())),
    "async generator": _over_numbers,
    "anext": _next_number,
    "aclose": _closing,
    "generator-based": lambda: wait_for(_old_style(new_future())),
    "imitation": lambda: wait_for(Imitation(wait_for(new_future()))),
    "traced": _traced,
    "traced generator-based": lambda: wait_for(_traced_old_style(new_future())),
    "traced async generator": _over_traced_numbers,
    "deep": lambda: _deep(900),
}


@pytest.mark.parametrize("way", WAYS)
def test_chains(run: Callable[..., list[Record]], way: str) -> None:
    """However it is awaited, by whatever is between, the innermost frame is found; what tk.trace adds is looked through."""
    end = one_wait(run, WAYS[way])

    assert where(end) == ("wait_for", __file__, _WAITS_AT)
    assert what(end) == ("wait_for", __file__, wait_for.__code__.co_firstlineno)


def test_an_awaitable_that_is_asked_nothing(run: Callable[..., list[Record]]) -> None:
    """An awaitable whose attributes fail is not asked for any: the frame that awaits it is the last that is known."""
    end = one_wait(run, lambda: wait_for(Evasive()))

    assert where(end) == ("wait_for", __file__, _WAITS_AT)


_LINKS = ("coroutine", "generator", "traced", "imitation")


def _chain(links: list[str], future: Any) -> Any:
    made: Any = wait_for(future)
    for link in links:
        if link == "coroutine":
            made = wait_for(made)
        elif link == "generator":
            made = types.coroutine(lambda inner: (yield from inner))(made)
        elif link == "traced":
            made = probes.trace(wait_for)(made)
        else:
            made = Imitation(wait_for(made))
    return wait_for(made)


@settings(max_examples=30, deadline=None)
@given(links=st.lists(st.sampled_from(_LINKS), max_size=6))
def test_every_chain(links: list[str]) -> None:
    """Whatever chain leads from a task to a future: it is followed to its end, and nothing of it lives on for that."""
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    coroutine = _chain(links, future)
    assert coroutine.send(None) is future

    place, function = chain.awaits(coroutine)

    assert parse_code(place) == ("wait_for", __file__, _WAITS_AT)
    assert parse_code(function) == ("wait_for", __file__, wait_for.__code__.co_firstlineno)
    gone = weakref.ref(future)
    coroutine.close()
    del coroutine, future
    loop.close()
    gc.collect()
    assert gone() is None


def test_nothing_is_kept(recorded: Callable[..., Any]) -> None:
    """A future, a coroutine's locals and a task go at the very moment at which they would without a session."""

    class Local:
        pass

    async def wait(gone: list[Any], future: Any) -> None:
        local = Local()
        gone += [weakref.ref(local), weakref.ref(asyncio.current_task())]  # type: ignore[arg-type]
        await future

    async def main() -> list[bool]:
        gone: list[Any] = []
        future = new_future()
        gone.append(weakref.ref(future))
        task = asyncio.get_running_loop().create_task(wait(gone, future))
        await _let_it_run()
        future.set_result(None)
        del future
        await _let_it_run()
        after = [reference() is None for reference in gone]
        del task
        return [*after, gone[2]() is None]

    gc.disable()
    try:
        plain = asyncio.run(main())
        with recorded():
            traced = asyncio.run(main())
    finally:
        gc.enable()

    assert traced == plain
    assert traced[:2] == [True, True]


def test_who_made_it(run: Callable[..., list[Record]]) -> None:
    """A task has the user's line that made it, also where that went through functions of asyncio."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_task(asyncio.sleep(0), name="direct")
        await asyncio.create_task(asyncio.sleep(0), name="by asyncio")
        await asyncio.gather(_let_it_run())

    records = run(main())

    created = [record for record in records if events.CREATED_AT in record.details]
    made = [parse_code(record.text(record.details[events.CREATED_AT]) or "") for record in created][1:4]
    first = main.__code__.co_firstlineno
    assert [(last_name(place), place[1], place[2] - first) for place in made] == [
        ("main", __file__, line) for line in (2, 3, 4)
    ]


def test_who_made_what_was_there_before_is_not_known(recorded: Callable[..., Any]) -> None:
    """A task from before the session is marked as late, and nobody is named who made it."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(_let_it_run(), name="earlier")
    with recorded() as recording:
        loop.run_until_complete(task)
    loop.close()

    (created,) = [record for record in records_of(recording.directory) if record.name == "earlier"]
    assert events.LATE in created.details
    assert events.CREATED_AT not in created.details


@pytest.mark.parametrize("own", ["future", "task", "python future"])
def test_ready_because_it_was_cancelled(run: Callable[..., list[Record]], own: str) -> None:
    """A task that is woken by a cancelled future, of whatever class, says so; one that is woken by a result does not."""

    def make() -> Any:
        loop = asyncio.get_running_loop()
        if own == "task":
            return loop.create_task(asyncio.sleep(3600))
        return new_future() if own == "future" else asyncio.futures._PyFuture(loop=loop)  # type: ignore[attr-defined]

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stopped, done = make(), new_future()
        tasks = [loop.create_task(wait_for(stopped), name="stopped"), loop.create_task(wait_for(done), name="done")]
        await _let_it_run()
        stopped.cancel()
        done.set_result(None)
        await asyncio.gather(*tasks, return_exceptions=True)

    records = run(main())

    serials = {record.name: record.b for record in records if record.kind == events.TASK_CREATED}
    causes = {
        name: [record.a for record in records if record.kind == events.TASK_READY and record.b == serials[name]]
        for name in ("stopped", "done")
    }
    assert causes == {"stopped": [events.READY_CANCELLED], "done": [0]}


def test_whose_end_a_callback_is_told(run: Callable[..., list[Record]]) -> None:
    """A callback that is given nothing but a task that has ended says which; of anything else it says nothing."""

    def told(*_args: Any) -> None:
        pass

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ended = loop.create_task(asyncio.sleep(0), name="ended")
        ended.add_done_callback(told)
        await ended
        for args in [(asyncio.current_task(),), (ended, 1), (1,), ()]:
            loop.call_soon(told, *args)
        await _let_it_run()

    records = run(main())

    (serial,) = [record.b for record in records if record.kind == events.TASK_CREATED and record.name == "ended"]
    calls = [record for record in records if record.kind == events.CALLBACK_BEGIN and str(record.name).endswith("told")]
    assert [call.details.get(events.AWAITED_TASK) for call in calls] == [serial, None, None, None, None]


def test_when_a_timer_was_due(run: Callable[..., list[Record]]) -> None:
    """A timer's callback says when it was due, in the time of CLOCK_MONOTONIC; another callback does not."""
    due: list[int] = []

    def timer() -> None:
        pass

    async def main() -> None:
        loop = asyncio.get_running_loop()
        due.append(int(loop.call_later(0.001, timer).when() * 1e9))
        loop.call_soon(int)
        await asyncio.sleep(0.002)

    records = run(main())

    found = {record.name.rpartition(".")[2]: record for record in records if record.kind == events.CALLBACK_BEGIN}
    assert found["timer"].details[events.DUE] == due[0]
    assert due[0] <= found["timer"].time
    assert events.DUE not in found["int"].details


def test_timers_by_another_clock() -> None:
    """Of a loop that has its own idea of the time, or a time that cannot be, nothing is said of when a timer was due."""

    class Loop(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return 5.0

    ours, theirs = asyncio.new_event_loop(), Loop()
    try:
        now = time.monotonic()
        assert due_time(asyncio.TimerHandle(now, int, (), ours)) == int(now * 1e9)
        assert due_time(asyncio.TimerHandle(now, int, (), theirs)) == 0
        for when in (now + 1, -1.0, float("nan"), float("inf"), 7):
            assert due_time(asyncio.TimerHandle(when, int, (), ours)) == 0
        assert due_time(asyncio.Handle(int, (), ours)) == 0
    finally:
        ours.close()
        theirs.close()


def test_how_many_are_ready(run: Callable[..., list[Record]]) -> None:
    """Each time that a loop begins to run what is ready it says how many that are, unless they are as many as the last time."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)
        for count in (3, 3, 5):
            for _ in range(count):
                loop.call_soon(int)
            assert len(loop._ready) == count  # type: ignore[attr-defined]
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    records = run(main())

    assert [record.b for record in records if record.kind == events.LOOP_TURN] == [1, 4, 6, 1]


class _Callable:
    def __call__(self) -> None:
        pass

    def method(self) -> None:
        pass


def _function() -> None:
    pass


@functools.wraps(_function)
def _decorated() -> None:
    pass


CALLBACKS: dict[str, tuple[Any, str, int | None]] = {
    "function": (_function, "_function", _function.__code__.co_firstlineno),
    "method": (_Callable().method, "_Callable.method", _Callable.method.__code__.co_firstlineno),
    "decorated": (_decorated, "_function", _function.__code__.co_firstlineno),
    "partial": (functools.partial(functools.partial(_function)), "_function", _function.__code__.co_firstlineno),
    "builtin": ([].clear, "list.clear", None),
    "class": (int, "int", None),
    "callable": (_Callable(), "_Callable", None),
    "partial builtin": (functools.partial(int), "int", None),
}


@pytest.mark.parametrize("kind", CALLBACKS)
def test_what_a_callback_is(run: Callable[..., list[Record]], kind: str) -> None:
    """A callback has the name and the place of the function that is called in the end."""
    callback, name, line = CALLBACKS[kind]

    async def main() -> None:
        for _ in range(3):
            asyncio.get_running_loop().call_soon(callback)
        await asyncio.sleep(0)

    begun = [record for record in run(main()) if record.kind == events.CALLBACK_BEGIN][:3]

    assert [record.name for record in begun] == [name] * 3
    codes = [record.text(record.details[events.CODE]) if events.CODE in record.details else None for record in begun]
    assert [None if code is None else parse_code(code)[1:] for code in codes] == [line and (__file__, line)] * 3


def test_a_function_that_is_named_anew(run: Callable[..., list[Record]]) -> None:
    """What is known of a function counts for the name that it had."""

    def make() -> Any:
        def callback() -> None:
            pass

        return callback

    async def main() -> None:
        for name in ("first", "second"):
            callback = make()
            callback.__qualname__ = name
            asyncio.get_running_loop().call_soon(callback)
        await asyncio.sleep(0)

    records = run(main())

    assert [record.name for record in records if record.kind == events.CALLBACK_BEGIN][:2] == ["first", "second"]


def test_two_sessions(recorded: Callable[..., Any]) -> None:
    """What was learned in one session serves the next one, with the names of that."""

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(wait_for(new_future()), name="waiting")
        await _let_it_run()
        await _end(task)

    ends = []
    for _ in range(2):
        with recorded() as recording:
            asyncio.run(main())
        (end,) = waiting(records_of(recording.directory), "waiting")
        ends.append((where(end), what(end)))

    assert ends[0] == ends[1]
    assert ends[0][0] == ("wait_for", __file__, _WAITS_AT)


def test_many_functions(run: Callable[..., list[Record]]) -> None:
    """More functions than are remembered at once: each wait has its own place."""
    scope: dict[str, Any] = {}
    for number in range(3000):
        exec(f"async def wait{number}(future): await future", scope)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(2):
            future = loop.create_future()
            tasks = [loop.create_task(scope[f"wait{number}"](future), name=f"{number}") for number in range(3000)]
            await asyncio.sleep(0)
            future.set_result(None)
            await asyncio.gather(*tasks)

    records = run(main())

    created = {record.b: record.name for record in records if record.kind == events.TASK_CREATED}
    ends = [record for record in records if record.kind == events.STEP_END and created[record.b].isdigit()]
    places = [(created[end.b], last_name(where(end))) for end in ends if events.AWAITS in end.details]
    assert len(places) == 6000
    assert [name for number, name in places if name != f"wait{number}"] == []


def test_frames_of_every_depth(run: Callable[..., list[Record]]) -> None:
    """The line that makes a task is found from however deep within libraries it is made."""
    limit = sys.getrecursionlimit() // 3
    library = types.ModuleType("library")
    source = "def call(depth, function):\n    return call(depth - 1, function) if depth else function()\n"
    exec(compile(source, asyncio.__file__, "exec"), library.__dict__)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        await library.call(limit, functools.partial(loop.create_task, asyncio.sleep(0), name="deep"))

    (created,) = [record for record in run(main()) if record.name == "deep"]

    place = parse_code(created.text(created.details[events.CREATED_AT]) or "")
    assert place[1:] == (__file__, main.__code__.co_firstlineno + 2)
