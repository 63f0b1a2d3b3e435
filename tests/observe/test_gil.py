"""Gil: who holds the GIL, in every build that there is on this machine, and in memory made by hand. Runs real interpreters."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Callable
from typing import NamedTuple

import pytest
from interpreters import pythons, supported
from observing import OWN_GIL, Start, Writing
from waiting import until

from tracekit import events
from tracekit.clock import monotonic_ns
from tracekit.observe import gil, runtime
from tracekit.observe.gil import FREE, HELD, UNTOLD, Gil, Interpreters, places_in
from tracekit.observe.runtime import Runtime
from tracekit.observe.states import States

# Looks. A thread that waits for a processor looks as if it ran: on a busy machine one that needs the GIL is often seen without.
_ENOUGH = 10

# One thread computes in C without the GIL, one in Python; their tids are printed.
BOTH = """
    import hashlib, sys, threading, time
    data = bytes(64 << 20)
    def native():
        while True:
            hashlib.sha256(data).digest()
    def python():
        while True:
            pass
    threads = [threading.Thread(target=target, daemon=True) for target in (native, python)]
    for thread in threads:
        thread.start()
    print(*(thread.native_id for thread in threads), flush=True)
    sys.stdin.read()
"""

# A process that was forked, and spins; its pid is printed.
FORKED = """
    import os, sys, threading
    pid = os.fork()
    if pid:
        print(pid, flush=True)
        sys.stdin.read()
        os.kill(pid, 9)
    else:
        threading.Thread(target=threading.Event().wait, args=(60,), daemon=True).start()
        while os.getppid() != 1:
            pass
"""

SPINNING = """
    import sys, threading
    {before}
    def spin():
        while True:
            pass
    threading.Thread(target=spin, daemon=True).start()
    print("", flush=True)
    sys.stdin.read()
"""


class Looks(NamedTuple):
    """At how many looks a thread ran with the GIL, and without it."""

    held: int
    free: int


def looks(written: Writing, tid: int) -> Looks:
    """What was written down of a thread."""
    packed = [sample.details.get(events.GIL_LOOKS, 0) for sample in written.samples(tid)]
    return Looks(sum(each >> 32 for each in packed), sum(each & 0xFFFFFFFF for each in packed))


def look_until(written: Writing, pid: int, enough: Callable[[], bool]) -> None:
    """Look at a process until enough was seen."""
    states = States(written.journal)

    def look() -> bool:
        for _ in range(50):
            states.look({1: pid}, monotonic_ns())
        return enough()

    until(look)
    states.close()


def tids(pid: int) -> list[int]:
    """The threads of a process that are not its main one."""
    return [int(name) for name in os.listdir(f"/proc/{pid}/task") if int(name) != pid]


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> dict[object, int]:
    """Where the GIL is in which build: nothing is known of any."""
    found: dict[object, int] = {}
    monkeypatch.setattr(gil, "_places", found)
    monkeypatch.setattr(runtime, "_look_at_ourselves", lambda: None)
    return found


@pytest.mark.parametrize("python", supported())
def test_in_c_and_in_python(
    started: Callable[..., tuple[subprocess.Popen[str], str]], written: Writing, python: str
) -> None:
    """In whatever way a Python is built, a thread that hashes is seen to run without the GIL, and one that loops with it."""
    child, said = started(BOTH, python)
    native, computing = map(int, said.split())

    def is_enough() -> bool:
        held, free = looks(written, native)
        return free > max(_ENOUGH, 2 * held) and looks(written, computing).held > _ENOUGH

    look_until(written, child.pid, is_enough)


@pytest.mark.parametrize("python", supported())
def test_after_a_fork(started: Callable[..., tuple[subprocess.Popen[str], str]], written: Writing, python: str) -> None:
    """A child that was forked has its own threads, and is not taken for its parent."""
    _, said = started(FORKED, python)
    pid = int(said)

    look_until(written, pid, lambda: looks(written, pid).held > max(_ENOUGH, looks(written, pid).free))


@pytest.mark.parametrize("version", [version for version in sorted(pythons()) if version >= (3, 12)])
def test_a_gil_of_its_own(program: Start, written: Writing, version: tuple[int, int]) -> None:
    """Threads of an interpreter with a GIL of its own are seen to hold that, though it began after the first look."""
    child = program(OWN_GIL, python=pythons()[version])
    states = States(written.journal)
    states.look({1: child.pid}, monotonic_ns())
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()
    until(lambda: len(tids(child.pid)) >= 3)
    states.close()

    look_until(written, child.pid, lambda: all(looks(written, tid).held > _ENOUGH for tid in tids(child.pid)))


@pytest.mark.parametrize("python", supported())
def test_another_interval(program: Start, written: Writing, places: dict[object, int], python: str) -> None:
    """Of a program that had changed the switch interval nothing is told, unless its Python is known from another program."""
    changed = program(SPINNING.format(before="sys.setswitchinterval(0.001)"), python=python)
    (tid,) = tids(changed.pid)
    look_until(written, changed.pid, lambda: written.states(tid).count(events.STATE_RUNNING) > _ENOUGH)
    assert looks(written, tid) == (0, 0)
    assert places == {}

    usual = program(SPINNING.format(before=""), python=python)
    look_until(written, usual.pid, lambda: sum(looks(written, *tids(usual.pid))) > 0)
    look_until(written, changed.pid, lambda: looks(written, tid).held > max(_ENOUGH, looks(written, tid).free))


def test_another_interval_of_our_own_python(program: Start, written: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that runs the same Python as the observer may change it as it likes."""
    monkeypatch.undo()
    changed = program(SPINNING.format(before="sys.setswitchinterval(0.002)"))
    (tid,) = tids(changed.pid)
    look_until(written, changed.pid, lambda: looks(written, tid).held > max(_ENOUGH, looks(written, tid).free))


def test_without_a_gil(program: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a Python that has no GIL nothing is told."""
    child = program(SPINNING.format(before=""))
    found = Runtime(child.pid)
    assert found.gil is not None
    found.close()
    assert found.gil is None
    monkeypatch.setattr(runtime, "is_free_threaded", lambda _path: True)
    found = Runtime(child.pid)
    assert found.gil is None
    found.close()


# Memory by hand.

_RUNTIME = range(0x100000, 0x100400)
_GIL, _OWN_GIL = 0x40, 0x9040  # as offsets in _PyRuntime and in the state of an interpreter that lies at 0x200000
_ME = os.getpid()


class Memory:
    """What a process has where."""

    def __init__(self) -> None:
        self.bytes: dict[int, bytearray] = {_RUNTIME.start: bytearray(len(_RUNTIME))}
        self.reads = 0

    def __call__(self, address: int, size: int) -> bytes:
        self.reads += 1
        for start, data in self.bytes.items():
            if start <= address and address + size <= start + len(data):
                return bytes(data[address - start : address - start + size])
        raise ValueError("nothing lies there")

    def gil(self, state: int, locked: int, at: int = _GIL, interval: int = 5000) -> None:
        """A GIL at an offset in _PyRuntime."""
        struct.pack_into("<QQiIQ", self.bytes[_RUNTIME.start], at, interval, state, locked, 0, 7)

    def state(self, address: int, tid: int) -> None:
        """A thread's state, and in it an address of the C library and the thread's number."""
        words = [0x300000, 0, 4, 0x400000, tid, *[0] * 59]
        self.bytes[address] = bytearray(struct.pack("<64Q", *words))


@pytest.fixture
def memory() -> Memory:
    """That of a process in which a thread holds the GIL."""
    found = Memory()
    found.gil(0x500000, 1)
    found.state(0x500000, _ME)
    return found


def gil_of(memory: Memory) -> Gil:
    """Its GIL, where this process stands in for it."""
    return Gil(_ME, memory, _RUNTIME, object(), None)


def test_held_and_free(memory: Memory) -> None:
    """A thread that holds it does, others do not, and when it is given up nobody does."""
    own = gil_of(memory)
    assert (own.held_by(_ME, 1_000_000), own.held_by(_ME + 1, 1_000_000)) == (HELD, FREE)
    memory.gil(0x500000, 0)
    assert own.held_by(_ME, 2_000_000) == FREE


def test_one_reading_a_look(memory: Memory) -> None:
    """Threads that are looked at together cost one reading, and looks one each, but for one now and then."""
    own = gil_of(memory)
    own.held_by(_ME, 1_000_000)
    memory.reads = 0
    for look in range(2, 102):
        for thread in range(10):
            own.held_by(_ME + thread, look * 10_000_000 + thread * 5_000)
    assert memory.reads < 110


@pytest.mark.parametrize("locked", [2, -2, 1 << 30])
def test_what_cannot_be(memory: Memory, locked: int) -> None:
    """What does not look like a GIL is none, and what no longer does tells nothing."""
    own = gil_of(memory)
    assert own.held_by(_ME, 1_000_000) == HELD
    memory.gil(0x500000, locked)
    assert own.held_by(_ME, 2_000_000) == UNTOLD
    assert gil_of(memory).held_by(_ME, 2_000_000) == UNTOLD


def test_several_that_look_alike(memory: Memory) -> None:
    """Where several things look like the GIL, nothing is told."""
    memory.gil(0x500000, 1, at=0x80)
    assert places_in(memory(_RUNTIME.start, len(_RUNTIME))) == [0x40, 0x80]
    assert gil_of(memory).held_by(_ME, 1_000_000) == UNTOLD


def test_a_thread_of_another_process(memory: Memory) -> None:
    """Where the state says that it is a thread that the process does not have, nothing is told."""
    memory.state(0x500000, 1 if _ME != 1 else 2)
    assert gil_of(memory).held_by(_ME, 1_000_000) == UNTOLD


def test_it_is_made_later(memory: Memory) -> None:
    """A process that has no GIL yet is asked again."""
    made = bytes(memory.bytes[_RUNTIME.start])
    memory.bytes[_RUNTIME.start] = bytearray(len(_RUNTIME))
    own = gil_of(memory)
    assert own.held_by(_ME, 1_000_000) == UNTOLD
    memory.bytes[_RUNTIME.start] = bytearray(made)
    assert own.held_by(_ME, 1_000_000_000) == HELD


def test_a_state_changes_hands(memory: Memory) -> None:
    """A state that is another thread's now is found out when threads come or go, and where they do not after a while."""
    own = gil_of(memory)
    assert own.held_by(_ME, 1_000_000) == HELD
    other = next((int(tid) for tid in os.listdir("/proc/self/task") if int(tid) != _ME), 0)
    memory.state(0x500000, other or _ME + 1)
    assert own.held_by(_ME, 2_000_000) == HELD
    own.forget()
    assert own.held_by(_ME, 3_000_000) != HELD
    memory.state(0x500000, _ME)
    times = range(4_000_000, 44_000_000, 1_000_000)
    assert HELD in [own.held_by(_ME, time) for time in times]


def test_an_interpreter_comes(memory: Memory) -> None:
    """While another interpreter may have a GIL that nobody looks at, nobody is said to have none."""
    head = 0x300
    struct.pack_into("<2Q", memory.bytes[_RUNTIME.start], head, _RUNTIME.start, _RUNTIME.start)
    others: list[int] = []
    own = Gil(_ME, memory, _RUNTIME, object(), Interpreters(_RUNTIME.start + head, lambda: others))
    assert own.held_by(_ME + 1, 1_000_000) == FREE
    others.append(0x600000)
    memory.bytes[0x600000] = bytearray(struct.pack("<QQiIQ", 5000, 0x700000, 1, 0, 1).rjust(_GIL + 32, b"\0"))
    memory.state(0x700000, 1)
    struct.pack_into("<2Q", memory.bytes[_RUNTIME.start], head, 0x600000, _RUNTIME.start)
    assert own.held_by(_ME + 1, 200_000_000) == UNTOLD
    memory.bytes[0x600000][_GIL + 16] = 0
    assert own.held_by(_ME + 1, 400_000_000) == FREE
    del memory.bytes[0x600000]
    assert own.held_by(_ME + 1, 600_000_000) == UNTOLD
    others.clear()
    struct.pack_into("<2Q", memory.bytes[_RUNTIME.start], head, _RUNTIME.start, _RUNTIME.start)
    assert own.held_by(_ME + 1, 800_000_000) == FREE
