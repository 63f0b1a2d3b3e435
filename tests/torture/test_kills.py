"""SIGKILL at random moments: no record that the program knew to be written is missing, none is torn. Knows no hook's insides.

A program tells of its last record in a shared page of its own, right after the record was written. Seeds are fixed and printed.
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
from pathlib import Path

import pytest

from tracekit import sessions
from tracekit.errors import TracekitError
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Trace
from tracekit.spool.core import VARIABLE

pytestmark = pytest.mark.torture

_KILLS = 20  # of each program
_LANES = 8

# Each program calls `tick(lane)` for ever: an instant with the lane's next number, then the number into the shared page.
COMMON = """
    import mmap, os, struct, sys
    import tracekit as tk

    page = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), mmap.PAGESIZE)

    def tick(lane):
        number = struct.unpack_from("<q", page, lane * 8)[0] + 1
        with tk.span(f"span {number % 500}", lane=lane):
            tk.instant(f"tick {number % 3000}", lane=lane, number=number, text="x" * (number % 40))
        struct.pack_into("<q", page, lane * 8, number)
"""

PROGRAMS = {
    "threads": """
        import threading
        def work(lane):
            while True:
                tick(lane)
        for lane in range(1, 5):
            threading.Thread(target=work, args=(lane,)).start()
        work(0)
    """,
    "asyncio": """
        import asyncio
        async def work(lane):
            while True:
                async with asyncio.timeout(5) if hasattr(asyncio, "timeout") else asyncio.Semaphore():
                    tick(lane)
                    await asyncio.sleep(0)
        async def main():
            await asyncio.gather(*(work(lane) for lane in range(5)))
        asyncio.run(main())
    """,
    "forks": """
        def work(lane):
            for _ in range(300):
                tick(lane)
        while True:
            pids = []
            for lane in range(1, 4):
                pid = os.fork()
                if pid == 0:
                    work(lane)
                    os._exit(0)
                pids.append(pid)
            work(0)
            for pid in pids:
                os.waitpid(pid, 0)
    """,
    "pool": """
        import multiprocessing
        def work(lane):
            for _ in range(200):
                tick(lane)
            return lane
        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            while True:
                with context.Pool(3) as pool:
                    # One job for each lane at a time: a lane has one writer.
                    for _ in range(3):
                        pool.map(work, range(3), chunksize=1)
    """,
    "growth": """
        while True:
            tick(0)
            tk.instant("y" * 3000 + str(os.urandom(8)))
    """,
}


@pytest.mark.parametrize("kill", range(_KILLS))
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("core", ["c", "py"])
def test_kill(tmp_path: Path, core: str, program: str, kill: int) -> None:
    """After a kill at any moment, also while Python starts, what was acknowledged is there, whole and once."""
    seed = f"{core} {program} {kill}"
    generator = random.Random(seed)
    print(f"seed {seed!r}")
    shared = tmp_path / "page"
    shared.write_bytes(bytes(mmap.PAGESIZE))
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(COMMON) + textwrap.dedent(PROGRAMS[program]))
    directory = tmp_path / "s.tracekit"
    directory.mkdir(mode=0o700)
    env = sessions.environment(str(directory), sessions.Options(), os.environ) | {VARIABLE: core}

    child = subprocess.Popen(
        [sys.executable, str(script), str(shared)], env=env, start_new_session=True, stderr=subprocess.PIPE
    )
    try:
        if kill % 5:
            _wait_for_work(child, shared)
        time.sleep(generator.expovariate(1 / 0.08))
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        _, errors = child.communicate(timeout=60)

    assert child.returncode == -signal.SIGKILL, errors
    assert errors == b""
    _wait_for_the_dead(child.pid)
    acknowledged = struct.unpack_from(f"<{_LANES}q", shared.read_bytes())
    try:
        trace = load(str(directory))
    except TracekitError as error:  # killed before anything was recorded
        print(error)
        assert not any(acknowledged)
        return
    assert check(trace) == []
    _compare(trace, acknowledged)


def _wait_for_work(child: subprocess.Popen[bytes], shared: Path) -> None:
    deadline = time.monotonic() + 60
    while not any(shared.read_bytes()[: _LANES * 8]):
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)


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


def _compare(trace: Trace, acknowledged: tuple[int, ...]) -> None:
    """Every number up to the acknowledged one is there once; one more may have been written but not acknowledged."""
    found: dict[int, list[int]] = {}
    for row in range(len(trace.instants)):
        name = trace.strings[trace.instants.name[row]]
        assert name != "(name missing)"
        if not name.startswith("tick"):
            continue
        args = trace.args[trace.instants.args[row]]
        # A torn record would lack some, or have another's.
        assert set(args) == {"lane", "number", "text"}
        assert name == f"tick {args['number'] % 3000}"
        assert args["text"] == "x" * (args["number"] % 40)
        found.setdefault(args["lane"], []).append(args["number"])
    for lane, last in enumerate(acknowledged):
        numbers = sorted(found.get(lane, []))
        assert numbers in (list(range(1, last + 1)), list(range(1, last + 2))), f"lane {lane}, acknowledged {last}"
