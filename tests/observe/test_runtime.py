"""Runtime: where the GILs of a process lie, in every build that there is on this machine. Runs real interpreters."""

from __future__ import annotations

import os
import struct
import subprocess

import pytest
from interpreters import pythons, supported
from observing import OWN_GIL, Start, Writing
from waiting import until

from tracekit import events
from tracekit.clock import monotonic_ns
from tracekit.observe.procfs import open_tasks
from tracekit.observe.runtime import Runtime, is_free_threaded, layout_in
from tracekit.observe.states import States

COMPETING = """
    import sys, threading
    def spin():
        while True:
            pass
    for _ in range(2):
        threading.Thread(target=spin, daemon=True).start()
    print("", flush=True)
    sys.stdin.read()
"""


def tids(child: subprocess.Popen[str]) -> list[int]:
    """The threads of a process."""
    tasks = open_tasks(child.pid)
    found = [int(name) for name in os.listdir(tasks)]
    os.close(tasks)
    return found


def look_until(written: Writing, child: subprocess.Popen[str], enough: object) -> None:
    """Look at a process until enough was seen."""
    states = States(written.journal)

    def look() -> object:
        for _ in range(20):
            states.look({1: child.pid}, monotonic_ns())
        return enough()  # type: ignore[operator]

    until(look)
    states.close()


@pytest.mark.parametrize("python", supported())
def test_waiting_for_the_gil(program: Start, written: Writing, python: str) -> None:
    """In whatever way a Python is built, threads that compete for its GIL are seen to wait for it and to run."""
    child = program(COMPETING, python=python)
    busy = [tid for tid in tids(child) if tid != child.pid]

    look_until(
        written,
        child,
        lambda: (
            all({events.STATE_GIL, events.STATE_RUNNING} <= set(written.states(tid)) for tid in busy)
            and written.states(child.pid)[-1] == events.STATE_IO
        ),
    )
    assert written.notes() == []


@pytest.mark.parametrize("version", [version for version in sorted(pythons()) if version >= (3, 12)])
def test_a_gil_of_its_own(program: Start, written: Writing, version: tuple[int, int]) -> None:
    """Threads of an interpreter that has a GIL of its own are seen to wait for that, though it began after the first look."""
    child = program(OWN_GIL, python=pythons()[version])
    states = States(written.journal)
    states.look({1: child.pid}, monotonic_ns())
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()

    def waited() -> bool:
        for _ in range(20):
            states.look({1: child.pid}, monotonic_ns())
        others = [tid for tid in tids(child) if tid != child.pid]
        seen = len(others) >= 3 and all(events.STATE_GIL in written.states(tid) for tid in others)
        return seen and written.states(child.pid)[-1] == events.STATE_IO

    until(waited)
    states.close()


def test_no_python() -> None:
    """A program that is no Python has no GIL, and it is said that there is none to be found."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        runtime = Runtime(child.pid)
        assert child.stdin is not None
        child.stdin.close()

    assert runtime.gils == ()
    assert runtime.missing
    runtime = Runtime(child.pid)
    assert runtime.gils == ()
    assert runtime.missing


def test_another_program_in_its_place(program: Start, written: Writing) -> None:
    """After an exec the GIL is looked for anew."""
    child = program(f"""
        import os, sys, textwrap
        print(flush=True)
        sys.stdin.readline()
        os.execv(sys.executable, [sys.executable, "-c", textwrap.dedent({COMPETING!r})])
    """)
    states = States(written.journal)
    states.look({1: child.pid}, monotonic_ns())
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()

    def waited() -> bool:
        for _ in range(20):
            states.look({1: child.pid}, monotonic_ns())
        return sum(events.STATE_GIL in written.states(tid) for tid in tids(child)) == 2

    until(waited)
    states.close()


_RUNTIME = range(0x1000, 0x1000 + 500_000)


@pytest.mark.parametrize("free_threaded", [0, 1])
def test_the_interpreters_own_word(free_threaded: int) -> None:
    """From 3.13 on the interpreter itself says how it lists its interpreters, and whether it has a GIL."""
    beginning = struct.pack("<8s8Q", b"xdebugpy", 0x030D00F0, free_threaded, 300_000, 700, 632, 190_000, 8, 7264)

    assert layout_in(beginning, 0, _RUNTIME) == (632, 7264, 190_000)


@pytest.mark.parametrize(
    ("beginning", "version"),
    [
        (bytes(512), 0x030C),
        (struct.pack("<8s8Q", b"xdebugpy", 0, 0, 0, 0, 632, 1 << 40, 0, 7264).ljust(512, b"\0"), 0),
        (struct.pack("<8s8Q", b"xdebugpy", 0, 0, 0, 0, 1 << 40, 190_000, 0, 7264).ljust(512, b"\0"), 0),
        (struct.pack("<8Q", *[0x2000] * 8), 0x030B),
        (struct.pack("<8Q", *[0x2000] * 8), 0),
    ],
)
def test_what_cannot_be(beginning: bytes, version: int) -> None:
    """What makes no sense is not believed, and versions without such interpreters are left alone."""
    assert layout_in(beginning, version, _RUNTIME) is None


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/usr/lib/libpython3.13t.so.1.0", True),
        ("/opt/bin/python3.14t", True),
        ("/usr/lib/libpython3.13.so.1.0", False),
        ("/usr/bin/python3", False),
        ("/usr/bin/pythont", False),
        ("/opt/test", False),
    ],
)
def test_free_threaded(path: str, said: bool) -> None:
    """A build without a GIL is known by its name."""
    assert is_free_threaded(path) is said
