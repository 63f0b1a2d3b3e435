"""Workloads: work written once, to be run as threads, as processes, as coroutines. Knows no model and no clock.

A workload is a function of one number, in any module or file of yours. It returns a list of tasks:

    from tracekit.workload import compute, io, poll, sleep, task

    def fetch(number): ...              # waits for the outside: a page, a query, a file
    async def fetch_async(number): ...  # the same with `await`, where there is such a thing
    def parse(page): ...                # computes
    def merge(results): ...             # computes, with the results of several tasks

    def workload(scale):
        pages = [task(f"page {n}", io(fetch, fetch_async), compute(parse), given=n) for n in range(int(20 * scale))]
        index = task("index", compute(merge), after=pages)
        return [*pages, index, poll(0.05)]

Save it as jobs.py and run it under every model with `tracekit compare jobs.py`. Where the function is not called workload,
or stands in a module: `tracekit compare jobs.py:other`, `tracekit compare mypackage.jobs:other`.

**scale** is a float, 1.0 unless `--scale` says otherwise: how much there is to do. Let it make tasks more, or bigger.

**A task** is a chain of steps, each after the other. Tasks are free to run beside each other; how, is the model's affair.
The first step's function is called with `given` (above: `fetch(0)`, `fetch(1)`, ...), and without an argument in a task that
is given nothing. Each further step is called with what the step before returned (`parse(page)`). What the last step returns
is the task's result. A task that comes `after` others begins when they are all done, and its first step is called with one
argument: the list of their results, in the order of `after` (`merge([...])`). So a task has `given` or `after`, not both.
Each has a name of its own, and the workload returns them all, those that others come after too.

**A step** is one of these:

- `compute(function)` computes. A plain function.
- `io(function, coroutine=None)` waits for the outside. A plain function that blocks, and, if there is one, its twin: an
  `async def` function for asyncio, which takes and returns the same. Without it asyncio has to block, or to use a thread.
- `sleep(seconds)` waits for a timer, and passes on what it gets.

**A poll**, `poll(every)`, recurs: it is due at once, and again `every` seconds after it has run, for as long as tasks live.
How late its turns come is measured: it is what somebody feels who waits for an answer. Each turn of
`poll(every, name, function)` calls a function, without an argument.

**Set-up** that is not to be measured (servers, files) stands before the list, and what undoes it after the list, which the
workload then yields instead of returning it, all at once:

    def workload(scale):
        server = subprocess.Popen([...])
        try:
            yield [task(...), ...]
        finally:
            server.kill()
            server.wait()

**Processes** are among the models. So functions stand at the top of their module (no lambdas, none inside of another), what
they take and return can be pickled, and what one leaves in a global is seen in its own process only. **Threads** are, too: what
functions share needs a lock. A workload gives the same results under every model; where it does not, the comparison says so.
Each run imports the module anew, in a fresh process, and what it prints is not shown; for gevent after that has patched the
standard library.
"""

from __future__ import annotations

from tracekit.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from typing import Any, NoReturn

__all__ = ["Poll", "Step", "Task", "compute", "io", "poll", "sleep", "task"]

_BETWEEN = "\u241e"  # names, where a trace lists several
_GENERATOR = 0x20
_COROUTINE = 0x80
_ASYNC_GENERATOR = 0x200


class NOT_GIVEN:
    """Stands for a `given` that was not passed: a task may well be given None."""


class _Frozen:
    """What its fields say, and nothing changes it."""

    __slots__: tuple[str, ...] = ()

    def __init__(self, *values: object) -> None:
        for field, value in zip(self.__slots__, values):
            object.__setattr__(self, field, value)

    def __setattr__(self, field: str, value: object) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} does not change: make another one")

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), tuple(getattr(self, field) for field in self.__slots__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{field}={getattr(self, field)!r}' for field in self.__slots__)})"


class Step(_Frozen):
    """One step of a task, made by `compute`, `io` or `sleep`.

    Args:
        kind: "compute", "io" or "sleep".
        function: what to call; None for a sleep.
        coroutine: the twin of an io function for asyncio, or None.
        seconds: how long to sleep; 0 for the others.
        name: the function's name, or "sleep".
    """

    kind: str
    function: Callable[..., Any] | None
    coroutine: Callable[..., Coroutine[Any, Any, Any]] | None
    seconds: float
    name: str
    __slots__ = ("kind", "function", "coroutine", "seconds", "name")  # noqa: RUF023

    @property
    def awaitable(self) -> bool:
        """asyncio can wait for it without blocking its loop and without a thread."""
        return self.kind == "sleep" or self.coroutine is not None


class Task(_Frozen):
    """A chain of steps, made by `task`.

    Args:
        name: unique in its workload.
        steps: in order; at least one.
        given: what its first step gets; `NOT_GIVEN` where that gets nothing, or the results of others.
        after: the names of the tasks whose results its first step gets.
    """

    name: str
    steps: tuple[Step, ...]
    given: Any
    after: tuple[str, ...]
    __slots__ = ("name", "steps", "given", "after")  # noqa: RUF023


class Poll(_Frozen):
    """What wants to recur, made by `poll`: its name, the seconds from one turn's end to the next, and what to call or None."""

    name: str
    every: float
    function: Callable[[], object] | None
    __slots__ = ("name", "every", "function")  # noqa: RUF023


def task(name: str, *steps: Step, given: Any = NOT_GIVEN, after: Task | str | Iterable[Task | str] = ()) -> Task:
    """A task: steps that follow each other.

    Args:
        name: unique in the workload.
        steps: made by `compute`, `io` and `sleep`.
        given: the argument of the first step's function; where it is left out, that is called without one.
        after: tasks (or their names) that must be done before; their results are the first step's argument, as a list.

    Raises:
        UsageError: it makes no task.
    """
    _check_name("task", name)
    if not steps:
        raise UsageError(f"task {name!r} has no steps: give it at least one, as task({name!r}, compute(function))")
    for step in steps:
        if not isinstance(step, Step):
            raise UsageError(f"task {name!r}: {_say(step)} is no step: wrap it, as compute(function) or io(function)")
    return Task(name, steps, given, _names(name, given, after))


def compute(function: Callable[..., Any]) -> Step:
    """A step that computes.

    Args:
        function: a plain function at the top of its module, so that a process can be told to call it.

    Raises:
        UsageError: it is no plain function.
    """
    return Step("compute", _plain("compute", function), None, 0.0, _name_of(function))


def io(function: Callable[..., Any], coroutine: Callable[..., Coroutine[Any, Any, Any]] | None = None) -> Step:
    """A step that waits for the outside.

    Args:
        function: a plain function that blocks until it has its result.
        coroutine: an `async def` function for asyncio that takes and returns the same.

    Raises:
        UsageError: the one is no plain function, or the other no coroutine function.
    """
    _plain("io", function)
    if coroutine is not None and not (callable(coroutine) and _flags(coroutine, _COROUTINE) & _COROUTINE):
        raise UsageError(
            f"io({_name_of(function)}, ...): {_say(coroutine)} is no `async def` function, as its twin must be"
        )
    return Step("io", function, coroutine, 0.0, _name_of(function))


def sleep(seconds: float) -> Step:
    """A step that waits for a timer, and passes on what it gets.

    Raises:
        UsageError: `seconds` is no number, or less than nothing.
    """
    return Step("sleep", None, None, _seconds("sleep", seconds), "sleep")


def poll(every: float, name: str = "poll", function: Callable[[], object] | None = None) -> Poll:
    """What recurs: due at once, and again `every` seconds after it has run, for as long as tasks live.

    Args:
        every: seconds, more than 0.
        name: what to call it; unique in the workload.
        function: a plain function without arguments, called in each turn; it should be quick.

    Raises:
        UsageError: it makes no poll.
    """
    _check_name("poll", name)
    if _seconds("poll", every) == 0:
        raise UsageError("poll(0) would do nothing else: give the seconds between two turns, as poll(0.05)")
    return Poll(name, float(every), function if function is None else _plain("poll", function))


def _check_name(what: str, name: object) -> None:
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or _BETWEEN in name:
        raise UsageError(f"{name!r} is no name of a {what}: give it a text of one line first, as {_example(what)}")


def _example(what: str) -> str:
    """How a task or a poll is written."""
    return 'task("load", io(load))' if what == "task" else 'poll(0.05, "heartbeat")'


def _names(name: str, given: object, after: Task | str | Iterable[Task | str]) -> tuple[str, ...]:
    several = (after,) if isinstance(after, (Task, str)) else tuple(after)
    for before in several:
        if not isinstance(before, (Task, str)):
            raise UsageError(f"task {name!r}: after={_say(before)} is no task; give the tasks whose results it needs")
    if several and given is not NOT_GIVEN:
        raise UsageError(
            f"task {name!r} has given and after, but its first step takes one argument: leave one of them out"
        )
    return tuple(before.name if isinstance(before, Task) else before for before in several)


def _plain(what: str, function: Any) -> Any:
    if not callable(function):
        raise UsageError(
            f"{what}() takes a function, not {_say(function)}; give the function itself, without calling it"
        )
    flags = _flags(function, 0)
    if flags & (_COROUTINE | _ASYNC_GENERATOR):
        cure = (
            "give the plain one first and this one second, as io(load, load_async)"
            if what == "io"
            else "use a plain one"
        )
        raise UsageError(f"{what}({_name_of(function)}): that is an `async def` function; {cure}")
    if flags & _GENERATOR:
        raise UsageError(
            f"{what}({_name_of(function)}): that is a generator, which only begins when it is asked; return a list"
        )
    return function


def _flags(function: Any, otherwise: int) -> int:
    function = getattr(function, "func", function)  # functools.partial
    return int(getattr(getattr(function, "__code__", None), "co_flags", otherwise))


def _name_of(function: Any) -> str:
    function = getattr(function, "func", function)
    return str(getattr(function, "__name__", None) or type(function).__name__)


def _say(thing: object) -> str:
    return f"the function {_name_of(thing)}" if hasattr(thing, "__code__") else repr(thing)[:60]


def _seconds(what: str, seconds: object) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < float("inf"):
        raise UsageError(f"{what}({seconds!r}): give it seconds, 0 or more, as {what}(0.5)")
    return float(seconds)
