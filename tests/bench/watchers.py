"""Watchers: what looking at a program from outside takes, of the looker and of the program. Knows no state of a thread.

What is taken from the program is measured by a thread that does nothing but read the clock: where that stood still for more
than 20 us, something else ran, or stopped it. The program keeps to one processor and the watcher to another, if there are two.
"""

from __future__ import annotations

import mmap
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from contention import beside

from tracekit import sessions
from tracekit.dumps import plain_environment, tracekit_command

NOTHING, AGAIN = "nothing", "nothing, again"
QUIET, BUSY = "1 spins, 9 wait", "4 spin, 4 sleep 50 ms, 2 wait"

_QUIET = """
import mmap, os, sys, threading, time
page = memoryview(mmap.mmap(os.open(sys.argv[1], os.O_RDWR), mmap.PAGESIZE)).cast("q")
for _ in range(9):
    threading.Thread(target=time.sleep, args=(10_000,), daemon=True).start()
sys.setswitchinterval(1000)
now = time.perf_counter_ns
page[0] = 1
last = now()
while True:
    time_now = now()
    gap = time_now - last
    last = time_now
    if gap > 20_000:
        page[1] += gap
        page[2] += 1
        if gap > page[3]:
            page[3] = gap
"""

_BUSY = """
import mmap, os, sys, threading, time
page = memoryview(mmap.mmap(os.open(sys.argv[1], os.O_RDWR), mmap.PAGESIZE)).cast("q")
def spin():
    while True:
        pass
def nap():
    while True:
        time.sleep(0.05)
for target in [spin] * 4 + [nap] * 4 + [threading.Event().wait]:
    threading.Thread(target=target, daemon=True).start()
page[0] = 1
threading.Event().wait()
"""


@dataclass
class Taken:
    """What one watcher took in one window.

    Attributes:
        own: processor time of the watcher, as a share of the window.
        stolen: time in which the program's thread stood still, likewise.
        longest_us: the longest time that it stood still at a stretch.
    """

    own: float
    stolen: float
    longest_us: float


def measure(seconds: float, rounds: int) -> tuple[dict[tuple[str, str], list[Taken]], list[str]]:
    """What each watcher takes, by program and watcher, a window a round; and a sentence for each that is missing.

    Args:
        seconds: how long a window is.
        rounds: in each the watchers come in another order.
    """
    found: dict[tuple[str, str], list[Taken]] = {}
    try:
        spy = beside("py-spy")
    except FileNotFoundError:
        spy = ""
    for name, program in ((QUIET, _QUIET), (BUSY, _BUSY)):
        with tempfile.TemporaryDirectory() as folder, _running(program, Path(folder)) as (pid, page):
            commands = _commands(spy, pid, folder)
            order = list(commands)
            for number in range(rounds):
                random.Random(number).shuffle(order)
                for watcher in order:
                    taken = _window(commands[watcher], page, seconds, Path(folder))
                    found.setdefault((name, watcher), []).append(taken)
    return found, [] if spy else ["py-spy is not beside the observer: it is not installed"]


def _commands(spy: str, pid: int, folder: str) -> dict[str, list[str]]:
    commands: dict[str, list[str]] = {NOTHING: [], AGAIN: []}
    for rate in (100, 1000):
        options = sessions.Options(rate=rate).to_text()
        commands[f"tracekit, {rate} Hz"] = tracekit_command("observe", folder, str(os.getpid()), options, "--stay")
    if spy:
        for rate in (100, 1000):
            plain = [spy, "record", "--pid", str(pid), "--rate", str(rate), "--idle", "--threads", "--format", "raw"]
            plain += ["--duration", "1000", "--output", os.devnull]
            commands[f"py-spy, {rate} Hz"] = plain
            commands[f"py-spy, {rate} Hz --nonblocking"] = [*plain, "--nonblocking"]
    return commands


@contextmanager
def _running(program: str, folder: Path) -> Iterator[tuple[int, memoryview]]:
    """A program that records into a folder; its pid, and the page to which it writes."""
    page = folder / "page"
    page.write_bytes(bytes(mmap.PAGESIZE))
    env = sessions.environment(str(folder), sessions.Options(), os.environ)
    command = [sys.executable, "-c", program, str(page)]
    with subprocess.Popen(command, env=env, cwd=folder, preexec_fn=lambda: _keep_to(0)) as child:
        fd = os.open(page, os.O_RDWR)
        try:
            words = memoryview(mmap.mmap(fd, mmap.PAGESIZE)).cast("q")
            while not words[0]:
                if child.poll() is not None:
                    raise SystemExit("the program that was to be watched has ended")
                time.sleep(0.01)
            yield child.pid, words
        finally:
            os.close(fd)
            child.kill()


def _keep_to(which: int) -> None:
    """Run on one processor of several."""
    may = sorted(os.sched_getaffinity(0))
    if len(may) > 1:
        os.sched_setaffinity(0, {may[which]})


def _window(command: list[str], page: memoryview, seconds: float, folder: Path) -> Taken:
    watcher = None
    before = len(list(folder.glob("*.spool")))
    if command:
        watcher = subprocess.Popen(
            command,
            env=plain_environment(),
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: _keep_to(1),
        )
    while "observe" in command and len(list(folder.glob("*.spool"))) == before:
        time.sleep(0.01)
    time.sleep(1.5)  # it has begun, and has looked at everything once
    page[3] = 0
    spent, stolen, began = _spent(watcher), page[1], time.monotonic()
    time.sleep(seconds)
    length = time.monotonic() - began
    taken = Taken((_spent(watcher) - spent) / 1e9 / length, (page[1] - stolen) / 1e9 / length, page[3] / 1e3)
    if watcher is not None:
        watcher.send_signal(signal.SIGTERM)
        try:
            watcher.wait(10)
        except subprocess.TimeoutExpired:
            watcher.kill()
            watcher.wait()
    return taken


def _spent(watcher: subprocess.Popen[bytes] | None) -> int:
    """ns that all threads of a process have been on a processor."""
    total = 0
    if watcher is not None:
        for tid in os.listdir(f"/proc/{watcher.pid}/task"):
            with suppress(OSError):
                total += int(Path(f"/proc/{watcher.pid}/task/{tid}/schedstat").read_text().split()[0])
    return total
