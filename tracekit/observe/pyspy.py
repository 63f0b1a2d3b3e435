"""py-spy: the one file that starts it, to read the stacks of all threads of a process. Knows no session.

It never stops the process that it looks at (--nonblocking), so that a stack may be torn: then another one is read. It works
in the background: whoever started it polls.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sysconfig
from contextlib import suppress
from typing import Any, NamedTuple

_MOST_BYTES = 16 << 20
_LONGEST_NS = 5_000_000_000  # for one reading; it takes 10 to 40 ms where nothing is wrong
_THREAD_BYTES = 1024  # of glibc's description of a thread: its tid is among the first
_WORD = 4


class Frame(NamedTuple):
    """A place in Python code."""

    function: str
    file: str
    line: int


class Stack(NamedTuple):
    """What a thread did, innermost frame first; `active` where it seemed to be on a processor.

    `name` is what Python calls the thread, "" where it has no name there.
    """

    tid: int
    frames: list[Frame]
    holds_gil: bool
    active: bool
    name: str = ""


def executable() -> str | None:
    """py-spy itself: beside the Python that runs this, or on PATH; None where there is none."""
    beside = os.path.join(sysconfig.get_path("scripts"), "py-spy")
    return beside if os.access(beside, os.X_OK) else shutil.which("py-spy")


class Reading:
    """One reading of the stacks of a process, begun now.

    Args:
        program: what `executable` returned.
        pid: of the process.
        now: CLOCK_MONOTONIC, ns.

    Attributes:
        cpu_ns: what it has cost, once it has ended.
        error: why it failed, in one line; "" where it did not.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, program: str, pid: int, now: int) -> None:
        self.pid = pid
        self.began = now
        self.cpu_ns = 0
        self.error = ""
        self._out = self._said = -1
        try:
            self._out, self._said = os.memfd_create("stacks"), os.memfd_create("said")
            command = [program, "dump", "--nonblocking", "--json", "--pid", str(pid)]
            # A process group of its own: what the terminal sends to the program is not meant for it.
            self._child = os.posix_spawn(
                program,
                command,
                {**os.environ, "RUST_BACKTRACE": "0"},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, self._out, 1),
                    (os.POSIX_SPAWN_DUP2, self._said, 2),
                ],
                setpgroup=0,
                setsigmask=[],
            )
        except OSError:
            self._close()
            raise

    def poll(self, now: int) -> list[Stack] | None:
        """The stacks, once they are there ([] where it failed); None while it goes on. Not to be asked again after that."""
        try:
            child, status, usage = os.wait4(self._child, os.WNOHANG)
        except ChildProcessError:  # SIGCHLD is ignored here, by whoever started us: then nobody is told how it ended
            child, status, usage = self._child, 0, None
        if not child:
            if now - self.began > _LONGEST_NS:
                with suppress(ProcessLookupError):
                    os.kill(self._child, signal.SIGKILL)
            return None
        self.cpu_ns = now - self.began if usage is None else int((usage.ru_utime + usage.ru_stime) * 1e9)
        try:
            if status:
                self.error = _last_line(_contents(self._said)) or f"it ended with status {status}"
                return []
            return self._parse(_contents(self._out))
        except (OSError, ValueError, TypeError, KeyError) as error:
            self.error = f"what it wrote cannot be read ({type(error).__name__})"
            return []
        finally:
            self._close()

    def abandon(self) -> None:
        """End it where it stands."""
        with suppress(OSError):
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
        self._close()

    def _parse(self, text: bytes) -> list[Stack]:
        tids = _Tids(self.pid)
        stacks = []
        for thread in json.loads(text):
            tid = thread["os_thread_id"] or tids.of(thread)
            frames = [
                Frame(str(frame["name"]), str(frame["filename"]), int(frame["line"])) for frame in thread["frames"]
            ]
            if tid and frames:
                name = str(thread["thread_name"] or "")
                stacks.append(Stack(tid, frames, bool(thread["owns_gil"]), bool(thread["active"]), name))
        return stacks

    def _close(self) -> None:
        for fd in (self._out, self._said):
            if fd >= 0:
                os.close(fd)
        self._out = self._said = -1


class _Tids:
    """Finds the tids of threads that py-spy knows by their pthread_t only: of Python 3.10 it knows no other."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._tasks: set[int] | None = None

    def of(self, thread: dict[str, Any]) -> int:
        """The tid of a thread as py-spy describes it; 0 where it is not found."""
        if self._tasks is None:
            self._tasks = {int(name) for name in os.listdir(f"/proc/{self._pid}/task")}
        try:
            with open(f"/proc/{self._pid}/mem", "rb", buffering=0) as memory:
                data = os.pread(memory.fileno(), _THREAD_BYTES, int(thread["thread_id"]))
        except (OSError, OverflowError):
            data = b""
        words = (int.from_bytes(data[at : at + _WORD], "little") for at in range(0, len(data), _WORD))
        found = next((word for word in words if word in (self._tasks or ())), 0)
        return found or (self._pid if thread["thread_name"] == "MainThread" else 0)


def _contents(fd: int) -> bytes:
    return os.pread(fd, min(os.fstat(fd).st_size, _MOST_BYTES), 0)


def _last_line(said: bytes) -> str:
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""
