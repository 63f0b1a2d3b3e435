"""Runtime: where the GILs of a Python process lie. Knows CPython's own state, as far as other programs may, and no thread.

Up to 3.11 there is one GIL; it lies in `_PyRuntime`, which every CPython exports. From 3.12 on an interpreter may have one of
its own, which lies in its state: these are found by reading the list of interpreters from the process's memory.
"""

from __future__ import annotations

import os
import struct
import time
from contextlib import suppress
from functools import cache
from typing import NamedTuple

from tracekit.observe.elf import symbol
from tracekit.observe.gil import Gil, Interpreters

_PYTHONS = ("libpython", "python")
_MUSL = "/ld-musl-"
_COOKIE = b"xdebugpy"
_OFFSETS = struct.Struct("<8sQQ3Q3Q")  # how _Py_DebugOffsets begins, from 3.13 on
_POINTER = struct.Struct("<Q")
_BEFORE = 512  # bytes of _PyRuntime that are read to find out how it is laid out
_HEAD_312, _MAIN_312, _NEXT_312 = 40, 48, 0  # offsets in 3.12's _PyRuntimeState and PyInterpreterState, which name none
_PY_312 = 0x030C
_MOST_INTERPRETERS = 1000
_LARGEST_STATE = 16 << 20  # bytes of one interpreter
_REFRESH_NS = 10_000_000
_SHARE = 100  # reading them takes at most one part of so many of the time

_known: dict[tuple[int, int, int], dict[str, tuple[int, int]]] = {}  # by device, inode and time of the file


class _Layout(NamedTuple):
    """Where the list of interpreters begins in _PyRuntime, where each names the next one, and how large each is."""

    head: int
    next: int
    size: int


class Runtime:
    """The interpreter in a process, and its GILs.

    Args:
        pid: of the process.

    Attributes:
        gils: the addresses at which threads wait for a GIL; none where that is not to be found out.
        main: the first of these: `_PyRuntime` itself.
        missing: why waits for a GIL are not, or not all, told from waits for a lock; "" where they are.
        has_no_gil: whether it is a free-threaded build.
        has_more: whether there may be interpreters with a GIL of their own.
        next_look: when these may be looked for again (CLOCK_MONOTONIC, ns).
        is_in_doubt: that was wanted before.
        changes: how often some have come or gone.
        gil: who holds them; None where that is not to be found out.
    """

    def __init__(self, pid: int) -> None:
        self._memory = -1
        self._layout: _Layout | None = None
        self._is_known = False  # whether all its interpreters are to be found
        self.main = range(0)
        self.gils: tuple[range, ...] = ()
        self.missing = ""
        self.has_no_gil = False
        self.has_more = False
        self.next_look = 0
        self.is_in_doubt = False
        self.changes = 0
        self.gil: Gil | None = None
        try:
            self._find(pid)
        except (OSError, ValueError) as error:
            self.missing = getattr(error, "strerror", None) or str(error)

    def close(self) -> None:
        """Let go of the process."""
        if self._memory >= 0:
            os.close(self._memory)
        self._memory = -1
        self.has_more = self.is_in_doubt = False
        self.gil = None

    def refresh(self, now: int) -> bool:
        """Look for interpreters that have come or gone, unless that was done just now; whether there are.

        Args:
            now: CLOCK_MONOTONIC, ns.
        """
        if not self.has_more or now < self.next_look:
            self.is_in_doubt = self.has_more
            return False
        began = time.thread_time_ns()
        before = self.gils
        try:
            self.gils = (self.main, *self._interpreters())
        except (OSError, ValueError):  # it is gone, or what is read changes just now
            pass
        self.next_look = now + max(_REFRESH_NS, (time.thread_time_ns() - began) * _SHARE)
        self.is_in_doubt = False
        self.changes += self.gils != before
        return self.gils != before

    def _find(self, pid: int) -> None:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
            maps = file.read()
        executable = os.readlink(f"/proc/{pid}/exe")
        for address, path in _images(maps, executable):
            # As that process sees its files, which may be in a container; its executable also where it was replaced.
            build, symbols = _symbols(f"/proc/{pid}/exe" if path == executable else f"/proc/{pid}/root{path}")
            if "_PyRuntime" in symbols:
                offset, size = symbols["_PyRuntime"]
                self.main = range(address + offset, address + offset + size)
                self.gils = (self.main,)
                self.has_no_gil = is_free_threaded(path)
                if _MUSL in maps:
                    self.missing = "musl waits elsewhere for it"
                version = symbols.get("Py_Version")
                self._find_interpreters(pid, address + version[0] if version else 0)
                self._find_holders(pid, build)
                return
        self.missing = "no CPython was found in it"

    def _find_interpreters(self, pid: int, version: int) -> None:
        """How this Python lists its interpreters, where they may have GILs of their own; the version lies at an address."""
        try:
            self._memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
            number = _POINTER.unpack(self._read(version, 8))[0] >> 16 if version else 0
            self._layout = layout_in(self._read(self.main.start, _BEFORE), number, self.main)
            self.has_no_gil = self.has_no_gil or _says_free_threaded(self._read(self.main.start, _BEFORE))
            self.has_more = self._layout is not None
            self._is_known = self.has_more or number < _PY_312  # up to 3.10 none is to be found
            return
        except OSError:  # then nothing is told of what its threads wait for, either
            pass
        except (ValueError, struct.error):
            self.missing = self.missing or "its memory cannot be read"
        self.close()

    def _find_holders(self, pid: int, build: object) -> None:
        if self._memory < 0 or self.has_no_gil or not self._is_known:
            return
        if pid != os.getpid():
            _look_at_ourselves()
        interpreters = None
        if self._layout is not None:
            head = self.main.start + self._layout.head
            interpreters = Interpreters(head, lambda: [one.start for one in self._interpreters()])
        self.gil = Gil(pid, self._read, self.main, build, interpreters)

    def _interpreters(self) -> list[range]:
        """Where the states of those lie that are not the first one, which lies in `_PyRuntime`."""
        assert self._layout is not None
        head, following, size = self._layout
        found: list[range] = []
        address = self._pointer(self.main.start + head)
        while address and len(found) < _MOST_INTERPRETERS:
            if address not in self.main:
                found.append(range(address, address + size))
            address = self._pointer(address + following)
        return found

    def _pointer(self, address: int) -> int:
        return int(_POINTER.unpack(self._read(address, 8))[0])

    def _read(self, address: int, size: int) -> bytes:
        """What lies at an address.

        Raises:
            ValueError: nothing does.
            OSError: it must not be read.
        """
        try:
            data = os.pread(self._memory, size, address)
        except OverflowError:
            data = b""
        if len(data) < size:
            raise ValueError("nothing lies there")
        return data


def layout_in(beginning: bytes, version: int, runtime: range) -> _Layout | None:
    """How a Python lists its interpreters; None where these have no GILs of their own, or it is not known.

    Args:
        beginning: of its `_PyRuntime`.
        version: as sys.hexversion >> 16; 0 where it is not known.
        runtime: where `_PyRuntime` lies.
    """
    if beginning.startswith(_COOKIE):
        _, _, _, _, _, head, size, _, following = _OFFSETS.unpack_from(beginning)
        layout = _Layout(head, following, size)
    elif version == _PY_312:
        (main,) = _POINTER.unpack_from(beginning, _MAIN_312)
        if main not in runtime:
            return None
        layout = _Layout(_HEAD_312, _NEXT_312, runtime.stop - main)  # the first one is the last thing in _PyRuntime
    else:
        return None
    return layout if layout.head < len(runtime) and layout.next < layout.size < _LARGEST_STATE else None


@cache
def _look_at_ourselves() -> None:
    """Find our own GIL: a program that has changed its switch interval mostly runs the same Python."""
    own = Runtime(os.getpid())
    if own.gil is not None:
        with suppress(OSError, ValueError):
            own.gil.find(0)
    own.close()


def _says_free_threaded(beginning: bytes) -> bool:
    return beginning.startswith(_COOKIE) and bool(_OFFSETS.unpack_from(beginning)[2])


def is_free_threaded(path: str) -> bool:
    """Whether an interpreter's file is named as those that have no GIL are: libpython3.13t.so.1.0, python3.14t."""
    name = os.path.basename(path).partition(".so")[0]
    return name.startswith(_PYTHONS) and name[-1:] == "t" and name[-2:-1].isdecimal()


def _symbols(path: str) -> tuple[tuple[int, int, int], dict[str, tuple[int, int]]]:
    """What tells a file from others, and what of Python's symbols it has; it is looked into once.

    Raises:
        OSError: it cannot be read.
    """
    status = os.stat(path)
    key = status.st_dev, status.st_ino, status.st_mtime_ns
    if key not in _known:
        found = {name: symbol(path, name) for name in ("_PyRuntime", "Py_Version")}
        _known[key] = {name: place for name, place in found.items() if place is not None}
    return key, _known[key]


def _images(maps: str, executable: str) -> list[tuple[int, str]]:
    """The files whose beginnings are mapped and that may hold Python, with the address; a library before the executable."""
    found: dict[str, int] = {}
    for line in maps.splitlines():
        fields = line.split(None, 5)
        if len(fields) == 6 and int(fields[2], 16) == 0 and fields[5].startswith("/"):
            path = fields[5]
            if path == executable or os.path.basename(path).startswith(_PYTHONS):
                found.setdefault(path, int(fields[0].partition("-")[0], 16))
    return sorted(((address, path) for path, address in found.items()), key=lambda image: "libpython" not in image[1])
