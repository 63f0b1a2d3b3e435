"""What the kernel tells of threads: told apart as what they are. Runs real programs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import pytest
from waiting import until

from tracekit import events
from tracekit.observe.procfs import ThreadFiles, gil_addresses, state

Start = Callable[[str], "subprocess.Popen[str]"]

_COMPETING = """
    import sys, threading
    def spin():
        while True:
            pass
    for _ in range(2):
        threading.Thread(target=spin, daemon=True).start()
    print(flush=True)
    sys.stdin.read()
"""


def test_waiting_for_the_gil(program: Start) -> None:
    """Threads that compete for the GIL are seen to wait for it and to run; one that waits for input is in a system call."""
    child = program(_COMPETING)
    gil = gil_addresses(child.pid)
    tids = [int(name) for name in os.listdir(f"/proc/{child.pid}/task")]
    files = {tid: ThreadFiles(child.pid, tid) for tid in tids}
    seen: dict[int, set[int]] = {tid: set() for tid in tids}

    def enough() -> bool:
        for tid, file in files.items():
            seen[tid].add(state(file.call(), gil))
        return all(
            states >= {events.STATE_GIL, events.STATE_RUNNING} for tid, states in seen.items() if tid != child.pid
        )

    until(enough)
    until(lambda: state(files[child.pid].call(), gil) == events.STATE_SYSCALL)
    for file in files.values():
        file.close()


def test_times(program: Start) -> None:
    """A thread that computes has been on a processor for longer and longer; one that waits has not."""
    child = program(_COMPETING)
    tids = [int(name) for name in os.listdir(f"/proc/{child.pid}/task")]
    until(lambda: state(ThreadFiles(child.pid, child.pid).call(), gil_addresses(child.pid)) == events.STATE_SYSCALL)
    before = {tid: ThreadFiles(child.pid, tid).times() for tid in tids}
    busy = [tid for tid in tids if tid != child.pid]

    until(lambda: all(ThreadFiles(child.pid, tid).times().on_cpu > before[tid].on_cpu for tid in busy))
    assert ThreadFiles(child.pid, child.pid).times().on_cpu == before[child.pid].on_cpu


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (b"", 0),
        (b"running\n", events.STATE_RUNNING),
        (b"-1 0x7f 0x7f\n", events.STATE_SYSCALL),
        (b"0 0x0 0x7f 0x400 0x7f 0x0 0x0 0x7f 0x7f\n", events.STATE_SYSCALL),
    ],
)
def test_state(call: bytes, said: int) -> None:
    """What the kernel writes is read as what it is."""
    assert state(call, range(0)) == said


def test_gone(program: Start) -> None:
    """A thread that is gone is an error when it is opened, and when its times are asked for; its call is not told."""
    child = program("import sys; print(flush=True); sys.stdin.read()")
    files = ThreadFiles(child.pid, child.pid)
    child.kill()
    child.wait()

    with pytest.raises(OSError):
        files.times()
    assert files.call() == b""
    with pytest.raises(OSError):
        ThreadFiles(child.pid, child.pid)
    assert len(gil_addresses(child.pid)) == 0
    files.close()
