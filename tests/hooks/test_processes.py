"""The hook for processes, and the recorder across forks: on real children of every kind."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest
from tests_support import rows_of

from tracekit.model.trace import FlowKind


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_multiprocessing(run_python: Callable[..., Any], method: str) -> None:
    """A child of multiprocessing has its own pid, its name, its parent, and what it recorded; an arrow leads to it."""
    ran = run_python(
        f"""
        import multiprocessing, os
        import tracekit as tk

        def work():
            with tk.span("in child"):
                print(os.getpid())

        if __name__ == "__main__":
            child = multiprocessing.get_context("{method}").Process(target=work, name="worker")
            child.start()
            child.join()
            print(child.exitcode)
        """
    )

    assert ran.stderr == ""
    pid, exitcode = ran.stdout.split()
    assert exitcode == "0"
    trace = ran.trace
    (child,) = [process for process in trace.processes if process.pid == int(pid)]
    assert child.name == "worker"
    assert child.parent is not None
    assert child.ended is not None
    (span,) = rows_of(trace, "SPAN")
    assert trace.processes[trace.tracks[span.track].process] is child
    assert FlowKind.SPAWN in [FlowKind(kind) for kind in trace.flows.kind]


def test_fork_without_exec(run_python: Callable[..., Any]) -> None:
    """A forked child has a spool of its own; what it records after the fork, until os._exit, is there, and once only."""
    ran = run_python(
        """
        import os
        import tracekit as tk

        tk.instant("before")
        with tk.span("around the fork"):
            pid = os.fork()
            if pid == 0:
                tk.instant("child")
                os._exit(7)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        tk.instant("parent")
        """
    )

    assert ran.stdout == "7\n"
    trace = ran.trace
    where = {
        trace.strings[trace.instants.name[row]]: trace.tracks[trace.instants.track[row]].process
        for row in range(len(trace.instants))
    }
    assert where["before"] == where["parent"] != where["child"]
    assert len(trace.instants) == 3
    (span,) = rows_of(trace, "SPAN")
    assert not span.unfinished


def test_fork_in_a_thread(run_python: Callable[..., Any]) -> None:
    """A fork from a thread that is not the main one gives a child whose only thread is its main one."""
    ran = run_python(
        """
        import os, threading
        import tracekit as tk

        def fork():
            pid = os.fork()
            if pid == 0:
                tk.instant("child")
                os._exit(0)
            os.waitpid(pid, 0)

        thread = threading.Thread(target=fork)
        thread.start()
        thread.join()
        """
    )

    trace = ran.trace
    (child,) = [index for index, process in enumerate(trace.processes) if process.parent is not None]
    assert [thread.main for thread in trace.threads if thread.process == child] == [True]


def test_fork_beside_a_live_thread(run_python: Callable[..., Any]) -> None:
    """The parent's other threads, which a fork drops in the child, do not end in the parent's recording."""
    ran = run_python(
        """
        import os, threading
        import tracekit as tk

        go, there = threading.Event(), threading.Event()

        def work():
            there.set()
            go.wait()
            tk.instant("still here")

        thread = threading.Thread(target=work, name="worker")
        thread.start()
        there.wait()
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        tk.instant("after the fork")
        go.set()
        thread.join()
        """
    )

    trace = ran.trace
    (worker,) = [thread for thread in trace.threads if thread.name == "worker"]
    times = {trace.strings[trace.instants.name[row]]: trace.instants.time[row] for row in range(2)}
    assert worker.ended is not None
    assert worker.ended >= times["still here"] >= times["after the fork"]


def test_subprocess_running_python(run_python: Callable[..., Any]) -> None:
    """A Python that subprocess runs is entered: it is a process of the trace, with its command, its parent and an arrow to it."""
    ran = run_python(
        """
        import subprocess, sys
        print(subprocess.run([sys.executable, "-c", "import tracekit; tracekit.instant('inside'); print('hello')"]).returncode)
        """
    )

    assert ran.stdout == "hello\n0\n"
    trace = ran.trace
    (child,) = [process for process in trace.processes if process.parent is not None]
    assert not child.untraced
    assert "tracekit.instant" in child.command
    assert FlowKind.SPAWN in [FlowKind(kind) for kind in trace.flows.kind]


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ("[sys.executable, '-I', '-c', 'pass']", "-I (isolated mode)"),
        ("[sys.executable, '-Es', '-c', 'pass']", "-E"),
        ("[sys.executable, '-S', '-c', 'pass']", "-S"),
        ("[sys.executable, '-c', 'pass'], env={}", "leaves out tracekit's variables"),
        ("[sys.executable, '-W', 'ignore', '-I', '-c', 'pass']", "-I (isolated mode)"),
        ("[sys.executable, '-c', 'pass'], env={**os.environ, 'PYTHONPATH': '/elsewhere'}", "a PYTHONPATH of its own"),
    ],
)
def test_python_that_cannot_be_entered(run_python: Callable[..., Any], start: str, reason: str) -> None:
    """It appears as a process that was not traced, with the reason."""
    ran = run_python(f"import os, subprocess, sys\nprint(subprocess.run({start}).returncode)\n")

    assert ran.stdout == "0\n"
    (child,) = [process for process in ran.trace.processes if process.parent is not None]
    assert reason in child.untraced


def test_program_that_is_no_python(run_python: Callable[..., Any]) -> None:
    """It appears as a process with its command."""
    ran = run_python(
        "import subprocess\nsubprocess.run(['echo', 'hello'])\nsubprocess.run(['true'], close_fds=False)\n"
    )

    assert ran.stdout == "hello\n"
    commands = [process.command for process in ran.trace.processes if process.parent is not None]
    assert commands == ["echo hello", "true"]


def test_exec(run_python: Callable[..., Any]) -> None:
    """A program that replaces itself by another Python stays one process; both parts are there."""
    ran = run_python(
        """
        import os, sys
        import tracekit as tk
        tk.instant("first")
        os.execv(sys.executable, [sys.executable, "-c", "import tracekit; tracekit.instant('second')"])
        """
    )

    assert ran.status == 0
    trace = ran.trace
    assert len(trace.processes) == 1
    assert [trace.strings[name] for name in trace.instants.name] == ["first", "second"]


def test_preexec_fn(run_python: Callable[..., Any]) -> None:
    """Code that runs between fork and exec works, and makes no process of its own."""
    ran = run_python(
        """
        import os, subprocess, sys
        print(subprocess.run(["sh", "-c", "umask"], preexec_fn=lambda: os.umask(0o27), stdout=subprocess.PIPE).stdout)
        """
    )

    assert ran.stdout == "b'0027\\n'\n"
    assert len(ran.trace.processes) == 2


def test_killed_process_keeps_what_it_recorded(run_python: Callable[..., Any]) -> None:
    """After a SIGKILL every record that was acknowledged is there, and so is the span that was open."""
    ran = run_python(
        """
        import os, signal
        import tracekit as tk
        for number in range(5000):
            tk.instant("tick", number=number)
        with tk.span("open"):
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )

    assert ran.status == -signal.SIGKILL
    trace = ran.trace
    assert [trace.args[row]["number"] for row in trace.instants.args] == list(range(5000))
    (span,) = rows_of(trace, "SPAN")
    assert span.unfinished
    assert any("without" in note for note in trace.notes)


def test_killed_worker(run_python: Callable[..., Any]) -> None:
    """A worker that is killed in the middle of its work leaves what it recorded."""
    ran = run_python(
        """
        import multiprocessing, os, signal
        import tracekit as tk

        def work():
            tk.instant("acknowledged")
            os.kill(os.getpid(), signal.SIGKILL)

        if __name__ == "__main__":
            child = multiprocessing.get_context("fork").Process(target=work)
            child.start()
            child.join()
            print(child.exitcode)
        """
    )

    assert ran.stdout == "-9\n"
    assert len(ran.trace.instants) == 1


def test_daemon_thread_at_exit(run_python: Callable[..., Any]) -> None:
    """What a daemon thread records until the process ends is kept."""
    ran = run_python(
        """
        import threading
        import tracekit as tk
        ready = threading.Event()
        def forever():
            tk.instant("daemon")
            ready.set()
            threading.Event().wait()
        threading.Thread(target=forever, daemon=True).start()
        ready.wait()
        """
    )

    assert ran.status == 0
    assert len(ran.trace.instants) == 1


def test_no_file_stays_open(run_python: Callable[..., Any]) -> None:
    """A traced program has no descriptor more than it would have."""
    code = "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))"
    ran = run_python(code)

    # 3 is the listing itself.
    assert ran.stdout == "[0, 1, 2, 3]\n"


def test_logging_of_multiprocessing(run_python: Callable[..., Any]) -> None:
    """What multiprocessing logs names the file that it was logged from, as without us: no frame of ours stands in between."""
    ran = run_python(
        """
        import logging, multiprocessing.util, sys
        logger = multiprocessing.get_logger()
        logger.setLevel(logging.DEBUG)
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(funcName)s"))
        logger.addHandler(handler)

        def caller():
            multiprocessing.util.info("hello")

        caller()
        logger.handlers.clear()
        """
    )

    # Until 3.12 it names its own function.
    assert ran.stdout == ("caller\n" if sys.version_info >= (3, 13) else "info\n")


def test_posix_spawn_is_as_strict_as_ever(run_python: Callable[..., Any]) -> None:
    """posix_spawn takes its three arguments by position only, as without us, and its errors are its own."""
    ran = run_python(
        """
        import os
        for call in (
            lambda: os.posix_spawn(path="/bin/true", argv=["true"], env={}),
            lambda: os.posix_spawn("/bin/true", ["true"]),
            lambda: os.posix_spawn("/nowhere", ["true"], {}),
        ):
            try:
                call()
            except (TypeError, OSError) as error:
                print(type(error).__name__)
        pid = os.posix_spawn("/bin/true", ["true"], os.environ, setsigdef=[])
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """
    )

    assert (ran.stdout, ran.stderr) == ("TypeError\nTypeError\nFileNotFoundError\n0\n", "")
    assert len(ran.trace.processes) == 2


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_what_a_process_was_started_for(run_python: Callable[..., Any], method: str) -> None:
    """The main thread of a child of multiprocessing says which function of the program it runs."""
    ran = run_python(
        f"""
        import multiprocessing

        def work():
            pass

        if __name__ == "__main__":
            child = multiprocessing.get_context("{method}").Process(target=work, name="worker")
            child.start()
            child.join()
        """
    )

    trace = ran.trace
    child = next(at for at, row in enumerate(trace.processes) if row.name == "worker")
    (life,) = [row for row in rows_of(trace, "THREAD") if trace.tracks[row.track].process == child]
    assert life.args is not None
    assert (life.args["function"], life.args["line"]) == ("work", 4)


def test_which_line_started_a_process(run_python: Callable[..., Any]) -> None:
    """A fork and another program say which line of the program started them."""
    ran = run_python(
        """
        import os, subprocess

        def fork():
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)

        def start():
            subprocess.run(["true"])

        fork()
        start()
        """
    )

    forked, program = ran.trace.processes[1:]
    assert forked.started_at.startswith("fork (")
    assert forked.started_at.endswith(":5)")
    assert program.started_at.startswith("start (")
    assert program.started_at.endswith(":11)")
