"""py-spy: the one file that starts it, to read the stacks of all threads of a process once, or to sample them. Knows no session.

It does not stop the process that it looks at (--nonblocking), so that a stack may be torn: then another one is read. It works
in the background: whoever started it polls.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sysconfig
import time
from contextlib import suppress
from typing import Any, NamedTuple

_MOST_BYTES = 16 << 20
_LONGEST_NS = 5_000_000_000  # for one reading; it takes 10 to 40 ms where nothing is wrong
_THREAD_BYTES = 1024  # of glibc's description of a thread: its tid is among the first
_WORD = 4
_SAMPLING = b"Sampling process"  # py-spy says it once it is attached
_DENIED = "Permission Denied"
_SUMMARY = re.compile(rb"Samples: (\d+) Errors: (\d+)")
_POLL_S = 0.005


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
            words = ["dump", "--nonblocking", "--json", "--pid", str(pid)]
            self._child = _start(program, words, self._out, self._said)
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


class Recording:
    """Sampling of a process and its descendants, begun now.

    Args:
        program: what `executable` returned.
        pid: of the process; it or one of its descendants must be a Python that is there.
        rate: how often a second.
        output: the file that all is written to, in Chrome's format, when it ends.
        native: frames of C as well; for that each thread is stopped while it is read.

    Attributes:
        error: why there are no samples, in one line; "" where nothing is wrong.
        is_denied: the reason is that the kernel does not let it look.
        samples, errors: how many stacks were read, and how many could not be, once it has ended.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, program: str, pid: int, rate: int, output: str, native: bool = False) -> None:
        self.error = ""
        self.is_denied = False
        self.samples = self.errors = 0
        words = ["record", "--subprocesses", "--threads", "--idle", "--full-filenames", "--format", "chrometrace"]
        words += ["--native"] if native else ["--nonblocking"]
        words += ["--rate", str(rate), "--output", output, "--pid", str(pid)]
        self._said = os.memfd_create("said")
        self._status: int | None = None
        try:
            self._child = _start(program, words, self._said, self._said)
        except OSError:
            os.close(self._said)
            raise

    def is_attached(self) -> bool:
        """Whether it has begun to sample."""
        return _SAMPLING in _contents(self._said)

    def is_over(self) -> bool:
        """Whether it has ended; by itself it does when the last process that it looks at has."""
        if self._status is None:
            try:
                child, self._status = os.waitpid(self._child, os.WNOHANG)
            except ChildProcessError:  # SIGCHLD is ignored here
                child, self._status = self._child, 0
            if not child:
                self._status = None
                return False
            self._conclude()
        return True

    def end(self, patience: float) -> None:
        """Have it write what it has, and wait for that, but not for longer than so many seconds."""
        with suppress(ProcessLookupError):
            os.kill(self._child, signal.SIGINT)
        until = time.monotonic() + patience
        while not self.is_over():
            if time.monotonic() >= until:
                self.error = f"py-spy took more than {patience:.0f} s to write its samples"
                with suppress(ProcessLookupError):
                    os.kill(self._child, signal.SIGKILL)
                until += patience
            time.sleep(_POLL_S)

    def _conclude(self) -> None:
        said = _contents(self._said)
        os.close(self._said)
        summary = _SUMMARY.search(said)
        if summary is not None:
            self.samples, self.errors = int(summary[1]), int(summary[2])
        elif not self.error:
            self.is_denied = _DENIED in said.decode("utf-8", "replace")
            self.error = _first_error(said) or f"py-spy ended with status {self._status}"


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


def _start(program: str, words: list[str], out: int, said: int) -> int:
    """py-spy in a process group of its own: what the terminal sends to the program is not meant for it."""
    return os.posix_spawn(
        program,
        [program, *words],
        {**os.environ, "RUST_BACKTRACE": "0"},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, out, 1),
            (os.POSIX_SPAWN_DUP2, said, 2),
        ],
        setpgroup=0,
        setsigmask=[],
    )


def _contents(fd: int) -> bytes:
    return os.pread(fd, min(os.fstat(fd).st_size, _MOST_BYTES), 0)


def _last_line(said: bytes) -> str:
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def _first_error(said: bytes) -> str:
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines()]
    told = (line.partition(":")[2].strip() for line in lines if line.startswith(("Error:", _DENIED)))
    return next((line[:200] for line in told if line), "") or _last_line(said)
