"""What the kernel tells of a thread of another process: its times, and what it waits for. Knows /proc, and no session."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from tracekit import events
from tracekit.observe.syscalls import CALLS, Call

MOST = 256  # bytes of either file
_FLAGS = os.O_RDONLY | os.O_CLOEXEC
_NEGATIVE = 1 << 31  # in the low half of an argument
_INVOLUNTARY = b"nonvoluntary_ctxt_switches:"


class Times(NamedTuple):
    """How long a thread has been on a processor and has waited for one, in ns, and how often it was given one; all its life."""

    on_cpu: int
    run_queue: int
    switches: int


_FIGURES = len(Times._fields)
_make_times = Times._make


class ThreadFiles:
    """A thread, through two files that stay open.

    Args:
        tid: of the thread.
        tasks: descriptor of the directory /proc/PID/task, which is that of no other process that gets the pid.

    Attributes:
        times, call: descriptors; `call` is -1 where it may not be opened.
        hidden: why it is not told what the thread waits for; "" where it is.

    Raises:
        OSError: there is no such thread, or too many files are open.
    """

    __slots__ = ("call", "hidden", "times")

    def __init__(self, tid: int, tasks: int) -> None:
        self.times = os.open(f"{tid}/schedstat", _FLAGS, dir_fd=tasks)
        self.call = -1
        self.hidden = ""
        try:
            self.call = os.open(f"{tid}/syscall", _FLAGS, dir_fd=tasks)
        except PermissionError as error:
            self.hidden = error.strerror or str(error)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the files."""
        for fd in (self.times, self.call):
            if fd >= 0:
                os.close(fd)
        self.times = self.call = -1

    def read_times(self) -> bytes:
        """What `times_in` reads.

        Raises:
            OSError: the thread is gone.
        """
        return os.pread(self.times, MOST, 0)

    def read_call(self) -> bytes:
        """The system call that the thread is in, as the kernel writes it; b"" where it does not tell."""
        if self.call < 0:
            return b""
        try:
            return os.pread(self.call, MOST, 0)
        except OSError as error:
            self.hidden = error.strerror or str(error)
            os.close(self.call)
            self.call = -1
            return b""


def open_tasks(pid: int) -> int:
    """A descriptor of the directory of a process's threads; os.listdir tells their tids.

    Raises:
        OSError: there is no such process, or it is hidden.
    """
    return os.open(f"/proc/{pid}/task", _FLAGS | os.O_DIRECTORY)


def times_in(schedstat: bytes) -> Times:
    """The times of a thread.

    Raises:
        ValueError: it says something else.
    """
    figures = schedstat.split()
    if len(figures) != _FIGURES:
        raise ValueError("the kernel writes other figures than are known")
    return _make_times(map(int, figures))


def involuntary(tid: int, tasks: int) -> int | None:
    """How often a processor was taken from a thread that had not done with it; None where that is not told."""
    try:
        fd = os.open(f"{tid}/status", _FLAGS, dir_fd=tasks)
    except OSError:
        return None
    try:
        _, _, said = os.read(fd, 8192).partition(_INVOLUNTARY)
        return int(said.split(None, 1)[0])
    except (OSError, ValueError, IndexError):
        return None
    finally:
        os.close(fd)


def state(call: bytes, gils: Iterable[range]) -> int:
    """What a thread was doing: one of events.STATES, or 0 where that was not told.

    Args:
        call: what ThreadFiles.read_call returned.
        gils: the addresses at which threads wait for a GIL.
    """
    if not call:
        return 0
    if call.startswith(b"running"):
        return events.STATE_RUNNING
    words = call.split(b" ", 2)
    known = CALLS.get(words[0])
    if known is None or len(words) < 3:
        return events.STATE_SYSCALL
    if known.of_address:
        address = int(words[1], 16)
        for gil in gils:
            if address in gil:
                return events.STATE_GIL
        return known.state
    if known.files >= 0 and _sleeps(known, call.split()[1:]):
        return events.STATE_SLEEP
    return known.state


def waits_at(call: bytes) -> int:
    """The address at which a thread waits for somebody to wake it; 0 where it does something else."""
    words = call.split(None, 2)
    known = CALLS.get(words[0]) if words else None
    return int(words[1], 16) if known is not None and known.of_address and len(words) > 1 else 0


def _sleeps(call: Call, arguments: list[bytes]) -> bool:
    """Whether a call that waits for files looks at none, and ends by itself: so the time.sleep of Python 3.10."""
    if int(arguments[call.files], 16) & 0xFFFFFFFF:
        return False
    timeout = int(arguments[call.timeout], 16)
    return bool(timeout) if call.is_pointer else not timeout & _NEGATIVE
