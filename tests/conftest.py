"""What all tests share: recordings in this process and in others, and the check that nothing is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracekit import sessions
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Category, Trace
from tracekit.record import recorder as recording

ROOT = Path(__file__).resolve().parent.parent


class Recording:
    """A session in this very process: `with Recording(directory) as recording: …`, then `recording.trace`."""

    def __init__(self, directory: Path, options: sessions.Options | None = None) -> None:
        self.directory = directory
        self._options = options or sessions.Options()
        self._trace: Trace | None = None

    def __enter__(self) -> Recording:
        self.directory.mkdir(mode=0o700)
        self._running = sessions._Running(str(self.directory), self._options, late=True)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._running.stop()

    @property
    def trace(self) -> Trace:
        """The trace of what was recorded, which must be sound."""
        if self._trace is None:
            self._trace = load(str(self.directory))
            assert check(self._trace) == []
        return self._trace


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[..., Recording]:
    """Makes sessions in this process, each in a directory of its own."""
    made: list[Recording] = []

    def make(**options: object) -> Recording:
        made.append(Recording(tmp_path / f"session{len(made)}.tracekit", sessions.Options(**options)))  # type: ignore[arg-type]
        return made[-1]

    return make


class Ran:
    """A program that ran to its end in a session: what it printed, how it ended, and its trace."""

    def __init__(self, result: subprocess.CompletedProcess[str], directory: Path) -> None:
        self.stdout = result.stdout
        self.stderr = result.stderr
        self.status = result.returncode
        self.directory = directory

    @property
    def trace(self) -> Trace:
        """The trace of the session, which must be sound."""
        trace = load(str(self.directory))
        assert check(trace) == []
        return trace


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., Ran]:
    """Runs Python code as a program of its own that a session has entered, as `tracekit run` does it."""
    count = iter(range(100))

    def run(
        code: str,
        *arguments: str,
        python: str = sys.executable,
        env: dict[str, str] | None = None,
        options: sessions.Options | None = None,
    ) -> Ran:
        number = next(count)
        directory = tmp_path / f"run{number}.tracekit"
        directory.mkdir(mode=0o700)
        script = tmp_path / f"program{number}.py"
        script.write_text(textwrap.dedent(code))
        environment = sessions.environment(str(directory), options or sessions.Options(), {**os.environ, **(env or {})})
        result = subprocess.run(
            [python, str(script), *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        return Ran(result, directory)

    return run


def named(trace: Trace, category: Category) -> list[str]:
    """Names of all slices of a category, in the order of their starts."""
    rows = [row for row in range(len(trace.slices)) if trace.slices.category[row] == category]
    rows.sort(key=lambda row: int(trace.slices.start[row]))
    return [trace.strings[trace.slices.name[row]] for row in rows]


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Whatever a test does, in the end there is no session, no replaced attribute, no finder and no thread more than before."""
    threads = set(threading.enumerate())
    before = _hookable()
    meta_path = list(sys.meta_path)
    yield
    assert recording.current is None
    assert sessions._started is None
    assert _hookable() == before
    assert _replaced_in_guests() == []
    assert sys.meta_path == meta_path
    assert [thread for thread in set(threading.enumerate()) - threads if not thread.daemon] == []


_OF_OS = (
    "_exit",
    "execv",
    "execve",
    "posix_spawn",
    "posix_spawnp",
    "system",
    "wait",
    "wait3",
    "wait4",
    "waitid",
    "waitpid",
)
_OF_FUTURES = ("set_running_or_notify_cancel", "set_result", "set_exception", "cancel")
_LOCKS = ("Lock", "RLock", "_allocate_lock")
_OF_LOOPS = ("__init__", "call_exception_handler", "set_task_factory", "get_task_factory", "is_running")


def _hookable() -> dict[str, object]:
    """Every attribute that a hook replaces, in the modules that are there."""
    import _posixsubprocess
    import asyncio
    import concurrent.futures.process
    import concurrent.futures.thread
    import gc
    import multiprocessing.pool
    import multiprocessing.popen_forkserver
    import multiprocessing.util
    import queue
    import subprocess
    import warnings

    futures = concurrent.futures
    owners = {
        "threading": (threading, ("_start_new_thread", "_start_joinable_thread", "excepthook", *_LOCKS)),
        "sys": (sys, ("excepthook",)),
        "Thread": (threading.Thread, ("_set_native_id", "_set_ident", "join")),
        "queue": (queue, ("SimpleQueue",)),
        "BaseEventLoop": (asyncio.base_events.BaseEventLoop, _OF_LOOPS),
        "warnings": (warnings, ("_warn_unawaited_coroutine",)),
        "events": (asyncio.events, ("_set_running_loop",)),
        "asyncio": (asyncio, ("_set_running_loop",)),
        "Future": (futures._base.Future, _OF_FUTURES),
        "_base": (futures._base, ("_create_and_install_waiters",)),
        "thread._WorkItem": (futures.thread._WorkItem, ("__init__",)),
        "process._WorkItem": (futures.process._WorkItem, ("__init__",)),
        "process._CallItem": (futures.process._CallItem, ("__getstate__", "__setstate__")),
        "process._ResultItem": (futures.process._ResultItem, ("__getstate__", "__setstate__")),
        "process._SafeQueue": (futures.process._SafeQueue, ("_on_queue_feeder_error",)),
        "ApplyResult": (multiprocessing.pool.ApplyResult, ("__init__", "_set")),
        "MapResult": (multiprocessing.pool.MapResult, ("__init__", "_set")),
        "IMapIterator": (multiprocessing.pool.IMapIterator, ("__init__", "_set", "_set_length")),
        "IMapUnorderedIterator": (multiprocessing.pool.IMapUnorderedIterator, ("_set",)),
        "Pool": (multiprocessing.pool.Pool, ("_setup_queues", "_repopulate_pool_static")),
        "ThreadPool": (multiprocessing.pool.ThreadPool, ("_setup_queues",)),
        "process": (futures.process, ("_sendback_result",)),
        "ProcessPoolExecutor": (futures.process.ProcessPoolExecutor, ("_spawn_process",)),
        "subprocess": (subprocess, ("_fork_exec",)),
        "Popen": (subprocess.Popen, ("_internal_poll",)),
        "_del_safe": (getattr(subprocess, "_del_safe", None), ("waitpid",)),
        "_posixsubprocess": (_posixsubprocess, ("fork_exec",)),
        "util": (multiprocessing.util, ("_run_after_forkers",)),
        "SpawnProcess": (multiprocessing.context.SpawnProcess, ("_after_fork",)),
        "forkserver.Popen": (multiprocessing.popen_forkserver.Popen, ("_launch",)),
        "os": (os, _OF_OS),
    }
    found: dict[str, object] = {
        f"{name}.{attribute}": owner.__dict__.get(attribute)
        for name, (owner, attributes) in owners.items()
        if owner is not None
        for attribute in attributes
    }
    # A test framework may have callbacks of its own.
    found["gc.callbacks"] = [callback for callback in gc.callbacks if "tracekit" in getattr(callback, "__module__", "")]
    return found


def _replaced_in_guests() -> list[str]:
    """What a hook has left replaced in packages that a test may have imported meanwhile."""
    guests = {
        "uvloop": ("Loop", ("call_soon", "call_soon_threadsafe", "call_later", "add_reader", "run_forever")),
        "trio._core._run": ("", ("setup_runner",)),
        "gevent.hub": ("Hub", ("__init__",)),
    }
    found = []
    for module, (name, attributes) in guests.items():
        owner = sys.modules.get(module)
        owner = getattr(owner, name) if owner is not None and name else owner
        found += [f"{module}.{each}" for each in attributes if hasattr(getattr(owner, each, None), "__wrapped__")]
    return found
