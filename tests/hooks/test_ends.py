"""The hook for ends of processes, and what the trace says of how they ended, how they began, and who started them.

On real children of every kind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests_support import rows_of

from tracekit.hooks.ends import EndsHook
from tracekit.load import load
from tracekit.model.trace import FlowKind, Process, Trace

ENDS = {
    "wait": "os.wait()",
    "wait3": "os.wait3(0)",
    "wait4": "os.wait4(pid, 0)",
    "waitpid": "os.waitpid(pid, 0)",
    "waitid": "os.waitid(os.P_PID, pid, os.WEXITED)",
}
DEATHS = {
    "os._exit(7)": 7,
    "os.kill(os.getpid(), signal.SIGKILL)": -signal.SIGKILL,
    "resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.kill(os.getpid(), signal.SIGABRT)": -signal.SIGABRT,
}


def children(trace: Trace) -> list[Process]:
    """All processes that another one of the trace started."""
    return [process for process in trace.processes if process.parent is not None]


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("how", ENDS)
def test_who_waits_is_told(run_python: Callable[..., Any], how: str, death: str) -> None:
    """Whichever call a parent waits by, its child's exit code or signal is in the trace."""
    ran = run_python(
        f"""
        import os, resource, signal
        pid = os.fork()
        if pid == 0:
            {death}
        {ENDS[how]}
        """
    )

    assert ran.stderr == ""
    (child,) = children(ran.trace)
    assert child.status == DEATHS[death]


def test_a_child_that_nobody_waits_for(run_python: Callable[..., Any]) -> None:
    """Its end stays unknown."""
    ran = run_python(
        """
        import os
        read, write = os.pipe()
        if os.fork() == 0:
            os._exit(7)
        os.close(write)
        os.read(read, 1)  # until it has ended
        """
    )

    (child,) = children(ran.trace)
    assert (child.status, child.ended) == (None, None)


def test_a_stop_is_no_end(run_python: Callable[..., Any]) -> None:
    """That a child was stopped and went on is not taken for its end."""
    ran = run_python(
        """
        import os, signal
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
            os.read(read, 1)
            os._exit(3)
        os.waitpid(pid, os.WUNTRACED)
        os.kill(pid, signal.SIGCONT)
        os.waitid(os.P_PID, pid, os.WCONTINUED)
        os.write(write, b"x")
        os.waitpid(pid, 0)
        """
    )

    assert ran.stderr == ""

    (child,) = children(ran.trace)
    assert child.status == 3


@pytest.mark.parametrize(
    "start",
    [
        "subprocess.run(command)",
        "subprocess.call(command)",
        "p = subprocess.Popen(command)\nwhile p.poll() is None: pass",
        "subprocess.run(command, close_fds=False, restore_signals=False)",
        "subprocess.run(command, preexec_fn=os.getpid)",
        "os.waitpid(os.posix_spawn(command[0], command, os.environ), 0)",
        "os.spawnv(os.P_WAIT, command[0], command)",
        "asyncio.run(main())",
        "pid, fd = pty.fork()\nif not pid: os.execv(command[0], command)\nos.waitpid(pid, 0)",
    ],
)
@pytest.mark.parametrize("kind", ["python", "sh"])
def test_programs(run_python: Callable[..., Any], start: str, kind: str) -> None:
    """Programs, Python or not, have their parent, their command line and their exit code, however they are started."""
    words = {"python": "[sys.executable, '-c', 'raise SystemExit(5)']", "sh": "['/bin/sh', '-c', 'exit 5']"}
    ran = run_python(
        "import asyncio, os, pty, subprocess, sys\n"
        f"command = {words[kind]}\n"
        "async def main():\n"
        "    await (await asyncio.create_subprocess_exec(*command)).wait()\n" + start
    )

    assert (ran.status, ran.stderr) == (0, "")
    (child,) = children(ran.trace)
    assert child.status == 5
    assert child.parent == 0
    assert child.command.endswith(("raise SystemExit(5)", "exit 5"))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(run_python: Callable[..., Any], method: str) -> None:
    """A child of multiprocessing has its exit code, and how long it took until it ran what it was made for."""
    ran = run_python(
        f"""
        import multiprocessing, sys
        import tracekit as tk

        def work():
            tk.instant("at work")
            sys.exit(4)

        if __name__ == "__main__":
            child = multiprocessing.get_context("{method}").Process(target=work, name="worker")
            tk.instant("before")
            child.start()
            child.join()
        """
    )

    trace = ran.trace
    (worker,) = (process for process in trace.processes if process.name == "worker")
    assert (worker.status, worker.parent) == (4, 0)
    times = dict(zip((trace.strings[name] for name in trace.instants.name), trace.instants.time.tolist()))
    assert worker.starting is not None
    assert 0 < worker.starting <= times["at work"] - times["before"]


def test_a_shell_of_os_system(run_python: Callable[..., Any]) -> None:
    """What os.system ran is a process with its exit code, and a Python below it has it for its parent."""
    ran = run_python(
        "import os, sys\nos.system(f\"{sys.executable} -c 'import tracekit'; exit 6\")\nos.system('exit 2')\n"
    )

    trace = ran.trace
    python, *shells = children(trace)
    assert [(shell.name, shell.status) for shell in shells] == [("sh", 6), ("sh", 2)]
    assert trace.processes[python.parent or 0] is shells[0]


def test_an_exec_that_fails(run_python: Callable[..., Any]) -> None:
    """A program that cannot become another one goes on under its own name."""
    ran = run_python(
        """
        import os
        try:
            os.execv("/nowhere", ["nowhere"])
        except FileNotFoundError:
            os._exit(0)
        """
    )

    (process,) = ran.trace.processes
    assert process.name == "program0.py"
    assert not any("became" in note for note in ran.trace.notes)


def test_an_exec_of_what_is_no_python(run_python: Callable[..., Any]) -> None:
    """A program that becomes another one bears that one's name, and the trace says that nobody looked into it."""
    ran = run_python("import os\nos.execvp('sh', ['sh', '-c', 'exit 3'])")

    assert ran.status == 3
    (process,) = ran.trace.processes
    assert (process.name, process.command) == ("sh", "sh -c exit 3")
    assert [note for note in ran.trace.notes if "became what was not traced" in note]


def test_a_daemon(run_python: Callable[..., Any]) -> None:
    """A process that has left its family by two forks and a session of its own has its parents, though they are gone."""
    ran = run_python(
        """
        import os
        import tracekit as tk
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            if os.fork() == 0:
                while os.getppid() == os.getsid(0):
                    pass
                tk.instant("alone")
                os.write(write, b"x")
            os._exit(0)
        os.waitpid(pid, 0)
        os.read(read, 1)
        """
    )

    trace = ran.trace
    program, between, daemon = trace.processes
    assert (daemon.parent, between.parent, program.parent) == (1, 0, None)
    assert between.status == 0
    assert [trace.strings[name] for name in trace.instants.name] == ["alone"]
    assert [FlowKind(kind) for kind in trace.flows.kind].count(FlowKind.SPAWN) == 2


def test_a_daemon_that_outlives_the_program(tmp_path: Path) -> None:
    """The trace says that it was still running; it goes on undisturbed when the session is gone."""
    code = (
        "import os, tracekit as tk\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    tk.instant('daemon')\n"
        "    print('daemon', flush=True)\n"
        "    assert input() == 'go on'\n"
        "    for _ in range(100_000): tk.instant('nowhere')\n"
        "    print('done', flush=True)\n"
        "else:\n"
        "    os.read(os.open('ready', os.O_RDONLY), 1)\n"
    )
    os.mkfifo(tmp_path / "ready")
    command = [sys.executable, "-m", "tracekit", "run", "-q", "-o", "out.json", "-c", code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, text=True, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "daemon\n"
        (tmp_path / "ready").write_text("x")
        process.wait(timeout=60)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "ready"]
        out, errors = process.communicate("go on\n", timeout=60)

    assert (out, errors) == ("done\n", "")
    trace = load(tmp_path / "out.json")
    assert [trace.strings[name] for name in trace.instants.name] == ["daemon"]
    assert any("was still running" in note for note in trace.notes)


def test_nested_pools(run_python: Callable[..., Any]) -> None:
    """A pool in a worker of a pool: each process has its parent."""
    ran = run_python(
        """
        import concurrent.futures, multiprocessing, os

        def inner(number):
            return os.getpid()

        def outer(number):
            with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
                return os.getpid(), pool.submit(inner, number).result()

        if __name__ == "__main__":
            with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
                print(*pool.submit(outer, 0).result())
        """
    )

    above, below = map(int, ran.stdout.split())
    trace = ran.trace
    rows = {process.pid: process for process in trace.processes}
    assert trace.processes[rows[below].parent or 0].pid == above
    assert trace.processes[rows[above].parent or 0] is trace.processes[0]
    assert {process.status for process in children(trace)} == {0}


def test_a_fork_of_a_running_loop(run_python: Callable[..., Any]) -> None:
    """A worker that is forked while a loop runs has no loop: nothing of its parent's ends there, and nothing is left out."""
    ran = run_python(
        """
        import asyncio, concurrent.futures, multiprocessing

        def loops():
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                return asyncio.run(asyncio.sleep(0, "none runs"))

        async def main():
            with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
                print(await asyncio.get_running_loop().run_in_executor(pool, loops))

        if __name__ == "__main__":
            asyncio.run(main())
        """
    )

    assert ran.stdout == "none runs\n"
    assert sorted(loop.process for loop in ran.trace.loops) == [0, 1]
    assert not [note for note in ran.trace.notes if "loop" in note]


def test_workers_that_are_killed(run_python: Callable[..., Any]) -> None:
    """Of every worker of a pool that is killed in the middle of its work, what it had acknowledged is there, and its end."""
    ran = run_python(
        """
        import mmap, multiprocessing, os, signal
        import tracekit as tk

        page = memoryview(mmap.mmap(-1, 4096)).cast("q")

        def job(lane):
            for number in range(200 + lane):
                with tk.span("work", lane=lane, number=number):
                    pass
            with tk.span("open", lane=lane):
                page[lane] = os.getpid()
                signal.pause()

        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(2) as pool:
                for lane in range(1, 7):
                    pool.apply_async(job, (lane,))
                for lane in range(1, 7):
                    while not page[lane]:
                        pass
                    os.kill(page[lane], signal.SIGKILL)
        """
    )

    assert ran.stderr == ""
    trace = ran.trace
    spans = rows_of(trace, "SPAN")
    for lane in range(1, 7):
        own = [span for span in spans if span.args["lane"] == lane]
        assert [span.args["number"] for span in own if span.name == "work"] == list(range(200 + lane))
        assert [span.unfinished for span in own if span.name == "open"] == [True]
    assert [process.status for process in children(trace)].count(-signal.SIGKILL) == 6


def test_waiting_stays_as_strict_as_ever(run_python: Callable[..., Any]) -> None:
    """What the waiting calls take, return and raise is theirs, also for a call with nothing to wait for."""
    ran = run_python(
        """
        import os
        for call in (
            lambda: os.wait(),
            lambda: os.waitpid(-1, os.WNOHANG),
            lambda: os.waitpid(pid=1, options=0),
            lambda: os.waitid(os.P_ALL, 0, os.WEXITED),
            lambda: os.wait3(options=0),
            lambda: os.wait4(pid=-1, options=0),
            lambda: os.execv("x", []),
            lambda: os.execve("x", ["x"], env={1: 2}),
            lambda: os.system(),
        ):
            try:
                call()
            except Exception as error:
                print(type(error).__name__)
        pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 3"], os.environ)
        found = os.wait4(pid, 0)
        print(found[0] == pid, found[1], type(found[2]).__name__)
        pid = os.posix_spawn("/bin/sleep", ["sleep", "100"], os.environ)
        print(os.waitpid(pid, os.WNOHANG), os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG))
        os.kill(pid, 9)
        found = os.waitid(os.P_PID, pid, os.WEXITED)
        print(type(found).__name__, found.si_status, found.si_code == os.CLD_KILLED)
        """
    )

    none = "ChildProcessError"
    first = [none, none, "TypeError", none, none, none, "ValueError", "TypeError", "TypeError"]
    assert ran.stdout.splitlines() == [*first, "True 768 struct_rusage", "(0, 0) None", "waitid_result 9 True"]
    assert ran.stderr == ""


def test_a_session_that_begins_later(recorded: Callable[..., Any]) -> None:
    """A program that looks now and then whether its child has ended is told, also where subprocess was there before us."""
    with recorded() as recording, subprocess.Popen(["sh", "-c", "exit 9"]) as process:
        while process.poll() is None:
            pass

    (child,) = children(recording.trace)
    assert (child.command, child.status) == ("sh -c exit 9", 9)


def test_remove() -> None:
    """After its removal every attribute is what it was."""
    before = {name: getattr(os, name) for name in ("wait", "wait3", "wait4", "waitpid", "waitid")}
    hook = EndsHook()
    hook.install()
    assert {name: getattr(os, name) for name in before} != before

    hook.remove()

    assert {name: getattr(os, name) for name in before} == before
