"""SIGKILL at random moments to 100 workers of one pool: what each had acknowledged is in the one trace. Knows no hook's insides.

Seeds are fixed and printed.
"""

from __future__ import annotations

import mmap
import os
import struct
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Trace
from tracekit.options import Options, environment
from tracekit.spool.core import VARIABLE

pytestmark = pytest.mark.torture

_KILLS = 100
_WORKERS = 6
_LANES = _KILLS + _WORKERS
_PAGE = mmap.PAGESIZE * 2  # by lane the number of the last tick that was acknowledged, then the pid of who made it
_MINUTES = 300  # seconds for one run

# A lane is one worker's: it never ends its job, and only one that has begun to tick is killed, for an idle one may hold the
# lock of the queue that the others wait for.
_PROGRAM = f"""
    import mmap, multiprocessing, os, random, signal, sys, time
    import tracekit as tk

    page = memoryview(mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 0)).cast("q")

    def job(lane):
        page[{_LANES} + lane] = os.getpid()
        number = 0
        while True:
            number += 1
            with tk.span("work"):
                tk.instant("tick", lane=lane, number=number)
            page[lane] = number
            if number % 16 == 0:
                time.sleep(0.0005)

    def main():
        chance = random.Random(sys.argv[3])
        with multiprocessing.get_context(sys.argv[2]).Pool({_WORKERS}) as pool:
            for lane in range({_LANES}):
                pool.apply_async(job, (lane,))
            killed = set()
            while len(killed) < {_KILLS}:
                ticking = [lane for lane in range({_LANES}) if page[lane] and lane not in killed]
                if ticking:
                    lane = chance.choice(ticking)
                    killed.add(lane)
                    os.kill(page[{_LANES} + lane], signal.SIGKILL)
                time.sleep(chance.expovariate(200))

    if __name__ == "__main__":
        main()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("core", ["c", "py"])
def test_kills_in_a_pool(tmp_path: Path, core: str, method: str) -> None:
    """After 100 kills every acknowledged record is in the one trace, once, and each worker has its parent and its end."""
    seed = f"{core} {method}"
    print(f"seed {seed!r}")
    shared, script, directory = tmp_path / "page", tmp_path / "program.py", tmp_path / "s.tracekit"
    shared.write_bytes(bytes(_PAGE))
    script.write_text(textwrap.dedent(_PROGRAM))
    directory.mkdir(mode=0o700)
    env = environment(str(directory), Options(), os.environ) | {VARIABLE: core}

    result = subprocess.run(
        [sys.executable, str(script), str(shared), method, seed],
        env=env, cwd=tmp_path, capture_output=True, text=True, timeout=_MINUTES, check=False,
    )  # fmt: skip

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    words = struct.unpack(f"<{2 * _LANES}q", shared.read_bytes()[: 16 * _LANES])
    acknowledged = {lane: number for lane, number in enumerate(words[:_LANES]) if number}
    assert len(acknowledged) >= _KILLS
    trace = load(str(directory))
    assert check(trace) == []
    _compare(trace, acknowledged)
    main = next(row for row, process in enumerate(trace.processes) if process.name == "program.py")
    workers = [process for process in trace.processes if process.pid in set(words[_LANES:])]
    assert {process.parent for process in workers} == {main}
    ends = Counter(process.status for process in workers)
    # Those that were left are ended by the pool.
    assert (ends[-9], ends[-9] + ends[-15]) == (_KILLS, len(workers))


def _compare(trace: Trace, acknowledged: dict[int, int]) -> None:
    ticks: dict[int, list[int]] = {lane: [] for lane in acknowledged}
    for args in trace.instants.args.tolist():
        ticks[trace.args[args]["lane"]].append(trace.args[args]["number"])
    for lane, last in acknowledged.items():
        numbers = np.sort(np.array(ticks[lane]))
        # One more may have been written but not acknowledged.
        assert last <= len(numbers) <= last + 1, f"lane {lane}"
        assert (numbers == np.arange(1, len(numbers) + 1)).all(), f"lane {lane}"
