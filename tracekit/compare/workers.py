"""Workers: processes and pools of them for the models that use them, and what is to be said when they fail. Knows no plan."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from tracekit.compare import find
from tracekit.errors import TracekitError

_GONE_S = 1.0  # what was killed is gone at once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.context import BaseContext


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def context() -> BaseContext:
    """How processes are started: as the workload has set it, or else by fork where that exists."""
    chosen = str(multiprocessing.get_start_method(allow_none=True) or "")
    if not chosen and "fork" in multiprocessing.get_all_start_methods():
        chosen = "fork"
    return multiprocessing.get_context(chosen or None)


def pool() -> ProcessPoolExecutor:
    """A pool with a worker for each core; each knows the modules that were loaded from files here."""
    return ProcessPoolExecutor(cores(), mp_context=context(), initializer=find.load_again, initargs=(find.files(),))


def end(executor: ProcessPoolExecutor, failed: bool) -> None:
    """Put a pool away; where a task has failed, without waiting for what its workers are busy with."""
    processes = list((getattr(executor, "_processes", None) or {}).values()) if failed else []
    if failed:  # what the pool's own thread has to say of workers that are killed is no news
        threading.excepthook = _say_nothing
    for process in processes:
        process.kill()
    executor.shutdown(wait=not failed, cancel_futures=True)
    for process in processes:
        process.join(_GONE_S)


def _say_nothing(_error: object) -> None:
    pass


def unsent(name: str, error: BaseException) -> TracekitError:
    """The one line for a task that a process could not do, other than by failing in a step."""
    if isinstance(error, TracekitError):
        return error
    if isinstance(error, BrokenProcessPool):
        return TracekitError(
            f"task {name!r}: a worker process ended before its time, by itself or killed; see why under sequential"
        )
    said = " ".join(str(error).split())
    return TracekitError(
        f"task {name!r} cannot go to a process and back ({type(error).__name__}: {said}): put its functions at the top of"
        " their module, and let them take and return what can be pickled"
    )
