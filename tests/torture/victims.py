"""Victims: programs that are killed in the middle of recording, and what they told of it before. Knows no trace.

Each calls `tick(lane)` for ever: a span and an instant with the lane's next number, which is acknowledged in a shared page
right after both were written. A lane has one writer at a time. Before that the page gets what the spool's clock shows.
"""

from __future__ import annotations

import mmap
import os
import random
import signal
import struct
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tracekit.options import Options, environment
from tracekit.spool.core import VARIABLE

_LANES = 8
_MOST = 1 << 17  # ticks of a lane; then it waits for its end
_ENTRY = struct.Struct("<QQQ")  # what the spool's clock and CLOCK_MONOTONIC showed before a tick, and who made it

_COMMON = f"""
    import contextlib, itertools, mmap, os, struct, sys, time
    import tracekit as tk
    from tracekit.spool.core import pair

    page = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 0)
    entry = struct.Struct("{_ENTRY.format}")
    last = memoryview(page)[:{mmap.PAGESIZE}].cast("q")  # one store a number; pack_into would write zeros first

    def tick(lane):
        number = last[lane] + 1
        while number >= {_MOST}:
            time.sleep(1)
        entry.pack_into(page, {mmap.PAGESIZE} + (lane * {_MOST} + number) * {_ENTRY.size}, *pair(), os.getpid())
        with tk.span(f"span {{number % 500}}", lane=lane, number=number):
            tk.instant(f"tick {{number % 3000}}", lane=lane, number=number, text="x" * (number % 40))
        last[lane] = number

    @contextlib.contextmanager
    def shift(lane):
        with tk.span("shift", lane=lane, first=last[lane] + 1):
            yield

    def work(lane, shifts=None):
        with tk.span("life", lane=lane):
            for _ in itertools.count() if shifts is None else range(shifts):
                with shift(lane):
                    for _ in range(100):
                        tick(lane)
"""

PROGRAMS = {
    "threads": """
        import threading
        for lane in range(1, 5):
            threading.Thread(target=work, args=(lane,)).start()
        work(0)
    """,
    "asyncio": """
        import asyncio
        async def awaiting(lane):
            with tk.span("life", lane=lane):
                while True:
                    with shift(lane):
                        for _ in range(100):
                            tick(lane)
                            await asyncio.sleep(0)
        async def main():
            await asyncio.gather(*(awaiting(lane) for lane in range(5)))
        asyncio.run(main())
    """,
    "forks": """
        def child(lane):
            pid = os.fork()
            if pid == 0:
                work(lane, 6)
                os._exit(0)
            return pid
        with tk.span("life", lane=0):
            while True:
                pids = [child(lane) for lane in range(1, 4)]
                for _ in range(4):
                    with shift(0):
                        for _ in range(100):
                            tick(0)
                for pid in pids:
                    os.waitpid(pid, 0)
    """,
    "pool": """
        import multiprocessing
        def job(lane):
            work(lane, 2)
        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            while True:
                with context.Pool(3) as pool:
                    # One job for each lane at a time: a lane has one writer.
                    for _ in range(3):
                        pool.map(job, range(3), chunksize=1)
    """,
    # Names that are kept, of which each needs room of its own, and texts that are not.
    "growth": """
        with tk.span("life", lane=0):
            while True:
                with shift(0):
                    for _ in range(100):
                        tick(0)
                        number = last[0]
                        tk.instant("z" * 400 + str(os.urandom(8)))
                        if number % 10 == 0 and number < 200_000:
                            tk.instant("grown", **{f"key {number} " + "y" * (number % 3000): number})
    """,
}


@dataclass
class Told:
    """What the killed processes told.

    Attributes:
        acknowledged: by lane the number of the last tick that was acknowledged.
        killed_at: CLOCK_MONOTONIC when the kill had been sent; ns.
    """

    acknowledged: tuple[int, ...]
    killed_at: int
    _page: bytes

    def ticks(self, lane: int) -> Iterator[tuple[int, int, int, int]]:
        """Number, reading of the spool's clock, CLOCK_MONOTONIC and pid of the acknowledged ticks of a lane."""
        for number in range(1, self.acknowledged[lane] + 1):
            yield number, *_ENTRY.unpack_from(self._page, mmap.PAGESIZE + (lane * _MOST + number) * _ENTRY.size)


def kill(
    folder: Path, core: str, program: str, options: Options, seed: str, ready: Callable[[Path], bool] | None
) -> tuple[Path, Told]:
    """Run a program in a session and kill all of it, at a moment that the seed says.

    Args:
        folder: an empty one.
        core, options: of the session.
        seed: of the time from `ready` to the kill.
        ready: asked with the session's directory; None: the kill may come as early as Python starts.

    Returns:
        The session's directory, and what the program told.
    """
    shared, script, directory = folder / "page", folder / "program.py", folder / "s.tracekit"
    with shared.open("wb") as file:
        file.truncate(mmap.PAGESIZE + _LANES * _MOST * _ENTRY.size)
    script.write_text(textwrap.dedent(_COMMON) + textwrap.dedent(PROGRAMS[program]))
    directory.mkdir(mode=0o700)
    child = subprocess.Popen(
        [sys.executable, str(script), str(shared)],
        env=environment(str(directory), options, os.environ) | {VARIABLE: core},
        start_new_session=True,
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 60
        while ready is not None and not ready(directory):
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(random.Random(seed).expovariate(1 / 0.08))
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        killed_at = time.monotonic_ns()
        _, errors = child.communicate(timeout=60)
    assert errors == b""
    assert child.returncode == -signal.SIGKILL
    _wait_for_the_dead(child.pid)
    page = shared.read_bytes()
    return directory, Told(struct.unpack_from(f"<{_LANES}q", page), killed_at, page)


def _wait_for_the_dead(group: int) -> None:
    """Until nobody of the group writes any more: its other processes are not our children."""
    deadline = time.monotonic() + 60
    while any(_group(entry) == group for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def _group(process: Path) -> int:
    try:
        state, _, group = (process / "stat").read_text().rpartition(")")[2].split()[:3]
    except OSError:
        return 0
    return 0 if state == "Z" else int(group)
