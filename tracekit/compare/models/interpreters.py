"""Interpreters: a thread a task, each with an interpreter and so a GIL of its own. Knows no other model.

An interpreter shares no object with another: what a task is given and what it returns is pickled, as for a process. Modules
in C that were not made for it (numpy is one) cannot be imported in one, and a task that needs them fails. The steps are
recorded by the thread, in the interpreter where the program runs: nothing records inside of the others.
"""

from __future__ import annotations

import os
import pickle
import sys
from importlib import import_module
from importlib.util import find_spec
from threading import Thread

from tracekit.compare import find, perform, workers
from tracekit.compare.conduct import Inbox, conduct
from tracekit.compare.failure import Told
from tracekit.errors import TracekitError
from tracekit.workload import NOT_GIVEN, Step, Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tracekit.compare.journal import Journal
    from tracekit.compare.perform import Arguments
    from tracekit.compare.plan import Plan

_BEGIN = """
import sys
sys.path[:] = path.split(chr(0))
from tracekit.compare import inside
inside.begin(work)
"""


def missing() -> str:
    """Why it cannot run here, or ""."""
    if find_spec("_interpreters"):
        return ""
    return f"it needs Python 3.13 or later, and this is {sys.version_info[0]}.{sys.version_info[1]}"


def run(plan: Plan, journal: Journal) -> dict[str, Any]:
    """Run a plan; see the package."""
    inbox = Inbox()
    threads = []

    def start(task: Task, arguments: Arguments) -> None:
        thread = Thread(target=_work, args=(task, arguments, journal, inbox), name=task.name, daemon=True)
        thread.start()
        threads.append(thread)

    results = conduct(plan, journal, start, inbox.wait)
    for thread in threads:
        thread.join()
    return results


def _work(task: Task, arguments: Arguments, journal: Journal, inbox: Inbox) -> None:
    interpreter = None
    try:
        interpreter = _Interpreter(task, arguments)
        perform.whole(_stand_in(task, interpreter), (), journal)
        result = interpreter.result()
    except BaseException as error:
        failure = error if isinstance(error, TracekitError) else _unfit(task, error)
        inbox.put(task, lambda: _raise(failure))
    else:
        inbox.put(task, lambda: result)
    if interpreter is not None:
        interpreter.end()


class _Interpreter:
    """An interpreter that carries out one task's steps when it is told to."""

    def __init__(self, task: Task, arguments: Arguments) -> None:
        try:
            packed = pickle.dumps(([step.function for step in task.steps], arguments))
        except Exception as error:
            raise workers.unsent(task.name, error) from error
        self._interpreters = import_module("_interpreters")
        self._id = self._interpreters.create("isolated")
        path = "\0".join(place or os.getcwd() for place in sys.path)
        self._exec(_BEGIN, {"path": path, "work": pickle.dumps((find.files(), packed))})

    def do(self, number: int) -> None:
        self._exec(f"inside.do({number})")

    def result(self) -> Any:
        descriptor = os.memfd_create("tracekit result")
        with os.fdopen(descriptor, "rb") as file:
            self._exec(f"inside.hand_over({descriptor})")
            file.seek(0)
            return pickle.load(file)

    def end(self) -> None:
        self._interpreters.destroy(self._id)

    def _exec(self, code: str, shared: dict[str, Any] | None = None) -> None:
        failure = self._interpreters.exec(self._id, code, shared)
        if failure is None:
            return
        if failure.type.__name__ == Told.__name__:
            raise Told(failure.msg)
        raise Told(f"{failure.type.__name__}: {failure.msg}")


def _stand_in(task: Task, interpreter: _Interpreter) -> Task:
    """The same task, whose steps are carried out in the interpreter; a sleep is nobody's, so the thread takes it."""
    steps = []
    for number, step in enumerate(task.steps):
        function = step.function and (lambda *_, number=number: interpreter.do(number))
        steps.append(Step(step.kind, function, step.coroutine, step.seconds, step.name))
    return Task(task.name, tuple(steps), NOT_GIVEN, task.after)


def _unfit(task: Task, error: BaseException) -> TracekitError:
    return TracekitError(f"task {task.name!r} cannot run in an interpreter of its own: {error}")


def _raise(error: BaseException) -> Any:
    raise error
