"""Dumps: has a session that goes on written out, or observed, by a process of its own. Knows how to start one, and no trace.

The process is started past our own hooks and outside of the session: it is no part of what is recorded.
"""

from __future__ import annotations

import os
import sys

from tracekit.clock import monotonic_ns
from tracekit.hooks.entry import OPTIONS_VARIABLE, SESSION_VARIABLE
from tracekit.record import recorder as recording
from tracekit.spool.core import VARIABLE, core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# Like `-m tracekit`, but without the working directory on sys.path: what lies there is not meant for us.
MAIN = "import sys; sys.path = [path for path in sys.path if path]; from tracekit.cli.main import main; main()"
_MOST = 10
_PAUSE = 1_000_000_000


def tracekit_command(*words: str, python: str = "") -> list[str]:
    """The command line that runs this very tracekit."""
    return [python or sys.executable, "-c", MAIN, *words]


def plain_environment() -> dict[str, str]:
    """The environment in which this very package can be imported by a fresh interpreter, which joins no session."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    path = os.environ.get("PYTHONPATH")
    environment = {**os.environ, "PYTHONPATH": root + (os.pathsep + path if path else "")}
    environment.pop(SESSION_VARIABLE, None)
    environment.pop(OPTIONS_VARIABLE, None)
    if core.missing:  # that was said once already
        environment[VARIABLE] = "py"
    return environment


def dump(directory: str, output: str, python: str = "") -> bool:
    """Write out what a session holds now, and wait for it.

    Args:
        directory: of the session.
        output: where to write the trace.
        python: the interpreter that has what tracekit needs; default this one.

    Returns:
        Whether it was written; if not, stderr says why.
    """
    command = tracekit_command("dump", directory, "-o", output, "--quiet", python=python)
    try:
        status = _wait(_spawn(command))
    except ChildProcessError:  # the program waits for all its children, and was quicker
        return os.path.exists(output)
    except OSError as error:
        recording.tell(f"cannot run {command[0] or 'Python'}: {error.strerror}")
        return False
    return status == 0


class Starter:
    """Starts dumps in the background, for a session that nobody watches; not too many of them.

    Args:
        directory: of the session.
        threshold, window: ns.
    """

    def __init__(self, directory: str, threshold: int, window: int) -> None:
        self._directory = directory
        self._threshold = threshold
        self._pause = max(window // 2, _PAUSE)
        self._next = 0
        self._count = 0

    def __call__(self, reason: str) -> None:
        """Start one, unless one was started just now."""
        now = monotonic_ns()
        if now < self._next or self._count >= _MOST:
            return
        self._next = now + self._pause
        self._count += 1
        words = ("dump", self._directory, "--because", f"{reason} (process {os.getpid()})")
        command = tracekit_command(*words, "--threshold", f"{self._threshold}ns")
        try:
            # The shell ends at once, and leaves the dump to init: the program has no child that it doesn't know.
            _wait(_spawn(["/bin/sh", "-c", '"$@" </dev/null >/dev/null &', "sh", *command]))
        except OSError:  # no process to be had, or the program has waited for it
            pass


def observe(directory: str, options: str, stay: bool = False) -> int:
    """Have this process's session observed from outside, until its recording ends.

    Args:
        directory: of the session.
        options: its own, as text.
        stay: for all recordings that this process makes there, one after the other, until the directory is gone.

    Returns:
        The pid of the process that does it; 0 where it could not be started.
    """
    command = tracekit_command("observe", directory, str(os.getpid()), options, *(["--stay"] if stay else []))
    try:
        read, write = os.pipe()
    except OSError:  # too many files are open
        return 0
    try:
        # As a dump's, its parent is the shell, which tells its pid and ends.
        shell = ["/bin/sh", "-c", '"$@" </dev/null >/dev/null 2>&1 & echo $!', "sh", *command]
        child = _spawn(shell, file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)])
        os.close(write)
        write = -1
        said = os.read(read, 32)
        try:
            _wait(child)
        except ChildProcessError:  # the program waits for all its children, and was quicker
            pass
        return int(said)
    except (OSError, ValueError):  # no process to be had
        return 0
    finally:
        os.close(read)
        if write >= 0:
            os.close(write)


def _spawn(command: list[str], file_actions: Sequence[Any] = ()) -> int:
    """Start a process that has of the program's files only the first three: who waits for the end of one waits for us as well."""
    spawn = getattr(os.posix_spawn, "__wrapped__", os.posix_spawn)
    actions = [*file_actions, *((os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable())]
    return int(spawn(command[0], command, plain_environment(), file_actions=actions))


def _wait(pid: int) -> int:
    """How a process of ours ended, asked for past our own hooks."""
    wait = getattr(os.waitpid, "__wrapped__", os.waitpid)
    return int(wait(pid, 0)[1])


def _inheritable() -> list[int]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:  # closed meanwhile
            pass
    return found
