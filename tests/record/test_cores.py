"""The probes of both cores: one public face, the same bytes, and nothing left behind in memory. Knows no hook."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import functools
import gc
import inspect
import itertools
import os
import pickle
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tracekit as tk
from tracekit import events
from tracekit.hooks import mark, ready, scheduled
from tracekit.record import open_spans, reference
from tracekit.record import recorder as recording
from tracekit.spool import buffer, layout, mapping, names, settle, texts
from tracekit.spool import core as cores
from tracekit.spool.core import core

fast = core.fast
needs_c = pytest.mark.skipif(fast is None, reason="there is no C core here")

PYTHON = {
    "Buffer": buffer.Buffer,
    "Mark": mark.Mark,
    "Names": names.Names,
    "ReadyQueue": ready.ReadyQueue,
    "RunForever": scheduled.RunForever,
    "Scheduler": scheduled.Scheduler,
    "Span": reference.Span,
    "counter": reference.counter,
    "begun": open_spans.begun,
    "ended": open_spans.ended,
    "follow": open_spans.follow,
    "forget": open_spans.forget,
    "function": reference.function,
    "innermost": open_spans.innermost,
    "instant": reference.instant,
    "map_words": mapping.map_words,
    "pair": buffer.pair,
    "settle": settle.settle,
    "span": reference.span,
    "switch": buffer.switch,
}

# In Python other classes stand for the locks (hooks/locks.py), nothing does for `insist`, and of eager tasks only those that a
# factory makes are seen.
# What makes files of recordings is beside its reference in other rooms (tests/export/test_rows.py, tests/spool/test_split.py, …).
ONLY_IN_C = (
    {"watch", "unwatch", "insist"}
    | {"rows", "packets", "split", "begins_and_ends", "doubtful"}
    | ({"watch_starts"} if sys.version_info >= (3, 12) else set())
)


def test_the_core_in_c_is_there() -> None:
    """Where these tests run the C core was built, and it is what records unless somebody asks for Python."""
    assert core.name == ("py" if os.environ.get("TRACEKIT_CORE") == "py" else "c"), core.why


def _face(thing: Any) -> dict[str, Any]:
    """The public names of a class itself, or of a module's function, each with its parameters where it has any."""
    if not isinstance(thing, type):
        return {"": _parameters(thing)}
    inherited = thing.__base__
    public = {name: getattr(thing, name) for name in dir(thing) if not name.startswith("_")}
    public = {name: member for name, member in public.items() if member is not getattr(inherited, name, None)}
    return {"": _parameters(thing)} | {
        name: _parameters(member) if callable(member) else None for name, member in public.items()
    }


def _parameters(function: Any) -> list[tuple[Any, ...]]:
    parameters = inspect.signature(function, follow_wrapped=False).parameters.values()
    # `self` has a name in one and a place in the other.
    return [(parameter.name, parameter.kind, parameter.default) for parameter in parameters if parameter.name != "self"]


@needs_c
def test_same_face() -> None:
    """Every public name of the C core is in the Python reference, with the same parameters, and none is missing."""
    assert {name for name in dir(fast) if not name.startswith("_")} == set(PYTHON) | ONLY_IN_C
    for name, thing in PYTHON.items():
        if name == "function":  # a class there, a function here: what it makes is called, and nothing else
            assert _parameters(fast.function) == _parameters(thing)
        else:
            assert _face(getattr(fast, name)) == _face(thing)


class Side:
    """The probes of one core in sessions of their own, one after the other."""

    def __init__(self, directory: Path, made_by: Any) -> None:
        directory.mkdir()
        self.directory = str(directory)
        self.made_by = made_by
        self.spans = [made_by.span("hot"), made_by.span("other", size=3, text="é" * 50), made_by.Span("third")]
        self.seen: list[object] = []
        self.spools: list[str] = []

    def start(self) -> None:
        if recording.current is None:
            recorder = recording.Recorder(self.directory, late=True)
            self.spools.append(recorder.spool.path)
            recording._record_with(recorder)

    def stop(self) -> None:
        if recording.current is not None:
            recording.stop()

    def run(self, program: list[Step]) -> None:
        for step in program:
            step(self)

    def play(self, program: list[Step]) -> list[bytes]:
        """Run a program within a first session; what lies behind the headers of the spools then, whose clocks differ."""
        made_by = self.made_by
        with pytest.MonkeyPatch.context() as patch:
            # Each session has its clock: what is written after its end, to nowhere, is timed in one core and not in the other.
            patch.setattr(cores, "Buffer", lambda refill: made_by.Buffer(refill, itertools.count(1000, 7).__next__))
            patch.setattr(cores, "Names", made_by.Names)
            patch.setattr(cores, "switch", made_by.switch)
            try:
                self.start()
                self.run(program)
            finally:
                self.stop()
        return [Path(spool).read_bytes()[layout.HEADER_BYTES :] for spool in self.spools]


class _Python:
    Buffer = buffer.Buffer
    Names = names.Names
    Span = reference.Span
    counter = staticmethod(reference.counter)
    function = staticmethod(reference.function)
    instant = staticmethod(reference.instant)
    span = staticmethod(reference.span)
    switch = staticmethod(buffer.switch)


class _Odd:
    """A value that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


class _Error(Exception):
    pass


Step = Callable[[Side], object]


def _with_hot(which: int, body: list[Step], more: dict[str, object], late: dict[str, object]) -> Step:
    def step(side: Side) -> None:
        with side.spans[which] as use:
            side.run(body)
            use.set(**more)
            side.seen.append((use.name, repr(use)))
            side.spans[which].set(**late)

    return step


def _with_new(name: Any, arguments: dict[str, object], body: list[Step]) -> Step:
    def step(side: Side) -> None:
        with side.made_by.span(name, **arguments) as use:
            side.run(body)
            use.set(done=True)

    return step


def _call(name: str, body: list[Step], error: BaseException | None) -> Step:
    def step(side: Side) -> None:
        def inside(*args: object, **kwargs: object) -> object:
            side.run(body)
            if error is not None:
                raise error
            return args, kwargs

        traced = side.made_by.function(inside, name)
        try:
            side.seen.append(traced(1, a=2))
        except BaseException as raised:
            side.seen.append(raised)

    return step


def _failing(which: int, body: list[Step], error: BaseException) -> Step:
    def step(side: Side) -> None:
        try:
            with side.spans[which], side.made_by.span("inner"):
                side.run(body)
                raise error
        except BaseException as raised:
            side.seen.append(raised)

    return step


def _loose(which: int, body: list[Step]) -> Step:
    def step(side: Side) -> None:
        use = side.spans[which].__enter__()
        side.run(body)
        use.set(loose=1)
        side.spans[which].__exit__(None, None, None)

    return step


def _stack(which: int, body: list[Step]) -> Step:
    def step(side: Side) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(side.spans[which])
            stack.enter_context(side.made_by.span("stacked"))
            side.run(body)

    return step


def _restart(side: Side) -> None:
    side.stop()
    side.start()


any_text = st.sampled_from(["hot", "other", "näme", "", "x" * 900, "\udcff"]) | st.text(
    st.characters(codec=None), max_size=9
)
scalar = st.none() | st.booleans() | st.integers(-(1 << 66), 1 << 66) | st.floats() | any_text
value = scalar | st.builds(_Odd) | st.lists(scalar, max_size=3)
keys = st.sampled_from(["a", "b", "rows", "name", "self"])
arguments = st.dictionaries(keys, value, max_size=3) | st.just(dict.fromkeys(map(str, range(90)), "x" * 99))
numbers = st.dictionaries(
    keys, st.floats() | st.integers(-(1 << 70), 1 << 70) | st.booleans() | st.just("1.5"), max_size=3
)
which = st.integers(0, 2)
error = st.builds(_Error) | st.builds(KeyError) | st.builds(KeyboardInterrupt)

simple: st.SearchStrategy[Step] = st.one_of(
    st.builds(lambda name, some: lambda side: side.made_by.instant(name, **some), any_text, arguments),
    st.builds(lambda name, some: lambda side: side.made_by.counter(name, **some), any_text, numbers),
    st.builds(lambda which, some: lambda side: side.spans[which].set(**some), which, arguments),
    st.builds(lambda times: lambda side: [side.made_by.instant("tick") for _ in range(times)], st.integers(0, 600)),
    st.just(Side.stop),
    st.just(Side.start),
    st.just(_restart),
)
steps = st.recursive(
    simple,
    lambda step: st.one_of(
        st.builds(_with_hot, which, st.lists(step, max_size=4), arguments, arguments),
        st.builds(_with_new, any_text | st.integers(), arguments, st.lists(step, max_size=4)),
        st.builds(_call, any_text, st.lists(step, max_size=4), st.none() | error),
        st.builds(_failing, which, st.lists(step, max_size=4), error),
        st.builds(_loose, which, st.lists(step, max_size=4)),
        st.builds(_stack, which, st.lists(step, max_size=4)),
    ),
    max_leaves=12,
)


@needs_c
@settings(deadline=None, max_examples=150)
@given(program=st.lists(steps, max_size=6))
def test_same_bytes(tmp_path_factory: pytest.TempPathFactory, program: list[Step]) -> None:
    """Whatever a program does with its probes, in and out of sessions, both cores write the same and give the same."""
    directory = tmp_path_factory.mktemp("sides")
    python, native = Side(directory / "py", _Python), Side(directory / "c", fast)

    written = [side.play(program) for side in (python, native)]

    assert written[0] == written[1]
    assert python.seen == native.seen


@pytest.fixture
def ring() -> Iterator[Any]:
    """The C core records into a few blocks over and over, so that nothing of a session grows."""
    blocks = [memoryview(bytearray(layout.BLOCK_BYTES)).cast("Q") for _ in range(4)]
    turn = itertools.cycle(blocks)

    class Spool:
        def take_block(self, _block_type: int, _owner: int = 0) -> Any:
            return buffer.scratch()

    ours = fast.Buffer(lambda full: ours.give(next(turn), layout.BLOCK_HEAD_WORDS, layout.BLOCK_BYTES // 8, 0, full))
    fast.switch(ours, fast.Names(Spool(), print))
    yield blocks
    fast.switch(None, None)
    ours.close()


def _uses() -> dict[str, Callable[[], object]]:
    """One use of each probe."""
    hot, failing = fast.span("hot"), fast.function(int, "int")
    traced = fast.function(lambda *args, **kwargs: (args, kwargs), "traced")

    def plain() -> None:
        with hot:
            pass

    def nested() -> None:
        with hot as one, hot as two, hot:
            one.set(a=1)
            two.set(b="text")

    def new() -> None:
        with fast.span("new"):
            pass

    def arguments() -> None:
        with fast.span("new", number=1, text="text", other=[1]) as span:
            span.set(more=2.5)

    def error() -> None:
        try:
            with hot, fast.span("new", o=hot), hot:
                raise KeyError(hot)
        except KeyError:
            pass

    def cycle() -> None:
        holder: list[object] = []
        with fast.span("new", holder=holder) as span:
            holder.append(span)

    def loose() -> None:
        hot.__enter__()
        hot.__exit__(None, None, None)

    def never_left() -> None:
        fast.span("left").__enter__()

    def stacked() -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(hot)

    def looked_up() -> None:
        hot.__exit__  # noqa: B018
        hasattr(hot, "__enter__")

    def misused() -> None:
        for wrong in (hot, fast.span, fast.instant, fast.counter, hot.set, lambda *_: hot.__exit__(kind=None)):
            with contextlib.suppress(TypeError):
                wrong(1, 2)  # type: ignore[operator]

    def raising() -> None:
        with contextlib.suppress(ValueError):
            failing("no number")

    return {
        "plain": plain, "nested": nested, "new": new, "arguments": arguments, "error": error, "cycle": cycle,
        "loose": loose, "never left": never_left, "stacked": stacked, "looked up": looked_up, "misused": misused,
        "raising": raising,
        "function": lambda: traced(1, b=2),
        "made function": lambda: functools.update_wrapper(fast.function(_uses, "made"), _uses),
        "instant": lambda: fast.instant("instant"),
        "instant, new name": lambda: fast.instant(f"instant {time.monotonic_ns()}", key="a", big=1 << 70),
        "counter": lambda: fast.counter("counter", depth=4, full=0.5, yes=True),
        "pair": fast.pair,
    }  # fmt: skip


@needs_c
@pytest.mark.parametrize("on", [False, True])
@pytest.mark.parametrize("name", _uses() if fast else [])
def test_nothing_stays(name: str, on: bool, request: pytest.FixtureRequest) -> None:
    """No use of a probe leaves an object or a reference behind, with a session and without."""
    if on:
        request.getfixturevalue("ring")
    use = _uses()[name]
    held = (None, "hot", use)
    times = 20_000

    def repeat(times: int) -> tuple[int, list[int]]:
        for _ in range(times):
            use()
        gc.collect()
        return sys.getallocatedblocks(), [sys.getrefcount(thing) for thing in held]

    repeat(3000)
    blocks, references = repeat(10)
    blocks_after, references_after = repeat(times)

    assert blocks_after - blocks < times // 50
    assert all(after - before < times // 50 for before, after in zip(references, references_after))


@needs_c
@pytest.mark.usefixtures("ring")
class TestFunction:
    """What `trace` puts in place of a function is one, for all that look at it."""

    def test_binds(self) -> None:
        """On an instance and on a class it is found as a function is."""

        class Thing:
            method = fast.function(lambda self, add: (self, add), "method")

        thing = Thing()
        assert thing.method(3) == (thing, 3)
        assert Thing.method(thing, 3) == (thing, 3)
        assert inspect.ismethod(thing.method)

    def test_attributes(self) -> None:
        """It has the attributes of the function, takes others, and can be referred to weakly."""
        traced = tk.trace(_module_function)

        traced.mark = 1
        assert (traced.mark, traced.__code__, traced.__defaults__) == (1, _module_function.__code__, (2,))  # type: ignore[attr-defined]
        assert inspect.unwrap(traced) is _module_function
        assert functools.wraps(traced)(lambda: None).__name__ == "_module_function"
        assert weakref.ref(traced)() is traced
        assert "_module_function" in repr(traced)
        with pytest.raises(AttributeError, match="nothing_such"):
            _ = traced.nothing_such  # type: ignore[attr-defined]

    def test_pickle_and_copy(self) -> None:
        """It is pickled by name, and a copy is itself."""
        assert pickle.loads(pickle.dumps(traced_module_function)) is traced_module_function
        assert copy.deepcopy(traced_module_function) is traced_module_function

    def test_cycle(self) -> None:
        """A function that knows its own traced form goes with it."""

        def function() -> None:
            assert known

        known = [fast.function(function, "function")]
        gone = weakref.ref(known[0])
        del known[0], function
        gc.collect()
        assert gone() is None

    def test_recursion(self) -> None:
        """It may call itself far deeper than a wrapper in Python, which takes two frames for each call."""

        def down(depth: int) -> int:
            return depth and traced(depth - 1)

        traced = fast.function(down, "down")
        assert traced(600) == 0

    def test_pending_exception(self) -> None:
        """C code that calls it while an exception is on its way finds that exception again."""
        call = ctypes.pythonapi.PyObject_CallObject
        call.restype, call.argtypes = ctypes.py_object, [ctypes.py_object, ctypes.py_object]
        seen: list[object] = []

        class Going:
            def __del__(self) -> None:
                fast.function(lambda: seen.append(1), f"new name {len(seen)}")()

        def fail() -> None:
            going = Going()
            raise LookupError(str(bool(going)))

        with pytest.raises(LookupError, match="True"):
            fail()
        gc.collect()
        assert seen == [1]


def _module_function(a: int, b: int = 2) -> tuple[int, int]:
    return a, b


@tk.trace
def traced_module_function() -> None:
    """Found by its name."""


@needs_c
class TestBuffer:
    """What only the C core's memory can get wrong."""

    def test_child_of_a_fork(self) -> None:
        """A forked child writes nothing into its parent's blocks, whatever it calls before Python's own hooks have run."""
        words = memoryview(bytearray(layout.BLOCK_BYTES)).cast("Q")
        ours = fast.Buffer(lambda full: ours.give(words, 4, len(words), 0, full))
        ours.write(events.INSTANT)
        fast.switch(ours, fast.Names(None, print))
        pid = os.fork()
        if not pid:
            before = words.tobytes()
            ours.write(events.INSTANT)
            fast.instant("child")
            os._exit(0 if words.tobytes() == before else 1)
        fast.switch(None, None)
        assert os.waitpid(pid, 0)[1] == 0
        assert ours.write(events.INSTANT) == 3

    def test_closed(self) -> None:
        """A closed buffer lets go of the memory at once, and threads that write go on without it."""
        data = bytearray(layout.BLOCK_BYTES)
        words = memoryview(data).cast("Q")
        ours = fast.Buffer(lambda full: ours.give(words, 4, 2048, 0, full))
        ours.write(events.INSTANT)
        ours.close()
        words.release()
        data.append(0)  # nobody exports it any more

        ours.write(events.INSTANT)
        assert data[5 * 8 + 16] == 0

    @pytest.mark.parametrize("answer", ["nothing", "fails", "closes", "too small"])
    def test_refill_that_does_not(self, answer: str) -> None:
        """A record for which there is no block is dropped, and the program goes on; also where our own code fails."""

        def refill(full: object) -> None:
            if answer == "fails":
                texts.encode(0, 0, None)  # type: ignore[arg-type]
            if answer == "closes":
                ours.close()
            if answer == "too small":
                ours.give(memoryview(bytearray(16)).cast("Q"), 0, 1, 0, full)

        ours = fast.Buffer(refill)
        assert [ours.write(events.INSTANT) for _ in range(3)] == [0, 0, 0]

    def test_interrupt_in_refill(self) -> None:
        """An interrupt that falls into a probe reaches the program right after it."""

        def refill(_full: object) -> None:
            raise KeyboardInterrupt

        ours = fast.Buffer(refill)

        def record() -> None:
            for _ in range(1000):
                ours.write(events.INSTANT)

        with pytest.raises(KeyboardInterrupt):
            record()

    def test_many_threads(self) -> None:
        """Each thread writes into its own block and nowhere else."""
        given: dict[int, list[Any]] = {}

        def refill(full: object) -> None:
            words = buffer.scratch()[0]
            given.setdefault(threading.get_ident(), []).append(words)
            ours.give(words, 4, len(words), 0, full)

        def work(serial: int) -> None:
            for number in range(5000):
                ours.write(events.INSTANT, serial, number)
            written[serial] = given.pop(threading.get_ident())

        ours = fast.Buffer(refill)
        written: dict[int, list[Any]] = {}
        threads = [threading.Thread(target=work, args=(serial,)) for serial in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        for serial, blocks in written.items():
            records = [layout.unpack_word(words[at + 1]) for words in blocks for at in range(4, len(words), 2)]
            records = [record for record in records if record[0] == events.INSTANT]
            assert records == [(events.INSTANT, serial, number) for number in range(5000)]

    def test_anchors(self) -> None:
        """With a clock of its own it says now and then what CLOCK_MONOTONIC shows, in the order of time."""
        blocks: list[Any] = []

        def refill(full: object) -> None:
            blocks.append(buffer.scratch()[0])
            ours.give(blocks[-1], 4, len(blocks[-1]), 0, full)

        ours = fast.Buffer(refill)
        if ours.clock != layout.CLOCK_TSC:
            pytest.skip("the kernel does not trust the time stamp counter of this machine")
        begin, began = fast.pair(), time.monotonic_ns()
        while time.monotonic_ns() - began < 20_000_000:
            ours.write(events.INSTANT)
        end = fast.pair()

        records = [(words[at], words[at + 1] & 0xFF) for words in blocks for at in range(4, len(words), 2)]
        times = [time for time, kind in records if kind in (events.INSTANT, events.CLOCK)]
        readings = [time for time, kind in records if kind == events.READING]
        anchors = [time for time, kind in records if kind == events.CLOCK]
        assert times == sorted(times)
        assert 2 <= len(anchors) == len(readings) <= 8
        assert begin[0] < anchors[0] < anchors[-1] < end[0]
        assert begin[1] < readings[0] < readings[-1] < end[1]

    def test_asked_for_the_system_clock(self, tmp_path: Path) -> None:
        """TRACEKIT_CLOCK=monotonic takes CLOCK_MONOTONIC, whatever the processor has."""
        code = "import tracekit._fast as fast; print(fast.Buffer(print).clock, len(set(fast.pair())))"
        env = {**os.environ, "TRACEKIT_CLOCK": "monotonic"}
        command = [sys.executable, "-c", code]
        result = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert result.stdout.split() == [str(layout.CLOCK_MONOTONIC_NS), "1"]
