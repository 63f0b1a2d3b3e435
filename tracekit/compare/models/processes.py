"""Processes: one process a task; polls in the main thread of the parent. Knows no other model."""

from __future__ import annotations

import pickle
from multiprocessing.connection import wait as wait_for

from tracekit.compare import find, perform, workers
from tracekit.compare.conduct import conduct
from tracekit.errors import TracekitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from typing import Any

    from tracekit.compare.journal import Journal
    from tracekit.compare.perform import Arguments
    from tracekit.compare.plan import Plan
    from tracekit.workload import Task


def missing() -> str:
    """It runs everywhere."""
    return ""


def run(plan: Plan, journal: Journal) -> dict[str, Any]:
    """Run a plan; see the package."""
    family = _Family(journal)
    try:
        return conduct(plan, journal, family.start, family.wait)
    finally:
        family.end()


class _Family:
    """The processes that run now, each with the connection on which its result comes."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._context: Any = workers.context()
        self._running: dict[Connection, tuple[Task, BaseProcess]] = {}
        self._ended: list[BaseProcess] = []

    def start(self, task: Task, arguments: Arguments) -> None:
        ours, theirs = self._context.Pipe(duplex=False)
        work: Any = (task, arguments)
        if self._context.get_start_method() != "fork":
            try:
                work = pickle.dumps((perform.bare(task), arguments))
            except Exception as error:
                raise workers.unsent(task.name, error) from error
        process = self._context.Process(target=_work, args=(theirs, find.files(), work), name=task.name)
        process.start()
        # Here it is closed before the next process is forked: so the pipe ends when this one does, whatever happens.
        theirs.close()
        self._running[ours] = (task, process)

    def wait(self, timeout: float | None) -> Iterable[tuple[Task, Any]]:
        ready: list[Any] = wait_for(list(self._running), timeout)
        for connection in ready:
            task, process = self._running.pop(connection)
            self._ended.append(process)
            yield task, self._result(task, process, connection)

    def _result(self, task: Task, process: BaseProcess, connection: Any) -> Any:
        try:
            result, events, failure = connection.recv()
        except EOFError:
            process.join()
            raise TracekitError(
                f"task {task.name!r} ended without a result: its process {_how(process.exitcode)}; see why under sequential"
            ) from None
        finally:
            connection.close()
        if failure:
            raise TracekitError(failure)
        self._journal.take(events)
        return result

    def end(self) -> None:
        """Where a task has failed, those that still run are killed; all are gone when this returns."""
        for _, process in self._running.values():
            process.kill()
            self._ended.append(process)
        for process in self._ended:
            process.join()


def _how(code: int | None) -> str:
    return f"was killed by signal {-code}" if code is not None and code < 0 else f"exited with {code}"


def _work(connection: Connection, known: list[tuple[str, str]], work: Any) -> None:
    """In the process of a task."""
    name = "?"
    try:
        find.load_again(known)
        task, arguments = pickle.loads(work) if isinstance(work, bytes) else work
        name = task.name
        result, events = perform.whole_elsewhere(task, arguments)
        connection.send((result, events, ""))
    except Exception as error:
        connection.send((None, (), str(workers.unsent(name, error))))
