"""What the kernel tells of threads: told apart as what they are. Runs real programs."""

from __future__ import annotations

import os
import platform

import pytest
from interpreters import supported
from observing import Start
from waiting import until

from tracekit import events
from tracekit.observe.procfs import ThreadFiles, involuntary, open_tasks, state, times_in
from tracekit.observe.runtime import Runtime

_BEGIN = """
    import os, select, signal, socket, subprocess, sys, threading, time
    read, write = os.pipe()
    one, other = socket.socketpair()
    server = socket.create_server(("127.0.0.1", 0))
    lock = threading.Lock()
    polled = select.poll()
    polled.register(read)
    watched = select.epoll()
    watched.register(read)
    print(flush=True)
"""

# What a program does for good -> what it is seen to do.
KINDS = {
    "while True: pass": events.STATE_RUNNING,
    "lock.acquire(); lock.acquire()": events.STATE_LOCK,
    "lock.acquire(); lock.acquire(timeout=1000)": events.STATE_LOCK,
    "threading.Event().wait()": events.STATE_LOCK,
    "select.select([read], [], [])": events.STATE_POLL,
    "select.select([read], [], [], 1000)": events.STATE_POLL,
    "select.select([], [], [])": events.STATE_POLL,
    "polled.poll()": events.STATE_POLL,
    "polled.poll(1_000_000)": events.STATE_POLL,
    "select.poll().poll()": events.STATE_POLL,
    "watched.poll()": events.STATE_POLL,
    "select.select([], [], [], 1000)": events.STATE_SLEEP,
    "select.poll().poll(1_000_000)": events.STATE_SLEEP,
    "time.sleep(1000)": events.STATE_SLEEP,
    "os.read(read, 1)": events.STATE_IO,
    "one.recv(1)": events.STATE_IO,
    "server.accept()": events.STATE_IO,
    "os.write(write, bytes(1_000_000))": events.STATE_IO,
    "one.sendall(bytes(10_000_000))": events.STATE_IO,
    "os.waitpid(os.fork() or sys.stdin.read() and 0, 0)": events.STATE_CHILD,
    "subprocess.Popen(['cat'], stdout=subprocess.DEVNULL).wait()": events.STATE_CHILD,
    "signal.sigwait({signal.SIGUSR1})": events.STATE_SYSCALL,
}


def look(files: ThreadFiles, runtime: Runtime) -> int:
    """What a thread does now."""
    return state(files.read_call(), runtime.gils)


@pytest.mark.parametrize("does", KINDS)
def test_states(program: Start, does: str) -> None:
    """Whatever a thread waits for in the kernel, it is seen to do that."""
    child = program(f"{_BEGIN}\n    {does}\n")
    tasks = open_tasks(child.pid)
    files = ThreadFiles(child.pid, tasks)

    until(lambda: look(files, Runtime(child.pid)) == KINDS[does])
    files.close()
    os.close(tasks)


@pytest.mark.parametrize("python", supported())
def test_every_sleep(program: Start, python: str) -> None:
    """Whichever call a Python sleeps with, its thread is seen to sleep."""
    child = program("import time; print('', flush=True); time.sleep(1000)", python=python)
    tasks = open_tasks(child.pid)
    files = ThreadFiles(child.pid, tasks)

    until(lambda: look(files, Runtime(child.pid)) == events.STATE_SLEEP)
    files.close()
    os.close(tasks)


def test_times(program: Start) -> None:
    """A thread that computes has been on a processor for longer and longer; of one that waits all stays as it is."""
    busy = program("print(flush=True)\nwhile True: pass")
    idle = program("import sys; print(flush=True); sys.stdin.read()")
    files = []
    for child in (busy, idle):
        tasks = open_tasks(child.pid)
        files.append(ThreadFiles(child.pid, tasks))
        os.close(tasks)
    until(lambda: look(files[1], Runtime(idle.pid)) == events.STATE_IO)
    before, still = (times_in(file.read_times()) for file in files)

    until(lambda: times_in(files[0].read_times()).on_cpu > before.on_cpu)
    assert times_in(files[1].read_times()) == still
    assert still.switches > 0
    for file in files:
        file.close()


def test_involuntary() -> None:
    """How often a processor was taken from a thread is as often as the kernel says in its other files."""
    tasks = open_tasks(os.getpid())
    tid = int(max(os.listdir(tasks), key=int))
    assert involuntary(tid, tasks) is not None
    assert involuntary(1 << 22, tasks) is None
    os.close(tasks)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86-64")
@pytest.mark.parametrize(
    ("call", "said"),
    [
        (b"", 0),
        (b"running\n", events.STATE_RUNNING),
        (b"-1 0x7f 0x7f\n", events.STATE_SYSCALL),
        (b"999 0x0 0x7f 0x400 0x7f 0x0 0x0 0x7f 0x7f\n", events.STATE_SYSCALL),
        (b"0 0x0 0x7f 0x400 0x7f 0x0 0x0 0x7f 0x7f\n", events.STATE_IO),
        (b"202 0xff 0x0 0x0 0x0 0x0 0x0 0x7f 0x7f\n", events.STATE_LOCK),
        (b"202 0x100 0x0 0x0 0x0 0x0 0x0 0x7f 0x7f\n", events.STATE_GIL),
        (b"202 0x310 0x0 0x0 0x0 0x0 0x0 0x7f 0x7f\n", events.STATE_GIL),
        (b"7 0x0 0x0 0xffffffff 0x0 0x0 0x0 0x7f 0x7f\n", events.STATE_POLL),
        (b"7 0x0 0x0 0xffffffffffffffff 0x0 0x0 0x0 0x7f 0x7f\n", events.STATE_POLL),
        (b"7 0x0 0x0 0x0 0x0 0x0 0x0 0x7f 0x7f\n", events.STATE_SLEEP),
        (b"270 0x0 0x0 0x0 0x0 0x7f 0x0 0x7f 0x7f\n", events.STATE_SLEEP),
        (b"271 0x7f 0x0 0x0 0x0 0x0 0x0 0x7f 0x7f\n", events.STATE_POLL),
    ],
)
def test_state(call: bytes, said: int) -> None:
    """What the kernel writes is read as what it is."""
    assert state(call, (range(0x100, 0x200), range(0x300, 0x400))) == said


def test_gone(program: Start) -> None:
    """A thread that is gone is an error when it is opened, and when its times are asked for; its call is not told."""
    child = program("import sys; print(flush=True); sys.stdin.read()")
    tasks = open_tasks(child.pid)
    files = ThreadFiles(child.pid, tasks)
    child.kill()
    child.wait()

    with pytest.raises(OSError):
        files.read_times()
    assert files.read_call() == b""
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError):
        ThreadFiles(child.pid, tasks)
    with pytest.raises(OSError):
        open_tasks(child.pid)
    assert len(os.listdir("/proc/self/fd")) == before
    files.close()
    os.close(tasks)
