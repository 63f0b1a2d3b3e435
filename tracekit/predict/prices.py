"""Prices: what a change of the model costs: memory, starting, complexity, contention, in sentences. Knows no gain."""

from __future__ import annotations

from tracekit.analyze import words
from tracekit.model.trace import Trace
from tracekit.predict.machine import Machine

_MUCH_BYTES = 1_000_000
_USUAL_BYTES = 20_000_000  # of a Python that has loaded little


def of_processes(trace: Trace, machine: Machine, workers: int, passed: int = 0) -> tuple[str, ...]:
    """Those of a pool of processes.

    Args:
        workers: how many.
        passed: bytes that would go there and back, as far as that was seen.
    """
    start, job = words.duration(machine.fork_ns + machine.pool_start_ns), words.duration(machine.job_ns)
    pickled = f"about {words.size(passed)} here" if passed >= _MUCH_BYTES else "keep it small"
    return (
        f"Memory: {words.count(workers, 'process', 'processes')} more, each {_memory(trace)}.",
        f"Time: about {start} to start a worker, and {job} for each call there and back.",
        f"Complexity: what goes there and back is pickled ({pickled}), functions must be importable by name, nothing is "
        "shared, and no event loop runs there.",
    )


def of_threads(contention: bool) -> tuple[str, ...]:
    """Those of threads.

    Args:
        contention: whether what they run computes with the GIL for a good part.
    """
    shared = "Complexity: what several threads write needs a lock, and any of them may be interrupted anywhere."
    if contention:
        return (shared, "Contention: the part that computes holds the GIL, so that others wait for it, 5 ms at a time.")
    return (shared, "Memory: next to none; all threads share the program's.")


def of_coroutines() -> tuple[str, ...]:
    """Those of coroutines."""
    return (
        "Complexity: everything that waits must be awaited, down to the libraries; one blocking call stops all of them.",
        "Memory: next to none.",
    )


def weight(trace: Trace) -> str:
    """How many processes there were besides the first, and what they weighed, as far as somebody looked."""
    rows = [row for row in trace.processes if row.parent is not None]
    weights = [row.pss for row in rows if row.pss]
    each = f", about {words.size(sum(weights) // len(weights))} each" if weights else ""
    return f"{words.count(len(rows), 'process', 'processes')}{each}"


def _memory(trace: Trace) -> str:
    """What a worker weighs: as those of this trace that were looked at, else as the program itself."""
    weights = [row.pss for row in trace.processes if row.parent is not None and row.pss and not row.untraced]
    if weights:
        return f"about {words.size(sum(weights) // len(weights))}, as those in the trace"
    own = max((row.peak_rss or row.pss for row in trace.processes), default=0)
    if own:
        return f"up to {words.size(own)}, which this program takes itself (less, as long as forked workers only read)"
    return f"usually {words.size(_USUAL_BYTES)} and more"
