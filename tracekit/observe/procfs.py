"""What the kernel tells of a thread of another process: its times, and what it waits for. Knows /proc, and no session."""

from __future__ import annotations

import os
from typing import NamedTuple

from tracekit import events
from tracekit.observe.elf import symbol

_FUTEX = {"x86_64": 202, "aarch64": 98}.get(os.uname().machine, -1)
_MOST = 256  # bytes of either file
_PYTHONS = ("libpython", "python")


class Times(NamedTuple):
    """How long a thread has been on a processor, and how long it has waited for one; ns since it was made."""

    on_cpu: int
    run_queue: int


class ThreadFiles:
    """A thread, through two files that stay open.

    Args:
        pid, tid: of the thread.

    Attributes:
        hidden: why it is not told what the thread waits for; "" where it is.

    Raises:
        OSError: there is no such thread, or too many files are open.
    """

    def __init__(self, pid: int, tid: int) -> None:
        folder = f"/proc/{pid}/task/{tid}"
        self._times = os.open(f"{folder}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        self._call = -1
        self.hidden = ""
        try:
            self._call = os.open(f"{folder}/syscall", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            self.hidden = error.strerror or str(error)

    def close(self) -> None:
        """Let go of the files."""
        for fd in (self._times, self._call):
            if fd >= 0:
                os.close(fd)
        self._times = self._call = -1

    def times(self) -> Times:
        """The thread's times.

        Raises:
            OSError: it is gone.
        """
        on_cpu, run_queue, *_ = os.pread(self._times, _MOST, 0).split()
        return Times(int(on_cpu), int(run_queue))

    def call(self) -> bytes:
        """The system call that the thread is in, as the kernel writes it; b"" where it does not tell."""
        if self._call < 0:
            return b""
        try:
            return os.pread(self._call, _MOST, 0)
        except OSError as error:
            self.hidden = error.strerror or str(error)
            os.close(self._call)
            self._call = -1
            return b""


def state(call: bytes, gil: range) -> int:
    """What a thread was doing: one of events.STATES, or 0 where that was not told.

    Args:
        call: what ThreadFiles.call returned.
        gil: the addresses at which threads wait for the GIL.
    """
    if not call:
        return 0
    words = call.split()
    if words[0] == b"running":
        return events.STATE_RUNNING
    if words[0] == b"%d" % _FUTEX and len(words) > 1 and int(words[1], 16) in gil:
        return events.STATE_GIL
    return events.STATE_SYSCALL


def gil_addresses(pid: int) -> range:
    """Where the state of the interpreter lies in a process, the GIL in it; empty where that is not to be found out."""
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
            for address, path in _images(file.read()):
                name = os.path.basename(path)
                if name.startswith(_PYTHONS):
                    # As that process sees its files, which may be in a container.
                    found = symbol(f"/proc/{pid}/root{path}", "_PyRuntime")
                    if found is not None:
                        offset, size = found
                        return range(address + offset, address + offset + size)
    except (OSError, ValueError):
        pass
    return range(0)


def _images(maps: str) -> list[tuple[int, str]]:
    """The files whose beginnings are mapped, with the address; a library before the executable."""
    found = []
    for line in maps.splitlines():
        fields = line.split(None, 5)
        if len(fields) == 6 and int(fields[2], 16) == 0 and fields[5].startswith("/"):
            found.append((int(fields[0].partition("-")[0], 16), fields[5]))
    unique = {path: address for address, path in reversed(found)}
    return sorted(((address, path) for path, address in unique.items()), key=lambda image: "libpython" not in image[1])
