"""Machine: what starting, passing on and sharing cost here. Knows no work; measures in processes of its own.

What is measured is the machine as it is now: where others use it, the costs are those that a program would meet as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median_low
from typing import Any

from tracekit.errors import TracekitError
from tracekit.predict.parts import Passing

_PATIENCE_S = 60
_MB = 1 << 20
_MIDDLE_HALF = 1.35  # standard deviations that the middle half of what is normal reaches
_WRITTEN = 0.35  # of a program's memory, by a forked process that does a little work: counts of references mostly


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine with a Python.

    Attributes:
        cores: that a program may use.
        switch_interval_ns: after which a thread that computes gives the GIL to one that waits.
        thread_start_ns: starting a thread, in the thread that starts it.
        fork_ns: starting a process, in the one that starts it, and `process_start_ns` from there until it is gone again.
        copy_ns_per_mb: copying memory that a forked process writes to, which Python does by looking at things.
        switch_ns: what it takes longer when a thread has to give the GIL away: another core wakes, whose caches are cold.
        pool_start_ns: the first job of a worker of a process pool, above any other.
        job_ns: a job of a process pool there and back, when nobody else has any.
        pickle_ns_per_kb: pickling of what is nothing special, or unpickling it.
        send_ns_per_kb: moving bytes to another process, here, and `receive_ns_per_kb` there, which makes room for them.
        step_ns: a turn of a task on an event loop.
        interpreter_start_ns: an interpreter of its own.
        together: how fast one core is, against one alone, when 1, 2, … compute at once, in Python.
        unlocked: likewise, without the GIL: in C, on arrays of a few MB, which take memory away from each other. Larger ones do
            it more and hashing does not at all, which a trace does not tell.
        computing_ns: what some computing in Python takes, always the same.
        spread: how far that differs from one time to another: a standard deviation, as a share of it.
    """

    cores: int
    switch_interval_ns: int = 5_000_000
    thread_start_ns: int = 60_000
    fork_ns: int = 1_000_000
    process_start_ns: int = 4_000_000
    copy_ns_per_mb: int = 500_000
    switch_ns: int = 50_000
    pool_start_ns: int = 5_000_000
    job_ns: int = 250_000
    pickle_ns_per_kb: int = 3_000
    send_ns_per_kb: int = 100
    receive_ns_per_kb: int = 1_000
    step_ns: int = 15_000
    interpreter_start_ns: int = 20_000_000
    together: tuple[float, ...] = (1.0,)
    unlocked: tuple[float, ...] = (1.0,)
    computing_ns: int = 7_000_000
    spread: float = 0.05


def usual(cores: int = 0) -> Machine:
    """What is usual; for when nobody may measure.

    Args:
        cores: that a program may use; 0: those that this process may.
    """
    cores = cores or allowed_cores()
    return Machine(cores, together=(1.0,) * cores, unlocked=(1.0,) * cores)


def allowed_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def measure() -> Machine:
    """Measure it, in about two seconds.

    Raises:
        TracekitError: the measuring process failed.
    """
    command = [sys.executable, "-m", "tracekit.predict.costs", str(allowed_cores())]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
        costs = json.loads(ended.stdout) if ended.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, ValueError):
        costs = None
    if costs is None:
        raise TracekitError("what this machine costs could not be measured; try again when it is less busy")
    costs |= {name: tuple(costs[name]) for name in ("together", "unlocked")}
    return Machine(allowed_cores(), **costs)


def middle(machines: Sequence[Machine]) -> Machine:
    """A machine as it was most of the time: of each figure the one in the middle; its spread is also that between the times.

    Args:
        machines: the same one, measured at several times; at least one.
    """
    rows = [asdict(each) for each in machines]
    found: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    for name, seen in found.items():
        several = isinstance(seen[0], tuple)
        found[name] = tuple(map(median_low, zip(*seen))) if several else median_low(seen)
    found["spread"] = max(found["spread"], spread_of([each.computing_ns for each in machines]))
    return Machine(**found)


def spread_of(times: Sequence[int]) -> float:
    """How far some times lie from each other, as a standard deviation's share of the one in the middle.

    It is taken from how far the middle half of them reaches, since a few are disturbed by others.
    """
    ordered, quarter = sorted(times), len(times) // 4
    return (ordered[-1 - quarter] - ordered[quarter]) / _MIDDLE_HALF / median_low(times)


def process_ns(machine: Machine, memory_bytes: int) -> float:
    """What a forked process costs by itself, in a program of that size."""
    return machine.process_start_ns + machine.copy_ns_per_mb * _WRITTEN * memory_bytes / _MB


def costs_of(machine: Machine, passing: Passing) -> tuple[float, float]:
    """What passing something costs who sends it, and who gets it (ns)."""
    kilobytes = passing.bytes / 1024
    usual_ns = machine.pickle_ns_per_kb * kilobytes
    pack, unpack = (usual_ns if ns < 0 else ns for ns in (passing.pack_ns, passing.unpack_ns))
    return machine.send_ns_per_kb * kilobytes + pack, machine.receive_ns_per_kb * kilobytes + unpack
